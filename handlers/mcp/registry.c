#include "handlers/mcp/registry.h"

#include "proto/uri.h"

#include <errno.h>
#include <stdlib.h>

#define VALUE_MAX 1024 /* bytes of a value in a URI */

int registry_add(struct mcp *mcp, const struct rpc_method *item) {
    for (unsigned i = 0; i < mcp->items_count; i++)
        if (strcmp(mcp->items[i]->name, item->name) == 0)
            return -EEXIST;
    const struct rpc_method **items = reallocarray(mcp->items, mcp->items_count + 1, sizeof(*items));
    if (!items)
        return -ENOMEM;
    mcp->items = items;
    items[mcp->items_count++] = item;
    return 0;
}

static void add_text(struct text *out, const char *name, const char *value) {
    if (!value)
        return;
    text_add_constant(out, ",\"");
    text_add_constant(out, name);
    text_add_constant(out, "\":");
    text_add_quoted(out, span_text(value));
}

/* Adds a prompt's arguments on one line, whatever the layout of its schema, since messages are lines. */
static void add_arguments(struct text *out, const char *schema) {
    json_t *arguments = json_loads(schema, 0, NULL);
    text_add_constant(out, ",\"arguments\":");
    text_add_json(out, arguments);
    json_decref(arguments);
}

static void add_item(struct text *out, const struct rpc_method *item, const char *address) {
    text_add_constant(out, "{\"name\":");
    text_add_quoted(out, span_text(item->title && address ? item->title : item->name));
    if (address)
        add_text(out, address, item->name);
    add_text(out, "title", item->title);
    add_text(out, "description", item->help);
    add_text(out, "mimeType", item->type);
    if (!address && item->schema)
        add_arguments(out, item->schema);
    text_add_constant(out, "}");
}

/* Adds the items with the flag that the call may use, after what is already there (any). True: there are some now. */
static bool add_all(const struct rpc_call *call, struct text *out, unsigned flag, const char *address,
                    bool any) {
    const struct mcp *mcp = mcp_of(call);
    bool admin = rpc_has_admin(call);
    for (unsigned i = 0; i < mcp->items_count; i++) {
        const struct rpc_method *item = mcp->items[i];
        if (!(item->flags & flag) || (item->flags & RPC_ADMIN && !admin))
            continue;
        text_add_constant(out, any ? "," : "");
        any = true;
        add_item(out, item, address);
    }
    return any;
}

bool registry_add_resources(const struct rpc_call *call, struct text *out) {
    return add_all(call, out, RPC_RESOURCE, "uri", false);
}

void registry_add_templates(const struct rpc_call *call, struct text *out) {
    add_all(call, out, RPC_TEMPLATE, "uriTemplate", true);
}

void registry_add_prompts(const struct rpc_call *call, struct text *out) {
    add_all(call, out, RPC_PROMPT, NULL, true);
}

const struct rpc_method *registry_prompt(const struct mcp *mcp, const char *name) {
    for (unsigned i = 0; i < mcp->items_count; i++)
        if (mcp->items[i]->flags & RPC_PROMPT && strcmp(mcp->items[i]->name, name) == 0)
            return mcp->items[i];
    return NULL;
}

/* Simple expressions of RFC 6570, level 1: {name} stands for one segment, percent-encoded. The values go into
 * params. */
static bool fits(const char *template, const char *uri, json_t *params) {
    while (*template) {
        const char *end = *template == '{' ? strchr(template, '}') : NULL;
        if (!end) {
            if (*template ++ != *uri++)
                return false;
            continue;
        }
        size_t n = strcspn(uri, "/");
        char name[64], value[VALUE_MAX];
        size_t name_n = (size_t)(end - template) - 1;
        ssize_t value_n = n ? uri_decode(span_of(uri, n), value, sizeof(value)) : -1;
        if (value_n < 0 || name_n >= sizeof(name))
            return false;
        memcpy(name, template + 1, name_n);
        name[name_n] = '\0';
        if (json_object_set_new(params, name, json_stringn(value, (size_t)value_n)) != 0)
            return false; /* not UTF-8 */
        template = end + 1;
        uri += n;
    }
    return *uri == '\0';
}

static void run_item(struct rpc_call *call, const struct rpc_method *item, json_t *params) {
    call->message = call->params;
    call->params = params;
    call->method = item;
    rpc_run_method(call);
}

bool registry_read(struct mcp *mcp, struct rpc_call *call, const char *uri) {
    for (unsigned i = 0; i < mcp->items_count; i++) {
        const struct rpc_method *item = mcp->items[i];
        json_t *params = json_pack("{s:s}", "uri", uri);
        bool good = item->flags & RPC_RESOURCE   ? strcmp(item->name, uri) == 0
                    : item->flags & RPC_TEMPLATE ? fits(item->name, uri, params)
                                                 : false;
        if (good) {
            run_item(call, item, params);
            return true;
        }
        json_decref(params);
    }
    return false;
}
