#include "proto/http1_framing.h"

/* The fields that matter here, as found in one pass. */
struct facts {
    uint64_t length;
    bool has_length;
    unsigned codings; /* members of Transfer-Encoding */
    unsigned chunked; /* of these, how many are chunked */
    bool chunked_last;
    bool close, keep_alive, upgrade_option; /* Connection */
    bool upgrade;                           /* Upgrade */
    bool expect_continue, expect_other;     /* Expect */
};

static bool named(struct span name, const char *lower, size_t n) {
    return span_equal_nocase(name, span_of(lower, n));
}

#define NAMED(span, lower) named(span, lower, sizeof(lower) - 1)

/* RFC 9112, 6.3: a list or a repetition, even of equal numbers, is refused. */
static const char *take_length(struct facts *facts, struct span value) {
    if (facts->has_length)
        return "Content-Length given twice";
    facts->has_length = true;
    return span_number(value, INT64_MAX, &facts->length) == 0 ? NULL : "Content-Length is not a number";
}

static const char *take_codings(struct facts *facts, struct span value) {
    for (struct span coding; http1_list_next(&value, &coding);) {
        if (coding.n == 0)
            return "an empty member in Transfer-Encoding";
        facts->chunked_last = NAMED(coding, "chunked");
        facts->chunked += facts->chunked_last;
        facts->codings++;
    }
    return NULL;
}

static void take_connection(struct facts *facts, struct span value) {
    for (struct span option; http1_list_next(&value, &option);) {
        facts->close |= NAMED(option, "close");
        facts->keep_alive |= NAMED(option, "keep-alive");
        facts->upgrade_option |= NAMED(option, "upgrade");
    }
}

static void take_expect(struct facts *facts, struct span value) {
    for (struct span member; http1_list_next(&value, &member);) {
        bool known = NAMED(member, "100-continue");
        facts->expect_continue |= known;
        facts->expect_other |= !known && member.n > 0;
    }
}

/* Returns the fault or NULL. */
static const char *facts_of(const struct http1_fields *fields, struct facts *facts) {
    const char *fault = NULL;
    *facts = (struct facts){0};
    for (unsigned i = 0; i < fields->n && !fault; i++) {
        struct span name = fields->list[i].name, value = fields->list[i].value;
        switch (name.n) { /* most fields are none of these, and their length tells */
        case sizeof("Expect") - 1:
            if (NAMED(name, "expect"))
                take_expect(facts, value);
            break;
        case sizeof("Upgrade") - 1:
            facts->upgrade |= NAMED(name, "upgrade");
            break;
        case sizeof("Connection") - 1:
            if (NAMED(name, "connection"))
                take_connection(facts, value);
            break;
        case sizeof("Content-Length") - 1:
            if (NAMED(name, "content-length"))
                fault = take_length(facts, value);
            break;
        case sizeof("Transfer-Encoding") - 1:
            if (NAMED(name, "transfer-encoding"))
                fault = take_codings(facts, value);
            break;
        }
    }
    return fault;
}

/* RFC 9112, 6.1 and 6.3, rules 3 and 4; the same for requests and responses. */
static struct http1_verdict coding_verdict(const struct facts *facts, unsigned minor) {
    if (facts->codings == 0)
        return http1_frame(0);
    if (minor == 0)
        return http1_bad(400, "Transfer-Encoding in HTTP/1.0");
    if (facts->has_length)
        return http1_bad(400, "both Content-Length and Transfer-Encoding");
    if (!facts->chunked_last)
        return http1_bad(400, "the last transfer coding is not chunked");
    if (facts->chunked > 1)
        return http1_bad(400, "chunked more than once");
    if (facts->codings > 1)
        return http1_bad(501, "an unknown transfer coding");
    return http1_frame(0);
}

static struct http1_framing framing_of(const struct facts *facts, unsigned minor) {
    bool length = facts->has_length && facts->length > 0;
    return (struct http1_framing){
        .body = facts->codings ? HTTP1_BODY_CHUNKED
                : length       ? HTTP1_BODY_LENGTH
                               : HTTP1_BODY_NONE,
        .length = facts->length,
        .keep_alive = !facts->close && (minor > 0 || facts->keep_alive),
        .upgrade = minor > 0 && facts->upgrade && facts->upgrade_option, /* RFC 9110, 7.8 */
    };
}

struct http1_verdict http1_framing_request(const struct http1_fields *fields, unsigned minor,
                                           struct http1_framing *out) {
    struct facts facts;
    const char *fault = facts_of(fields, &facts);
    if (fault)
        return http1_bad(400, fault);
    struct http1_verdict verdict = coding_verdict(&facts, minor);
    if (verdict.kind == VERDICT_BAD)
        return verdict;
    *out = framing_of(&facts, minor);
    if (minor > 0) { /* RFC 9110, 10.1.1: ignored in HTTP/1.0 */
        if (facts.expect_other)
            return http1_bad(417, "an unknown expectation");
        out->expect_continue = facts.expect_continue && out->body != HTTP1_BODY_NONE;
    }
    return verdict;
}

/* RFC 9112, 6.3, rules 1 and 2 and the last: what the status alone decides. */
static const char *response_body(const struct facts *facts, int status, enum http1_method method,
                                 bool upgrade_asked, struct http1_framing *out) {
    bool announced = facts->codings || facts->length > 0, never = status < 200 || status == 204;
    if (announced && status < 200)
        return "a body announced where there cannot be one"; /* RFC 9110, 8.6; RFC 9112, 6.1 */
    if (status == 101) {
        if (!upgrade_asked || !out->upgrade)
            return "101 without an agreed upgrade"; /* RFC 9110, 7.8 and 15.2.2 */
        out->body = HTTP1_BODY_TUNNEL;
    } else if (method == HTTP1_CONNECT && status >= 200 && status < 300) {
        out->body = HTTP1_BODY_TUNNEL;
    } else if (never || method == HTTP1_HEAD || status == 304) {
        out->body = HTTP1_BODY_NONE;
    } else if (!facts->codings && !facts->has_length) {
        out->body = HTTP1_BODY_CLOSE;
    }
    if (out->body == HTTP1_BODY_TUNNEL || out->body == HTTP1_BODY_CLOSE)
        out->keep_alive = false;
    if (announced && never) /* of applications that say so and send none; should it come, it answers nobody */
        out->keep_alive = false;
    return NULL;
}

struct http1_verdict http1_framing_response(const struct http1_fields *fields, unsigned minor, int status,
                                            enum http1_method method, bool upgrade_asked,
                                            struct http1_framing *out) {
    struct facts facts;
    const char *fault = facts_of(fields, &facts);
    if (fault)
        return http1_bad(502, fault);
    struct http1_verdict verdict = coding_verdict(&facts, minor);
    if (verdict.kind == VERDICT_BAD)
        return http1_bad(502, verdict.reason);
    *out = framing_of(&facts, minor);
    fault = response_body(&facts, status, method, upgrade_asked, out);
    return fault ? http1_bad(502, fault) : verdict;
}
