/* Object payloads: what is accepted keeps the rules of keys and survives the round trip.
 *
 *     input: what it is (1 byte), the payload
 */
#include "tests/fuzz/fuzz.h"

#include "proto/object.h"
#include "proto/utf8.h"

/* The rules of docs/protocol.md once more, said differently. */
static bool is_key(struct span key) {
    if (key.n < 1 || key.n > OBJECT_KEY_MAX)
        return false;
    for (size_t i = 0; i < key.n;) {
        int step = utf8_step(key.p + i, key.n - i);
        if (step < 1 || (unsigned char)key.p[i] < 0x20 || key.p[i] == 0x7f)
            return false;
        i += (size_t)step;
    }
    for (size_t start = 0; start <= key.n;) {
        const char *slash = start < key.n ? memchr(key.p + start, '/', key.n - start) : NULL;
        size_t end = slash ? (size_t)(slash - key.p) : key.n;
        struct span segment = span_of(key.p + start, end - start);
        if (segment.n == 0 || span_equal(segment, span_text(".")) || span_equal(segment, span_text("..")))
            return false;
        start = end + 1;
    }
    return true;
}

static void check_key(struct span key) {
    fuzz_check((object_key_check(key) == NULL) == is_key(key));
}

static void check_request(struct span payload) {
    struct object_request request;
    if (object_request_decode(payload, &request) != NULL)
        return;
    fuzz_check(is_key(request.key));
    char *again = malloc(16 + request.key.n);
    fuzz_check(object_request_encode(again, request.offset, request.count, request.key) == payload.n);
    fuzz_check(memcmp(again, payload.p, payload.n) == 0);
    free(again);
}

static void check_list(struct span payload) {
    struct object_list_request list;
    if (object_list_decode(payload, &list) != NULL)
        return;
    fuzz_check(list.limit >= 1 && list.limit <= OBJECT_LIST_MAX);
    fuzz_check(list.prefix.n <= OBJECT_KEY_MAX && !memchr(payload.p + 16, '\n', payload.n - 16));
    fuzz_check(list.after.n == 0 || is_key(list.after));
    char *again = malloc(17 + list.prefix.n + list.after.n);
    fuzz_check(object_list_encode(again, &list) == payload.n);
    fuzz_check(memcmp(again + 16, payload.p + 16, payload.n - 16) == 0);
    free(again);
}

/* A list can be asked for every beginning of a key, wherever it is cut. */
static void check_prefixes(struct span key) {
    struct object_list_request list;
    char *payload = malloc(16 + key.n);
    if (is_key(key)) {
        for (size_t n = 0; n <= key.n; n++) {
            object_list_encode(payload, &(struct object_list_request){.prefix = span_of(key.p, n)});
            fuzz_check(object_list_decode(span_of(payload, 16 + n), &list) == NULL);
            fuzz_check(span_equal(list.prefix, span_of(key.p, n)));
        }
    }
    free(payload);
}

static void check_fields(struct span payload) {
    struct object_fields fields;
    char again[OBJECT_FIELDS];
    if (payload.n < OBJECT_FIELDS)
        return;
    object_fields_decode(payload.p, &fields);
    object_fields_encode(again, &fields);
    fuzz_check(memcmp(again, payload.p, OBJECT_FIELDS) == 0);
    uint64_t count = fields.count;
    if (object_clip(fields.size, fields.offset, &count)) {
        fuzz_check(fields.offset <= fields.size && count <= fields.size - fields.offset);
        fuzz_check(count == fields.count || count == fields.size - fields.offset);
    } else {
        fuzz_check(fields.offset > fields.size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const checks[])(struct span payload) = {check_key, check_request, check_list,
                                                          check_prefixes, check_fields};
    if (size < 1)
        return 0;
    char *bytes = fuzz_copy(data + 1, size - 1);
    checks[data[0] % (sizeof(checks) / sizeof(checks[0]))](span_of(bytes, size - 1));
    free(bytes);
    return 0;
}
