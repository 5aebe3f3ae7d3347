#include "handlers/ingest/forward_engine.h"
#include "handlers/ingest/forward_nats.h"

#include <string.h>

static const struct forward_engine *const engines[] = {&forward_nats};

const struct forward_engine *forward_engine(const char *name) {
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    return NULL;
}
