#include "handlers/http/metadata.h"

#include "handlers/http/http.h"
#include "handlers/http/sibling.h"
#include "proto/uri.h"
#include "reactor/loop.h"
#include "reactor/request.h"

/* From the name of the file; for a path that ends with a slash, of the index below it. */
static const char *content_type(const struct http *http, struct span path) {
    char room[OBJECT_KEY_MAX];
    const char *at = (const char *)memrchr(path.p, '/', path.n) + 1;
    struct span name = span_of(at, (size_t)(path.p + path.n - at));
    if (name.n > 0 && memchr(name.p, '%', name.n)) {
        ssize_t n = uri_decode(name, room, sizeof(room));
        name = span_of(room, n > 0 ? (size_t)n : 0);
    }
    bool directory = name.n == 0 || name.p[name.n - 1] == '/';
    return mime_type_of(&http->mime, directory ? span_text(http->settings.index) : name);
}

/* Does what "\"%016x\"" would, which would be a tenth of a small reply's instructions. */
static void print_etag(uint64_t version, char out[METADATA_ETAG]) {
    out[0] = out[17] = '"';
    out[18] = '\0';
    for (size_t i = 16; i > 0; i--, version >>= 4)
        out[i] = "0123456789abcdef"[version & 15];
}

/* RFC 9110, 8.8.2.1: not later than the reply. */
static time_t modified(const struct exchange *exchange, const struct object_fields *fields) {
    time_t now = loop_date(exchange->loop), mtime = (time_t)(fields->mtime_ns / 1000000000);
    return mtime < now ? mtime : now;
}

void metadata_make(struct metadata *metadata, const struct exchange *exchange,
                   const struct object_fields *fields) {
    const struct http *http = http_of(exchange->loop->http);
    metadata->type = content_type(http, exchange->path);
    metadata->coding = sibling_coding(exchange);
    metadata->varies = *http->settings.precompressed != '\0';
    print_etag(fields->version, metadata->etag);
    metadata->modified = modified(exchange, fields);
    http1_date(metadata->modified, metadata->last_modified);
}

void metadata_add_validators(struct http1_reply *reply, const struct metadata *metadata) {
    http1_reply_lines(reply, span_text("ETag: "));
    http1_reply_lines(reply, span_of(metadata->etag, METADATA_ETAG - 1));
    http1_reply_lines(reply, span_text("\r\nLast-Modified: "));
    http1_reply_lines(reply, span_of(metadata->last_modified, HTTP1_DATE_SIZE - 1));
    http1_reply_lines(reply, span_text("\r\n"));
    if (metadata->varies)
        http1_reply_field(reply, "Vary", span_text("Accept-Encoding"));
}

void metadata_begin_reply(struct http1_reply *reply, struct request *request, int status,
                          const struct metadata *metadata, const char *type) {
    http1_reply_begin(reply, request, status);
    http1_reply_field(reply, "Content-Type", span_text(type ? type : metadata->type));
    if (metadata->coding)
        http1_reply_field(reply, "Content-Encoding", span_text(metadata->coding));
    http1_reply_lines(reply, span_text("Accept-Ranges: bytes\r\n"));
    metadata_add_validators(reply, metadata);
}
