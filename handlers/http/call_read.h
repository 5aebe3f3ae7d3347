/* What a handler reads of its request: call_x() is sluice_x() of sluice_handler.h, call_id() sluice_request_id(). */
#ifndef SLUICE_HANDLERS_HTTP_CALL_READ_H
#define SLUICE_HANDLERS_HTTP_CALL_READ_H

#include "handlers/http/sluice_handler.h"

const char *call_method(struct sluice_request *request);
const char *call_target(struct sluice_request *request);
const char *call_path(struct sluice_request *request);
const char *call_param(struct sluice_request *request, const char *name);
const char *call_query(struct sluice_request *request, const char *name);
const char *call_form(struct sluice_request *request, const char *name);
const char *call_header(struct sluice_request *request, const char *name);
int call_next_query(struct sluice_request *request, size_t *at, const char **name, const char **value);
int call_next_form(struct sluice_request *request, size_t *at, const char **name, const char **value);
int call_next_header(struct sluice_request *request, size_t *at, const char **name, const char **value);
const void *call_body(struct sluice_request *request, size_t *size);
const char *call_peer(struct sluice_request *request);
const char *call_id(struct sluice_request *request);
int call_minor_version(struct sluice_request *request);
int call_cancelled(struct sluice_request *request);
void *call_memory(struct sluice_request *request, size_t size);
const char *call_json_quote(struct sluice_request *request, const char *text);

#endif
