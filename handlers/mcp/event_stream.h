/* Server-Sent Events as the body of an HTTP reply (https://html.spec.whatwg.org/#server-sent-events).
 *
 *     event_stream_send() -> queue, bounded -> body, pulled by the connection
 *     now and then a comment line, so that nobody mistakes silence for the end
 *
 * The stream belongs to its reply; the owner is told once when it is gone, whichever side ended it. */
#ifndef SLUICE_HANDLERS_MCP_EVENT_STREAM_H
#define SLUICE_HANDLERS_MCP_EVENT_STREAM_H

#include "proto/span.h"
#include "reactor/deadlines.h"

#include <stdint.h>

struct event_stream;
struct mcp;
struct request;

/* Replies to the request with a stream. session: for Mcp-Session-Id, or NULL. gone(owner): the client has left, or
 * the stream has ended. NULL: too many streams or no memory, and the request is not answered. */
struct event_stream *event_stream_open(struct mcp *mcp, struct request *request, const char *session,
                                       void (*gone)(void *owner), void *owner);
/* The client waits only for this stream, so the stream ends when the client ends its side. endless: no answer will end
 * the stream, so a drain does. */
void event_stream_listen(struct event_stream *stream, bool endless);
/* Sends one event; data is one line; id NULL: none. False: the client is not taking events, and this one is lost. */
bool event_stream_send(struct event_stream *stream, const char *id, struct span data);
/* Sends the last event of an owner that is done, however long it is; data.p NULL: there is none. */
void event_stream_answer(struct event_stream *stream, const char *id, struct span data);
/* Sends the first event: no data, but an id to come back with, and how soon (SEP-1699). */
void event_stream_prime(struct event_stream *stream, const char *id);
/* Ends the reply after what was sent; gone() follows. */
void event_stream_end(struct event_stream *stream);
/* The owner ends first: gone() is not called, and the stream ends. */
void event_stream_disown(struct event_stream *stream);
/* Sets up the deadline class that wakes streams. */
void event_stream_init(struct mcp *mcp);

#endif
