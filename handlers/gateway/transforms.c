#include "handlers/gateway/transforms.h"

#include "handlers/gateway/forward.h"
#include "offload/declare.h"
#include "proto/chars.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_token(struct span s) {
    return s.n > 0 && char_run(s.p, s.n, CHAR_TOKEN) == s.n;
}

/* NULL, or what is wrong with a word. */
static const char *parse(struct span word, struct transform *out) {
    const char *colon = memchr(word.p, ':', word.n);
    if (out->kind == TRANSFORM_REMOVE) {
        out->name = span_trim(word);
    } else {
        if (!colon)
            return "expected NAME: VALUE";
        size_t n = (size_t)(colon - word.p);
        out->name = span_trim(span_of(word.p, n));
        out->value = span_trim(span_of(colon + 1, word.n - n - 1));
    }
    if (!is_token(out->name))
        return "not the name of a field";
    if (out->kind == TRANSFORM_RENAME && !is_token(out->value))
        return "the new name is not one of a field";
    if (forward_is_ours(out->name) || (out->kind == TRANSFORM_RENAME && forward_is_ours(out->value)))
        return "this field is the gateway's business";
    if (char_run(out->value.p, out->value.n, CHAR_VALUE) != out->value.n)
        return "a control byte in the value";
    return NULL;
}

int transforms_add(struct transforms *transforms, enum transform_kind kind, const char *list, char *why,
                   size_t why_size) {
    for (struct span word; setting_next_word(&list, '\n', &word);) {
        struct transform *grown = reallocarray(transforms->list, transforms->count + 1, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        transforms->list = grown;
        struct transform *transform = &grown[transforms->count++];
        *transform = (struct transform){.kind = kind};
        const char *reason = parse(word, transform);
        if (reason) {
            snprintf(why, why_size, "'%.*s': %s", (int)word.n, word.p, reason);
            return -EINVAL;
        }
    }
    return 0;
}

void transforms_free(struct transforms *transforms) {
    free(transforms->list);
    *transforms = (struct transforms){0};
}

struct span transforms_name(const struct transforms *transforms, struct span name) {
    for (size_t i = 0; i < transforms->count; i++) {
        const struct transform *transform = &transforms->list[i];
        if (transform->kind == TRANSFORM_ADD || !span_equal_nocase(transform->name, name))
            continue;
        return transform->kind == TRANSFORM_RENAME ? transform->value : span_of(NULL, 0);
    }
    return name;
}

void transforms_write(const struct transforms *transforms, struct http1_writer *writer) {
    for (size_t i = 0; i < transforms->count; i++) {
        const struct transform *transform = &transforms->list[i];
        if (transform->kind == TRANSFORM_SET || transform->kind == TRANSFORM_ADD)
            http1_writer_field(writer, transform->name, transform->value);
    }
}
