/* sluice-bench: the load generator.
 *
 *     arguments -> plan (addresses, keys, requests) -> crew of workers -> outcome -> summary -> report */
#include "tools/bench/arguments.h"
#include "tools/bench/crew.h"
#include "tools/bench/hdrlog.h"
#include "tools/bench/live.h"
#include "tools/bench/procstat.h"
#include "tools/bench/report.h"
#include "tools/nofile.h"
#include "tools/standard_fds.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2

static int failed(const char *why) {
    fprintf(stderr, "sluice-bench: %s\n", why);
    return EXIT_FAILURE;
}

static int failed_at(const char *what, const char *why) {
    fprintf(stderr, "sluice-bench: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

/* Follows the measurement second by second. */
struct observer {
    struct interval interval;
    FILE *log; /* --histogram, or NULL */
    bool live; /* a terminal watches */
    double last_s;
    bool failed;
};

static void watch(void *context, const struct tally *so_far, double elapsed_s) {
    struct observer *observer = context;
    double length_s = elapsed_s - observer->last_s;
    if (length_s <= 0)
        return; /* interrupted in the warm-up */
    interval_look(&observer->interval, so_far);
    if (observer->live)
        live_line(&observer->interval, elapsed_s, length_s, stderr);
    if (observer->log && observer->interval.between.count > 0 &&
        hdrlog_interval(observer->log, observer->last_s, length_s, &observer->interval.between) != 0)
        observer->failed = true;
    observer->last_s = elapsed_s;
}

/* Seconds since 1970. */
static double wall_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int observer_init(struct observer *observer, const struct bench_settings *settings) {
    *observer = (struct observer){.live = !settings->json && isatty(STDERR_FILENO)};
    if (interval_init(&observer->interval) != 0)
        return failed("out of memory");
    if (*settings->histogram && !(observer->log = fopen(settings->histogram, "w")))
        return failed_at(settings->histogram, strerror(errno));
    if (observer->log)
        hdrlog_begin(observer->log, wall_clock() + settings->warmup);
    return 0;
}

/* False: the histogram file is not complete. */
static bool observer_end(struct observer *observer) {
    bool good = !observer->failed;
    if (observer->live)
        live_clear(stderr);
    if (observer->log)
        good &= !ferror(observer->log) && fclose(observer->log) == 0;
    if (!good)
        failed_at("--histogram", "it is not complete");
    interval_free(&observer->interval);
    return good;
}

/* False: what was printed could not be written. */
static bool end_output(void) {
    bool good = fflush(stdout) == 0 && !ferror(stdout);
    if (!good)
        failed_at("standard output", strerror(errno));
    return good;
}

/* False: it could not be written. */
static bool print_report(const struct report *report) {
    if (!report->plan->settings->json) {
        report_text(report, stdout);
    } else if (report_json(report, stdout) != 0) {
        failed("out of memory");
        return false;
    }
    return end_output();
}

static int load(const struct plan *plan) {
    char why[256] = "";
    struct observer observer;
    struct outcome outcome;
    struct summary summary;
    struct procstat probe;
    int unknown = procstat_read(plan->settings->pid, &probe);
    if (unknown)
        return failed_at("--pid", strerror(-unknown));
    if (observer_init(&observer, plan->settings) != 0)
        return EXIT_FAILURE;
    int error = crew_run(plan, watch, &observer, &outcome, why, sizeof(why));
    bool written = observer_end(&observer);
    if (error)
        return failed(why);
    summary_make(&outcome, plan->settings, &summary);
    const struct report report = {plan, &outcome, &summary};
    written &= print_report(&report);
    tally_free(outcome.total);
    return summary.good && written ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The exit status. */
static int plan_and_load(struct plan *plan, const struct bench_settings *settings) {
    char why[256] = "";
    int error = plan_make(plan, settings, why, sizeof(why));
    if (!error)
        return load(plan);
    failed(why);
    return error == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}

int main(int argc, char **argv) {
    struct bench_settings settings;
    struct plan plan = {0};
    standard_fds_take();
    int status = EXIT_SUCCESS;
    enum arguments_result result = bench_arguments(&settings, argc, argv, stdout, stderr);
    signal(SIGPIPE, SIG_IGN);
    nofile_raise();
    if (result == ARGUMENTS_WRONG)
        status = EXIT_USAGE;
    else if (result == ARGUMENTS_LOAD)
        status = plan_and_load(&plan, &settings);
    else if (!end_output())
        status = EXIT_FAILURE;
    plan_free(&plan);
    bench_settings_free(&settings);
    return status;
}
