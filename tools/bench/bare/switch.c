/* What two processes on one core need to pass a byte back and forth over a Unix socket, with no server, no file and no
 * descriptor: the system calls and the two switches that every round trip begins with.
 *
 *     bare/switch      one JSON object: microseconds a round trip, by quantile. Pin it to one core. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 100000
#define WARMUP 1000

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static void echo(int fd) {
    char byte;
    while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
        ;
}

static int in_order(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    static double took[ROUNDS];
    int pair[2];
    char byte = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        err(1, "socketpair");
    pid_t child = fork();
    if (child < 0)
        err(1, "fork");
    close(pair[child == 0 ? 0 : 1]);
    if (child == 0) {
        echo(pair[1]);
        return 0;
    }
    for (int i = -WARMUP; i < ROUNDS; i++) {
        double start = now_us();
        if (write(pair[0], &byte, 1) != 1 || read(pair[0], &byte, 1) != 1)
            err(1, "echo");
        if (i >= 0)
            took[i] = now_us() - start;
    }
    qsort(took, ROUNDS, sizeof(took[0]), in_order);
    printf("{\"p50\": %.3f, \"p99\": %.3f, \"p999\": %.3f}\n", took[ROUNDS / 2], took[ROUNDS / 100 * 99],
           took[ROUNDS / 1000 * 999]);
    return 0;
}
