/* The tools, resources and prompts that the MCP conformance suite expects by name (its SERVER_REQUIREMENTS.md), on the
 * public interface for modules.
 *
 *     modules = { "everything.so" }        then: conformance server --url http://127.0.0.1:PORT/mcp */
#include <sluice/rpc.h>

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

SLUICE_MODULE;

/* A red pixel, and an empty WAV. */
#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
#define WAV "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA="

#define TEXT(text)  "{\"type\":\"text\",\"text\":\"" text "\"}"
#define IMAGE       "{\"type\":\"image\",\"data\":\"" PNG "\",\"mimeType\":\"image/png\"}"
#define CONTENT(it) "{\"content\":[" it "]}"

static void nap(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* The answer is user, as it stands. */
static void constant(struct sluice_call *call, const char *params, void *user) {
    (void)params;
    sluice_call_result(call, user);
}

static void reply_text(struct sluice_call *call, const char *words) {
    json_t *result = json_pack("{s:[{s:s, s:s}]}", "content", "type", "text", "text", words);
    char *text = json_dumps(result, JSON_COMPACT);
    sluice_call_result(call, text);
    free(text);
    json_decref(result);
}

static void logging(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    sluice_call_log(call, "info", "\"Tool execution started\"");
    nap(50);
    sluice_call_log(call, "info", "\"Tool processing data\"");
    nap(50);
    sluice_call_log(call, "info", "\"Tool execution completed\"");
    reply_text(call, "Tool with logging executed");
}

static void progress(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    for (int i = 0; i <= 100; i += 50) {
        sluice_call_progress(call, i, 100, NULL);
        nap(50);
    }
    reply_text(call, "Tool with progress executed");
}

/* SEP-1699: the stream ends before the answer, which the client comes back for. */
static void reconnection(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    sluice_call_pause(call);
    nap(100);
    reply_text(call, "Reconnection test completed successfully");
}

static void fails(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    sluice_call_error(call, -32603, "This tool intentionally returns an error for testing");
}

/* ---- questions to the client ---------------------------------------------------------------------- */

/* Asks and answers with what came, behind a word. */
static void ask_and_tell(struct sluice_call *call, const char *key, const char *method, json_t *asked,
                         const char *before) {
    char *text = json_dumps(asked, JSON_COMPACT);
    const char *answer = sluice_call_ask(call, key, method, text);
    free(text);
    json_decref(asked);
    if (!answer)
        return;
    json_t *got = json_loads(answer, 0, NULL);
    const char *words = json_string_value(json_object_get(json_object_get(got, "content"), "text"));
    char line[2048];
    snprintf(line, sizeof(line), "%s%s", before, words ? words : answer);
    reply_text(call, line);
    json_decref(got);
}

static json_t *sampling_request(const char *prompt) {
    return json_pack("{s:[{s:s, s:{s:s, s:s}}], s:i}", "messages", "role", "user", "content", "type", "text",
                     "text", prompt, "maxTokens", 100);
}

static void sampling(struct sluice_call *call, const char *params, void *user) {
    json_t *given = json_loads(params, 0, NULL);
    (void)user;
    ask_and_tell(call, "sample", "sampling/createMessage",
                 sampling_request(json_string_value(json_object_get(given, "prompt"))), "LLM response: ");
    json_decref(given);
}

static void elicitation(struct sluice_call *call, const char *params, void *user) {
    json_t *given = json_loads(params, 0, NULL);
    (void)user;
    ask_and_tell(call, "elicit", "elicitation/create",
                 json_pack("{s:O, s:{s:s, s:{s:{s:s, s:s}}, s:[s]}}", "message",
                           json_object_get(given, "message"), "requestedSchema", "type", "object",
                           "properties", "response", "type", "string", "description", "User's response",
                           "required", "response"),
                 "User response: ");
    json_decref(given);
}

/* user: the parameters of elicitation/create. */
static void elicit_constant(struct sluice_call *call, const char *params, void *user) {
    (void)params;
    ask_and_tell(call, "elicit", "elicitation/create", json_loads(user, 0, NULL), "Elicitation completed: ");
}

static const char defaults[] =
    "{\"message\":\"Please review and update the form fields with "
    "defaults\",\"requestedSchema\":{\"type\":\"object\","
    "\"properties\":{\"name\":{\"type\":\"string\",\"description\":\"User name\",\"default\":\"John Doe\"},"
    "\"age\":{\"type\":\"integer\",\"description\":\"User age\",\"default\":30},"
    "\"score\":{\"type\":\"number\",\"description\":\"User score\",\"default\":95.5},"
    "\"status\":{\"type\":\"string\",\"description\":\"User "
    "status\",\"enum\":[\"active\",\"inactive\",\"pending\"],"
    "\"default\":\"active\"},"
    "\"verified\":{\"type\":\"boolean\",\"description\":\"Verification "
    "status\",\"default\":true}},\"required\":[]}}";

#define TITLED(n) "{\"const\":\"value" n "\",\"title\":\""
static const char enums[] =
    "{\"message\":\"Please select options from the enum fields\",\"requestedSchema\":{\"type\":\"object\","
    "\"properties\":{"
    "\"untitledSingle\":{\"type\":\"string\",\"enum\":[\"option1\",\"option2\",\"option3\"]},"
    "\"titledSingle\":{\"type\":\"string\",\"oneOf\":[" TITLED("1") "First Option\"}," TITLED(
        "2") "Second Option\"}," TITLED("3") "Third Option\"}]},"
                                             "\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\","
                                             "\"opt2\",\"opt3\"],"
                                             "\"enumNames\":[\"Option One\",\"Option Two\",\"Option "
                                             "Three\"]},"
                                             "\"untitledMulti\":{\"type\":\"array\",\"items\":{\"type\":"
                                             "\"string\",\"enum\":[\"option1\",\"option2\","
                                             "\"option3\"]}},"
                                             "\"titledMulti\":{\"type\":\"array\",\"items\":{\"anyOf\":"
                                             "[" TITLED("1") "First Choice\"}," TITLED(
                                                 "2") "Second Choice\"}," TITLED("3") "Third "
                                                                                      "Choice\"}]}}},"
                                                                                      "\"required\":[]}}";

/* ---- questions in rounds (2026-07-28) -------------------------------------------------------------- */

#define FORM(message, field, kind)                                                                           \
    "{\"mode\":\"form\",\"message\":\"" message                                                              \
    "\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"" field "\":{\"type\":\"" kind            \
    "\"}},\"required\":[\"" field "\"]}}"
#define SAMPLE(prompt, tokens)                                                                               \
    "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":\"" prompt                    \
    "\"}}],\"maxTokens\":" tokens "}"

/* The text at content.field of an answer; NULL: it is none. To be freed. */
static char *content_text(const char *answer, const char *field) {
    json_t *got = json_loads(answer, 0, NULL);
    const char *words = json_string_value(json_object_get(json_object_get(got, "content"), field));
    char *copy = words ? strdup(words) : NULL;
    json_decref(got);
    return copy;
}

/* An answer that is none is as good as no answer: it is asked for again, by another key. */
static void greet_by_name(struct sluice_call *call, const char *params, void *user) {
    static const char form[] = FORM("What is your name?", "name", "string");
    (void)params, (void)user;
    const char *answer = sluice_call_ask(call, "user_name", "elicitation/create", form);
    char *name = answer ? content_text(answer, "name") : NULL;
    char line[300];
    if (answer && !name)
        sluice_call_again(call, "user_name", "elicitation/create", form);
    if (!name)
        return;
    snprintf(line, sizeof(line), "Hello, %.200s!", name);
    reply_text(call, line);
    free(name);
}

static void capital(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    const char *answer = sluice_call_ask(call, "capital_question", "sampling/createMessage",
                                         SAMPLE("What is the capital of France?", "100"));
    char *words = answer ? content_text(answer, "text") : NULL;
    if (answer)
        reply_text(call, words ? words : answer);
    free(words);
}

static void roots(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    const char *answer = sluice_call_ask(call, "client_roots", "roots/list", "{}");
    if (answer)
        reply_text(call, answer);
}

static void confirm(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    if (sluice_call_ask(call, "confirm", "elicitation/create", FORM("Please confirm", "ok", "boolean")))
        reply_text(call, "state-ok");
}

static void three_inputs(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    const char *name = sluice_call_ask(call, "user_name", "elicitation/create",
                                       FORM("What is your name?", "name", "string"));
    const char *greeting =
        sluice_call_ask(call, "greeting", "sampling/createMessage", SAMPLE("Generate a greeting", "50"));
    const char *list = sluice_call_ask(call, "client_roots", "roots/list", "{}");
    if (name && greeting && list)
        reply_text(call, "all inputs are there");
}

static void two_rounds(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    const char *name = sluice_call_ask(call, "step1", "elicitation/create",
                                       FORM("Step 1: What is your name?", "name", "string"));
    const char *color =
        !name ? NULL
              : sluice_call_ask(call, "step2", "elicitation/create",
                                FORM("Step 2: What is your favorite color?", "color", "string"));
    if (color)
        reply_text(call, "both steps are done");
}

static void what_it_can(struct sluice_call *call, const char *params, void *user) {
    (void)params, (void)user;
    const char *answer = NULL;
    if (sluice_call_can(call, "sampling"))
        answer = sluice_call_ask(call, "sample", "sampling/createMessage", SAMPLE("Hello?", "50"));
    if (sluice_call_can(call, "elicitation"))
        answer = sluice_call_ask(call, "elicit", "elicitation/create", FORM("Hello?", "word", "string"));
    if (answer)
        reply_text(call, answer);
}

static void prompt_input(struct sluice_call *call, const char *params, void *user) {
    (void)params;
    if (sluice_call_ask(call, "user_context", "elicitation/create",
                        FORM("What context should the prompt use?", "context", "string")))
        sluice_call_result(call, user);
}

/* ---- resources and prompts ------------------------------------------------------------------------ */

static void template(struct sluice_call *call, const char *params, void *user) {
    json_t *given = json_loads(params, 0, NULL);
    const char *id = json_string_value(json_object_get(given, "id"));
    (void)user;
    json_t *data = json_pack("{s:s, s:b, s:s+}", "id", id, "templateTest", 1, "data", "Data for ID: ", id);
    char *inner = json_dumps(data, JSON_COMPACT);
    json_t *result = json_pack("{s:[{s:O, s:s, s:s}]}", "contents", "uri", json_object_get(given, "uri"),
                               "mimeType", "application/json", "text", inner);
    char *text = json_dumps(result, JSON_COMPACT);
    sluice_call_result(call, text);
    free(text);
    free(inner);
    json_decref(result);
    json_decref(data);
    json_decref(given);
}

static void prompt_arguments(struct sluice_call *call, const char *params, void *user) {
    json_t *given = json_loads(params, 0, NULL);
    (void)user;
    const char *one = json_string_value(json_object_get(given, "arg1"));
    const char *two = json_string_value(json_object_get(given, "arg2"));
    char words[512];
    snprintf(words, sizeof(words), "Prompt with arguments: arg1='%s', arg2='%s'", one ? one : "",
             two ? two : "");
    json_t *result = json_pack("{s:[{s:s, s:{s:s, s:s}}]}", "messages", "role", "user", "content", "type",
                               "text", "text", words);
    char *text = json_dumps(result, JSON_COMPACT);
    sluice_call_result(call, text);
    free(text);
    json_decref(result);
    json_decref(given);
}

static void prompt_resource(struct sluice_call *call, const char *params, void *user) {
    json_t *given = json_loads(params, 0, NULL);
    (void)user;
    json_t *result =
        json_pack("{s:[{s:s, s:{s:s, s:{s:O, s:s, s:s}}}, {s:s, s:{s:s, s:s}}]}", "messages", "role", "user",
                  "content", "type", "resource", "resource", "uri", json_object_get(given, "resourceUri"),
                  "mimeType", "text/plain", "text", "Embedded resource content for testing.", "role", "user",
                  "content", "type", "text", "text", "Please process the embedded resource above.");
    char *text = json_dumps(result, JSON_COMPACT);
    sluice_call_result(call, text);
    free(text);
    json_decref(result);
    json_decref(given);
}

/* ---- the list ------------------------------------------------------------------------------------- */

#define NO_PARAMS "{\"type\":\"object\",\"properties\":{}}"
#define ONE_TEXT(name)                                                                                       \
    "{\"type\":\"object\",\"properties\":{\"" name "\":{\"type\":\"string\"}},\"required\":[\"" name "\"]}"
#define TOOL(tool_name, words, parameters, function, argument)                                               \
    {                                                                                                        \
        .name = tool_name, .help = words, .schema = parameters, .kinds = SLUICE_TOOL | SLUICE_CONTENT,       \
        .handler = function, .user = (void *)(uintptr_t)(argument)                                           \
    }
#define RESOURCE(kind, address, words, mime, function, argument)                                             \
    {                                                                                                        \
        .name = address, .title = words, .help = words " for testing", .type = mime, .kinds = kind,          \
        .handler = function, .user = (void *)(uintptr_t)(argument)                                           \
    }
#define CONTENTS(address, mime, what)                                                                        \
    "{\"contents\":[{\"uri\":\"" address "\",\"mimeType\":\"" mime "\"," what "}]}"
#define MESSAGE(content) "{\"role\":\"user\",\"content\":" content "}"
#define PROMPT(prompt_name, words, arguments, function, argument)                                            \
    {                                                                                                        \
        .name = prompt_name, .help = words, .schema = arguments, .kinds = SLUICE_PROMPT,                     \
        .handler = function, .user = (void *)(uintptr_t)(argument)                                           \
    }

static const struct sluice_offer offers[] = {
    TOOL("test_simple_text", "Answers with text", NO_PARAMS, constant,
         CONTENT(TEXT("This is a simple text response for testing."))),
    TOOL("test_image_content", "Answers with an image", NO_PARAMS, constant, CONTENT(IMAGE)),
    TOOL("test_audio_content", "Answers with audio", NO_PARAMS, constant,
         CONTENT("{\"type\":\"audio\",\"data\":\"" WAV "\",\"mimeType\":\"audio/wav\"}")),
    TOOL("test_embedded_resource", "Answers with a resource", NO_PARAMS, constant,
         CONTENT("{\"type\":\"resource\",\"resource\":{\"uri\":\"test://"
                 "embedded-resource\",\"mimeType\":\"text/plain\","
                 "\"text\":\"This is an embedded resource content.\"}}")),
    TOOL("test_multiple_content_types", "Answers with several contents", NO_PARAMS, constant,
         CONTENT(TEXT("Multiple content types test:") "," IMAGE
                                                      ",{\"type\":\"resource\",\"resource\":{\"uri\":\"test:/"
                                                      "/mixed-content-resource\",\"mimeType\":"
                                                      "\"application/"
                                                      "json\",\"text\":\"{\\\"test\\\":\\\"data\\\","
                                                      "\\\"value\\\":123}\"}}")),
    TOOL("test_tool_with_logging", "Logs while it runs", NO_PARAMS, logging, NULL),
    TOOL("test_reconnection", "Ends its stream and answers a little later", NO_PARAMS, reconnection, NULL),
    TOOL("test_tool_with_progress", "Tells its progress", NO_PARAMS, progress, NULL),
    TOOL("test_error_handling", "Always fails", NO_PARAMS, fails, NULL),
    TOOL("test_sampling", "Has the client sample", ONE_TEXT("prompt"), sampling, NULL),
    TOOL("test_elicitation", "Asks the user", ONE_TEXT("message"), elicitation, NULL),
    TOOL("test_elicitation_sep1034_defaults", "Asks the user, with defaults", NO_PARAMS, elicit_constant,
         defaults),
    TOOL("test_elicitation_sep1330_enums", "Asks the user, with choices", NO_PARAMS, elicit_constant, enums),
    TOOL("test_missing_capability", "Needs a client that samples", NO_PARAMS, capital, NULL),
    TOOL("test_streaming_elicitation", "Asks the user", NO_PARAMS, confirm, NULL),
    TOOL("test_logging_tool", "Logs while it runs", NO_PARAMS, logging, NULL),
    TOOL("test_input_required_result_elicitation", "Asks for a name", NO_PARAMS, greet_by_name, NULL),
    TOOL("test_input_required_result_sampling", "Has the client sample", NO_PARAMS, capital, NULL),
    TOOL("test_input_required_result_list_roots", "Asks for the roots", NO_PARAMS, roots, NULL),
    TOOL("test_input_required_result_request_state", "Asks for a confirmation", NO_PARAMS, confirm, NULL),
    TOOL("test_input_required_result_multiple_inputs", "Asks for three things", NO_PARAMS, three_inputs,
         NULL),
    TOOL("test_input_required_result_multi_round", "Asks twice", NO_PARAMS, two_rounds, NULL),
    TOOL("test_input_required_result_tampered_state", "Asks for a confirmation", NO_PARAMS, confirm, NULL),
    TOOL("test_input_required_result_capabilities", "Asks for what the client can", NO_PARAMS, what_it_can,
         NULL),
    TOOL("test_custom_headers", "Has arguments that are mirrored by headers",
         "{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
         "\"priority\":{\"type\":\"integer\",\"x-mcp-header\":\"Priority\"},"
         "\"verbose\":{\"type\":\"boolean\",\"x-mcp-header\":\"Verbose\"},\"query\":{\"type\":\"string\"}}}",
         constant, CONTENT(TEXT("headers match"))),
    TOOL("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features",
         "{\"$schema\":\"https://json-schema.org/draft/2020-12/"
         "schema\",\"type\":\"object\",\"$defs\":{\"address\":{"
         "\"$anchor\":\"addressDef\",\"type\":\"object\",\"properties\":{\"street\":{\"type\":\"string\"},"
         "\"city\":{\"type\":\"string\"}}}},"
         "\"properties\":{\"name\":{\"type\":\"string\"},\"address\":{\"$ref\":\"#/$defs/address\"},"
         "\"contactMethod\":{\"type\":\"string\",\"enum\":[\"phone\",\"email\"]},\"phone\":{\"type\":"
         "\"string\"},"
         "\"email\":{\"type\":\"string\"}},\"allOf\":[{\"anyOf\":[{\"required\":[\"phone\"]},{\"required\":["
         "\"email\"]}]}],\"if\":{\"properties\":{\"contactMethod\":{\"const\":\"phone\"}},\"required\":["
         "\"contactMethod\"]},\"then\":{\"required\":[\"phone\"]},\"else\":{\"required\":[\"email\"]},"
         "\"additionalProperties\":false}",
         constant, CONTENT(TEXT("JSON Schema 2020-12"))),
    RESOURCE(SLUICE_RESOURCE, "test://static-text", "Static Text Resource", "text/plain", constant,
             CONTENTS("test://static-text", "text/plain",
                      "\"text\":\"This is the content of the static text resource.\"")),
    RESOURCE(SLUICE_RESOURCE, "test://static-binary", "Static Binary Resource", "image/png", constant,
             CONTENTS("test://static-binary", "image/png", "\"blob\":\"" PNG "\"")),
    RESOURCE(SLUICE_RESOURCE, "test://watched-resource", "Watched Resource", "text/plain", constant,
             CONTENTS("test://watched-resource", "text/plain", "\"text\":\"Watched resource content\"")),
    RESOURCE(SLUICE_TEMPLATE, "test://template/{id}/data", "Resource Template", "application/json", template,
             NULL),
    PROMPT("test_simple_prompt", "A prompt without arguments", NULL, constant,
           "{\"messages\":[" MESSAGE(TEXT("This is a simple prompt for testing.")) "]}"),
    PROMPT("test_prompt_with_arguments", "A prompt with required arguments",
           "[{\"name\":\"arg1\",\"description\":\"First test argument\",\"required\":true},"
           "{\"name\":\"arg2\",\"description\":\"Second test argument\",\"required\":true}]",
           prompt_arguments, NULL),
    PROMPT("test_prompt_with_embedded_resource", "A prompt with a resource",
           "[{\"name\":\"resourceUri\",\"description\":\"URI of the resource\",\"required\":true}]",
           prompt_resource, NULL),
    PROMPT("test_input_required_result_prompt", "A prompt that asks the user", NULL, prompt_input,
           "{\"messages\":[" MESSAGE(TEXT("The context is known.")) "]}"),
    PROMPT("test_prompt_with_image", "A prompt with an image", NULL, constant,
           "{\"messages\":[" MESSAGE(IMAGE) "," MESSAGE(TEXT("Please analyze the image above.")) "]}"),
};

int sluice_module_init(struct sluice_module *module) {
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
        if (sluice_module_offer(module, &offers[i]) != 0)
            return -1;
    return 0;
}
