/* A transfer whose disk is slow and whose client stops reading: what it holds can be taken for others. */
#include "handlers/objects/objects.h"
#include "proto/frame.h"
#include "tests/unit/loop_rig.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536

static struct loop_rig rig;
static struct objects objects;
static struct conn *conn;
static int client;
static char directory[] = "/tmp/sluice-test-transfer-XXXXXX", path[64];

static void setup(void) {
    char why[256];
    struct objects_settings settings = {0};
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/two-chunks", directory);
    int file = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(ftruncate(file, 2 * CHUNK), 0);
    close(file);
    loop_rig_setup(&rig);
    rig.settings.bytes_total = 8 * CHUNK;
    rig.offload.offload = OFFLOAD_ALWAYS;
    rig.offload.chunk = CHUNK;
    loop_rig_start(&rig);
    ck_assert_int_eq(objects_init(&objects, &rig.loop, &settings, &rig.offload, why, sizeof(why)), 0);
    ck_assert_int_eq(roots_add(&objects.roots, &rig.loop.ledger, "", directory), 0);
    client = loop_rig_connect(&rig, &conn);
    setsockopt(stream_fd(&conn->stream), SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
}

static void teardown(void) {
    close(client);
    ck_assert(loop_end(&rig.loop));
    objects_free(&objects);
    loop_free(&rig.loop);
    unlink(path);
    rmdir(directory);
}

static void sleep_a_little(struct job *job) {
    (void)job;
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void slept(struct job *job) {
    (void)job;
}

/* A turn whose reads wait for their only thread. */
static void slow_turn(void) {
    struct job *job = offload_job(rig.loop.offload, JOB_CALL, JOB_POOL_FILES);
    if (job) {
        job->call.run = sleep_a_little;
        job->done = slept;
        offload_submit(rig.loop.offload, job);
    }
    loop_rig_turn(&rig);
}

START_TEST(the_chunk_that_was_read_ahead_can_be_taken_like_any_other)
{
    char waste[1024], range[16 + 16] = {0};
    struct frame frame = {.op = OBJECT_OP_COPY, .length = 16 + 10};
    char head[FRAME_HEADER];
    frame_encode(head, FRAME_SLC1, &frame);
    memcpy(range + 16, "two-chunks", 10);
    ck_assert_int_eq(send(client, head, sizeof(head), 0), FRAME_HEADER);
    ck_assert_int_eq(send(client, range, 16 + 10, 0), 16 + 10);
    while (objects.stats.buffer_bytes < 2 * CHUNK)
        slow_turn();
    while (offload_open_jobs(rig.loop.offload) > 0) /* until both chunks are there */
        loop_rig_turn(&rig);
    while (objects.stats.buffer_bytes == 2 * CHUNK) {
        recv(client, waste, sizeof(waste), 0);
        loop_rig_turn(&rig);
    }
    ck_assert_uint_eq(objects.stats.buffer_bytes, CHUNK);
    ck_assert(conn->stream.writing);
    ck_assert(!TAILQ_EMPTY(&objects.holders));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("transfer");
    TCase *all = tcase_create("holders");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, the_chunk_that_was_read_ahead_can_be_taken_like_any_other);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
