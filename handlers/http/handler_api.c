#include "handlers/http/handler_api.h"

#include "handlers/http/call.h"
#include "handlers/http/call_read.h"
#include "handlers/http/channel.h"

#include <stdlib.h>

static struct draft *draft_of(struct sluice_request *request) {
    return &call_of(request)->draft;
}

static void reply_status(struct sluice_request *request, int status) {
    draft_status(draft_of(request), status);
}

static int replied(struct sluice_request *request) {
    return draft_of(request)->status;
}

static int reply_field(struct sluice_request *request, const char *name, const char *value) {
    return draft_field(draft_of(request), name, value);
}

static int reply_bytes(struct sluice_request *request, const char *type, const void *bytes, size_t size) {
    return draft_bytes(draft_of(request), type, bytes, size);
}

static int reply_owned(struct sluice_request *request, const char *type, void *bytes, size_t size) {
    return draft_owned(draft_of(request), type, bytes, size);
}

static int reply_format(struct sluice_request *request, const char *type, const char *format,
                        va_list values) {
    return draft_format(draft_of(request), type, format, values);
}

static void reply_error(struct sluice_request *request, int status, const char *message) {
    draft_error(draft_of(request), status, message);
}

static void reply_stream(struct sluice_request *request, const char *type,
                         const struct sluice_source *source) {
    draft_source(draft_of(request), type, source);
}

static struct sluice_channel *reply_channel(struct sluice_request *request, const char *type, size_t room) {
    struct channel *channel = channel_new(call_of(request)->posts, &handler_api, room);
    if (!channel) {
        draft_error(draft_of(request), 503, "too many streams, or no memory; try again");
        return NULL;
    }
    draft_channel(draft_of(request), type, channel);
    return channel_handle(channel);
}

const struct sluice_api handler_api = {
    .version = SLUICE_HANDLER_VERSION,
    .method = call_method,
    .target = call_target,
    .path = call_path,
    .param = call_param,
    .query = call_query,
    .form = call_form,
    .header = call_header,
    .next_query = call_next_query,
    .next_form = call_next_form,
    .next_header = call_next_header,
    .body = call_body,
    .peer = call_peer,
    .id = call_id,
    .minor_version = call_minor_version,
    .cancelled = call_cancelled,
    .memory = call_memory,
    .json_quote = call_json_quote,
    .reply_status = reply_status,
    .replied = replied,
    .reply_field = reply_field,
    .reply_bytes = reply_bytes,
    .reply_owned = reply_owned,
    .reply_format = reply_format,
    .reply_error = reply_error,
    .reply_stream = reply_stream,
    .reply_channel = reply_channel,
    .channel_write = channel_write,
    .channel_event = channel_event,
    .channel_close = channel_close,
    .defer = call_defer,
    .finish = call_finish,
};
