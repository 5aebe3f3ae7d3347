/* log: what ingestion wrote, read from its files; also while a daemon writes them.
 *
 *     files of DIR, the oldest first -> record -> samples -> cat, follow: a line each | stats | verify
 */
#include "handlers/ingest/cursor.h"
#include "handlers/ingest/sample_text.h"
#include "proto/sample.h"
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_US 50000 /* between checks of a log that is followed, or of a record that may be half written */
#define TRIES    20    /* of such a record */

const char command_log_help[] =
    "Reads the log that sluiced's ingest section writes into the directory DIR.\n"
    "\n"
    "  cat       print one JSON object a sample, in the order of their sequence\n"
    "  follow    the same, and wait for more\n"
    "  stats     print how many samples there are, by name, and how far they are forwarded\n"
    "  verify    check every record; exit code 1 if one cannot be read\n"
    "\n"
    "  --name NAME    only samples of this name\n"
    "  --since MS     only samples with a timestamp (ms since 1970) from here on\n"
    "  --until MS     only samples before it\n"
    "\n"
    "Example:\n"
    "  sluice log cat --name http_requests /var/lib/sluice | tail -1\n";

struct reading {
    struct call *call;
    int directory;
    const char *name; /* NULL: all */
    int64_t since, until;
    bool follow;
    /* Called for each sample that was asked for; false: stop. NULL: records only. */
    bool (*show)(struct reading *reading, const struct record *record, uint64_t sequence,
                 const struct sample *sample);
    struct text line; /* cat: of the sample in hand */
    json_t *names;    /* stats: name -> number */
    uint64_t segments, records, samples, bytes, first, last;
    uint64_t bad; /* records that cannot be read or make no sense */
};

/* ---- what is done with samples ----------------------------------------------------------------- */

static bool print_sample(struct reading *reading, const struct record *record, uint64_t sequence,
                         const struct sample *sample) {
    struct text *line = &reading->line;
    line->n = 0;
    sample_text_add(line, record, sequence, sample);
    return !line->failed && fwrite(line->p, 1, line->n, stdout) == line->n;
}

static bool count_sample(struct reading *reading, const struct record *record, uint64_t sequence,
                         const struct sample *sample) {
    char name[UINT16_MAX + 1];
    (void)record, (void)sequence;
    memcpy(name, sample->name.p, sample->name.n);
    name[sample->name.n] = '\0';
    json_int_t count = json_integer_value(json_object_get(reading->names, name));
    json_object_set_new_nocheck(reading->names, name, json_integer(count + 1));
    return true;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static bool wanted(const struct reading *reading, const struct sample *sample) {
    return (!reading->name || span_equal(sample->name, span_text(reading->name))) &&
           sample->time_ms >= reading->since && sample->time_ms < reading->until;
}

/* Shows the samples of a record. False: show() said to stop, or (reading->bad) the record is malformed. */
static bool read_record(struct reading *reading, const struct record *record) {
    struct span key, answer, samples;
    struct sample sample;
    int error = record_split(record, &key, &answer, &samples);
    uint64_t sequence = record->sequence, n = 0;
    reading->records++;
    reading->samples += record->count;
    reading->bytes += RECORD_HEAD + record->payload.n;
    if (!reading->first)
        reading->first = sequence;
    while (!error && (error = sample_decode(&samples, &sample)) == 0) {
        if (reading->show && wanted(reading, &sample) &&
            !reading->show(reading, record, sequence + n, &sample))
            return false;
        n++;
    }
    bool good = error == -ENODATA && n == record->count && sequence > reading->last;
    reading->last = sequence + record->count - 1;
    reading->bad += !good;
    return true;
}

static bool has_records(const struct reading *reading, uint64_t number) {
    struct segment_reader reader;
    struct record record;
    bool any = segment_open(&reader, reading->directory, number) == 0 && segment_next(&reader, &record) == 1;
    segment_close(&reader);
    return any;
}

/* Is this segment complete, because a later one has records? One without records may be kept ready while this one is
 * still being written. */
static bool has_successor(const struct reading *reading, uint64_t number) {
    uint64_t *numbers;
    size_t count;
    bool any = false;
    if (segment_list(reading->directory, &numbers, &count) == 0)
        for (size_t i = count; i > 0 && numbers[i - 1] > number && !any; i--)
            any = has_records(reading, numbers[i - 1]);
    free(numbers);
    return any;
}

/* Reports a record that cannot be read. error: 0 if the reader has skipped it; returned. */
static int tell_bad(struct reading *reading, uint64_t number, uint64_t offset, int error) {
    reading->bad++;
    fprintf(stderr, "sluice: segment %" PRIu64 ", offset %" PRIu64 ": a record cannot be read%s\n", number,
            offset, error ? "; what follows it there is lost" : "");
    return error;
}

/* Waits for a file that is just being made. */
static int open_segment(struct reading *reading, uint64_t number, struct segment_reader *reader) {
    int tries = 0, error;
    while ((error = segment_open(reader, reading->directory, number)) == -EBADMSG && ++tries < TRIES)
        usleep(PAUSE_US);
    return error == -EBADMSG ? tell_bad(reading, number, 0, error) : error;
}

/* Reads all records of a segment, and with follow waits for more until there is a next segment. 0; 1: stop; or
 * -errno. */
static int read_segment(struct reading *reading, uint64_t number) {
    struct segment_reader reader;
    struct record record;
    int tries = 0, result = open_segment(reading, number, &reader);
    bool last_look = false;
    if (result)
        return result;
    for (;;) {
        result = segment_next(&reader, &record);
        if (result == 1) {
            tries = 0;
            if (!read_record(reading, &record))
                break;
        } else if (result == -EBADMSG && ++tries < TRIES) {
            usleep(PAUSE_US); /* a daemon may be writing it at this moment */
        } else if (result == -EBADMSG) {
            uint64_t offset = reader.offset;
            if (tell_bad(reading, number, offset, segment_skip(&reader)) != 0)
                break;
            tries = 0;
        } else if (result == 0 && reading->follow && !last_look) {
            if (fflush(stdout) != 0) {
                result = 1; /* nobody gets it */
                break;
            }
            last_look = has_successor(reading, number);
            if (!last_look)
                usleep(PAUSE_US);
        } else {
            break;
        }
    }
    segment_close(&reader);
    return result;
}

/* The segment after this one; 0: there is none. */
static int next_segment(const struct reading *reading, uint64_t number, uint64_t *next) {
    uint64_t *numbers;
    size_t count;
    int error = segment_list(reading->directory, &numbers, &count);
    *next = 0;
    for (size_t i = 0; !error && i < count && !*next; i++)
        if (numbers[i] > number)
            *next = numbers[i];
    free(numbers);
    return error;
}

/* The segment after this one; with follow, waits for it. */
static int await_segment(const struct reading *reading, uint64_t number, uint64_t *next) {
    int error = next_segment(reading, number, next);
    for (; !error && !*next && reading->follow; error = next_segment(reading, number, next))
        usleep(PAUSE_US);
    return error;
}

/* Reads the whole log; with follow, endlessly. 0 or -errno. */
static int read_log(struct reading *reading) {
    uint64_t number = 0, next;
    int error;
    while ((error = await_segment(reading, number, &next)) == 0 && next) {
        error = read_segment(reading, next);
        number = next;
        reading->segments++;
        if (error == 1)
            return 0;
        if (error && error != -EBADMSG && error != -ENOENT) /* gone by age or size meanwhile */
            return error;
    }
    return error;
}

/* ---- the command ------------------------------------------------------------------------------- */

/* How far the forwarders have come: "cursor   nats at segment 3 offset 16, sequence 18, 0 behind". */
static void print_cursors(const struct reading *reading) {
    static const char prefix[] = "forward-", suffix[] = ".cursor";
    int fd = openat(reading->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct cursor cursor;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        char name[sizeof(entry->d_name)];
        if (n < sizeof(prefix) + sizeof(suffix) - 1 ||
            strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0 ||
            strcmp(entry->d_name + n - sizeof(suffix) + 1, suffix) != 0)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(n - sizeof(prefix) - sizeof(suffix) + 2),
                 entry->d_name + sizeof(prefix) - 1);
        if (cursor_read(reading->directory, name, &cursor) != 0)
            printf("cursor   %s cannot be read\n", name);
        else
            printf("cursor   %s at segment %" PRIu64 " offset %" PRIu64 ", sequence %" PRIu64 ", %" PRIu64
                   " behind\n",
                   name, cursor.segment, cursor.offset, cursor.sequence,
                   reading->last >= cursor.sequence ? reading->last + 1 - cursor.sequence : 0);
    }
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
}

static void print_stats(const struct reading *reading) {
    const char *name;
    json_t *count;
    printf("segments %" PRIu64 "\nrecords  %" PRIu64 "\nsamples  %" PRIu64 "\nbytes    %" PRIu64
           "\nsequence %" PRIu64 "-%" PRIu64 "\n",
           reading->segments, reading->records, reading->samples, reading->bytes, reading->first,
           reading->last);
    print_cursors(reading);
    json_object_foreach (reading->names, name, count)
        printf("%12" JSON_INTEGER_FORMAT "  %s\n", json_integer_value(count), name);
}

static int run(struct reading *reading, const char *what) {
    bool stats = strcmp(what, "stats") == 0, verify = strcmp(what, "verify") == 0;
    reading->follow = strcmp(what, "follow") == 0;
    if (!stats && !verify && !reading->follow && strcmp(what, "cat") != 0)
        return call_usage(reading->call, "%s: not one of cat, stats, verify, follow", what);
    reading->show = verify ? NULL : stats ? count_sample : print_sample;
    reading->names = json_object();
    int error = read_log(reading);
    if (stats && !error)
        print_stats(reading);
    if (verify && !error)
        printf("%" PRIu64 " records, %" PRIu64 " samples in %" PRIu64 " segments: %s\n", reading->records,
               reading->samples, reading->segments, reading->bad ? "damaged" : "good");
    json_decref(reading->names);
    text_free(&reading->line);
    if (error)
        return call_error(reading->call, "%s", strerror(-error));
    return reading->bad ? CALL_REFUSED : CALL_OK;
}

int command_log_run(struct call *call, int argc, char **argv) {
    static const struct option options[] = {CALL_LONG,
                                            {"name", required_argument, NULL, 'n'},
                                            {"since", required_argument, NULL, 'a'},
                                            {"until", required_argument, NULL, 'b'},
                                            {0}};
    struct reading reading = {.call = call, .since = INT64_MIN, .until = INT64_MAX};
    int option;
    while ((option = getopt_long(argc, argv, CALL_SHORT "n:", options, NULL)) != -1) {
        if (option == 'n') {
            reading.name = optarg;
        } else if (option == 'a' || option == 'b') {
            char *end;
            *(option == 'a' ? &reading.since : &reading.until) = strtoll(optarg, &end, 10);
            if (*end || end == optarg)
                return call_usage(call, "%s: not a number of milliseconds", optarg);
        } else {
            int code = call_option(call, option, argv);
            if (code != CALL_GO_ON)
                return code;
        }
    }
    int code = call_arguments(call, argc - optind, 2, 2);
    if (code != CALL_GO_ON)
        return code;
    reading.directory = open(argv[optind + 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reading.directory < 0)
        return call_error(call, "%s: %s", argv[optind + 1], strerror(errno));
    code = run(&reading, argv[optind]);
    close(reading.directory);
    return code;
}
