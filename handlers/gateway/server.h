/* A word of `servers`: an address, and behind it, separated by spaces, weight=N and backup. */
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
/* An address of this host to connect from: no port, no name. 0 or -EINVAL with a reason. */
int server_parse_source(struct span word, struct dial_name *out, char *why, size_t why_size);

#endif
