/* All series as Prometheus text (exposition format 0.0.4). */
#ifndef SLUICE_HANDLERS_INGEST_EXPOSITION_H
#define SLUICE_HANDLERS_INGEST_EXPOSITION_H

#include "handlers/ingest/series.h"

struct request;

#define EXPOSITION_NUMBER 40 /* bytes of a number as text */

/* The shortest text that reads back the same; it may be in the room given. */
const char *exposition_number(double value, char text[EXPOSITION_NUMBER]);
/* Prints them in steps, others are served between. Then done() gets the request, which still is there, and the text,
 * which is done()'s; NULL without memory. */
void exposition_start(struct request *request, struct series_table *table,
                      void (*done)(struct request *request, char *text, size_t n));

#endif
