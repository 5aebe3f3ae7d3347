#include "offload/mailbox.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 4
#define EACH    20000

static struct mailbox mailbox;

static void setup(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    mailbox_init(&mailbox, fd);
}

static void teardown(void) {
    close(mailbox.eventfd);
}

/* How often the eventfd was written since it was last asked. */
static unsigned writes(void) {
    eventfd_t count;
    return eventfd_read(mailbox.eventfd, &count) == 0 ? (unsigned)count : 0;
}

START_TEST(jobs_come_out_in_the_order_they_went_in)
{
    struct job jobs[5] = {0};
    struct joblist list = {0};
    joblist_push(&list, &jobs[0]);
    for (int i = 1; i < 4; i++)
        mailbox_push(&mailbox, &jobs[i]);
    ck_assert(mailbox_take(&mailbox, &list));
    mailbox_push(&mailbox, &jobs[4]);
    ck_assert(mailbox_take(&mailbox, &list));
    ck_assert(!mailbox_take(&mailbox, &list));
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_eq(joblist_pop(&list), &jobs[i]);
    ck_assert_ptr_null(joblist_pop(&list));
}
END_TEST

START_TEST(a_working_loop_is_not_woken)
{
    struct job jobs[2] = {0};
    mailbox_push(&mailbox, &jobs[0]);
    mailbox_push(&mailbox, &jobs[1]);
    ck_assert_uint_eq(writes(), 0);
}
END_TEST

START_TEST(a_sleeping_loop_is_woken_once_for_many)
{
    struct job jobs[3] = {0};
    ck_assert(mailbox_sleep(&mailbox));
    for (int i = 0; i < 3; i++)
        mailbox_push(&mailbox, &jobs[i]);
    ck_assert_uint_eq(writes(), 1);
    ck_assert_uint_eq(atomic_load(&mailbox.wakes), 1);
}
END_TEST

START_TEST(a_loop_that_woke_by_itself_is_not_woken)
{
    struct job job = {0};
    ck_assert(mailbox_sleep(&mailbox));
    mailbox_wake(&mailbox);
    mailbox_push(&mailbox, &job);
    ck_assert_uint_eq(writes(), 0);
}
END_TEST

START_TEST(sleep_is_refused_when_something_arrived)
{
    struct job job = {0};
    struct joblist list = {0};
    mailbox_push(&mailbox, &job);
    ck_assert(!mailbox_sleep(&mailbox));
    ck_assert(mailbox_take(&mailbox, &list));
    ck_assert(mailbox_sleep(&mailbox));
}
END_TEST

static void *producer(void *argument) {
    struct job *jobs = argument;
    for (int i = 0; i < EACH; i++)
        mailbox_push(&mailbox, &jobs[i]);
    return NULL;
}

/* Takes what is there; sleeps on the eventfd when there is nothing. A lost wake hangs it for good. */
static struct joblist wait_for_jobs(void) {
    struct joblist list = {0};
    while (!mailbox_take(&mailbox, &list)) {
        struct pollfd wake = {.fd = mailbox.eventfd, .events = POLLIN};
        if (mailbox_sleep(&mailbox)) {
            ck_assert_int_eq(poll(&wake, 1, -1), 1);
            writes();
        }
        mailbox_wake(&mailbox);
    }
    return list;
}

START_TEST(no_job_and_no_wake_is_lost_between_threads)
{
    struct job *jobs = calloc((size_t)THREADS * EACH, sizeof(*jobs));
    pthread_t threads[THREADS];
    unsigned next[THREADS] = {0};
    ck_assert_ptr_nonnull(jobs);
    for (unsigned i = 0; i < THREADS * EACH; i++)
        jobs[i].owner = i;
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, producer, &jobs[i * EACH]), 0);
    for (unsigned count = 0; count < THREADS * EACH;) {
        struct joblist list = wait_for_jobs();
        for (struct job *job; (job = joblist_pop(&list)); count++) {
            unsigned thread = (unsigned)job->owner / EACH;
            ck_assert_uint_eq((unsigned)job->owner % EACH,
                              next[thread]++); /* once each, in its thread's order */
        }
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(atomic_load(&mailbox.wakes), THREADS * EACH);
    free(jobs);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("mailbox");
    TCase *tcase = tcase_create("mailbox");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, jobs_come_out_in_the_order_they_went_in);
    tcase_add_test(tcase, a_working_loop_is_not_woken);
    tcase_add_test(tcase, a_sleeping_loop_is_woken_once_for_many);
    tcase_add_test(tcase, a_loop_that_woke_by_itself_is_not_woken);
    tcase_add_test(tcase, sleep_is_refused_when_something_arrived);
    tcase_add_test(tcase, no_job_and_no_wake_is_lost_between_threads);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
