/* Memory that runs out, for LD_PRELOAD: one call in so many returns NULL, as the first number in the file
 * $SLUICE_MEMORY says at that time (0: none), and the second number counts them. libev's calls never fail: it would end
 * the process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

struct control {
    uint32_t one_in;
    atomic_uint failures;
};

static struct control *control;
static atomic_uint calls;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("SLUICE_MEMORY");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    control = mapped == MAP_FAILED ? NULL : mapped;
}

/* The same calls each time, but no regular ones. */
static uint32_t scattered(uint32_t n) {
    n *= 2654435761u;
    n ^= n >> 13;
    n *= 0x5bd1e995;
    return n ^ n >> 15;
}

static int fails(const void *caller) {
    Dl_info info;
    uint32_t one_in = control ? *(volatile uint32_t *)&control->one_in : 0;
    if (one_in == 0 || scattered(atomic_fetch_add(&calls, 1)) % one_in != 0)
        return 0;
    if (dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libev"))
        return 0;
    atomic_fetch_add(&control->failures, 1);
    errno = ENOMEM;
    return 1;
}

#define FAILS fails(__builtin_return_address(0))

void *malloc(size_t size) {
    return FAILS ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return FAILS ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    return FAILS ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size) {
    size_t total;
    return __builtin_mul_overflow(count, size, &total) || FAILS ? NULL : __libc_realloc(old, total);
}
