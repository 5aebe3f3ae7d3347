/* A body that other threads write: a ring buffer between them and the loop.
 *
 *     any thread: write -> [ ring, under a lock ] -> post if the loop found it empty -> stream_wake()
 *     loop:       body.next(): what the ring has in one piece | wait | end
 *
 * It has two holders, the writer and the reader, and a third while a post is on its way. */
#ifndef SLUICE_HANDLERS_HTTP_CHANNEL_H
#define SLUICE_HANDLERS_HTTP_CHANNEL_H

#include "handlers/http/sluice_handler.h"
#include "reactor/body.h"

struct posts;
struct request;

/* A channel with room for that many bytes, held by its writer, which closes it, and by its reader. NULL without memory,
 * or when too many channels and deferred requests wait for other threads already. */
struct channel *channel_new(struct posts *posts, const struct sluice_api *api, size_t room);
/* What the writer sees. */
struct sluice_channel *channel_handle(struct channel *channel);
/* The reader leaves: writers get SLUICE_CHANNEL_GONE. */
void channel_leave(struct channel *channel);
/* Loop: the reader's body for a reply; ends it with request_body_ended(). */
struct body *channel_body(struct channel *channel, struct request *request);

/* Like sluice_channel_write() and so on. */
int channel_write(struct sluice_channel *handle, const void *bytes, size_t size);
int channel_event(struct sluice_channel *handle, const char *id, const char *event, const char *data);
void channel_close(struct sluice_channel *handle);

#endif
