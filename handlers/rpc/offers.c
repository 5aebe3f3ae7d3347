#include "handlers/rpc/offers.h"

#include "handlers/rpc/message.h"
#include "proto/jsontext.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 512 /* of what handlers say */

/* One offer in service. */
struct offered {
    SLIST_ENTRY(offered) link;
    struct rpc_method method;
    const struct sluice_offer *offer;
    bool open; /* its schema allows other properties */
    struct rpc_param params[];
};

struct offers {
    struct rpc *rpc;
    SLIST_HEAD(, offered) list;
};

/* ---- the handler's view of a call ----------------------------------------------------------------- */

struct call_view {
    struct sluice_call call; /* first */
    struct rpc_work *work;
    bool object;       /* the result must be one */
    char *answers[16]; /* texts handed out, freed with the view */
    unsigned answers_count;
};

static struct call_view *view_of(struct sluice_call *call) {
    return (struct call_view *)(void *)call;
}

/* A value as one line, as messages are lines and events: line ends in JSON are white space, those of strings are
 * escaped. NULL: it is none, or no memory. */
static char *one_line(const char *json) {
    struct span value;
    char *line = jsontext_check(span_text(json), DEPTH, &value) ? NULL : strndup(value.p, value.n);
    for (char *end = line; end && (end = strpbrk(end, "\r\n"));)
        *end = ' ';
    return line;
}

static void say_error(struct sluice_call *call, int code, const char *message) {
    struct rpc_work *work = view_of(call)->work;
    free(work->text);
    work->text = NULL;
    work->code = code ? code : MESSAGE_INTERNAL_ERROR;
    snprintf(work->message, sizeof(work->message), "%s", message);
}

static void say_result(struct sluice_call *call, const char *json) {
    struct rpc_work *work = view_of(call)->work;
    char *line = one_line(json);
    if (!line || (view_of(call)->object && *line != '{')) {
        say_error(call, MESSAGE_INTERNAL_ERROR,
                  line ? "the handler's result is no object" : "the handler's result is no JSON");
        free(line);
        return;
    }
    free(work->text);
    work->text = line;
    work->code = 0;
}

static int level_of(const char *name) {
    static const char *const names[] = {"debug", "info",     "notice", "warning",
                                        "error", "critical", "alert",  "emergency"};
    for (int i = 0; i < 8; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return 7;
}

static void say_log(struct sluice_call *call, const char *level, const char *json) {
    struct rpc_work *work = view_of(call)->work;
    struct text text = {0};
    if (work->level < 0 || level_of(level) < work->level)
        return;
    char *line = one_line(json);
    text_add_constant(&text,
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":");
    text_add_quoted(&text, span_text(level));
    text_add_constant(&text, ",\"logger\":\"sluice\",\"data\":");
    if (line)
        text_add_constant(&text, line);
    else /* no JSON: the words themselves */
        text_add_quoted(&text, span_text(json));
    text_add_constant(&text, "}}");
    rpc_work_notify(work, span_of(text.p, text.n));
    text_free(&text);
    free(line);
}

static void say_progress(struct sluice_call *call, double progress, double total, const char *message) {
    struct rpc_work *work = view_of(call)->work;
    struct text text = {0};
    char numbers[80];
    if (!work->progress || !isfinite(progress))
        return;
    text_add_constant(
        &text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":");
    text_add_constant(&text, work->progress);
    snprintf(numbers, sizeof(numbers),
             total > 0 && isfinite(total) ? ",\"progress\":%.15g,\"total\":%.15g" : ",\"progress\":%.15g",
             progress, total);
    text_add_constant(&text, numbers);
    if (message) {
        text_add_constant(&text, ",\"message\":");
        text_add_quoted(&text, span_text(message));
    }
    text_add_constant(&text, "}}");
    rpc_work_notify(work, span_of(text.p, text.n));
    text_free(&text);
}

static int tell_can(struct sluice_call *call, const char *ability) {
    unsigned bit = strcmp(ability, "sampling") == 0 ? 1 : strcmp(ability, "elicitation") == 0 ? 2 : 4;
    return (view_of(call)->work->can & bit) != 0;
}

static void again(struct sluice_call *call, const char *key, const char *method, const char *params) {
    struct rpc_work *work = view_of(call)->work;
    if (!work->asks)
        work->asks = json_object();
    json_t *asked = json_pack("{s:s}", "method", method);
    json_t *loaded = params ? json_loads(params, 0, NULL) : NULL;
    json_object_set_new(asked, "params", loaded ? loaded : json_object());
    json_object_set_new(work->asks, key, asked);
}

static const char *ask(struct sluice_call *call, const char *key, const char *method, const char *params) {
    struct call_view *view = view_of(call);
    const json_t *answer = json_object_get(view->work->answers, key);
    if (answer && view->answers_count < sizeof(view->answers) / sizeof(view->answers[0])) {
        char *text = json_dumps(answer, JSON_COMPACT | JSON_ENCODE_ANY);
        view->answers[view->answers_count++] = text;
        return text;
    }
    again(call, key, method, params);
    return NULL;
}

static int tell_cancelled(struct sluice_call *call) {
    return *view_of(call)->work->cancelled;
}

static void pause_call(struct sluice_call *call) {
    struct rpc_work *work = view_of(call)->work;
    if (work->called)
        rpc_work_pause(work);
}

static const struct sluice_call_api api = {
    .version = SLUICE_HANDLER_VERSION,
    .result = say_result,
    .error = say_error,
    .log = say_log,
    .progress = say_progress,
    .can = tell_can,
    .ask = ask,
    .again = again,
    .cancelled = tell_cancelled,
    .pause = pause_call,
};

static void call_handler(const struct sluice_offer *offer, struct rpc_work *work, json_t *params) {
    bool object = offer->kinds & (SLUICE_RESOURCE | SLUICE_TEMPLATE | SLUICE_PROMPT | SLUICE_CONTENT);
    struct call_view view = {.call = {&api}, .work = work, .object = object};
    char *text = json_dumps(params, JSON_COMPACT);
    if (!text) {
        say_error(&view.call, MESSAGE_INTERNAL_ERROR, "no memory");
        return;
    }
    offer->handler(&view.call, text, offer->user);
    if (!work->text && !work->code && !work->asks)
        say_error(&view.call, MESSAGE_INTERNAL_ERROR, "the handler said nothing");
    for (unsigned i = 0; i < view.answers_count; i++)
        free(view.answers[i]);
    free(text);
}

static void work(struct rpc_work *its, json_t *params) {
    const struct offered *offered = its->context;
    call_handler(offered->offer, its, params);
}

/* ---- routes ---------------------------------------------------------------------------------------- */

static const struct rpc_param *param_of(const struct offered *offered, const char *name) {
    for (unsigned i = 0; i < offered->method.params_count; i++)
        if (strcmp(offered->params[i].name, name) == 0)
            return &offered->params[i];
    return NULL;
}

/* A value of a query or path: a string where the schema wants one, else the JSON it is, if it is. Without a type
 * in the schema only numbers are more than strings. NULL: not UTF-8. */
static json_t *value_of(const struct rpc_param *param, const char *text) {
    enum rpc_type type = param ? param->type : RPC_STRING;
    json_t *value = type != RPC_STRING ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    if (value && (type != RPC_ANY || json_is_number(value)))
        return value;
    json_decref(value);
    return json_string(text);
}

/* False: malformed, or not UTF-8. */
static bool add_value(const struct offered *offered, json_t *params, const char *name, const char *text) {
    json_t *value = name && text ? value_of(param_of(offered, name), text) : NULL;
    return value && json_object_set_new(params, name, value) == 0;
}

static bool add_pairs(struct sluice_request *request, const struct offered *offered, json_t *params) {
    const char *name, *value;
    size_t at = 0;
    while (sluice_next_query(request, &at, &name, &value))
        if (!add_value(offered, params, name, value))
            return false;
    for (unsigned i = 0; i < offered->method.params_count; i++) {
        name = offered->params[i].name;
        value = sluice_param(request, name);
        if (value && !add_value(offered, params, name, value))
            return false;
    }
    return true;
}

/* NULL: *why tells. */
static json_t *route_params(struct sluice_request *request, const struct offered *offered, const char **why) {
    size_t n;
    const char *body = sluice_body(request, &n);
    json_t *params = n ? json_loadb(body, n, 0, NULL) : json_object();
    *why = "the body is no JSON object";
    if (json_is_object(params)) {
        *why = "the query or the path is malformed or not UTF-8";
        if (add_pairs(request, offered, params))
            return params;
    }
    json_decref(params);
    return NULL;
}

static void route_handler(struct sluice_request *request, void *user) {
    const struct offered *offered = user;
    static const atomic_bool never;
    struct rpc_complaint complaint;
    struct rpc_work its = {.level = -1, .cancelled = &never};
    const char *why;
    json_t *params = route_params(request, offered, &why);
    if (!params) {
        sluice_reply_error(request, 400, why);
        return;
    }
    if (!rpc_check_params(&offered->method, &params, &complaint)) {
        char text[300];
        snprintf(text, sizeof(text), "%s %s", complaint.path, complaint.reason);
        sluice_reply_error(request, 400, text);
    } else {
        call_handler(offered->offer, &its, params);
        if (its.text)
            sluice_reply_bytes(request, "application/json", its.text, strlen(its.text));
        else
            sluice_reply_error(request, its.code == MESSAGE_INVALID_PARAMS ? 400 : 500,
                               its.code ? its.message : "it needs to ask its client, which HTTP cannot");
    }
    json_decref(its.asks);
    free(its.text);
    json_decref(params);
}

/* ---- adding ----------------------------------------------------------------------------------------- */

static enum rpc_type type_of(const json_t *property) {
    static const char *const names[] = {"", "string", "integer", "number", "boolean", "object", "array"};
    const char *name = json_string_value(json_object_get(property, "type"));
    for (unsigned i = RPC_STRING; name && i <= RPC_ARRAY; i++)
        if (strcmp(names[i], name) == 0)
            return (enum rpc_type)i;
    return RPC_ANY;
}

static bool is_listed(const json_t *list, const char *name) {
    size_t i;
    json_t *value;
    json_array_foreach (list, i, value) {
        if (json_is_string(value) && strcmp(json_string_value(value), name) == 0)
            return true;
    }
    return false;
}

/* What can be checked of a schema becomes parameters. */
static struct offered *new_offered(const struct sluice_offer *offer) {
    json_t *schema = offer->schema ? json_loads(offer->schema, 0, NULL) : NULL;
    json_t *properties = json_object_get(schema, "properties"), *property;
    const char *name;
    struct offered *offered =
        calloc(1, sizeof(*offered) + json_object_size(properties) * sizeof(struct rpc_param));
    if (!offered || (offer->schema && !schema)) {
        free(offered);
        json_decref(schema);
        return NULL;
    }
    unsigned n = 0;
    json_object_foreach (properties, name, property) {
        const char *header = json_string_value(json_object_get(property, "x-mcp-header"));
        offered->params[n++] =
            (struct rpc_param){.name = strdup(name),
                               .type = type_of(property),
                               .required = is_listed(json_object_get(schema, "required"), name),
                               .header = header ? strdup(header) : NULL};
    }
    offered->method.params_count = n;
    offered->offer = offer;
    offered->open = schema && !json_is_false(json_object_get(schema, "additionalProperties"));
    json_decref(schema);
    return offered;
}

static unsigned flags_of(const struct sluice_offer *offer, bool unchecked, bool open) {
    static const struct {
        unsigned kind, flag;
    } map[] = {{SLUICE_METHOD, RPC_PLAIN},
               {SLUICE_TOOL, RPC_TOOL},
               {SLUICE_RESOURCE, RPC_RESOURCE},
               {SLUICE_TEMPLATE, RPC_TEMPLATE},
               {SLUICE_PROMPT, RPC_PROMPT},
               {SLUICE_READ_ONLY, RPC_READ_ONLY},
               {SLUICE_DESTRUCTIVE, RPC_DESTRUCTIVE},
               {SLUICE_IDEMPOTENT, RPC_IDEMPOTENT},
               {SLUICE_ADMIN, RPC_ADMIN},
               {SLUICE_CONTENT, RPC_CONTENT}};
    unsigned flags = (unchecked ? RPC_UNCHECKED : 0) | (open ? RPC_OPEN : 0);
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        flags |= offer->kinds & map[i].kind ? map[i].flag : 0;
    return flags;
}

struct offers *offers_new(struct rpc *rpc) {
    struct offers *offers = calloc(1, sizeof(*offers));
    if (offers)
        offers->rpc = rpc;
    return offers;
}

void offers_free(struct offers *offers) {
    struct offered *offered;
    while (offers && (offered = SLIST_FIRST(&offers->list))) {
        SLIST_REMOVE_HEAD(&offers->list, link);
        for (unsigned i = 0; i < offered->method.params_count; i++) {
            free((char *)(uintptr_t)offered->params[i].name);
            free((char *)(uintptr_t)offered->params[i].header);
        }
        free(offered);
    }
    free(offers);
}

int offers_add(struct offers *offers, const struct sluice_offer *offer, struct dispatch *dispatch,
               int (*other)(struct mcp *mcp, const struct rpc_method *item), char *why, size_t why_size) {
    struct offered *offered = new_offered(offer);
    bool item = offer->kinds & (SLUICE_RESOURCE | SLUICE_TEMPLATE | SLUICE_PROMPT);
    snprintf(why, why_size, "offer '%s': no memory, or its schema is no JSON object", offer->name);
    if (!offered)
        return -EINVAL;
    SLIST_INSERT_HEAD(&offers->list, offered, link);
    struct rpc_method *method = &offered->method;
    method->name = offer->name;
    method->title = offer->title;
    method->help = offer->help;
    method->schema = offer->schema;
    method->result = offer->result;
    method->type = offer->type;
    method->params = offered->params;
    method->flags = flags_of(offer, item, offered->open);
    method->work = work;
    method->context = offered;
    int error = 0;
    if (item)
        error = other && offers->rpc->mcp ? other(offers->rpc->mcp, method) : 0;
    else
        error = rpc_add(offers->rpc, method);
    if (error)
        snprintf(why, why_size, "offer '%s': %s", offer->name,
                 error == -EEXIST ? "the name is taken" : "no memory");
    if (!error && offer->route) {
        struct sluice_route route = {.title = offer->route,
                                     .handler = route_handler,
                                     .user = offered,
                                     .run = SLUICE_RUN_WORKER,
                                     .admin = (offer->kinds & SLUICE_ADMIN) != 0};
        error = dispatch_add(dispatch, &route, why, why_size);
    }
    return error;
}
