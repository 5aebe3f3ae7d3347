/* Lists: a page is received completely before the callback gets its keys, so the callback may take its time or stop. */
#include "tools/client/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct page {
    char *text; /* owned: keys, a newline after each */
    size_t n;
    uint64_t entries;
    bool more;
};

static int fetch_page(struct sluice *client, const struct object_list_request *request, struct page *page) {
    char payload[16 + OBJECT_KEY_MAX + 1 + OBJECT_KEY_MAX];
    struct client_reply reply;
    int result = client_begin(client);
    if (result == 0 && (request->prefix.n > OBJECT_KEY_MAX || request->after.n > OBJECT_KEY_MAX))
        result = link_note(&client->link, SLUICE_BAD_REQUEST, "BAD_REQUEST: a key has at most %d bytes",
                           OBJECT_KEY_MAX);
    if (result == 0)
        result = client_send(client, OBJECT_OP_LIST, 0, payload, object_list_encode(payload, request));
    if (result == 0)
        result = client_receive(client, OBJECT_OP_LIST, &reply);
    if (result != 0)
        return result;
    page->entries = reply.fields.size;
    page->more = reply.frame.flags & OBJECT_MORE;
    return client_text(client, &reply, &page->text, &page->n);
}

/* Makes strings of the lines. False if these are no keys, or not as many as promised. */
static bool split_page(struct page *page) {
    uint64_t entries = 0;
    for (char *key = page->text, *end = page->text + page->n; key < end; entries++) {
        char *newline = memchr(key, '\n', (size_t)(end - key));
        if (!newline || object_key_check(span_of(key, (size_t)(newline - key))) != NULL)
            return false;
        *newline = '\0';
        key = newline + 1;
    }
    return entries == page->entries && (entries > 0 || !page->more);
}

/* One page; last becomes its last key. *ended: the callback wants no more. */
static int list_page(struct sluice *client, const struct object_list_request *request, sluice_key each,
                     void *context, char *last, bool *more, bool *ended) {
    struct page page = {0};
    int result = fetch_page(client, request, &page);
    if (result == 0 && !split_page(&page))
        result = link_fail(&client->link, -EPROTO, "protocol error: a list that does not add up");
    *more = page.more;
    *ended = false;
    for (size_t at = 0; result == 0 && at < page.n && !*ended;) {
        const char *key = page.text + at;
        size_t n = strlen(key);
        at += n + 1;
        if (at == page.n)
            memcpy(last, key, n + 1);
        *ended = each(context, key) != 0;
    }
    free(page.text);
    return result;
}

int sluice_list_page(struct sluice *client, const char *prefix, const char *after, unsigned limit,
                     sluice_key each, void *context, int *more) {
    struct object_list_request request = {
        .limit = limit, .prefix = span_text(prefix), .after = span_text(after)};
    char last[OBJECT_KEY_MAX + 1];
    bool further, ended;
    int result = list_page(client, &request, each, context, last, &further, &ended);
    *more = result == 0 && further;
    return result;
}

int sluice_list(struct sluice *client, const char *prefix, sluice_key each, void *context) {
    struct object_list_request request = {.prefix = span_text(prefix)};
    char last[OBJECT_KEY_MAX + 1] = "";
    bool more = true, ended = false;
    int result = 0;
    while (result == 0 && more && !ended) {
        result = list_page(client, &request, each, context, last, &more, &ended);
        request.after = span_text(last);
    }
    return result;
}
