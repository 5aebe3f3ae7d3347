#include "offload/pool.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AT_ONCE 0         /* a deadline that has passed */
#define FOREVER INT64_MAX /* check's own timeout ends a test that hangs */

static struct mailbox mailbox;
static struct pool pool;
static struct joblist done;
static atomic_uint runs;
static sem_t started, go_on;

static void setup(void) {
    mailbox_init(&mailbox, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    ck_assert_int_ge(mailbox.eventfd, 0);
    done = (struct joblist){0};
    atomic_store(&runs, 0);
    sem_init(&started, 0, 0);
    sem_init(&go_on, 0, 0);
}

static void teardown(void) {
    ck_assert(pool_stop(&pool, FOREVER));
    close(mailbox.eventfd);
    sem_destroy(&started);
    sem_destroy(&go_on);
}

static void run_call(struct job *job) {
    atomic_fetch_add(&runs, 1);
    if (job->call.run)
        job->call.run(job);
}

static void start_pool(unsigned threads) {
    struct pool_plan plan = {.name = "test", .threads = threads, .run = run_call, .mailbox = &mailbox};
    ck_assert_int_eq(pool_start(&pool, &plan), 0);
}

static void submit(struct job *jobs, int count, void (*run)(struct job *)) {
    struct joblist list = {0};
    for (int i = 0; i < count; i++) {
        jobs[i].call.run = run;
        joblist_push(&list, &jobs[i]);
    }
    pool_submit(&pool, &list);
    ck_assert_ptr_null(list.head);
}

/* The next job that comes back; waits for it. */
static struct job *next_done(void) {
    while (!done.head && !mailbox_take(&mailbox, &done)) {
        struct pollfd wake = {.fd = mailbox.eventfd, .events = POLLIN};
        if (mailbox_sleep(&mailbox)) {
            eventfd_t count;
            ck_assert_int_eq(poll(&wake, 1, -1), 1);
            eventfd_read(mailbox.eventfd, &count);
        }
        mailbox_wake(&mailbox);
    }
    return joblist_pop(&done);
}

static void hang(struct job *job) {
    (void)job;
    sem_post(&started);
    sem_wait(&go_on);
}

static void note_thread(struct job *job) {
    job->owner = (uint64_t)pthread_self();
}

static void break_down(struct job *job) {
    job->error = -EIO;
}

START_TEST(without_threads_jobs_run_one_by_one_in_order)
{
    struct job jobs[3] = {0};
    start_pool(0);
    submit(jobs, 3, note_thread);
    ck_assert_uint_eq(pool_gauges(&pool).queued, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert(pool_run_one(&pool));
        ck_assert_ptr_eq(next_done(), &jobs[i]);
        ck_assert_uint_eq(jobs[i].owner, (uint64_t)pthread_self());
        ck_assert_int_eq(jobs[i].where, JOB_POOL);
        ck_assert(jobs[i].started_ns > 0 && jobs[i].finished_ns >= jobs[i].started_ns);
    }
    ck_assert(!pool_run_one(&pool));
}
END_TEST

START_TEST(a_cancelled_job_comes_back_unrun)
{
    struct job jobs[2] = {0};
    start_pool(0);
    atomic_store(&jobs[0].cancelled, true);
    submit(jobs, 2, NULL);
    while (pool_run_one(&pool))
        continue;
    ck_assert_uint_eq(atomic_load(&runs), 1);
    ck_assert_int_eq(next_done()->error, -ECANCELED);
    ck_assert_int_eq(jobs[0].started_ns, 0);
    ck_assert_int_eq(next_done()->error, 0);
}
END_TEST

START_TEST(every_job_runs_once_on_another_thread)
{
    enum { COUNT = 1000 };
    struct job *jobs = calloc(COUNT, sizeof(*jobs));
    ck_assert_ptr_nonnull(jobs);
    start_pool(3);
    for (int i = 0; i < COUNT; i += 10)
        submit(jobs + i, 10, note_thread);
    for (int i = 0; i < COUNT; i++)
        ck_assert_uint_ne(next_done()->owner, (uint64_t)pthread_self());
    ck_assert_uint_eq(atomic_load(&runs), COUNT);
    ck_assert_uint_eq(pool_gauges(&pool).queued, 0);
    free(jobs);
}
END_TEST

START_TEST(the_error_of_a_job_comes_back)
{
    struct job job = {0};
    start_pool(1);
    submit(&job, 1, break_down);
    ck_assert_int_eq(next_done()->error, -EIO);
}
END_TEST

static void wait_until_idle(unsigned threads) {
    for (unsigned idle = 0; idle < threads; sched_yield()) {
        pthread_mutex_lock(&pool.lock);
        idle = pool.idle;
        pthread_mutex_unlock(&pool.lock);
    }
}

START_TEST(one_list_sets_all_threads_to_work)
{
    struct job jobs[3] = {0};
    start_pool(3);
    for (int round = 0; round < 2; round++) { /* the threads are started, and then found idle */
        submit(jobs, 3, hang);
        for (int i = 0; i < 3; i++)
            sem_wait(&started); /* hangs unless three threads run */
        ck_assert_uint_eq(pool_gauges(&pool).busy, 3);
        for (int i = 0; i < 3; i++)
            sem_post(&go_on);
        for (int i = 0; i < 3; i++)
            next_done();
        wait_until_idle(3);
    }
}
END_TEST

START_TEST(a_job_that_hangs_holds_up_no_other)
{
    struct job slow = {0}, jobs[50] = {0};
    start_pool(2);
    submit(&slow, 1, hang);
    submit(jobs, 50, NULL);
    for (int i = 0; i < 50; i++)
        ck_assert_ptr_ne(next_done(), &slow);
    sem_post(&go_on);
    ck_assert_ptr_eq(next_done(), &slow);
}
END_TEST

START_TEST(there_are_no_threads_until_a_job_comes)
{
    struct job job = {0};
    start_pool(2);
    ck_assert_uint_eq(pool_gauges(&pool).threads, 0);
    submit(&job, 1, NULL);
    next_done();
    ck_assert_uint_eq(pool_gauges(&pool).threads, 1);
}
END_TEST

START_TEST(a_pool_grows_beyond_its_idle_threads)
{
    struct job first = {0}, jobs[2] = {0};
    start_pool(2);
    submit(&first, 1, NULL);
    next_done();
    wait_until_idle(1);
    submit(jobs, 2, hang);
    sem_wait(&started);
    sem_wait(&started); /* hangs if the second job waits for the only thread */
    sem_post(&go_on);
    sem_post(&go_on);
    next_done();
    next_done();
}
END_TEST

static void note_signals(struct job *job) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    bool good = sigismember(&blocked, SIGTERM) == 1 && sigismember(&blocked, SIGCHLD) == 1 &&
                sigismember(&blocked, SIGSEGV) == 0;
    job->error = good ? 0 : -EINTR;
}

START_TEST(signals_stay_with_the_loop)
{
    struct job job = {0};
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    start_pool(1);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
    submit(&job, 1, note_signals);
    ck_assert_int_eq(next_done()->error, 0);
}
END_TEST

START_TEST(stop_cancels_what_waits_and_waits_for_what_runs)
{
    struct job slow = {0}, jobs[3] = {0};
    start_pool(1);
    submit(&slow, 1, hang);
    sem_wait(&started);
    submit(jobs, 3, NULL);
    ck_assert(!pool_stop(&pool, AT_ONCE));
    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_eq(next_done(), &jobs[i]);
        ck_assert_int_eq(jobs[i].error, -ECANCELED);
    }
    sem_post(&go_on);
    ck_assert(pool_stop(&pool, FOREVER));
    ck_assert_ptr_eq(next_done(), &slow);
    ck_assert_int_eq(slow.error, 0);
    ck_assert_uint_eq(atomic_load(&runs), 1);
}
END_TEST

START_TEST(a_job_that_comes_after_the_stop_comes_back_cancelled)
{
    struct job slow = {0}, late = {0};
    start_pool(1);
    submit(&slow, 1, hang);
    sem_wait(&started);
    ck_assert(!pool_stop(&pool, AT_ONCE));
    submit(&late, 1, NULL);
    ck_assert_ptr_eq(next_done(), &late);
    ck_assert_int_eq(late.error, -ECANCELED);
    sem_post(&go_on);
    ck_assert(pool_stop(&pool, FOREVER)); /* slow lives on this stack */
}
END_TEST

static cpu_set_t allowed;

static void note_cpus(struct job *job) {
    cpu_set_t now;
    sched_getaffinity(0, sizeof(now), &now);
    job->error = CPU_EQUAL(&now, &allowed) ? 0 : -EINVAL;
}

/* The one that starts them may run elsewhere. */
START_TEST(threads_run_where_they_are_told)
{
    struct job job = {0};
    cpu_set_t all;
    size_t first = 0;
    sched_getaffinity(0, sizeof(all), &all);
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&allowed);
    CPU_SET(first, &allowed);
    struct pool_plan plan = {
        .name = "test", .threads = 1, .cpus = &allowed, .run = run_call, .mailbox = &mailbox};
    ck_assert_int_eq(pool_start(&pool, &plan), 0);
    submit(&job, 1, note_cpus);
    ck_assert_int_eq(next_done()->error, 0);
}
END_TEST

START_TEST(threads_that_cannot_be_started_are_an_error)
{
    struct job job = {0};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 47); /* no address space has room for it */
    ck_assert_int_eq(pthread_setattr_default_np(&attributes), 0);
    pthread_attr_destroy(&attributes);
    start_pool(1);
    submit(&job, 1, NULL);
    ck_assert_int_lt(next_done()->error, 0);
    ck_assert_uint_eq(atomic_load(&runs), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pool");
    TCase *tcase = tcase_create("pool");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, without_threads_jobs_run_one_by_one_in_order);
    tcase_add_test(tcase, a_cancelled_job_comes_back_unrun);
    tcase_add_test(tcase, every_job_runs_once_on_another_thread);
    tcase_add_test(tcase, the_error_of_a_job_comes_back);
    tcase_add_test(tcase, one_list_sets_all_threads_to_work);
    tcase_add_test(tcase, a_job_that_hangs_holds_up_no_other);
    tcase_add_test(tcase, there_are_no_threads_until_a_job_comes);
    tcase_add_test(tcase, a_pool_grows_beyond_its_idle_threads);
    tcase_add_test(tcase, signals_stay_with_the_loop);
    tcase_add_test(tcase, stop_cancels_what_waits_and_waits_for_what_runs);
    tcase_add_test(tcase, a_job_that_comes_after_the_stop_comes_back_cancelled);
    tcase_add_test(tcase, threads_run_where_they_are_told);
    tcase_add_test(tcase, threads_that_cannot_be_started_are_an_error);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
