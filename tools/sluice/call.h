/* One call of the command line: what all commands have in common. */
#ifndef SLUICE_SLUICE_CALL_H
#define SLUICE_SLUICE_CALL_H

#include "tools/client/sluice.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit codes that scripts rely on. */
#define CALL_OK         0
#define CALL_REFUSED    1 /* the server said no, or the output could not be written */
#define CALL_USAGE      2
#define CALL_CONNECTION 3
#define CALL_GO_ON      (-1) /* no exit code: the call goes on */

#define CALL_ANSWER_MAX (64u << 20) /* bytes; longer than any that a server sends */

struct command;

struct call {
    const struct command *command; /* NULL before it is known */
    const char *address;           /* NULL: none given */
    int timeout_ms;
    struct sluice *client; /* once connected; closed by main */
};

/* The options of every command, before its name or after: for getopt_long together with the command's own. */
#define CALL_SHORT "s:t:h"
#define CALL_LONG                                                                                            \
    {"server", required_argument, NULL, 's'}, {"timeout", required_argument, NULL, 't'}, {                   \
        "help", no_argument, NULL, 'h'                                                                       \
    }

/* Deals with an option that is not the command's own. CALL_GO_ON or an exit code. */
int call_option(struct call *call, int option, char **argv);
/* Parses the arguments of a command without options of its own and checks that from min to max arguments are
 * left from argv[optind]. CALL_GO_ON or an exit code. */
int call_plain(struct call *call, int argc, char **argv, int min, int max);
/* The same for a command whose one option is -j, --json. */
int call_json(struct call *call, int argc, char **argv, int min, int max, bool *json);
/* Checks the number of arguments left. CALL_GO_ON or an exit code. */
int call_arguments(struct call *call, int left, int min, int max);

/* Checks that a server's address was given, and is one. CALL_GO_ON or an exit code. */
int call_address(struct call *call);
/* The same, and connects. */
int call_connect(struct call *call);
/* Says what failed and returns the exit code for a result of the client library. */
int call_failed(struct call *call, int result, const char *what);
/* Says what is wrong with the arguments; returns CALL_USAGE. */
int call_usage(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for errors of this side; returns CALL_REFUSED. */
int call_error(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a connection that failed, or could not be made; returns CALL_CONNECTION. */
int call_disconnected(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number of bytes; K, M, G and T, as capitals or not, multiply by powers of 1,024. */
bool call_bytes(const char *text, uint64_t *out);

#endif
