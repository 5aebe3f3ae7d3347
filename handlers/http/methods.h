/* Replies about methods: 405 and OPTIONS, whose Allow lists what a path has, and 501. */
#ifndef SLUICE_HANDLERS_HTTP_METHODS_H
#define SLUICE_HANDLERS_HTTP_METHODS_H

#include "proto/http1_method.h"
#include "reactor/request.h"

#define METHODS_READ (1u << HTTP1_GET | 1u << HTTP1_HEAD)

/* Answers a request whose method is none of a path's (a bit per enum http1_method; those of routes come in addition):
 * OPTIONS is told which there are (RFC 9110, 9.3.7), others are refused with 405 (15.5.6), those that are none of ours
 * with 501 (9.1). */
void methods_answer(struct request *request, unsigned methods);

#endif
