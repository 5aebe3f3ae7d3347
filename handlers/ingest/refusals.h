/* What is wrong with the samples of a batch, as JSON for the answer: one entry each, up to a number.
 *
 *     {"index":3,"code":"bad_name","pointer":"/3/name","message":"..."}
 *     {"line":4,"column":12,"code":"syntax","message":"..."} */
#ifndef SLUICE_HANDLERS_INGEST_REFUSALS_H
#define SLUICE_HANDLERS_INGEST_REFUSALS_H

#include "handlers/http/text.h"

#include <stdint.h>

#define REFUSALS_LISTED 1000 /* in an answer; the others are counted */

enum refusal {
#define INGEST_REFUSAL(name, word, meaning) REFUSAL_##name,
#include "handlers/ingest/refusal.def"
#undef INGEST_REFUSAL
    REFUSALS
};

/* Where a record is, and which part of it is meant. */
struct place {
    bool is_line; /* number is a line, from 1 on; else an index, from 0 on */
    uint32_t number;
    uint32_t column;     /* from 1 on, in bytes; 0: not known */
    const char *pointer; /* JSON pointer (RFC 6901); NULL: none */
};

struct refusals {
    uint64_t count;
    uint64_t by_code[REFUSALS];
    struct text text;      /* entries with commas between */
    char first[256];       /* the first one as a sentence, for formats whose answers have room for one */
    uint32_t first_number; /* its index or line */
};

/* Without memory it is only counted. */
void refusals_add(struct refusals *refusals, const struct place *place, enum refusal code,
                  const char *message);
void refusals_free(struct refusals *refusals);

#endif
