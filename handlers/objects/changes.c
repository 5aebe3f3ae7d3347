#include "handlers/objects/changes.h"

#include "handlers/objects/walk.h"
#include "offload/clock.h"
#include "reactor/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EVENTS                                                                                               \
    (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |          \
     IN_ONLYDIR)
#define LISTED (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

/* A walk in progress; owned by its job. */
struct survey {
    struct walk walk; /* first */
    struct loop *loop;
    struct changes *changes; /* NULL: gone */
    int fd;                  /* inotify's; of its own, in the ledger */
    uint64_t room;           /* watches that may be added */
    bool full, first;
    int64_t began_ns; /* when changes were first wanted */
    bool fresh;       /* something was made or removed since then */
    struct change_watch **found;
    size_t found_n, found_size;
    char prefix[]; /* of walk */
};

static void drop_watch(struct changes *changes, struct change_watch *watch) {
    HASH_DEL(changes->watches, watch);
    (*changes->watched)--;
    free(watch);
}

/* ---- surveys: in a thread ------------------------------------------------------------------------ */

static bool keep_found(struct survey *survey, int wd, struct span key) {
    if (survey->found_n == survey->found_size) {
        size_t size = survey->found_size ? 2 * survey->found_size : 64;
        struct change_watch **found = reallocarray(survey->found, size, sizeof(*found));
        if (!found)
            return false;
        survey->found = found;
        survey->found_size = size;
    }
    struct change_watch *watch = calloc(1, sizeof(*watch) + key.n);
    if (!watch)
        return false;
    watch->wd = wd;
    watch->n = key.n;
    memcpy(watch->key, key.p, key.n);
    survey->found[survey->found_n++] = watch;
    return true;
}

static bool found_directory(struct walk *walk, int fd, struct span key) {
    struct survey *survey = (struct survey *)(void *)walk;
    char path[40];
    survey->full = survey->found_n >= survey->room;
    if (survey->full)
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int wd = inotify_add_watch(survey->fd, path, EVENTS);
    struct stat st;
    survey->fresh |= fstat(fd, &st) == 0 && clock_of(st.st_mtim) >= survey->began_ns;
    survey->full = wd < 0 && errno == ENOSPC; /* fs.inotify.max_user_watches */
    return wd < 0 ? !survey->full : keep_found(survey, wd, key);
}

static void run_survey(struct job *job) {
    struct survey *survey = job->call.argument;
    survey->walk.cancelled = &job->cancelled;
    job->error = walk_keys(&survey->walk);
}

/* ---- and back on the loop ------------------------------------------------------------------------ */

static void survey_due(struct changes *changes);

/* A directory that moved within the tree keeps its watch descriptor, but has another key now. */
static void add_watch(struct changes *changes, struct change_watch *watch) {
    struct change_watch *old;
    HASH_FIND_INT(changes->watches, &watch->wd, old);
    if (old)
        drop_watch(changes, old);
    HASH_ADD_INT(changes->watches, wd, watch);
    if (TABLE_HAS(watch))
        (*changes->watched)++;
    else
        free(watch); /* as if the directory did not exist */
}

static void free_survey(struct survey *survey) {
    for (size_t i = 0; i < survey->found_n; i++)
        free(survey->found[i]);
    free(survey->found);
    free(survey);
}

static void tell_limit(struct changes *changes, const struct survey *survey) {
    if (!survey->full)
        return;
    changes->limited = true;
    if (changes->told_limit)
        return;
    changes->told_limit = true;
    log_warn(changes->loop->log, "not all directories are watched (mcp_watches, fs.inotify.max_user_watches)",
             log_number("watches", (int64_t)*changes->watched));
}

static void surveyed(struct job *job) {
    struct survey *survey = job->call.argument;
    struct changes *changes = survey->changes;
    ledger_close(&survey->loop->ledger, survey->fd);
    if (changes) {
        changes->survey = NULL;
        for (size_t i = 0; i < survey->found_n; i++)
            add_watch(changes, survey->found[i]);
        survey->found_n = 0;
        tell_limit(changes, survey);
        inotify_read(&changes->inotify, true);
        survey_due(changes);
        changes->changed(changes->context, survey->walk.prefix, !survey->first,
                         !survey->first || survey->fresh);
    }
    free_survey(survey);
}

static struct survey *new_survey(const struct changes *changes) {
    struct survey *survey = calloc(1, sizeof(*survey) + changes->due_n);
    uint64_t count = *changes->watched;
    /* A quarter is reserved for the directories of single keys. */
    uint64_t most = changes->due_ancestors ? changes->most : changes->most - changes->most / 4;
    if (!survey)
        return NULL;
    memcpy(survey->prefix, changes->due_prefix, changes->due_n);
    survey->loop = changes->loop;
    survey->room = changes->due_n == 0 ? most : most > count ? most - count : 0;
    survey->walk.roots = changes->roots;
    survey->walk.prefix = span_of(survey->prefix, changes->due_n);
    survey->walk.directory = found_directory;
    survey->walk.ancestors = changes->due_ancestors;
    return survey;
}

/* Starts the survey that is due, unless one is in progress. A failed one is retried at the next change or
 * changes_want(). */
static void survey_due(struct changes *changes) {
    if (!changes->due || changes->survey)
        return;
    struct survey *survey = new_survey(changes);
    struct job *job = survey ? offload_job(changes->loop->offload, JOB_CALL, JOB_POOL_FILES) : NULL;
    int fd = job ? fcntl(inotify_fd(&changes->inotify), F_DUPFD_CLOEXEC, 0) : -1;
    if (fd < 0) {
        if (job)
            offload_release(changes->loop->offload, job);
        free(survey);
        return;
    }
    ledger_enter(&changes->loop->ledger, fd, FD_WATCH, 0, loop_now(changes->loop));
    survey->fd = fd;
    survey->changes = changes;
    survey->first = changes->began_ns > 0;
    survey->began_ns = changes->began_ns;
    changes->began_ns = 0;
    changes->survey = survey;
    changes->due = changes->due_ancestors = false;
    inotify_read(&changes->inotify, false);
    job->call.run = run_survey;
    job->call.argument = survey;
    job->done = surveyed;
    offload_submit(changes->loop->offload, job);
}

/* The length of the directory that contains both. */
static size_t common(struct span a, struct span b) {
    size_t n = 0, end = 0;
    for (; n < a.n && n < b.n && a.p[n] == b.p[n]; n++)
        end = a.p[n] == '/' ? n + 1 : end;
    return end;
}

/* Has the directories below prefix walked (ancestors: only those that lead to it). All walks that are asked for while
 * one is in progress are merged into one. */
static void start_survey(struct changes *changes, struct span prefix, bool ancestors) {
    size_t n = prefix.n;
    if (n > OBJECT_KEY_MAX)
        return;
    if (changes->due) {
        n = common(prefix, span_of(changes->due_prefix, changes->due_n));
        ancestors = ancestors && changes->due_ancestors && n == prefix.n;
    }
    memcpy(changes->due_prefix, prefix.p, n);
    changes->due_n = n;
    changes->due_ancestors = ancestors;
    changes->due = true;
    survey_due(changes);
}

/* ---- events ---------------------------------------------------------------------------------------- */

/* A directory has gone with everything below it: those watches, which may live on elsewhere, are no longer ours. */
static void forget_below(struct changes *changes, struct span key) {
    struct change_watch *watch, *next;
    HASH_ITER(hh, changes->watches, watch, next) {
        if (watch->n < key.n || memcmp(watch->key, key.p, key.n) != 0)
            continue;
        inotify_rm_watch(inotify_fd(&changes->inotify), watch->wd);
        drop_watch(changes, watch);
    }
}

static void lost_events(struct changes *changes) {
    changes->changed(changes->context, span_of("", 0), true, true);
    start_survey(changes, span_of("", 0), false);
}

static void take_directory(struct changes *changes, struct span key, uint32_t mask) {
    if (mask & (IN_DELETE | IN_MOVED_FROM))
        forget_below(changes, key);
    if (mask & LISTED)
        changes->changed(changes->context, key, true, true);
    if (mask & (IN_CREATE | IN_MOVED_TO))
        start_survey(changes, key, false);
}

static void take_event(void *context, const struct inotify_event *event) {
    struct changes *changes = context;
    char key[2 * OBJECT_KEY_MAX];
    struct change_watch *watch;
    HASH_FIND_INT(changes->watches, &event->wd, watch);
    if (event->mask & IN_Q_OVERFLOW) {
        lost_events(changes);
        return;
    }
    if (watch && event->mask & IN_IGNORED) {
        drop_watch(changes, watch);
        return;
    }
    size_t n = strnlen(event->name, event->len);
    if (!watch || n == 0 || watch->n + n + 1 > sizeof(key))
        return;
    memcpy(key, watch->key, watch->n);
    memcpy(key + watch->n, event->name, n);
    n += watch->n;
    if (event->mask & IN_ISDIR) {
        key[n++] = '/';
        take_directory(changes, span_of(key, n), event->mask);
    } else {
        changes->changed(changes->context, span_of(key, n), false, event->mask & LISTED);
    }
}

/* ---- begin and end --------------------------------------------------------------------------------- */

void changes_init(struct changes *changes, struct loop *loop, const struct roots *roots, uint64_t most,
                  uint64_t *watched, void (*changed)(void *context, struct span key, bool below, bool listed),
                  void *context) {
    *changes = (struct changes){.loop = loop,
                                .roots = roots,
                                .most = most,
                                .watched = watched,
                                .changed = changed,
                                .context = context};
    inotify_prepare(&changes->inotify, loop, take_event, changes);
}

static void begin(struct changes *changes) {
    int error = inotify_open(&changes->inotify);
    if (error) {
        log_warn(changes->loop->log, "no inotify", log_text("error", strerrordesc_np(-error)));
        return;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now); /* that of file times */
    changes->began_ns = clock_of(now);
    changes->limited = changes->due = false;
    start_survey(changes, span_of("", 0), false);
}

static void end(struct changes *changes) {
    struct change_watch *watch, *next;
    if (changes->survey)
        changes->survey->changes = NULL;
    changes->survey = NULL;
    inotify_close(&changes->inotify);
    HASH_ITER(hh, changes->watches, watch, next)
    drop_watch(changes, watch);
}

void changes_want(struct changes *changes, bool wanted) {
    bool running = inotify_fd(&changes->inotify) >= 0;
    if (wanted && !running && changes->most > 0)
        begin(changes);
    else if (!wanted && running)
        end(changes);
    else if (wanted && running)
        survey_due(changes);
}

bool changes_settled(const struct changes *changes) {
    return !changes->survey;
}

void changes_want_key(struct changes *changes, struct span key) {
    const char *slash = memrchr(key.p, '/', key.n);
    if (inotify_fd(&changes->inotify) >= 0 && changes->limited)
        start_survey(changes, span_of(key.p, slash ? (size_t)(slash + 1 - key.p) : 0), true);
}

void changes_free(struct changes *changes) {
    if (changes->loop)
        changes_want(changes, false);
}
