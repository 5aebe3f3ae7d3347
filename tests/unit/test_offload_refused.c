/* Settings that cannot be met, and kernels that refuse: each test process forbids itself system calls. */
#include "tests/unit/offload_rig.h"

#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static struct offload_rig rig;

static void setup(void) {
    offload_rig_setup(&rig);
}

static void teardown(void) {
    offload_rig_teardown(&rig);
}

START_TEST(settings_that_cannot_be_met_are_refused_with_a_sentence)
{
    rig.settings.pool_cpus = (char[]){"0-x"};
    ck_assert_int_eq(offload_rig_try(&rig, &offload_modes[OFFLOAD_MODE_AUTO]), -EINVAL);
    ck_assert_ptr_nonnull(strstr(rig.why, "pool_cpus"));
    rig.settings.pool_cpus = (char[]){"1023"}; /* no machine that runs tests has so many */
    ck_assert_int_eq(offload_rig_try(&rig, &offload_modes[OFFLOAD_MODE_AUTO]), -ENODEV);
    ck_assert_ptr_nonnull(strstr(rig.why, "1023"));
    ck_assert_int_eq(rig.fds_opened, rig.fds_closed);
}
END_TEST

/* From here on this process's system call `number` fails with error. */
static void forbid(int number, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static const struct refusal {
    int number, error;
    const char *call, *culprit;
} refusals[] = {
    {SYS_io_uring_setup, EPERM, "io_uring_setup", "seccomp"},
    {SYS_io_uring_setup, ENOSYS, "io_uring_setup", "seccomp"},
    {SYS_io_uring_setup, ENOMEM, "io_uring_setup", "RLIMIT_MEMLOCK"},
    {SYS_io_uring_enter, EPERM, "io_uring_enter", "seccomp"},
    {SYS_io_uring_enter, ENOSYS, "io_uring_enter", "seccomp"},
    {SYS_io_uring_register, EPERM, "io_uring_register", "seccomp"},
    {SYS_io_uring_register, ENOSYS, "io_uring_register", "seccomp"},
    {SYS_io_uring_register, EINVAL, "io_uring_register", "older than"},
};
#define REFUSALS ((int)(sizeof refusals / sizeof *refusals))

START_TEST(without_io_uring_everything_works_and_the_cause_is_named)
{
    const struct refusal *refusal = &refusals[_i];
    static const struct offload_mode require = {OFFLOAD_AUTO, URING_REQUIRE, false};
    forbid(refusal->number, refusal->error);
    ck_assert_int_lt(offload_rig_try(&rig, &require), 0);
    ck_assert_msg(strstr(rig.why, refusal->call) && strstr(rig.why, refusal->culprit), "%s", rig.why);
    for (int i = 0; i < 2; i++) {
        offload_rig_start(&rig, &offload_modes[i]);
        ck_assert(!offload_rig_has_ring(&rig));
        const char *text = offload_describe(rig.offload);
        ck_assert_msg(strstr(text, refusal->call) && strstr(text, refusal->culprit), "%s", text);
        offload_rig_everything(&rig, &offload_modes[i]);
        offload_stop(rig.offload, 60);
        rig.offload = NULL;
    }
}
END_TEST

START_TEST(a_ring_that_breaks_down_is_replaced_by_the_pool)
{
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_ALWAYS]);
    if (!offload_rig_has_ring(&rig))
        return;
    offload_rig_everything(&rig, &offload_modes[OFFLOAD_MODE_ALWAYS]);
    forbid(SYS_io_uring_enter, EPERM);
    struct job *job = offload_rig_read(&rig, 100, OFFLOAD_RIG_CHUNK);
    ck_assert_int_ne(offload_rig_do(&rig, job), JOB_RING);
    ck_assert_int_eq(job->error, 0);
    ck_assert_uint_eq(job->read.got, OFFLOAD_RIG_CHUNK);
    offload_rig_pattern(&rig, 100, OFFLOAD_RIG_CHUNK);
    offload_release(rig.offload, job);
    ck_assert_ptr_nonnull(strstr(offload_describe(rig.offload), "any more: io_uring_enter"));
    offload_rig_everything(&rig, &offload_modes[OFFLOAD_MODE_ALWAYS]);
}
END_TEST

START_TEST(reads_work_where_they_cannot_be_told_not_to_wait)
{
    forbid(SYS_preadv2, EPERM);
    offload_rig_start(&rig, &offload_modes[_i]);
    offload_rig_everything(&rig, &offload_modes[_i]);
    if (offload_modes[_i].offload == OFFLOAD_AUTO && offload_rig_on_disk(&rig))
        ck_assert_uint_ge(offload_stats(rig.offload)->spot_unsupported, 1);
}
END_TEST

START_TEST(a_kernel_without_openat2_is_refused)
{
    forbid(SYS_openat2, ENOSYS);
    ck_assert_int_eq(offload_rig_try(&rig, &offload_modes[OFFLOAD_MODE_AUTO]), -ENOSYS);
    ck_assert_ptr_nonnull(strstr(rig.why, "openat2"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("offload refused");
    TCase *tcase = tcase_create("offload refused");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, settings_that_cannot_be_met_are_refused_with_a_sentence);
    tcase_add_loop_test(tcase, without_io_uring_everything_works_and_the_cause_is_named, 0, REFUSALS);
    tcase_add_test(tcase, a_ring_that_breaks_down_is_replaced_by_the_pool);
    tcase_add_loop_test(tcase, reads_work_where_they_cannot_be_told_not_to_wait, 0, OFFLOAD_MODES);
    tcase_add_test(tcase, a_kernel_without_openat2_is_refused);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
