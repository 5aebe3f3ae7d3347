#include "handlers/rpc/discover.h"

static json_t *params_json(const struct rpc_method *method) {
    json_t *list = json_array();
    for (unsigned i = 0; i < method->params_count; i++) {
        const struct rpc_param *param = &method->params[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:o}", "name", param->name, "description",
                                              param->help ? param->help : "", "required", param->required,
                                              "schema", rpc_param_schema(param)));
    }
    return list;
}

static json_t *method_json(const struct rpc_method *method) {
    json_t *schema = method->result ? json_loads(method->result, 0, NULL) : json_object();
    json_t *result = json_pack("{s:s, s:o}", "name", "result", "schema", schema);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "name", method->name, "summary",
                     method->title ? method->title : method->name, "description",
                     method->help ? method->help : "", "paramStructure", "either", "params",
                     params_json(method), "result", result, "x-administration",
                     (method->flags & RPC_ADMIN) != 0);
}

static json_t *errors_json(void) {
    json_t *errors = json_object();
#define STATUS(number, name, http, rpc, meaning)                                                             \
    if (number)                                                                                              \
        json_object_set_new(errors, #name, json_pack("{s:i, s:s}", "code", rpc, "message", meaning));
#include "proto/status.def"
#undef STATUS
    return errors;
}

json_t *discover_document(const struct rpc *rpc) {
    json_t *methods = json_array();
    for (unsigned i = 0; i < rpc->methods_count; i++)
        if (rpc->methods[i]->flags & RPC_PLAIN)
            json_array_append_new(methods, method_json(rpc->methods[i]));
    return json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o}}", "openrpc", "1.3.2", "info", "title", "sluice",
                     "version", rpc->version, "description",
                     "Of members with the same name the last one counts.", "methods", methods, "components",
                     "errors", errors_json());
}
