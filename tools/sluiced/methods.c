#include "tools/sluiced/methods.h"

#include <errno.h>
#include <stdlib.h>

int methods_add(struct methods *methods, struct rpc *rpc, struct objects *objects, const struct mime *mime,
                struct gateway *gateway, struct ingest *ingest) {
    int error = object_methods_add(&methods->objects, rpc, objects, mime);
    if (!error)
        error = admin_methods_add(&methods->admin, rpc, objects);
    if (!error)
        error = gateway_methods_add(&methods->gateway, rpc, gateway);
    if (!error)
        error = metric_methods_add(&methods->metrics, rpc, ingest);
    return error;
}

/* `key`, [`limit`]: the required ones without brackets. */
static void print_params(const struct rpc_method *method, FILE *out) {
    for (unsigned i = 0; i < method->params_count; i++)
        fprintf(out, method->params[i].required ? "%s`%s`" : "%s[`%s`]", i ? ", " : "",
                method->params[i].name);
}

static void print_row(const struct rpc_method *method, FILE *out) {
    fprintf(out, "| `%s` | ", method->name);
    print_params(method, out);
    fprintf(out, " | %s | %s%s |\n", method->help, method->flags & RPC_TOOL ? "tool" : "",
            !(method->flags & RPC_ADMIN) ? ""
            : method->flags & RPC_TOOL   ? ", administration"
                                         : "administration");
}

int methods_print(FILE *out) {
    struct methods *methods = calloc(1, sizeof(*methods));
    struct rpc rpc = {0};
    int error = methods ? methods_add(methods, &rpc, NULL, NULL, NULL, NULL) : -ENOMEM;
    fprintf(out, "\n| method | parameters | what it does | also |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < rpc.methods_count; i++)
        print_row(rpc.methods[i], out);
    fputc('\n', out);
    rpc_free(&rpc);
    free(methods);
    return error;
}
