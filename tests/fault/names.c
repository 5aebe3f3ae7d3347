/* Names whose addresses change, for LD_PRELOAD: every host has the IPv4 addresses that stand in the file
 * $SLUICE_NAMES, one a line; none, or no file: it is not found. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

struct found {
    struct addrinfo info; /* first */
    struct sockaddr_in address;
};

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list) {
    const char *path = getenv("SLUICE_NAMES");
    FILE *file = path ? fopen(path, "re") : NULL;
    struct addrinfo **end = list;
    char line[64];
    (void)host, (void)hints;
    *list = NULL;
    while (file && fscanf(file, "%63s", line) == 1) {
        struct found *found = calloc(1, sizeof(*found));
        if (!found)
            break;
        found->address.sin_family = AF_INET;
        found->address.sin_port = htons((uint16_t)atoi(port));
        inet_pton(AF_INET, line, &found->address.sin_addr);
        found->info.ai_family = AF_INET;
        found->info.ai_addr = (struct sockaddr *)&found->address;
        found->info.ai_addrlen = sizeof(found->address);
        *end = &found->info;
        end = &found->info.ai_next;
    }
    if (file)
        fclose(file);
    return *list ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list) {
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}
