/* stats and conns: the server's JSON documents as they are, or as tables.
 *
 *     {"group": {"counter": number, "histogram": {"count": ..., "p50": ...}}}     stats
 *     [{"peer": ..., "protocol": ...}, ...]                                       conns
 *
 * The tables are made from whatever names the documents have: a new counter needs nothing here. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"
#include "tools/sluice/rows.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define STATS_OPTIONS "  -j, --json             print the server's document as it is, for scripts\n\n"

const char command_stats_help[] =
    STATS_OPTIONS "Example:\n"
                  "  sluice -s unix:/run/sluice.sock stats --json | jq .reactor.requests\n";

const char command_conns_help[] = STATS_OPTIONS "Example:\n"
                                                "  sluice -s unix:/run/sluice.sock conns\n";

/* A group's members that are no objects: NAME VALUE. */
static bool print_counters(json_t *group) {
    struct table table;
    const char *name;
    json_t *value;
    table_init(&table, 2);
    json_object_foreach (group, name, value) {
        if (json_is_object(value))
            continue;
        table_add(&table, name);
        rows_add_value(&table, value, true);
    }
    return table_print(&table, "  ");
}

static json_t *first_object(json_t *group) {
    const char *name;
    json_t *value;
    json_object_foreach (group, name, value) {
        if (json_is_object(value))
            return value;
    }
    return NULL;
}

/* A group's members that are objects: NAME and a column for each member of the first one. */
static bool print_histograms(json_t *group) {
    struct table table;
    const char *name;
    json_t *value, *columns = first_object(group);
    if (!columns)
        return true;
    table_init(&table, json_object_size(columns) + 1);
    table_add(&table, "");
    rows_add_heading(&table, columns);
    json_object_foreach (group, name, value) {
        if (!json_is_object(value))
            continue;
        table_add(&table, name);
        rows_add(&table, columns, value, true);
    }
    return table_print(&table, "  ");
}

static bool print_stats(json_t *document) {
    const char *name;
    json_t *group;
    bool good = true;
    json_object_foreach (document, name, group) {
        printf("%s\n", name);
        good = good && print_counters(group) && print_histograms(group);
    }
    return good;
}

static int print_document(struct call *call, const char *text, bool json, bool (*print)(json_t *document)) {
    json_error_t error;
    if (json)
        return puts(text) < 0 ? CALL_REFUSED : CALL_OK;
    json_t *document = json_loads(text, 0, &error);
    if (!document)
        return call_error(call, "the server's answer is not JSON: %s", error.text);
    bool good = print(document);
    json_decref(document);
    return good ? CALL_OK : call_error(call, "out of memory");
}

static int show(struct call *call, int argc, char **argv, const char *what, bool (*print)(json_t *document)) {
    bool json;
    char *text;
    int code = call_json(call, argc, argv, 0, 0, &json);
    if (code == CALL_GO_ON)
        code = call_connect(call);
    if (code != CALL_GO_ON)
        return code;
    int result = sluice_stats(call->client, what, &text);
    if (result != 0)
        return call_failed(call, result, call->address);
    code = print_document(call, text, json, print);
    free(text);
    return code;
}

int command_stats_run(struct call *call, int argc, char **argv) {
    return show(call, argc, argv, "", print_stats);
}

int command_conns_run(struct call *call, int argc, char **argv) {
    return show(call, argc, argv, "conns", rows_print);
}
