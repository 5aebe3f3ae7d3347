#include "handlers/rpc/method.h"

#include "proto/utf8.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INTEGER_MOST 9007199254740991.0 /* reals are exact up to 2^53 - 1 */

/* RFC 6901, 3: ~ and / are escaped. */
void rpc_point(struct rpc_complaint *complaint, const char *parent, const char *name) {
    char *path = complaint->path;
    size_t size = sizeof(complaint->path), n = (size_t)snprintf(path, size, "%.60s/", parent);
    while (*name) {
        const char *escape = *name == '~' ? "~0" : *name == '/' ? "~1" : NULL;
        size_t step = escape ? 1 : (size_t)utf8_step(name, strnlen(name, 4)), more = escape ? 2 : step;
        if (n + more >= size)
            break;
        memcpy(path + n, escape ? escape : name, more);
        n += more;
        name += step;
    }
    path[n] = '\0';
}

/* name: of the parameter; NULL: params themselves. */
__attribute__((format(printf, 3, 4))) static bool complain(struct rpc_complaint *complaint, const char *name,
                                                           const char *format, ...) {
    va_list values;
    va_start(values, format);
    if (name)
        rpc_point(complaint, "", name);
    else
        *complaint->path = '\0';
    vsnprintf(complaint->reason, sizeof(complaint->reason), format, values);
    va_end(values);
    return false;
}

static const char *const type_names[] = {
    [RPC_ANY] = "value",       [RPC_STRING] = "string", [RPC_INTEGER] = "integer", [RPC_NUMBER] = "number",
    [RPC_BOOLEAN] = "boolean", [RPC_OBJECT] = "object", [RPC_ARRAY] = "array",
};

static bool has_type(const json_t *value, enum rpc_type type) {
    switch (type) {
    case RPC_STRING:
        return json_is_string(value);
    case RPC_INTEGER:
        return json_is_integer(value);
    case RPC_NUMBER:
        return json_is_number(value);
    case RPC_BOOLEAN:
        return json_is_boolean(value);
    case RPC_OBJECT:
        return json_is_object(value);
    case RPC_ARRAY:
        return json_is_array(value);
    default:
        return true;
    }
}

static bool is_choice(const char *choices, const char *word) {
    size_t n = strlen(word);
    for (;;) {
        size_t length = strcspn(choices, "|");
        if (length == n && memcmp(choices, word, n) == 0)
            return true;
        if (!choices[length])
            return false;
        choices += length + 1;
    }
}

static bool check_value(const struct rpc_param *param, const json_t *value, struct rpc_complaint *complaint) {
    if (!has_type(value, param->type))
        return complain(complaint, param->name, "must be %s %s",
                        strchr("aeiou", type_names[param->type][0]) ? "an" : "a", type_names[param->type]);
    if (param->choices && !is_choice(param->choices, json_string_value(value)))
        return complain(complaint, param->name, "must be one of %s", param->choices);
    if (param->type == RPC_STRING && param->max > 0 && (double)json_string_length(value) > param->max)
        return complain(complaint, param->name, "is longer than %.0f bytes", param->max);
    if (json_is_number(value) && param->min < param->max &&
        (json_number_value(value) < param->min || json_number_value(value) > param->max))
        return complain(complaint, param->name, "must be from %.16g to %.16g", param->min, param->max);
    return true;
}

/* 1.0 is an integer (JSON Schema 2020-12, 6.1.1): makes it one in params, for whoever reads it. Returns the value that
 * is in params then. */
static json_t *as_integer(json_t *params, const struct rpc_param *param, json_t *value) {
    double real = json_is_real(value) ? json_real_value(value) : 0.5;
    if (param->type != RPC_INTEGER || floor(real) != real || fabs(real) > INTEGER_MOST)
        return value;
    json_object_set_new(params, param->name, json_integer((json_int_t)real));
    return json_object_get(params, param->name);
}

static const struct rpc_param *param_named(const struct rpc_method *method, const char *name) {
    for (unsigned i = 0; i < method->params_count; i++)
        if (strcmp(method->params[i].name, name) == 0)
            return &method->params[i];
    return NULL;
}

/* Positional parameters get their names, in the order of the table. */
static bool name_params(const struct rpc_method *method, json_t **params, struct rpc_complaint *complaint) {
    if (json_array_size(*params) > method->params_count)
        return complain(complaint, NULL, "has more than %u elements", method->params_count);
    json_t *named = json_object();
    for (unsigned i = 0; i < json_array_size(*params); i++)
        json_object_set(named, method->params[i].name, json_array_get(*params, i));
    json_decref(*params);
    *params = named;
    return true;
}

bool rpc_check_params(const struct rpc_method *method, json_t **params, struct rpc_complaint *complaint) {
    const char *name;
    json_t *value;
    if (json_is_array(*params) && !name_params(method, params, complaint))
        return false;
    for (unsigned i = 0; i < method->params_count; i++) {
        const struct rpc_param *param = &method->params[i];
        value = as_integer(*params, param, json_object_get(*params, param->name));
        if (!value && param->required)
            return complain(complaint, param->name, "is missing");
        if (value && !check_value(param, value, complaint))
            return false;
    }
    if (method->flags & RPC_OPEN)
        return true;
    json_object_foreach (*params, name, value) {
        if (!param_named(method, name) && strcmp(name, "_meta") != 0)
            return complain(complaint, name, "is no parameter of %s", method->name);
    }
    return true;
}

static json_t *choices_json(const char *choices) {
    json_t *list = json_array();
    for (;;) {
        size_t length = strcspn(choices, "|");
        json_array_append_new(list, json_stringn(choices, length));
        if (!choices[length])
            return list;
        choices += length + 1;
    }
}

json_t *rpc_param_schema(const struct rpc_param *param) {
    json_t *schema = json_object();
    if (param->type != RPC_ANY)
        json_object_set_new(schema, "type", json_string(type_names[param->type]));
    if (param->help)
        json_object_set_new(schema, "description", json_string(param->help));
    if (param->choices)
        json_object_set_new(schema, "enum", choices_json(param->choices));
    if (param->type == RPC_STRING && param->max > 0)
        json_object_set_new(schema, "maxLength", json_integer((json_int_t)param->max));
    if ((param->type == RPC_INTEGER || param->type == RPC_NUMBER) && param->min < param->max) {
        json_object_set_new(schema, "minimum", json_integer((json_int_t)param->min));
        json_object_set_new(schema, "maximum", json_integer((json_int_t)param->max));
    }
    if (param->type == RPC_ARRAY) /* some clients take no array without it */
        json_object_set_new(schema, "items",
                            param->items ? json_loads(param->items, 0, NULL) : json_object());
    if (param->header)
        json_object_set_new(schema, "x-mcp-header", json_string(param->header));
    if (param->initial)
        json_object_set_new(schema, "default", json_loads(param->initial, JSON_DECODE_ANY, NULL));
    return schema;
}

json_t *rpc_params_schema(const struct rpc_method *method) {
    json_t *properties = json_object(), *required = json_array();
    for (unsigned i = 0; i < method->params_count; i++) {
        json_object_set_new(properties, method->params[i].name, rpc_param_schema(&method->params[i]));
        if (method->params[i].required)
            json_array_append_new(required, json_string(method->params[i].name));
    }
    json_t *schema =
        json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
    if (schema && json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    return schema;
}
