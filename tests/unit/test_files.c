/* Opening names below a root, on the spot and in a thread. */
#include "tests/unit/files_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOBODY 65534

static struct files_rig rig;

static void setup(void) {
    files_rig_setup(&rig);
}

static void teardown(void) {
    files_rig_teardown(&rig);
}

static void expect_error(int way, const char *name, int error) {
    int result = files_rig_open(&rig, way, rig.root, name);
    ck_assert_msg(result == error, "%s: %d, not %d", name, result, error);
}

START_TEST(a_name_becomes_a_descriptor)
{
    ck_assert_int_eq(files_rig_open(&rig, _i, rig.root, "file"), 0);
    ck_assert_int_eq(rig.job.open.st.st_size, FILES_RIG_SIZE);
    ck_assert_int_eq(fcntl(rig.job.open.fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
    ck_assert_int_eq(fcntl(rig.job.open.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(read(rig.job.open.fd, rig.buffer, FILES_RIG_SIZE), FILES_RIG_SIZE);
    ck_assert_int_eq(rig.buffer[FILES_RIG_SIZE - 1], files_rig_pattern(FILES_RIG_SIZE - 1));
    close(rig.job.open.fd);
}
END_TEST

START_TEST(a_warm_name_on_a_local_disk_is_opened_on_the_spot)
{
    files_rig_open(&rig, FILES_RIG_THREAD, rig.root, "file");
    close(rig.job.open.fd);
    enum spot spot = files_spot(&rig.files, &rig.job);
    if (files_rig_on_disk(&rig) && rig.files.cached_lookup)
        ck_assert_int_eq(spot, SPOT_DONE);
    if (spot == SPOT_DONE)
        close(rig.job.open.fd);
}
END_TEST

START_TEST(each_open_has_its_own_offset)
{
    files_rig_open(&rig, _i, rig.root, "file");
    int first = rig.job.open.fd;
    files_rig_open(&rig, _i, rig.root, "file");
    ck_assert_int_eq(lseek(first, 100, SEEK_SET), 100);
    ck_assert_int_eq(lseek(rig.job.open.fd, 0, SEEK_CUR), 0);
    close(first);
    close(rig.job.open.fd);
}
END_TEST

static const char *const escapes[] = {
    "../secret", "..",      "dir/../../secret", "dir/../../root/file", "/etc/hostname",
    "/",         "link-up", "link-absolute",    "link-dir/secret",     "dir/./../../secret"};

START_TEST(no_name_leads_out_of_the_root)
{
    files_rig_link(&rig, "../secret", "root/link-up");
    files_rig_link(&rig, "/etc/hostname", "root/link-absolute");
    files_rig_link(&rig, "..", "root/link-dir");
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        expect_error(_i, escapes[i], -EXDEV);
}
END_TEST

START_TEST(links_and_dots_within_the_root_are_followed)
{
    files_rig_link(&rig, "../file", "root/dir/link");
    files_rig_link(&rig, "dir/link", "root/link-to-link");
    ck_assert_int_eq(files_rig_open(&rig, _i, rig.root, "link-to-link"), 0);
    close(rig.job.open.fd);
    ck_assert_int_eq(files_rig_open(&rig, _i, rig.root, "dir/../file"), 0);
    close(rig.job.open.fd);
}
END_TEST

START_TEST(links_of_proc_are_not_followed)
{
    char name[32];
    int self = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    int file = open(files_rig_path(&rig, "secret"), O_RDONLY);
    ck_assert(self >= 0 && file >= 0);
    snprintf(name, sizeof name, "%d", file);
    ck_assert_int_eq(files_rig_open(&rig, _i, self, name), -ELOOP);
    close(self);
    close(file);
}
END_TEST

static int next_fd(void) {
    int fd = dup(rig.root);
    close(fd);
    return fd;
}

START_TEST(only_regular_files_are_opened)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), devices = open("/dev", O_PATH | O_DIRECTORY);
    int before = next_fd();
    snprintf(address.sun_path, sizeof address.sun_path, "%s", files_rig_path(&rig, "root/socket"));
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(mkfifo(files_rig_path(&rig, "root/fifo"), 0644), 0);
    expect_error(_i, "dir", -EISDIR);
    expect_error(_i, ".", -EISDIR);
    expect_error(_i, "socket", -EISDIR);
    expect_error(_i, "fifo", -EISDIR); /* must not wait for a writer */
    ck_assert_int_eq(files_rig_open(&rig, _i, devices, "null"), -EISDIR);
    ck_assert_int_eq(next_fd(), before); /* nothing stayed open */
    close(listener);
    close(devices);
}
END_TEST

START_TEST(names_that_are_not_there)
{
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    files_rig_link(&rig, "loop", "root/loop");
    files_rig_link(&rig, "nothing", "root/dangling");
    expect_error(_i, "missing", -ENOENT);
    expect_error(_i, "dangling", -ENOENT);
    expect_error(_i, "file/below", -ENOTDIR);
    expect_error(_i, "loop", -ELOOP);
    expect_error(_i, name, -ENAMETOOLONG);
}
END_TEST

START_TEST(an_unreadable_file_is_refused)
{
    ck_assert_int_eq(chmod(files_rig_path(&rig, "root/file"), 0), 0);
    if (geteuid() == 0) /* root reads everything */
        ck_assert_int_eq(seteuid(NOBODY), 0);
    expect_error(_i, "file", -EACCES);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(another_file_system_is_left_to_threads)
{
    int proc = open("/proc", O_PATH | O_DIRECTORY);
    ck_assert_int_ge(proc, 0);
    ck_assert_int_eq(files_rig_open(&rig, FILES_RIG_THREAD, proc, "sys/kernel/ostype"), 0);
    close(rig.job.open.fd);
    ck_assert_int_eq(files_spot(&rig.files, &rig.job), SPOT_UNSUPPORTED);
    close(proc);
}
END_TEST

START_TEST(a_mount_below_the_root_is_left_to_threads)
{
    char path[] = "/dev/shm/sluice-test-XXXXXX";
    int fd = mkstemp(path), slash = open("/", O_PATH | O_DIRECTORY);
    struct stat here, there;
    if (fd < 0)
        return; /* no /dev/shm here */
    ck_assert(fstat(fd, &there) == 0 && fstat(slash, &here) == 0);
    ck_assert_int_eq(files_rig_open(&rig, FILES_RIG_THREAD, slash, path + 1), 0);
    close(rig.job.open.fd);
    if (here.st_dev != there.st_dev)
        ck_assert_int_ne(files_spot(&rig.files, &rig.job), SPOT_DONE);
    unlink(path);
    close(fd);
    close(slash);
}
END_TEST

/* ---- races ------------------------------------------------------------------------------------- */

static atomic_bool stop;

/* Replaces root/file over and over, as writers of objects do. */
static void *replace_file(void *argument) {
    char from[100], to[100];
    snprintf(to, sizeof to, "%s", files_rig_path(&rig, "root/file"));
    snprintf(from, sizeof from, "%s/root/new", rig.directory);
    while (!atomic_load(&stop)) {
        int fd = open(from, O_WRONLY | O_CREAT, 0644);
        ck_assert_int_eq(write(fd, "other", 5), 5);
        close(fd);
        rename(from, to);
    }
    return argument;
}

/* Makes root/swap a directory and a way out in turn. */
static void *swap_link(void *argument) {
    char inside[100], outside[100];
    snprintf(inside, sizeof inside, "%s/root/swap", rig.directory);
    snprintf(outside, sizeof outside, "%s/root/way-out", rig.directory);
    while (!atomic_load(&stop))
        renameat2(AT_FDCWD, inside, AT_FDCWD, outside, RENAME_EXCHANGE);
    return argument;
}

START_TEST(a_file_that_is_replaced_is_always_there)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, replace_file, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        ck_assert_int_eq(files_rig_open(&rig, _i, rig.root, "file"), 0);
        ck_assert(rig.job.open.st.st_size == FILES_RIG_SIZE || rig.job.open.st.st_size == 5);
        close(rig.job.open.fd);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(a_directory_swapped_for_a_link_never_leads_out)
{
    pthread_t thread;
    struct stat secret;
    ck_assert_int_eq(stat(files_rig_path(&rig, "secret"), &secret), 0);
    ck_assert_int_eq(mkdir(files_rig_path(&rig, "root/swap"), 0755), 0);
    files_rig_link(&rig, "..", "root/way-out");
    files_rig_make(&rig, "root/swap/secret", 3);
    ck_assert_int_eq(pthread_create(&thread, NULL, swap_link, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        int error = files_rig_open(&rig, _i, rig.root, i & 1 ? "swap/secret" : "dir/../swap/secret");
        ck_assert_msg(error == 0 || error == -EXDEV || error == -EAGAIN, "%d", error);
        if (error == 0) {
            ck_assert_uint_ne(rig.job.open.st.st_ino, secret.st_ino);
            close(rig.job.open.fd);
        }
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}
END_TEST

static int leased;

static void give_way(int signal) {
    (void)signal;
    fcntl(leased, F_SETLEASE, F_UNLCK);
}

/* Takes a write lease on root/file: whoever opens it makes the kernel ask us to give way. */
static bool take_lease(void (*on_break)(int)) {
    struct sigaction action = {.sa_handler = on_break};
    sigaction(SIGIO, &action, NULL);
    leased = open(files_rig_path(&rig, "root/file"), O_RDWR);
    return fcntl(leased, F_SETLEASE, F_WRLCK) == 0;
}

START_TEST(a_lease_is_waited_for_by_a_thread)
{
    if (take_lease(give_way))
        ck_assert_int_eq(files_rig_open(&rig, _i, rig.root, "file"), 0);
    close(rig.job.open.fd);
    close(leased);
}
END_TEST

START_TEST(a_lease_that_is_held_on_to_ends_in_again)
{
    if (take_lease(SIG_IGN))
        expect_error(_i, "file", -EAGAIN);
    close(leased);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("files");
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_name_becomes_a_descriptor, 0, FILES_RIG_WAYS);
    tcase_add_test(tcase, a_warm_name_on_a_local_disk_is_opened_on_the_spot);
    tcase_add_loop_test(tcase, each_open_has_its_own_offset, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, no_name_leads_out_of_the_root, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, links_and_dots_within_the_root_are_followed, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, links_of_proc_are_not_followed, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, only_regular_files_are_opened, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, names_that_are_not_there, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, an_unreadable_file_is_refused, 0, FILES_RIG_WAYS);
    tcase_add_test(tcase, another_file_system_is_left_to_threads);
    tcase_add_test(tcase, a_mount_below_the_root_is_left_to_threads);
    tcase_add_loop_test(tcase, a_file_that_is_replaced_is_always_there, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, a_directory_swapped_for_a_link_never_leads_out, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, a_lease_is_waited_for_by_a_thread, 0, FILES_RIG_WAYS);
    tcase_add_loop_test(tcase, a_lease_that_is_held_on_to_ends_in_again, 0, FILES_RIG_WAYS);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
