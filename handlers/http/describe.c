#include "handlers/http/describe.h"

#include "proto/memory_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static void put_text(FILE *out, struct sluice_request *request, const char *text) {
    const char *quoted = sluice_json_quote(request, text);
    fputs(quoted ? quoted : "null", out);
}

static void put_member(FILE *out, struct sluice_request *request, const char *name, const char *text) {
    fprintf(out, "\"%s\":", name);
    put_text(out, request, text);
    fputc(',', out);
}

typedef int next_pair(struct sluice_request *request, size_t *at, const char **name, const char **value);

/* "name":[["a","1"],["b","2"]], */
static void put_pairs(FILE *out, struct sluice_request *request, const char *member, next_pair *next) {
    const char *name, *value;
    size_t at = 0;
    fprintf(out, "\"%s\":[", member);
    for (bool first = true; next(request, &at, &name, &value); first = false) {
        fputs(first ? "[" : ",[", out);
        put_text(out, request, name);
        fputc(',', out);
        put_text(out, request, value);
        fputc(']', out);
    }
    fputs("],", out);
}

void describe_request(struct sluice_request *request) {
    char *text = NULL;
    size_t size = 0, body_size;
    FILE *out = memory_file_open(&text, &size);
    if (!out) {
        sluice_reply_error(request, 503, "no memory for the reply; try again");
        return;
    }
    sluice_body(request, &body_size);
    fputc('{', out);
    put_member(out, request, "method", sluice_method(request));
    put_member(out, request, "target", sluice_target(request));
    put_member(out, request, "path", sluice_path(request));
    fprintf(out, "\"version\":\"HTTP/1.%d\",", sluice_minor_version(request));
    put_pairs(out, request, "query", sluice_next_query);
    put_pairs(out, request, "headers", sluice_next_header);
    fprintf(out, "\"body_length\":%zu,", body_size);
    put_member(out, request, "peer", sluice_peer(request));
    fputs("\"request_id\":", out);
    put_text(out, request, sluice_request_id(request));
    fputs("}\n", out);
    if (fclose(out) == 0)
        sluice_reply_owned(request, "application/json", text, size);
    else
        sluice_reply_error(request, 503, "no memory for the reply; try again");
}
