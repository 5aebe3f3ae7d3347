/* sluiced: the daemon. Reads its configuration, builds the floors from the bottom up, and runs the loop.
 *
 *     arguments -> config -> log, loop (offload below it) -> handlers -> listeners -> "ready:" -> run -> back down
 */
#include "handlers/gateway/gateway.h"
#include "handlers/http/http.h"
#include "handlers/http/modules.h"
#include "handlers/ingest/ingest.h"
#include "handlers/mcp/registry.h"
#include "handlers/objects/objects.h"
#include "handlers/rpc/demo_methods.h"
#include "handlers/rpc/http.h"
#include "handlers/rpc/offers.h"
#include "offload/cpus.h"
#include "proto/address.h"
#include "proto/memory_file.h"
#include "reactor/listener.h"
#include "reactor/log.h"
#include "reactor/loop.h"
#include "reactor/slc1.h"
#include "tools/sluiced/arguments.h"
#include "tools/sluiced/check.h"
#include "tools/sluiced/methods.h"
#include "tools/sluiced/notify.h"
#include "tools/sluiced/routes.h"
#include "tools/standard_fds.h"
#include "tools/version.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_START 1 /* start-up failed */
#define EXIT_USAGE 2 /* the command line or the configuration is wrong */

/* Everything that runs: one of each. */
struct daemon {
    struct daemon_config config;
    struct log *log;
    struct loop loop;
    struct objects objects;
    struct http http;
    struct ingest ingest;
    struct gateway gateway;
    struct rpc rpc;
    struct methods methods;
    struct mcp mcp;
    struct offers *offers;
};

static int failed(const char *what, const char *why) {
    fprintf(stderr, "sluiced: %s: %s\n", what, why);
    return EXIT_START;
}

/* The last step before the loop runs: threads and workers of the ring that were started before do not inherit it. */
static void pin_loop(const struct daemon_config *config) {
    cpu_set_t cpus;
    if (*config->reactor.loop_cpus && cpus_parse(config->reactor.loop_cpus, &cpus) == 0)
        sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int open_roots(struct daemon *daemon) {
    for (size_t i = 0; i < daemon->config.roots_count; i++) {
        const struct root_config *root = &daemon->config.roots[i];
        int error = roots_add(&daemon->objects.roots, &daemon->loop.ledger, root->name, root->path);
        if (error)
            return failed(root->path, strerrordesc_np(-error));
    }
    for (unsigned i = 0; i < daemon->objects.roots.count; i++)
        offload_know_root(daemon->loop.offload, daemon->objects.roots.list[i].fd);
    return 0;
}

static int open_listeners(struct daemon *daemon) {
    char why[CONFIG_WHY];
    for (size_t i = 0; i < daemon->config.listens_count; i++)
        if (listener_open(&daemon->loop, &daemon->config.listens[i], why, sizeof(why)) != 0)
            return failed(daemon->config.listens[i].address, why);
    for (size_t i = 0; i < daemon->config.tunnels_count; i++)
        if (gateway_add_tunnel(&daemon->gateway, &daemon->config.tunnels[i], why, sizeof(why)) != 0)
            return failed(daemon->config.tunnels[i].listen.address, why);
    return 0;
}

/* The newest listener comes first in the loop's list; the line names them in the order of the configuration. */
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

/* For /_/config: what --check prints, without the secrets. */
static char *config_text(void *context) {
    const struct daemon *daemon = context;
    char *text = NULL;
    size_t size = 0;
    FILE *out = memory_file_open(&text, &size);
    if (!out)
        return NULL;
    check_print(&daemon->config, sysconf(_SC_OPEN_MAX), false, out);
    return fclose(out) == 0 ? text : NULL;
}

static int start_mcp(struct daemon *daemon) {
    char why[CONFIG_WHY] = "";
    if (mcp_init(&daemon->mcp, &daemon->rpc, &daemon->methods.objects.calls, &daemon->config.mcp, why,
                 sizeof(why)) != 0)
        return failed("mcp", why);
    http_add_path(&daemon->http, MCP_HTTP_PATH, &daemon->mcp.http_handler);
    return 0;
}

/* What modules offer besides routes. */
static int start_offers(struct daemon *daemon) {
    char why[CONFIG_WHY] = "no memory";
    const struct sluice_offer *offer;
    daemon->offers = offers_new(&daemon->rpc);
    int error = daemon->offers ? 0 : -ENOMEM;
    for (size_t i = 0; !error && (offer = modules_offer(daemon->config.modules, i)); i++)
        error = offers_add(daemon->offers, offer, daemon->http.dispatch, registry_add, why, sizeof(why));
    return error ? failed("modules", why) : 0;
}

static int start_rpc(struct daemon *daemon) {
    struct rpc *rpc = &daemon->rpc;
    int error = rpc_init(rpc, &daemon->loop, &daemon->config.rpc);
    if (!error)
        error = methods_add(&daemon->methods, rpc, &daemon->objects, &daemon->http.mime, &daemon->gateway,
                            daemon->config.ingests_count ? &daemon->ingest : NULL);
    if (!error && daemon->config.http.demo_routes)
        error = demo_methods_add(rpc);
    if (error)
        return failed("rpc", strerrordesc_np(-error));
    rpc->version = SLUICE_VERSION;
    rpc->config_text = config_text;
    rpc->config_context = daemon;
    http_add_path(&daemon->http, RPC_HTTP_PATH, &rpc->http_handler);
    int status = daemon->config.mcp.mcp ? start_mcp(daemon) : 0;
    return status ? status : start_offers(daemon);
}

static int start_gateway(struct daemon *daemon) {
    char why[CONFIG_WHY];
    const struct daemon_config *config = &daemon->config;
    struct gateway *gateway = &daemon->gateway;
    gateway_init(gateway, &daemon->loop, &daemon->http);
    for (size_t i = 0; i < config->upstreams_count; i++)
        if (gateway_add_upstream(gateway, &config->upstreams[i], why, sizeof(why)) != 0)
            return failed(config->upstreams[i].name, why);
    for (size_t i = 0; i < config->routes_count; i++) {
        const struct route_config *route = &config->routes[i];
        if (route_is_ours(&route->gateway) &&
            gateway_add_route(gateway, &route->gateway, route->title, why, sizeof(why)) != 0)
            return failed(route->title, why);
    }
    return 0;
}

static const char *ingest_is_in_trouble(const void *context) {
    const struct daemon *daemon = context;
    return ingest_trouble(&daemon->ingest);
}

/* Routes that set `ack`. */
static int add_ingest_routes(struct daemon *daemon, char *why, size_t why_size) {
    for (size_t i = 0; i < daemon->config.routes_count; i++) {
        const struct route_config *route = &daemon->config.routes[i];
        if (route->ack == ROUTE_ACK_OWN)
            continue;
        const struct http_handler *handler =
            ingest_route_new(&daemon->ingest, route->ack - ROUTE_ACK, route->body_limit);
        snprintf(why, why_size, "no memory for routes");
        int error =
            handler ? router_add(&daemon->http.router, route->title, handler, why, why_size) : -ENOMEM;
        if (error)
            return error;
    }
    return 0;
}

static int start_ingest(struct daemon *daemon) {
    char why[CONFIG_WHY] = "";
    if (daemon->config.ingests_count == 0)
        return 0;
    const struct forward_settings *forwarding =
        daemon->config.forwards_count ? daemon->config.forwards : NULL;
    if (ingest_init(&daemon->ingest, &daemon->loop, daemon->config.ingests, forwarding, why, sizeof(why)) !=
        0)
        return failed("ingest", why);
    if (add_ingest_routes(daemon, why, sizeof(why)) != 0)
        return failed("routes", why);
    for (size_t i = 0; i < daemon->ingest.endpoints_count; i++)
        http_add_path(&daemon->http, daemon->ingest.endpoints[i].path, &daemon->ingest.endpoints[i].handler);
    daemon->http.trouble = ingest_is_in_trouble;
    daemon->http.trouble_context = daemon;
    return 0;
}

static int start_handlers(struct daemon *daemon) {
    char why[CONFIG_WHY] = "";
    const struct daemon_config *config = &daemon->config;
    struct loop *loop = &daemon->loop;
    loop->fronts[PROTOCOL_SLC1] = &slc1_front;
    if (objects_init(&daemon->objects, loop, &config->objects, &config->offload, why, sizeof(why)) != 0)
        return failed("objects", why);
    if (http_init(&daemon->http, loop, &daemon->objects, &config->http, why, sizeof(why)) != 0)
        return failed("http", why);
    if (routes_serve(config, daemon->http.dispatch, why, sizeof(why)) != 0)
        return failed("routes", why);
    if (start_gateway(daemon) != 0)
        return EXIT_START;
    daemon->http.config_text = config_text;
    daemon->http.config_context = daemon;
    if (start_ingest(daemon) != 0)
        return EXIT_START;
    return start_rpc(daemon);
}

static int serve(struct daemon *daemon) {
    struct loop *loop = &daemon->loop;
    int status = start_handlers(daemon);
    if (status == 0)
        status = open_roots(daemon);
    if (status == 0)
        status = open_listeners(daemon);
    if (status == 0) {
        pin_loop(&daemon->config);
        say_ready(loop); /* before what goes to the log now: whoever started us waits for this line */
        notify_manager("READY=1");
        log_info(daemon->log, "started", log_text("version", SLUICE_VERSION), log_number("pid", getpid()));
        log_info(daemon->log, "offload", log_text("ring", offload_describe(loop->offload)));
        loop_run(loop);
        log_info(daemon->log, "stopped", log_number("requests", (int64_t)loop->stats.requests));
    }
    return status;
}

/* Sets up signals for the loop, whatever our parent had blocked. */
static void take_signals(void) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file beyond RLIMIT_FSIZE is an error, EFBIG */
    signal(SIGUSR1, SIG_IGN); /* log rotation need not know whether there is a log (yet) */
    signal(SIGHUP, SIG_IGN);  /* nothing is reloaded, and a closed terminal is no reason to drop clients */
}

static int run(struct daemon *daemon) {
    char why[CONFIG_WHY] = "";
    const struct reactor_settings *settings = &daemon->config.reactor;
    take_signals();
    daemon->log = log_new(STDERR_FILENO, (enum log_level)settings->log, (enum log_format)settings->log_format,
                          settings->log_rate);
    if (loop_init(&daemon->loop, settings, &daemon->config.offload, daemon->log, why, sizeof(why)) != 0) {
        log_free(daemon->log);
        return failed("start", why);
    }
    int status = serve(daemon);
    gateway_close(&daemon->gateway);
    if (!loop_end(&daemon->loop)) {
        log_error(daemon->log, "work that does not end is left behind",
                  log_number("jobs", offload_open_jobs(daemon->loop.offload)));
        ingest_leave(&daemon->ingest);
        _exit(status);
    }
    ingest_free(&daemon->ingest);
    gateway_free(&daemon->gateway);
    mcp_free(&daemon->mcp);
    offers_free(daemon->offers);
    rpc_free(&daemon->rpc);
    http_free(&daemon->http);
    objects_free(&daemon->objects);
    loop_free(&daemon->loop);
    log_free(daemon->log);
    return status;
}

int main(int argc, char **argv) {
    standard_fds_take();
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    if (!daemon || config_init(&daemon->config) != 0)
        return failed("start", "no memory");
    int status = EXIT_SUCCESS;
    switch (arguments_read(&daemon->config, argc, argv, stdout, stderr)) {
    case ARGUMENTS_RUN:
        status = run(daemon);
        break;
    case ARGUMENTS_BAD:
        status = EXIT_USAGE;
        break;
    case ARGUMENTS_DONE:
        if (fflush(stdout) != 0 || ferror(stdout))
            status = failed("standard output", strerror(errno));
        break;
    }
    config_free(&daemon->config);
    free(daemon);
    return status;
}
