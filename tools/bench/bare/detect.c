/* What telling a connection's protocol from its first bytes costs, and decoding an object request: the daemon's own
 * functions, called in turn with what each protocol starts with.
 *
 *     bare/detect      one JSON object: nanoseconds a call, by protocol */
#include "proto/detect.h"
#include "proto/frame.h"
#include "proto/object.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CALLS 2000000

static const char *const openings[] = {
    "SLC1F\0\0\0\0\0\0\0\0\0\0\0",
    "MCP1J\0\0\0\0\0\0\0\0\0\0\0",
    "{\"jsonrpc\":\"2.0\",\"id\":1}",
    "GET /objects/a HTTP/1.1\r\n",
};

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e9 * (double)now.tv_sec + (double)now.tv_nsec;
}

static void time_detection(const char *opening) {
    const char *volatile bytes = opening; /* so that no call is dropped */
    enum protocol protocol = PROTOCOL_NONE;
    double start = now_ns();
    for (int i = 0; i < CALLS; i++)
        protocol = detect_protocol(bytes, DETECT_MAX, false);
    printf("\"%s\": %.2f, ", protocol_name(protocol), (now_ns() - start) / CALLS);
}

static void time_request(void) {
    static const char key[] = "models/weights.bin";
    char request[FRAME_HEADER + 16 + sizeof(key)] = {0};
    const struct frame head = {.op = OBJECT_OP_FDPASS, .tag = 1, .length = 16 + sizeof(key) - 1};
    const char *volatile bytes = request;
    struct frame frame;
    struct object_request asked;
    frame_encode(request, FRAME_SLC1, &head);
    memcpy(request + FRAME_HEADER + 16, key, sizeof(key) - 1);
    double start = now_ns();
    for (int i = 0; i < CALLS; i++) {
        struct verdict verdict =
            frame_decode(bytes, FRAME_HEADER + head.length, FRAME_SLC1, FRAME_SLC1_REQUEST, &frame);
        if (verdict.kind != VERDICT_FRAME ||
            object_request_decode(span_of(bytes + FRAME_HEADER, frame.length), &asked) != NULL)
            errx(1, "a good request is refused");
    }
    printf("\"request\": %.2f}\n", (now_ns() - start) / CALLS);
}

int main(void) {
    printf("{");
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++)
        time_detection(openings[i]);
    time_request();
    return 0;
}
