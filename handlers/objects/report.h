/* T: the state of the daemon as JSON: counters and histograms, or the connections. */
#ifndef SLUICE_HANDLERS_OBJECTS_REPORT_H
#define SLUICE_HANDLERS_OBJECTS_REPORT_H

#include "handlers/objects/objects.h"

#include <jansson.h>

/* The operation T: an empty payload asks for the statistics, "conns" for the connections. */
void report_run(struct request *request, struct span payload);
/* A document as text; malloc'ed, or NULL without memory (also for NULL). */
char *report_print(const json_t *document);
/* The statistics; malloc'ed text, or NULL without memory. */
char *report_stats(struct objects *objects);

#endif
