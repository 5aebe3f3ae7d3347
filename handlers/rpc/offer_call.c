#include "handlers/rpc/offer_call.h"

#include "handlers/rpc/message.h"
#include "proto/jsontext.h"
#include "proto/memory_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 512 /* of JSON from handlers */

struct call_view {
    struct sluice_call call; /* first */
    struct rpc_work *work;
    bool object;     /* the result must be one */
    json_t *answers; /* texts handed out, by key; they live as long as the view */
};

static struct call_view *view_of(struct sluice_call *call) {
    return (struct call_view *)(void *)call;
}

/* A JSON value on one line, since messages are lines or events: line ends between tokens are white space, those in
 * strings are escaped. NULL: it is not JSON, or there is no memory. */
static char *one_line(const char *json) {
    struct span value;
    bool good = json && !jsontext_check(span_text(json), DEPTH, &value);
    char *line = good ? strndup(value.p, value.n) : NULL;
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

static const char *const levels[] = {"debug", "info",     "notice", "warning",
                                     "error", "critical", "alert",  "emergency"};

static int level_of(const char *name) {
    for (int i = 0; i < 8; i++)
        if (strcmp(levels[i], name) == 0)
            return i;
    return 1;
}

/* Sends a notification to the client, and frees it; nothing is sent if part of it found no memory. */
static void notify(struct rpc_work *work, struct text *text) {
    if (!text->failed)
        rpc_work_notify(work, span_of(text->p, text->n));
    text_free(text);
}

static void say_log(struct sluice_call *call, const char *level, const char *json) {
    struct rpc_work *work = view_of(call)->work;
    struct text text = {0};
    int rank = level_of(level);
    if (work->level < 0 || rank < work->level || !json)
        return;
    char *line = one_line(json);
    text_add_constant(&text,
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":");
    text_add_quoted(&text, span_text(levels[rank]));
    text_add_constant(&text, ",\"logger\":\"sluice\",\"data\":");
    if (line)
        text_add_constant(&text, line);
    else /* no JSON: the words themselves */
        text_add_quoted(&text, span_text(json));
    text_add_constant(&text, "}}");
    notify(work, &text);
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
    notify(work, &text);
}

static int tell_can(struct sluice_call *call, const char *ability) {
    static const char *const names[] = {"sampling", "elicitation", "roots"}; /* in the order of the bits */
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(names[i], ability) == 0)
            return (view_of(call)->work->can >> i & 1) != 0;
    return 0;
}

static void again(struct sluice_call *call, const char *key, const char *method, const char *params) {
    struct rpc_work *work = view_of(call)->work;
    json_t *loaded = params ? json_loads(params, 0, NULL) : json_object();
    if (!json_is_object(loaded)) {
        json_decref(loaded);
        say_error(call, MESSAGE_INTERNAL_ERROR, "what the handler asks is no JSON object");
        return;
    }
    if (!work->asks)
        work->asks = json_object();
    if (json_object_set_new(work->asks, key, json_pack("{s:s, s:o}", "method", method, "params", loaded)) !=
        0)
        say_error(call, MESSAGE_INTERNAL_ERROR,
                  "what the handler asks is not UTF-8, or there is no memory for it");
}

/* A value as text, malloc'ed; NULL without memory, where json_dumps() may leave out keys. */
static char *print(const json_t *value) {
    char *text;
    size_t n;
    FILE *out = memory_file_open(&text, &n);
    bool good = out && json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0;
    if (out && fclose(out) == 0 && good)
        return text;
    free(text);
    return NULL;
}

static const char *ask(struct sluice_call *call, const char *key, const char *method, const char *params) {
    struct call_view *view = view_of(call);
    const json_t *answer = json_object_get(view->work->answers, key);
    if (!answer) {
        again(call, key, method, params);
        return NULL;
    }
    if (!json_object_get(view->answers, key)) {
        char *text = print(answer);
        json_object_set_new(view->answers, key, json_string(text));
        free(text);
    }
    return json_string_value(json_object_get(view->answers, key));
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

void offer_call(const struct sluice_offer *offer, struct rpc_work *work, json_t *params) {
    bool object = offer->kinds & (SLUICE_RESOURCE | SLUICE_TEMPLATE | SLUICE_PROMPT | SLUICE_CONTENT);
    struct call_view view = {.call = {&api}, .work = work, .object = object, .answers = json_object()};
    char *text = print(params);
    if (text)
        offer->handler(&view.call, text, offer->user);
    if (!work->text && !work->code && !work->asks)
        say_error(&view.call, MESSAGE_INTERNAL_ERROR, text ? "the handler said nothing" : "no memory");
    json_decref(view.answers);
    free(text);
}
