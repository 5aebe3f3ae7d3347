#include "handlers/ingest/cursor.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define FILE_SIZE 512
#define IDENTITY  "identity"

/* Reads a small file as text. Its length or -errno. */
static ssize_t read_text(int directory, const char *name, char text[FILE_SIZE]) {
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, FILE_SIZE - 1);
    if (n < 0)
        n = -errno;
    else
        text[n] = '\0';
    close(fd);
    return n;
}

/* Replaces a file: whatever happens, either the old or the new one is there, and after a return of 0 the new one. */
static int replace(int directory, const char *name, const char *text, size_t n) {
    char temporary[FILE_SIZE];
    snprintf(temporary, sizeof(temporary), "%s.new", name);
    int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), error = 0;
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, n);
    if (written != (ssize_t)n)
        error = written < 0 ? -errno : -ENOSPC;
    else if (fsync(fd) != 0)
        error = -errno;
    close(fd);
    if (!error && (renameat(directory, temporary, directory, name) != 0 || fsync(directory) != 0))
        error = -errno;
    return error;
}

static void cursor_name(const char *forwarder, char name[FILE_SIZE]) {
    snprintf(name, FILE_SIZE, "forward-%s.cursor", forwarder);
}

int cursor_read(int directory, const char *forwarder, struct cursor *out) {
    char name[FILE_SIZE], text[FILE_SIZE];
    int end = 0;
    cursor_name(forwarder, name);
    *out = (struct cursor){0};
    ssize_t n = read_text(directory, name, text);
    if (n < 0)
        return (int)n;
    int fields = sscanf(text,
                        "sluice-cursor 1\nsegment %" SCNu64 "\noffset %" SCNu64 "\nsequence %" SCNu64
                        "\ntime_ms %" SCNd64 "\nstream_sequence %" SCNu64 "\nid %87[^\n]\n.%n",
                        &out->segment, &out->offset, &out->sequence, &out->time_ms, &out->stream_sequence,
                        out->id, &end);
    if (strcmp(out->id, "-") == 0)
        out->id[0] = '\0';
    return fields == 6 && end > 0 ? 0 : -EBADMSG;
}

int cursor_write(int directory, const char *forwarder, const struct cursor *cursor) {
    char name[FILE_SIZE], text[FILE_SIZE];
    cursor_name(forwarder, name);
    int n = snprintf(text, sizeof(text),
                     "sluice-cursor 1\nsegment %" PRIu64 "\noffset %" PRIu64 "\nsequence %" PRIu64
                     "\ntime_ms %" PRId64 "\nstream_sequence %" PRIu64 "\nid %s\n.\n",
                     cursor->segment, cursor->offset, cursor->sequence, cursor->time_ms,
                     cursor->stream_sequence, cursor->id[0] ? cursor->id : "-");
    return replace(directory, name, text, (size_t)n);
}

static bool is_identity(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (text[i] != '-' && !isalnum((unsigned char)text[i]))
            return false;
    return n > 0 && n < IDENTITY_SIZE;
}

/* The host's name helps people; the random part makes it unique. */
static int make_identity(char out[IDENTITY_SIZE]) {
    char host[32] = "";
    uint64_t random;
    if (getrandom(&random, sizeof(random), 0) != sizeof(random))
        return -EIO;
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    for (char *p = host; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '-';
    snprintf(out, IDENTITY_SIZE, "%s-%016" PRIx64, host[0] ? host : "node", random);
    return 0;
}

int log_identity(int directory, char out[IDENTITY_SIZE]) {
    char text[FILE_SIZE] = "";
    ssize_t n = read_text(directory, IDENTITY, text);
    if (n >= 0) {
        size_t length = strcspn(text, "\n");
        if (!is_identity(text, length))
            return -EBADMSG;
        snprintf(out, IDENTITY_SIZE, "%.*s", (int)length, text);
        return 0;
    }
    if (n != -ENOENT)
        return (int)n;
    int error = make_identity(out);
    if (error)
        return error;
    int length = snprintf(text, sizeof(text), "%s\n", out);
    return replace(directory, IDENTITY, text, (size_t)length);
}
