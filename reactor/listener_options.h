/* A listen section, parsed and checked without opening anything. */
#ifndef SLUICE_REACTOR_LISTENER_OPTIONS_H
#define SLUICE_REACTOR_LISTENER_OPTIONS_H

#include "proto/address.h"
#include "proto/detect.h"
#include "reactor/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct network {
    uint8_t address[16]; /* IPv4 mapped into IPv6 */
    unsigned bits;
};

struct listener_options {
    const struct listen_settings *settings; /* not owned */
    struct address address;
    bool is_unix, is_loopback, admin;
    bool offers[PROTOCOL_COUNT];
    uint32_t *uids, *gids;
    unsigned uids_count, gids_count;
    struct network *networks;
    unsigned networks_count;
    struct network *proxies; /* peers whose connections begin with a PROXY header */
    unsigned proxies_count;
    mode_t mode;
    uid_t owner; /* (uid_t)-1: unchanged */
    gid_t group; /* (gid_t)-1: unchanged */
};

/* 0; -EINVAL with a sentence in why that names the option and the word; -ENOMEM. */
int listener_options_parse(struct listener_options *out, const struct listen_settings *settings, char *why,
                           size_t why_size);
void listener_options_free(struct listener_options *options);

#endif
