/* The forwarder's engine for NATS JetStream, by libnats. */
#ifndef SLUICE_HANDLERS_INGEST_FORWARD_NATS_H
#define SLUICE_HANDLERS_INGEST_FORWARD_NATS_H

#include "handlers/ingest/forward_engine.h"

extern const struct forward_engine forward_nats;

#endif
