/* Replies about methods: 405 and OPTIONS, whose Allow lists what a path has. */
#ifndef SLUICE_HANDLERS_HTTP_METHODS_H
#define SLUICE_HANDLERS_HTTP_METHODS_H

#include "reactor/request.h"

#define METHODS_TEXT 80 /* room for all of them */

/* Lists methods (a bit per enum http1_method) as in Allow, OPTIONS always among them. */
void methods_text(unsigned methods, char text[static METHODS_TEXT]);
/* RFC 9110, 15.5.6: 405. */
void methods_refuse(struct request *request, unsigned methods);
/* RFC 9110, 9.3.7: the answer to OPTIONS. */
void methods_tell(struct request *request, unsigned methods);

#endif
