/* Replies about methods: 405 and OPTIONS, whose Allow lists the methods of a path, and 501. */
#ifndef SLUICE_HANDLERS_HTTP_METHODS_H
#define SLUICE_HANDLERS_HTTP_METHODS_H

#include "proto/http1_method.h"
#include "reactor/request.h"

#define METHODS_READ (1u << HTTP1_GET | 1u << HTTP1_HEAD)

/* Answers a request whose method the path does not have. methods: those of the path, a bit per enum http1_method; those
 * of routes are added. OPTIONS lists them (RFC 9110, 9.3.7), other methods get 405 (15.5.6), unknown methods 501
 * (9.1). */
void methods_answer(struct request *request, unsigned methods);

#endif
