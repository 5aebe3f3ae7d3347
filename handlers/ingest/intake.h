/* One POST: from its body to its answer.
 *
 *     body -> may it? (log, queue, rate: 507, 503, 429; Idempotency-Key: the first answer again, 409, 422)
 *          -> [gunzip] -> decode -> series limit -> journal -> done -> answer
 *             '- long or gzip: in the handlers pool
 *
 * The answer tells how many samples were accepted and rejected, and why; Sluice-Ack what is promised for them. */
#ifndef SLUICE_HANDLERS_INGEST_INTAKE_H
#define SLUICE_HANDLERS_INGEST_INTAKE_H

#include "handlers/ingest/ingest.h"

/* Of an endpoint's http_handler. */
void intake_run(struct request *request, struct exchange *exchange);
/* Of an ingest_route's: the endpoint of the same path. */
void intake_run_route(struct request *request, struct exchange *exchange);

#endif
