/* Each of our messages is one JetStream message, acknowledged on an inbox of the connection:
 *
 *     ship: message -> subject, reply = INBOX.3, Nats-Msg-Id -> stream -> {"stream":"S","seq":991} on INBOX.3
 *
 * libnats has threads of its own, but none of them calls us: answers are taken off the inbox. A connection that fails
 * is closed together with its inbox, so that late answers go nowhere. */
#include "handlers/ingest/forward_nats.h"

#include "offload/clock.h"

#include <errno.h>
#include <jansson.h>
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_MS     100 /* that a wait takes until it looks whether it shall stop */
#define HEAD_BYTES   512 /* of a message, that count as its length */
#define SERVERS      32
#define SUBJECT_SIZE 128

struct nats_link {
    struct forward_link base;
    const struct forward_settings *settings; /* not owned */
    natsConnection *connection;
    jsCtx *js;
    natsSubscription *answers;
    char inbox[SUBJECT_SIZE];
};

/* Details beyond the status: what the broker said unasked, for example that publishing is not permitted, or what
 * libnats says about this thread's last call. Empty: none. */
static const char *details(const struct nats_link *link, natsStatus status) {
    natsStatus last = NATS_OK;
    const char *said = NULL, *text = nats_GetLastError(&last);
    if (link->connection && natsConnection_GetLastError(link->connection, &said) != NATS_OK && said &&
        said[0])
        return said;
    return last == status && text ? text : "";
}

/* Reports a failure, before the link is closed. */
static int failed(const struct nats_link *link, natsStatus status, const char *what, char *why,
                  size_t why_size) {
    const char *more = details(link, status);
    snprintf(why, why_size, "%s: %s%s%s", what, natsStatus_GetText(status), more[0] ? ": " : "", more);
    return status == NATS_TIMEOUT ? -ETIMEDOUT : status == NATS_NO_MEMORY ? -ENOMEM : -ECONNABORTED;
}

static int64_t timeout_ms(const struct nats_link *link) {
    return (int64_t)(link->settings->timeout * 1000);
}

/* ---- start and end ----------------------------------------------------------------------------- */

/* The list's words; libnats copies them. */
static natsStatus set_servers(natsOptions *options, const char *list) {
    const char *servers[SERVERS];
    int count = 0;
    char *copy = strdup(list), *save = NULL;
    natsStatus status = copy ? NATS_OK : NATS_NO_MEMORY;
    for (char *word = copy ? strtok_r(copy, "\n", &save) : NULL; word && count < SERVERS;
         word = strtok_r(NULL, "\n", &save))
        servers[count++] = word;
    if (status == NATS_OK)
        status = natsOptions_SetServers(options, servers, count);
    if (status == NATS_OK && strstr(list, "tls://"))
        status = natsOptions_SetSecure(options, true);
    free(copy);
    return status;
}

static natsStatus connect_to(struct nats_link *link) {
    const struct forward_settings *settings = link->settings;
    natsOptions *options = NULL;
    natsStatus status = natsOptions_Create(&options);
    if (status == NATS_OK)
        status = set_servers(options, settings->servers);
    if (status == NATS_OK)
        status = natsOptions_SetTimeout(options, timeout_ms(link));
    if (status == NATS_OK)
        status = natsOptions_SetWriteDeadline(options, timeout_ms(link));
    if (status == NATS_OK)
        status = natsOptions_SetAllowReconnect(options, false);
    if (status == NATS_OK)
        status = natsOptions_SetName(options, "sluiced");
    if (status == NATS_OK && settings->credentials[0])
        status = natsOptions_SetUserCredentialsFromFiles(options, settings->credentials, NULL);
    if (status == NATS_OK && settings->ca[0])
        status = natsOptions_LoadCATrustedCertificates(options, settings->ca);
    if (status == NATS_OK)
        status = natsConnection_Connect(&link->connection, options);
    natsOptions_Destroy(options);
    return status;
}

static natsStatus listen_for_answers(struct nats_link *link) {
    natsInbox *inbox = NULL;
    char all[SUBJECT_SIZE];
    natsStatus status = natsInbox_Create(&inbox);
    if (status != NATS_OK)
        return status;
    snprintf(link->inbox, sizeof(link->inbox), "%.100s", inbox);
    snprintf(all, sizeof(all), "%.100s.*", inbox);
    natsInbox_Destroy(inbox);
    status = natsConnection_SubscribeSync(&link->answers, link->connection, all);
    if (status == NATS_OK)
        status = natsSubscription_SetPendingLimits(link->answers, -1, -1);
    return status;
}

/* Gets the stream's state, after creating the stream if there is none. */
static natsStatus find_stream(struct nats_link *link, jsStreamInfo **info) {
    const struct forward_settings *settings = link->settings;
    const char *subjects[] = {settings->subject};
    jsStreamConfig config;
    jsErrCode code = 0;
    natsStatus status = js_GetStreamInfo(info, link->js, settings->stream, NULL, &code);
    if (status != NATS_NOT_FOUND || !settings->create)
        return status;
    jsStreamConfig_Init(&config);
    config.Name = settings->stream;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Replicas = settings->replicas;
    config.Duplicates = (int64_t)(settings->duplicates * 1e9);
    return js_AddStream(info, link->js, &config, NULL, &code);
}

static void close_link(struct forward_link *base) {
    struct nats_link *link = (struct nats_link *)base;
    natsConnection_Close(
        link->connection); /* first: libnats 3.4.1 reads on into an inbox that is destroyed */
    natsSubscription_Destroy(link->answers);
    jsCtx_Destroy(link->js);
    natsConnection_Destroy(link->connection);
    free(link);
}

static int open_link(const struct forward_settings *settings, struct forward_link **out, char *why,
                     size_t why_size) {
    struct nats_link *link = calloc(1, sizeof(*link));
    jsStreamInfo *info = NULL;
    jsOptions options;
    const char *what = "connecting";
    if (!link)
        return -ENOMEM;
    link->settings = settings;
    natsStatus status = connect_to(link);
    if (status == NATS_OK)
        status = listen_for_answers(link);
    if (status == NATS_OK)
        status = jsOptions_Init(&options);
    if (status == NATS_OK) {
        options.Wait = timeout_ms(link);
        status = natsConnection_JetStream(&link->js, link->connection, &options);
    }
    if (status == NATS_OK) {
        what = settings->stream;
        status = find_stream(link, &info);
        jsStreamInfo_Destroy(info);
    }
    if (status != NATS_OK) {
        int error = failed(link, status, what, why, why_size);
        close_link(&link->base);
        return error;
    }
    int64_t most = natsConnection_GetMaxPayload(link->connection);
    link->base.message_most = most > HEAD_BYTES ? (size_t)most - HEAD_BYTES : 0;
    *out = &link->base;
    return 0;
}

static bool is_alive(struct forward_link *base) {
    struct nats_link *link = (struct nats_link *)base;
    return natsConnection_Status(link->connection) == NATS_CONN_STATUS_CONNECTED;
}

/* Is the message with this sequence the one with that id? If there is none, the stream's rules have deleted it. */
static int compare(struct nats_link *link, uint64_t sequence, const char *id, char *why, size_t why_size) {
    natsMsg *message = NULL;
    jsErrCode code = 0;
    const char *found = NULL;
    natsStatus status = js_GetMsg(&message, link->js, link->settings->stream, sequence, NULL, &code);
    if (status == NATS_NOT_FOUND || code == JSNoMessageFoundErr)
        return 1;
    if (status != NATS_OK)
        return failed(link, status, "reading back", why, why_size);
    int same = natsMsgHeader_Get(message, "Nats-Msg-Id", &found) == NATS_OK && strcmp(found, id) == 0;
    natsMsg_Destroy(message);
    return same;
}

static int holds(struct forward_link *base, uint64_t sequence, const char *id, char *why, size_t why_size) {
    struct nats_link *link = (struct nats_link *)base;
    jsStreamInfo *info = NULL;
    natsStatus status = find_stream(link, &info);
    if (status != NATS_OK)
        return failed(link, status, link->settings->stream, why, why_size);
    uint64_t first = info->State.FirstSeq, last = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    if (sequence > last)
        return 0;
    return sequence < first ? 1 : compare(link, sequence, id, why, why_size);
}

/* ---- shipping ---------------------------------------------------------------------------------- */

static natsStatus send(struct nats_link *link, const struct forward_message *message, size_t index) {
    natsMsg *out = NULL;
    char reply[SUBJECT_SIZE + 24];
    snprintf(reply, sizeof(reply), "%s.%zu", link->inbox, index);
    natsStatus status =
        natsMsg_Create(&out, link->settings->subject, reply, message->text.p, (int)message->text.n);
    if (status == NATS_OK)
        status = natsMsgHeader_Set(out, "Nats-Msg-Id", message->id);
    if (status == NATS_OK)
        status = natsMsgHeader_Set(out, "Nats-Expected-Stream", link->settings->stream);
    if (status == NATS_OK)
        status = natsConnection_PublishMsg(link->connection, out);
    natsMsg_Destroy(out);
    return status;
}

/* An acknowledgement (ADR-1 of NATS): 0, or -EREMOTEIO with the reason. */
static int read_answer(const struct nats_link *link, natsMsg *answer, const struct forward_message *messages,
                       size_t count, struct forward_receipt *receipt, char *why, size_t why_size) {
    const char *suffix = natsMsg_GetSubject(answer) + strlen(link->inbox) + 1, *text = "no answer in JSON";
    size_t index = strtoull(suffix, NULL, 10);
    if (natsMsg_IsNoResponders(answer)) {
        snprintf(why, why_size, "no stream takes the subject %s", link->settings->subject);
        return -EREMOTEIO;
    }
    json_t *root = json_loadb(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer), 0, NULL);
    json_t *sequence = json_object_get(root, "seq");
    int error = 0;
    if (json_is_integer(sequence) && !json_object_get(root, "error") && index < count) {
        uint64_t number = (uint64_t)json_integer_value(sequence);
        receipt->duplicates += json_is_true(json_object_get(root, "duplicate"));
        if (number > receipt->sequence) {
            receipt->sequence = number;
            memcpy(receipt->id, messages[index].id, sizeof(receipt->id));
        }
    } else {
        json_unpack(root, "{s:{s:s}}", "error", "description", &text);
        snprintf(why, why_size, "not taken: %s", text);
        error = -EREMOTEIO;
    }
    json_decref(root);
    return error;
}

/* The next answer: 0, or -errno with a reason. */
static int take_answer(struct nats_link *link, const struct forward_message *messages, size_t count,
                       const atomic_bool *stop, struct forward_receipt *receipt, char *why, size_t why_size) {
    natsMsg *answer = NULL;
    natsStatus status = NATS_TIMEOUT;
    int64_t end = clock_ns() + timeout_ms(link) * 1000000;
    while (status == NATS_TIMEOUT && clock_ns() < end) {
        if (*stop)
            return -ECANCELED;
        status = natsSubscription_NextMsg(&answer, link->answers, SLICE_MS);
    }
    if (status != NATS_OK)
        return failed(link, status, "waiting for acknowledgements", why, why_size);
    int error = read_answer(link, answer, messages, count, receipt, why, why_size);
    natsMsg_Destroy(answer);
    return error;
}

static int ship(struct forward_link *base, const struct forward_message *messages, size_t count,
                const atomic_bool *stop, struct forward_receipt *receipt, char *why, size_t why_size) {
    struct nats_link *link = (struct nats_link *)base;
    for (size_t i = 0; i < count; i++) {
        natsStatus status = *stop ? NATS_OK : send(link, &messages[i], i);
        if (status != NATS_OK)
            return failed(link, status, "sending", why, why_size);
    }
    for (size_t answered = 0; answered < count; answered++) {
        int error = take_answer(link, messages, count, stop, receipt, why, why_size);
        if (error)
            return error;
    }
    return 0;
}

const struct forward_engine forward_nats = {"nats", open_link, holds, ship, is_alive, close_link};
