/* sluice/json.h: JSON documents in handlers, by jansson. Modules that include it link with -ljansson. */
#ifndef SLUICE_HANDLERS_HTTP_SLUICE_JSON_H
#define SLUICE_HANDLERS_HTTP_SLUICE_JSON_H

#include "handlers/http/sluice_handler.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The request's body as a document, the caller's; NULL with the reason in error (may be NULL). */
static inline json_t *sluice_json_body(struct sluice_request *request, json_error_t *error) {
    size_t size;
    const char *body = (const char *)sluice_body(request, &size);
    return json_loadb(body, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, error);
}

/* Replies with a document, whose reference it takes. -1 without memory (also for NULL): the reply is 503
 * then. */
static inline int sluice_reply_document(struct sluice_request *request, json_t *document) {
    /* Not json_dumps(), which leaves out keys that find no memory. */
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t size = document ? json_dumpb(document, NULL, 0, flags) : 0;
    char *text = size ? (char *)malloc(size) : NULL;
    if (text && json_dumpb(document, text, size, flags) != size) {
        free(text);
        text = NULL;
    }
    json_decref(document);
    if (text)
        return sluice_reply_owned(request, "application/json", text, size);
    sluice_reply_error(request, 503, "no memory for the reply; try again");
    return -1;
}

#ifdef __cplusplus
}
#endif

#endif
