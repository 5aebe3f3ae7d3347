/* An entry of `servers`: an address, optionally followed by weight=N and backup, separated by spaces. */
#ifndef SLUICE_HANDLERS_GATEWAY_SERVER_H
#define SLUICE_HANDLERS_GATEWAY_SERVER_H

#include "proto/address.h"
#include "reactor/dial.h"

#define SERVER_WEIGHT_MAX 1000

struct server {
    struct address address;
    long weight;
    bool backup;
    bool named;            /* the host is a name, to be looked up */
    struct dial_name name; /* if it is not */
};

/* 0, or -EINVAL with a reason. */
int server_parse(struct span word, struct server *out, char *why, size_t why_size);
/* Parses an address of this host to connect from, without a port; names are refused. 0, or -EINVAL with a reason. */
int server_parse_source(struct span word, struct dial_name *out, char *why, size_t why_size);

#endif
