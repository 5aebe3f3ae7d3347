#include "handlers/rpc/offers.h"

#include "handlers/http/json_value.h"
#include "handlers/rpc/message.h"
#include "handlers/rpc/offer_call.h"
#include "proto/jsontext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HEADER "x-mcp-header"
#define DEPTH  512 /* of a route's body */

/* One offer in service. */
struct offered {
    SLIST_ENTRY(offered) link;
    struct rpc_method method;
    const struct sluice_offer *offer;
    struct rpc_param params[];
};

struct offers {
    struct rpc *rpc;
    SLIST_HEAD(, offered) list;
};

/* ---- calls -------------------------------------------------------------------------------------- */

static void run_offer(struct rpc_work *work, json_t *params) {
    const struct offered *offered = work->context;
    offer_call(offered->offer, work, params);
}

/* ---- routes ---------------------------------------------------------------------------------------- */

static const struct rpc_param *param_of(const struct offered *offered, const char *name) {
    for (unsigned i = 0; i < offered->method.params_count; i++)
        if (strcmp(offered->params[i].name, name) == 0)
            return &offered->params[i];
    return NULL;
}

/* The value of a query or path parameter: a string where the schema wants one, else parsed as JSON if it is JSON.
 * Without a type in the schema only numbers are parsed. NULL: not UTF-8. */
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

/* The body of a route's request. NULL: it is not JSON, or there was no memory. */
static json_t *load_body(struct sluice_request *request) {
    struct json_obstacle obstacle;
    struct span body, value;
    body.p = sluice_body(request, &body.n);
    if (body.n == 0)
        return json_object();
    return jsontext_check(body, DEPTH, &value) == NULL ? json_value(value, 0, &obstacle) : NULL;
}

/* NULL: *why tells. */
static json_t *route_params(struct sluice_request *request, const struct offered *offered, const char **why) {
    json_t *params = load_body(request);
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
    struct rpc_work work = {.level = -1, .cancelled = &never};
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
        offer_call(offered->offer, &work, params);
        if (work.text)
            sluice_reply_bytes(request, "application/json", work.text, strlen(work.text));
        else
            sluice_reply_error(request, work.code == MESSAGE_INVALID_PARAMS ? 400 : 500,
                               work.code ? work.message : "it needs to ask its client, which HTTP cannot");
    }
    json_decref(work.asks);
    free(work.text);
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

static bool is_json(const char *text, json_type type) {
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;
    bool good = !text || (value && json_typeof(value) == type);
    json_decref(value);
    return good;
}

/* Counts the occurrences of x-mcp-header, at any depth. */
static unsigned count_headers(const json_t *value) {
    unsigned count = json_object_get(value, HEADER) != NULL;
    size_t i;
    const char *name;
    json_t *member;
    json_object_foreach ((json_t *)(uintptr_t)value, name, member)
        count += count_headers(member);
    json_array_foreach (value, i, member)
        count += count_headers(member);
    return count;
}

/* Do all headers belong to the schema's own properties? Nobody would check that others agree with the body. */
static bool headers_are_plain(const char *schema) {
    json_t *value = schema ? json_loads(schema, 0, NULL) : NULL, *property;
    const char *name;
    unsigned count = 0;
    json_object_foreach (json_object_get(value, "properties"), name, property)
        count += json_object_get(property, HEADER) != NULL;
    bool plain = count == count_headers(value);
    json_decref(value);
    return plain;
}

/* What is wrong with an offer; NULL: nothing. */
static const char *fault_of(const struct sluice_offer *offer) {
    if (offer->kinds & SLUICE_PROMPT && !is_json(offer->schema, JSON_ARRAY))
        return "the schema of a prompt is the JSON array of its arguments";
    if (!(offer->kinds & SLUICE_PROMPT) && !is_json(offer->schema, JSON_OBJECT))
        return "its schema is no JSON object";
    if (!headers_are_plain(offer->schema))
        return HEADER " is only taken of the schema's own properties";
    return is_json(offer->result, JSON_OBJECT) ? NULL : "the schema of its result is no JSON object";
}

/* Is it something other than a method? */
static bool is_item(const struct sluice_offer *offer) {
    return offer->kinds & (SLUICE_RESOURCE | SLUICE_TEMPLATE | SLUICE_PROMPT);
}

static unsigned flags_of(const struct sluice_offer *offer, bool open) {
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
    unsigned flags = (is_item(offer) ? RPC_UNCHECKED : 0) | (open ? RPC_OPEN : 0);
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
        flags |= offer->kinds & map[i].kind ? map[i].flag : 0;
    return flags;
}

/* Turns those parts of the schema that can be checked into parameters. NULL without memory. */
static struct offered *new_offered(const struct sluice_offer *offer) {
    json_t *schema = offer->schema ? json_loads(offer->schema, 0, NULL) : NULL;
    json_t *properties = json_object_get(schema, "properties"), *property;
    const char *name;
    struct offered *offered =
        calloc(1, sizeof(*offered) + json_object_size(properties) * sizeof(struct rpc_param));
    if (!offered) {
        json_decref(schema);
        return NULL;
    }
    unsigned n = 0;
    json_object_foreach (properties, name, property) {
        const char *header = json_string_value(json_object_get(property, HEADER));
        offered->params[n++] =
            (struct rpc_param){.name = strdup(name),
                               .type = type_of(property),
                               .required = is_listed(json_object_get(schema, "required"), name),
                               .header = header ? strdup(header) : NULL};
    }
    bool open = schema && !json_is_false(json_object_get(schema, "additionalProperties"));
    offered->offer = offer;
    offered->method = (struct rpc_method){.name = offer->name,
                                          .title = offer->title,
                                          .help = offer->help,
                                          .params = offered->params,
                                          .params_count = n,
                                          .result = offer->result,
                                          .schema = offer->schema,
                                          .type = offer->type,
                                          .flags = flags_of(offer, open),
                                          .work = run_offer,
                                          .context = offered};
    json_decref(schema);
    return offered;
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
    const char *fault = fault_of(offer);
    struct offered *offered = fault ? NULL : new_offered(offer);
    int error = 0;
    if (!offered) {
        snprintf(why, why_size, "offer '%s': %s", offer->name, fault ? fault : "no memory");
        return fault ? -EINVAL : -ENOMEM;
    }
    SLIST_INSERT_HEAD(&offers->list, offered, link);
    if (!is_item(offer))
        error = rpc_add(offers->rpc, &offered->method);
    else if (other && offers->rpc->mcp)
        error = other(offers->rpc->mcp, &offered->method);
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
