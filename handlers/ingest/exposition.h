/* All series as Prometheus text (exposition format 0.0.4). */
#ifndef SLUICE_HANDLERS_INGEST_EXPOSITION_H
#define SLUICE_HANDLERS_INGEST_EXPOSITION_H

#include "handlers/ingest/series.h"

struct request;

#define EXPOSITION_NUMBER 40 /* bytes of a number as text */

/* The shortest text that reads back as the same number; it may or may not be in the room given. */
const char *exposition_number(double value, char text[EXPOSITION_NUMBER]);
/* Prints all series in steps, between which others are served, then calls done(), unless the client has left. text is
 * done()'s to free; NULL: no memory. */
void exposition_start(struct request *request, struct series_table *table,
                      void (*done)(struct request *request, char *text, size_t n));

#endif
