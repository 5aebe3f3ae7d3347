#include "tools/bench/fdbin.h"

#include <sys/syscall.h>
#include <unistd.h>

void fdbin_add(struct fdbin *bin, int fd) {
    if (bin->count > 0 && bin->runs[bin->count - 1].last + 1 == fd) {
        bin->runs[bin->count - 1].last = fd;
        return;
    }
    if (bin->count == FDBIN_RUNS)
        fdbin_empty(bin);
    bin->runs[bin->count++] = (struct fdbin_run){fd, fd};
}

void fdbin_empty(struct fdbin *bin) {
    for (unsigned i = 0; i < bin->count; i++) {
        struct fdbin_run run = bin->runs[i];
        if (run.first == run.last || syscall(SYS_close_range, run.first, run.last, 0) != 0)
            for (int fd = run.first; fd <= run.last; fd++)
                close(fd);
    }
    bin->count = 0;
}
