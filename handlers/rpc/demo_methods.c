#include "handlers/rpc/demo_methods.h"

#include <stdio.h>

#define FIB_MAX 45

static void subtract(struct rpc_call *call, json_t *params) {
    json_int_t minuend = json_integer_value(json_object_get(params, "minuend"));
    json_int_t subtrahend = json_integer_value(json_object_get(params, "subtrahend"));
    rpc_result(call, json_integer(minuend - subtrahend));
}

static void sum(struct rpc_call *call, json_t *params) {
    json_int_t total = 0;
    size_t i;
    json_t *value;
    json_array_foreach (params, i, value) {
        if (!json_is_integer(value) || __builtin_add_overflow(total, json_integer_value(value), &total)) {
            struct rpc_complaint complaint = {.reason = "must be an integer, as must the sum (64 bits)"};
            snprintf(complaint.path, sizeof(complaint.path), "/%zu", i);
            rpc_complain(call, &complaint);
            return;
        }
    }
    rpc_result(call, json_integer(total));
}

static void get_data(struct rpc_call *call, json_t *params) {
    (void)params;
    rpc_result_text(call, span_text("[\"hello\",5]"));
}

static void echo(struct rpc_call *call, json_t *params) {
    rpc_result(call, json_incref(params));
}

static json_int_t fibonacci(const struct rpc_work *work, unsigned n) {
    if (n < 2 || *work->cancelled)
        return n;
    return fibonacci(work, n - 1) + fibonacci(work, n - 2);
}

static void fib(struct rpc_work *work, json_t *params) {
    unsigned n = (unsigned)json_integer_value(json_object_get(params, "n"));
    work->result = json_pack("{s:i, s:I}", "n", (int)n, "fib", fibonacci(work, n));
}

static const struct rpc_param subtract_params[] = {
    {.name = "minuend", .type = RPC_INTEGER, .min = -1e9, .max = 1e9, .required = true, .help = "from this"},
    {.name = "subtrahend",
     .type = RPC_INTEGER,
     .min = -1e9,
     .max = 1e9,
     .required = true,
     .help = "take this"},
};
static const struct rpc_param fib_params[] = {
    {.name = "n", .type = RPC_INTEGER, .max = FIB_MAX, .required = true, .help = "which one"},
};

static const struct rpc_param echo_params[] = {
    {.name = "text", .type = RPC_STRING, .max = 65536, .help = "what comes back"},
};

static const struct rpc_method methods[] = {
    {.name = "echo",
     .title = "Echo",
     .help = "Answers with its parameters.",
     .params = echo_params,
     .params_count = 1,
     .run = echo,
     .result = "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}}}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "subtract",
     .title = "Subtract",
     .help = "The difference of two integers.",
     .params = subtract_params,
     .params_count = 2,
     .run = subtract,
     .result = "{\"type\":\"integer\"}",
     .flags = RPC_PLAIN | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "sum",
     .title = "Sum",
     .help = "The sum of any number of integers, by position.",
     .run = sum,
     .result = "{\"type\":\"integer\"}",
     .flags = RPC_PLAIN | RPC_LIST | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "get_data",
     .title = "Data",
     .help = "A list of a string and a number.",
     .run = get_data,
     .result = "{\"type\":\"array\"}",
     .flags = RPC_PLAIN | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "fib",
     .title = "Fibonacci number",
     .help = "The n-th Fibonacci number, computed the slow way on a thread.",
     .params = fib_params,
     .params_count = 1,
     .work = fib,
     .result =
         "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},\"fib\":{\"type\":\"integer\"}},"
         "\"required\":[\"n\",\"fib\"]}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_READ_ONLY | RPC_IDEMPOTENT},
};

int demo_methods_add(struct rpc *rpc) {
    int error = 0;
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]) && !error; i++)
        error = rpc_add(rpc, &methods[i]);
    return error;
}
