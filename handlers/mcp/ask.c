#include "handlers/mcp/ask.h"

#include "handlers/http/json_value.h"
#include "handlers/mcp/http.h"
#include "handlers/mcp/watch.h"
#include "handlers/rpc/message.h"
#include "proto/jsontext.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#define STATE_AGE 600  /* seconds that a requestState is good for */
#define ASKED_MAX 4096 /* questions waiting for answers */
#define PREFIX    "sluice-"

/* A question that waits for its answer (legacy). */
struct asked {
    LIST_ENTRY(asked) link;
    struct rpc_call *call;
    uint64_t id;
    char key[];
};

static unsigned ability(const char *method) {
    if (strcmp(method, "sampling/createMessage") == 0)
        return MCP_CAN_SAMPLE;
    if (strcmp(method, "elicitation/create") == 0)
        return MCP_CAN_ELICIT;
    return strcmp(method, "roots/list") == 0 ? MCP_CAN_ROOTS : 0;
}

static const char *ability_name(unsigned bit) {
    return bit == MCP_CAN_SAMPLE ? "sampling" : bit == MCP_CAN_ELICIT ? "elicitation" : "roots";
}

/* False: the client lacks an ability, and the call was answered. */
static bool client_can(struct rpc_call *call, json_t *asks) {
    unsigned can = mcp_client_can(call);
    json_t *missing = json_object(), *asked;
    const char *key;
    json_object_foreach (asks, key, asked) {
        unsigned bit = ability(json_string_value(json_object_get(asked, "method")));
        if (bit == 0 || !(can & bit))
            json_object_set_new(missing, ability_name(bit), json_object());
    }
    if (json_object_size(missing) == 0) {
        json_decref(missing);
        return true;
    }
    if (call->modern) {
        mcp_http_refused(call);
        rpc_error(call, MCP_MISSING_CAPABILITY, "Missing required client capability",
                  json_pack("{s:o}", "requiredCapabilities", missing));
    } else {
        json_decref(missing);
        rpc_error(call, MESSAGE_INVALID_REQUEST, "the client did not declare the capability that this needs",
                  NULL);
    }
    return false;
}

/* ---- modern: the state travels ------------------------------------------------------------------- */

/* A signature in hexadecimal. False: no memory. */
static bool sign(const struct mcp *mcp, struct span bytes, char hex[static 2 * MCP_MAC + 1]) {
    uint8_t mac[MCP_MAC];
    if (!mcp_sign(mcp->key, bytes, mac))
        return false;
    for (unsigned i = 0; i < MCP_MAC; i++)
        sprintf(hex + 2 * i, "%02x", mac[i]);
    return true;
}

/* Signs what a state is bound to: method, name and arguments. False: no memory. */
static bool sign_request(const struct rpc_call *call, char hex[static 2 * MCP_MAC + 1]) {
    json_t *params = call->message ? call->message : call->params;
    json_t *bound = json_pack("{s:s, s:O?, s:O?, s:O?}", "method", call->asked ? call->asked : "", "name",
                              json_object_get(params, "name"), "uri", json_object_get(params, "uri"),
                              "arguments", json_object_get(params, "arguments"));
    char *text = json_dumps(bound, JSON_COMPACT | JSON_SORT_KEYS);
    bool good = text && sign(mcp_of(call), span_text(text), hex);
    json_decref(bound);
    free(text);
    return good;
}

/* MAC in hexadecimal, then the state as JSON, in base64. NULL without memory. */
static json_t *make_state(const struct rpc_call *call) {
    const struct mcp *mcp = mcp_of(call);
    char bound[65], mac[65];
    struct text text = {0}, whole = {0};
    if (!sign_request(call, bound))
        return NULL;
    json_t *state = json_pack("{s:i, s:s, s:O?}", "t", (int)mcp_date(mcp), "d", bound, "a", call->answers);
    text_add_json(&text, state);
    json_decref(state);
    bool good = sign(mcp, span_of(text.p, text.n), mac);
    struct text plain = {0};
    text_add_constant(&plain, good ? mac : "");
    text_add(&plain, span_of(text.p, text.n));
    base64_add(&whole, span_of(plain.p, plain.n));
    json_t *result =
        !good || text.failed || whole.failed || plain.failed ? NULL : json_stringn(whole.p + 1, whole.n - 2);
    text_free(&text);
    text_free(&plain);
    text_free(&whole);
    return result;
}

/* The answers in a state; NULL: it is not ours, is too old, or belongs to another call. */
static json_t *open_state(const struct rpc_call *call, const json_t *given) {
    const struct mcp *mcp = mcp_of(call);
    struct span text = span_of(json_string_value(given), json_string_length(given));
    char *plain = text.p ? malloc(text.n + 1) : NULL, mac[65], bound[65];
    ssize_t n = plain ? base64_decode(text, plain, text.n) : -1;
    json_t *answers = NULL;
    if (n > 64) {
        struct span body = span_of(plain + 64, (size_t)n - 64);
        bool good = sign(mcp, body, mac) && sign_request(call, bound) && CRYPTO_memcmp(mac, plain, 64) == 0;
        struct json_obstacle obstacle;
        json_t *state = good ? json_value(body, 0, &obstacle) : NULL;
        double made = (double)json_integer_value(json_object_get(state, "t"));
        const char *digest_then = json_string_value(json_object_get(state, "d"));
        if (digest_then && strcmp(digest_then, bound) == 0 && made + STATE_AGE > mcp_date(mcp)) {
            answers = json_object_get(state, "a");
            answers = json_is_object(answers) ? json_incref(answers) : json_object();
        }
        json_decref(state);
    }
    free(plain);
    return answers;
}

bool ask_take_inputs(struct rpc_call *call, json_t *params) {
    json_t *state = json_object_get(params, "requestState"),
           *responses = json_object_get(params, "inputResponses");
    if (responses && !json_is_object(responses)) {
        rpc_error(call, MESSAGE_INVALID_PARAMS, "inputResponses must be an object", NULL);
        return false;
    }
    if (state) {
        call->answers = open_state(call, state);
        if (!call->answers) {
            rpc_error(call, MESSAGE_INVALID_PARAMS, "requestState is not one of this request's, or too old",
                      NULL);
            return false;
        }
    }
    if (responses && !call->answers)
        call->answers = json_object();
    json_object_update(call->answers, responses);
    return true;
}

static void reply_input_required(struct rpc_call *call, json_t *asks) {
    call->wrap = &mcp_modern_wrap;
    rpc_result(call, json_pack("{s:s, s:o, s:o}", "resultType", "input_required", "inputRequests", asks,
                               "requestState", make_state(call)));
}

/* ---- legacy: requests to the client --------------------------------------------------------------- */

static void forget(struct rpc_call *call) {
    struct asked *asked, *next;
    struct mcp *mcp = mcp_of(call);
    for (asked = LIST_FIRST(&mcp->asked); asked; asked = next) {
        next = LIST_NEXT(asked, link);
        if (asked->call == call) {
            LIST_REMOVE(asked, link);
            mcp->asked_count--;
            free(asked);
        }
    }
}

static void cancelled(struct rpc_call *call) {
    forget(call);
    call->waiting = NULL;
    rpc_silence(call);
}

void ask_drain(struct mcp *mcp) {
    struct asked *asked;
    while ((asked = LIST_FIRST(&mcp->asked))) {
        struct rpc_call *call = asked->call;
        forget(call);
        call->waiting = NULL;
        rpc_fail(call, STATUS_SHUTTING_DOWN, "the server is shutting down");
    }
}

/* NULL, or why it cannot be asked. */
static const char *ask_one(struct rpc_call *call, const char *key, json_t *request) {
    struct mcp *mcp = mcp_of(call);
    struct asked *asked = mcp->asked_count < ASKED_MAX ? malloc(sizeof(*asked) + strlen(key) + 1) : NULL;
    char id[40];
    if (!asked)
        return "too many questions are waiting for answers";
    asked->call = call;
    asked->id = ++mcp->asked_last;
    strcpy(asked->key, key);
    LIST_INSERT_HEAD(&mcp->asked, asked, link);
    mcp->asked_count++;
    snprintf(id, sizeof(id), PREFIX "%llu", (unsigned long long)asked->id);
    json_object_set_new(request, "jsonrpc", json_string("2.0"));
    json_object_set_new(request, "id", json_string(id));
    struct text text = {0};
    text_add_json(&text, request);
    bool sent = !text.failed && rpc_notify(call, span_of(text.p, text.n));
    text_free(&text);
    return sent ? NULL : "the client cannot be asked: it takes no events, or none at present";
}

void ask_client(struct rpc_call *call, json_t *asks) {
    const char *key;
    json_t *request;
    if (!client_can(call, asks)) {
        json_decref(asks);
        return;
    }
    if (call->modern) {
        reply_input_required(call, asks);
        return;
    }
    const char *why = NULL;
    json_object_foreach (asks, key, request) {
        why = why ? why : ask_one(call, key, request);
    }
    json_decref(asks);
    if (why) {
        forget(call);
        rpc_fail(call, STATUS_BUSY, why);
        return;
    }
    call->waiting = cancelled;
    rpc_await_client(call, true);
    mcp_watch(mcp_of(call));
}

static struct asked *find(struct mcp *mcp, const struct rpc_batch *batch, struct span id) {
    char text[40];
    struct asked *asked;
    ssize_t n = jsontext_kind(id) == JSONTEXT_STRING ? jsontext_string(id, text, sizeof(text) - 1) : -1;
    if (n <= (ssize_t)strlen(PREFIX) || memcmp(text, PREFIX, strlen(PREFIX)) != 0)
        return NULL;
    text[n] = '\0';
    LIST_FOREACH (asked, &mcp->asked, link) {
        if (asked->id == strtoull(text + strlen(PREFIX), NULL, 10))
            return mcp_same_client(batch, asked->call) ? asked : NULL;
    }
    return NULL;
}

static bool has_more(const struct mcp *mcp, const struct rpc_call *call) {
    const struct asked *asked;
    LIST_FOREACH (asked, &mcp->asked, link) {
        if (asked->call == call)
            return true;
    }
    return false;
}

/* The method must not take it for another answer. */
static void refuse_answer(struct rpc_call *call, const struct json_obstacle *obstacle) {
    forget(call);
    call->waiting = NULL;
    if (obstacle->why)
        rpc_error(call, MESSAGE_INVALID_PARAMS, obstacle->why, NULL);
    else
        rpc_fail(call, STATUS_BUSY, "no memory for the client's answer; try again");
}

void ask_answered(struct rpc_batch *batch, struct span id, struct span result, struct span error) {
    struct mcp *mcp = batch->rpc->mcp;
    struct asked *asked = find(mcp, batch, id);
    if (!asked)
        return; /* of a call that is over */
    struct rpc_call *call = asked->call;
    struct json_obstacle obstacle;
    json_t *answer = json_value(result.p ? result : error, JSON_VALUE_REALS, &obstacle);
    if (!answer) {
        refuse_answer(call, &obstacle);
        return;
    }
    if (!result.p)
        answer = json_pack("{s:o}", "error", answer);
    if (!call->answers)
        call->answers = json_object();
    json_object_set_new(call->answers, asked->key, answer);
    LIST_REMOVE(asked, link);
    mcp->asked_count--;
    free(asked);
    if (has_more(mcp, call))
        return;
    call->waiting = NULL;
    rpc_await_client(call, false);
    rpc_work_start(call);
}

void ask_prepare(struct rpc_call *call, struct rpc_work *work) {
    work->can = mcp_client_can(call);
    if (call->modern) {
        const char *level = json_string_value(json_object_get(call->meta, MCP_META("logLevel")));
        work->level = level ? mcp_level_named(level) : -1;
        return;
    }
    const struct mcp_session *session = mcp_session_of(call, false);
    work->level = session ? (int)session->level : (int)MCP_DEBUG;
}
