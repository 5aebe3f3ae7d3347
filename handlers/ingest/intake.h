/* One POST: from its body to its answer.
 *
 *     body -> may it? (log, queue, rate: 507, 503, 429; Idempotency-Key: the first answer again, 409, 422)
 *          -> [gunzip] -> decode -> series limit -> journal -> done -> answer
 *             '- long or gzip: in the handlers pool
 *
 * The answer says how many samples were accepted and rejected, and why; Sluice-Ack says what is promised for them. */
#ifndef SLUICE_HANDLERS_INGEST_INTAKE_H
#define SLUICE_HANDLERS_INGEST_INTAKE_H

#include "handlers/ingest/ingest.h"

/* run() of an endpoint's http_handler. */
void intake_run(struct request *request, struct exchange *exchange);
/* run() of an ingest_route's http_handler: uses the endpoint of the same path. */
void intake_run_route(struct request *request, struct exchange *exchange);

#endif
