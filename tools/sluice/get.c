/* get: an object's bytes to a file or standard output. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"
#include "tools/sluice/output.h"
#include "tools/sluice/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char command_get_help[] =
    "  -m, --mode MODE        delivery: fd (a passed descriptor, Unix only), copy, splice,\n"
    "                         auto (the server's choice, the default)\n"
    "      --offset N         start there; K, M, G and T are powers of 1024\n"
    "      --count N          at most this many bytes; 0: to the end\n"
    "  -o, --output FILE      write to FILE instead of standard output (-); an existing file is\n"
    "                         replaced once everything has arrived\n"
    "\n"
    "Examples:\n"
    "  sluice -s unix:/run/sluice.sock get --mode fd models/a.bin -o a.bin\n"
    "  sluice -s tcp:localhost:7080 get --offset 1M --count 64K disk.img | xxd\n";

struct get_options {
    enum sluice_mode mode;
    uint64_t offset, count;
    const char *output;
    const char *key;
};

static bool parse_mode(const char *text, enum sluice_mode *mode) {
    static const struct {
        const char *name;
        enum sluice_mode mode;
    } modes[] = {
        {"fd", SLUICE_FDPASS}, {"copy", SLUICE_COPY}, {"splice", SLUICE_SPLICE}, {"auto", SLUICE_AUTO}};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, text) == 0) {
            *mode = modes[i].mode;
            return true;
        }
    }
    return false;
}

enum { OPTION_OFFSET = 256, OPTION_COUNT };

static int parse_option(struct call *call, struct get_options *options, int option, char **argv) {
    switch (option) {
    case 'm':
        if (parse_mode(optarg, &options->mode))
            return CALL_GO_ON;
        return call_usage(call, "--mode %s: expected fd, copy, splice or auto", optarg);
    case OPTION_OFFSET:
        if (call_bytes(optarg, &options->offset))
            return CALL_GO_ON;
        return call_usage(call, "--offset %s: expected a number of bytes", optarg);
    case OPTION_COUNT:
        if (call_bytes(optarg, &options->count))
            return CALL_GO_ON;
        return call_usage(call, "--count %s: expected a number of bytes", optarg);
    case 'o':
        options->output = strcmp(optarg, "-") == 0 ? NULL : optarg;
        return CALL_GO_ON;
    default:
        return call_option(call, option, argv);
    }
}

static int parse(struct call *call, struct get_options *options, int argc, char **argv) {
    static const struct option table[] = {CALL_LONG,
                                          {"mode", required_argument, NULL, 'm'},
                                          {"offset", required_argument, NULL, OPTION_OFFSET},
                                          {"count", required_argument, NULL, OPTION_COUNT},
                                          {"output", required_argument, NULL, 'o'},
                                          {0}};
    int option;
    while ((option = getopt_long(argc, argv, CALL_SHORT "m:o:", table, NULL)) != -1) {
        int code = parse_option(call, options, option, argv);
        if (code != CALL_GO_ON)
            return code;
    }
    options->key = argv[optind];
    return call_arguments(call, argc - optind, 1, 1);
}

static int copy(struct call *call, struct sluice_object *object, const struct get_options *options) {
    struct output output;
    struct progress progress;
    int result = output_open(&output, options->output);
    if (result < 0)
        return call_error(call, "%s: %s", options->output, strerror(-result));
    progress_start(&progress, output.fd);
    result = sluice_copy(call->client, object, output.fd, progress_update, &progress);
    progress_end(&progress);
    if (result < 0) {
        output_drop(&output);
        return call_failed(call, result, options->key);
    }
    result = output_keep(&output);
    if (result < 0)
        return call_error(call, "%s: %s", options->output, strerror(-result));
    return CALL_OK;
}

int command_get_run(struct call *call, int argc, char **argv) {
    struct get_options options = {.mode = SLUICE_AUTO};
    struct sluice_object object;
    int code = parse(call, &options, argc, argv);
    if (code == CALL_GO_ON)
        code = call_connect(call);
    if (code != CALL_GO_ON)
        return code;
    int result =
        sluice_get(call->client, options.mode, options.key, options.offset, options.count, 0, &object);
    if (result != 0)
        return call_failed(call, result, options.key);
    code = copy(call, &object, &options);
    if (object.fd >= 0)
        close(object.fd);
    return code;
}
