/* sluiced: the daemon. Reads its configuration, builds the floors from the bottom up, and runs the loop.
 *
 *     arguments -> config -> log, loop (offload below it) -> handlers -> listeners -> "ready:" -> run -> back
 * down
 */
#include "handlers/objects/objects.h"
#include "offload/cpus.h"
#include "proto/address.h"
#include "reactor/listener.h"
#include "reactor/log.h"
#include "reactor/loop.h"
#include "reactor/slc1.h"
#include "tools/sluiced/arguments.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_START 1 /* start-up failed */
#define EXIT_USAGE 2 /* the command line or the configuration is wrong */

static int failed(const char *what, const char *why) {
    fprintf(stderr, "sluiced: %s: %s\n", what, why);
    return EXIT_START;
}

static void pin_loop(const struct daemon_config *config) {
    cpu_set_t cpus;
    if (*config->reactor.loop_cpus && cpus_parse(config->reactor.loop_cpus, &cpus) == 0)
        sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int open_roots(struct objects *objects, const struct daemon_config *config) {
    for (size_t i = 0; i < config->roots_count; i++) {
        const struct root_config *root = &config->roots[i];
        int error = roots_add(&objects->roots, &objects->loop->ledger, root->name, root->path);
        if (error)
            return failed(root->path, strerrordesc_np(-error));
    }
    return 0;
}

static int open_listeners(struct loop *loop, const struct daemon_config *config) {
    char why[CONFIG_WHY];
    for (size_t i = 0; i < config->listens_count; i++)
        if (listener_open(loop, &config->listens[i], why, sizeof(why)) != 0)
            return failed(config->listens[i].address, why);
    return 0;
}

/* The newest listener comes first in the loop's list; the line names them in the order of the configuration.
 */
static void print_listeners(const struct listener *listener) {
    char text[ADDRESS_TEXT];
    if (!listener)
        return;
    print_listeners(LIST_NEXT(listener, link));
    address_print(&listener->address, text, sizeof(text));
    fprintf(stderr, " %s", text);
}

static void say_ready(const struct loop *loop) {
    fprintf(stderr, "ready:");
    print_listeners(LIST_FIRST(&loop->listeners));
    fprintf(stderr, "\n");
}

static int serve(struct loop *loop, struct objects *objects, const struct daemon_config *config) {
    char why[CONFIG_WHY] = "";
    int error = objects_init(objects, loop, &config->objects, &config->offload, why, sizeof(why));
    if (error)
        return failed("objects", why);
    loop->fronts[PROTOCOL_SLC1] = &slc1_front;
    int status = open_roots(objects, config);
    if (status == 0)
        status = open_listeners(loop, config);
    if (status == 0) {
        log_info(loop->log, "offload", log_text("ring", offload_describe(loop->offload)));
        say_ready(loop);
        loop_run(loop);
        log_info(loop->log, "stopped", log_number("requests", (int64_t)loop->stats.requests));
    }
    objects_close(objects);
    return status;
}

static int run(const struct daemon_config *config) {
    char why[CONFIG_WHY] = "";
    struct loop *loop = calloc(1, sizeof(*loop));
    struct objects *objects = calloc(1, sizeof(*objects));
    struct log *log = log_new(STDERR_FILENO, (enum log_level)config->reactor.log,
                              (enum log_format)config->reactor.log_format, config->reactor.log_rate);
    if (!loop || !objects || !log)
        return failed("start", "no memory");
    pin_loop(config);
    if (loop_init(loop, &config->reactor, &config->offload, log, why, sizeof(why)) != 0)
        return failed("start", why);
    int status = serve(loop, objects, config);
    loop_free(loop);
    objects_free(objects);
    log_free(log);
    free(objects);
    free(loop);
    return status;
}

int main(int argc, char **argv) {
    struct daemon_config config;
    if (config_init(&config) != 0)
        return failed("start", "no memory");
    signal(SIGPIPE, SIG_IGN);
    int status = EXIT_SUCCESS;
    switch (arguments_read(&config, argc, argv, stdout, stderr)) {
    case ARGUMENTS_RUN:
        status = run(&config);
        break;
    case ARGUMENTS_BAD:
        status = EXIT_USAGE;
        break;
    case ARGUMENTS_DONE:
        break;
    }
    config_free(&config);
    return status;
}
