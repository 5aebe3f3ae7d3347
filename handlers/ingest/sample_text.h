/* Samples as lines of JSON: what `sluice log cat` prints and what forwarders send.
 *
 *     {"seq":17,"received":MS,"format":"json","name":"a","type":"gauge","timestamp":MS,"value":1.5,"tags":{"k":"v"}}\n
 *     a histogram's value: {"sum":X,"bounds":[...],"counts":[...]}, a summary's
 *     {"sum":X,"count":N,"quantiles":[...],"values":[...]}; "cumulative":true where it is */
#ifndef SLUICE_HANDLERS_INGEST_SAMPLE_TEXT_H
#define SLUICE_HANDLERS_INGEST_SAMPLE_TEXT_H

#include "handlers/http/text.h"
#include "handlers/ingest/segment.h"
#include "proto/sample.h"

/* Appends the line of a sample with this sequence. */
void sample_text_add(struct text *text, const struct record *record, uint64_t sequence,
                     const struct sample *sample);

#endif
