/* Received descriptors that nobody needs any more: closed many at a time, neighbours by one close_range(2).
 *
 *     fdbin_add(17) (18) (19) (23) -> runs [17..19] [23..23] -> fdbin_empty(): two calls */
#ifndef SLUICE_BENCH_FDBIN_H
#define SLUICE_BENCH_FDBIN_H

#define FDBIN_RUNS 64

struct fdbin {
    unsigned count; /* runs */
    struct fdbin_run {
        int first, last;
    } runs[FDBIN_RUNS];
};

/* Takes fd over. */
void fdbin_add(struct fdbin *bin, int fd);
void fdbin_empty(struct fdbin *bin);

#endif
