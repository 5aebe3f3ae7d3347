#include "tools/sluice/call.h"

#include "proto/address.h"
#include "tools/sluice/command.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void complain(const struct call *call, const char *format, va_list arguments) {
    fprintf(stderr, call->command ? "sluice %s: " : "sluice: ", call->command ? call->command->name : "");
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

int call_usage(struct call *call, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(call, format, arguments);
    va_end(arguments);
    if (call->command)
        fprintf(stderr, "usage: sluice [-s ADDR] %s%s%s (--help tells more)\n", call->command->name,
                *call->command->arguments ? " " : "", call->command->arguments);
    else
        fprintf(stderr, "usage: sluice [-s ADDR] COMMAND ... (--help lists them)\n");
    return CALL_USAGE;
}

int call_error(struct call *call, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(call, format, arguments);
    va_end(arguments);
    return CALL_REFUSED;
}

int call_disconnected(struct call *call, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(call, format, arguments);
    va_end(arguments);
    return CALL_CONNECTION;
}

int call_failed(struct call *call, int result, const char *what) {
    call_error(call, "%s: %s", what, sluice_error(call->client));
    return result > 0 || sluice_connected(call->client) ? CALL_REFUSED : CALL_CONNECTION;
}

static int set_timeout(struct call *call, const char *text) {
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds >= 0) || seconds > INT_MAX / 1000)
        return call_usage(call, "--timeout %s: expected seconds, 0 for none", text);
    call->timeout_ms = (int)ceil(seconds * 1000);
    return CALL_GO_ON;
}

int call_option(struct call *call, int option, char **argv) {
    switch (option) {
    case 's':
        call->address = optarg;
        return CALL_GO_ON;
    case 't':
        return set_timeout(call, optarg);
    case 'h':
        command_print_help(call->command);
        return CALL_OK;
    default:
        if (optopt > 0 && optopt < 128)
            return call_usage(call, "-%c: unknown option, or its value is missing", optopt);
        return call_usage(call, "%s: unknown option, or its value is missing", argv[optind - 1]);
    }
}

int call_arguments(struct call *call, int left, int min, int max) {
    if (left < min)
        return call_usage(call, "an argument is missing");
    if (left > max)
        return call_usage(call, "too many arguments");
    return CALL_GO_ON;
}

int call_plain(struct call *call, int argc, char **argv, int min, int max) {
    static const struct option options[] = {CALL_LONG, {0}};
    int option;
    while ((option = getopt_long(argc, argv, CALL_SHORT, options, NULL)) != -1) {
        int code = call_option(call, option, argv);
        if (code != CALL_GO_ON)
            return code;
    }
    return call_arguments(call, argc - optind, min, max);
}

int call_json(struct call *call, int argc, char **argv, int min, int max, bool *json) {
    static const struct option options[] = {CALL_LONG, {"json", no_argument, NULL, 'j'}, {0}};
    int option;
    *json = false;
    while ((option = getopt_long(argc, argv, CALL_SHORT "j", options, NULL)) != -1) {
        int code = option == 'j' ? CALL_GO_ON : call_option(call, option, argv);
        if (code != CALL_GO_ON)
            return code;
        *json |= option == 'j';
    }
    return call_arguments(call, argc - optind, min, max);
}

int call_address(struct call *call) {
    struct address address;
    if (!call->address)
        return call_usage(call, "no server: give -s ADDR or set SLUICE_ADDR");
    const char *reason = address_parse(span_text(call->address), &address);
    if (!reason && address.kind != ADDRESS_UNIX && address.kind != ADDRESS_TCP)
        reason = "expected a unix: or tcp: address";
    return reason ? call_usage(call, "-s %s: %s", call->address, reason) : CALL_GO_ON;
}

int call_connect(struct call *call) {
    int code = call_address(call);
    if (code != CALL_GO_ON)
        return code;
    if (sluice_connect(&call->client, call->address, call->timeout_ms) == 0)
        return CALL_GO_ON;
    return call_disconnected(call, "%s", sluice_error(call->client));
}

bool call_bytes(const char *text, uint64_t *out) {
    static const char suffixes[] = "KMGT";
    char *end;
    if (text[0] < '0' || text[0] > '9') /* strtoull takes signs and spaces */
        return false;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    const char *suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    unsigned shift = suffix ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
    if (errno || value << shift >> shift != value || end[suffix != NULL] != '\0')
        return false;
    *out = value << shift;
    return true;
}
