/* The functions that handlers are given, as one table. */
#ifndef SLUICE_HANDLERS_HTTP_HANDLER_API_H
#define SLUICE_HANDLERS_HTTP_HANDLER_API_H

#include "handlers/http/sluice_handler.h"

extern const struct sluice_api handler_api;

#endif
