/* HTTP: which handler answers which request.
 *
 *     exchange -> /_/...       admin.c      (listeners with administration)
 *              -> routes       router.c -> handlers: inline | worker | auto    dispatch.c
 *                                       -> upstreams (handlers/gateway), ingestion
 *              -> /objects/KEY objects.c
 *              -> built-in paths of other families, like /rpc: http_add_path()
 *              -> 404
 *     request over -> counters, access_log.c */
#ifndef SLUICE_HANDLERS_HTTP_HTTP_H
#define SLUICE_HANDLERS_HTTP_HTTP_H

#include "handlers/http/mime.h"
#include "handlers/http/router.h"
#include "offload/declare.h"
#include "reactor/http1_front.h"

struct access_log;
struct dispatch;
struct loop;
struct objects;

struct http_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/http/options.def"
#undef SETTING
};

struct http_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/http/stats.def"
#undef COUNTER
};

enum { WORKERS_ON, WORKERS_OFF };
enum { ACCESS_OFF, ACCESS_LOGFMT, ACCESS_JSON };

extern const struct settings_table http_settings_table;

#define HTTP_PATHS 16

/* A path that another family of handlers answers. */
struct http_path {
    const char *path;
    const struct http_handler *handler;
};

struct http {
    struct http1_service service; /* service.context is this struct */
    struct loop *loop;
    struct objects *objects;
    struct http_settings settings;
    struct http_stats stats;
    struct mime mime;
    struct router router;
    struct dispatch *dispatch;
    struct access_log *access_log;
    struct http_path paths[HTTP_PATHS];
    unsigned paths_count;
    struct http_path pages[HTTP_PATHS]; /* below /_/ */
    unsigned pages_count;
    /* The effective configuration as text, secrets hidden, for /_/config; injected, may be NULL. The caller frees the
     * text. */
    char *(*config_text)(void *context);
    void *config_context;
    /* One word that says why this process is not ready although it runs, or NULL; injected, may be NULL. */
    const char *(*trouble)(const void *context);
    const void *trouble_context;
};

/* Registers the front end's service and the counters with the loop. The settings' texts must stay valid. 0, or -errno
 * with a reason. */
int http_init(struct http *http, struct loop *loop, struct objects *objects,
              const struct http_settings *settings, char *why, size_t why_size);
void http_free(struct http *http);
/* Serves a path that belongs to another family of handlers, with lower priority than the configured routes. path and
 * handler must stay valid. False: HTTP_PATHS are taken. */
bool http_add_path(struct http *http, const char *path, const struct http_handler *handler);

/* The same for a page of administration, /_/NAME, on listeners with administration, after Host and Origin were
 * checked. */
bool http_add_page(struct http *http, const char *name, const struct http_handler *handler);

static inline struct http *http_of(struct http1_service *service) {
    return service->context;
}

#endif
