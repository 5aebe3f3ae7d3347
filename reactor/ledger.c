#include "reactor/ledger.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CLOSING_MAX 256

const char *fd_kind_name(enum fd_kind kind) {
    static const char *const names[FD_KINDS] = {
        [FD_NONE] = "none",
#define FD_KIND(name, word, help) [FD_##name] = #word,
#include "reactor/fd_kind.def"
#undef FD_KIND
    };
    return kind < FD_KINDS ? names[kind] : "none";
}

/* Calls visit for every open fd except the one used for looking. Returns their number or -errno. */
static long visit_open_fds(struct ledger *ledger,
                           void (*visit)(struct ledger *ledger, int fd, enum fd_kind kind),
                           enum fd_kind kind) {
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -errno;
    long count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(dir))
            continue;
        count++;
        visit(ledger, fd, kind);
    }
    closedir(dir);
    return count;
}

static bool is_entered(const struct ledger *ledger, int fd) {
    return (size_t)fd < ledger->capacity && ledger->entries[fd].kind != FD_NONE;
}

static void adopt(struct ledger *ledger, int fd, enum fd_kind kind) {
    if ((size_t)fd < ledger->capacity && !is_entered(ledger, fd))
        ledger_enter(ledger, fd, kind, 0, 0);
}

static void count_foreign(struct ledger *ledger, int fd, enum fd_kind kind) {
    (void)kind;
    ledger->foreign += !is_entered(ledger, fd);
}

void ledger_adopt(struct ledger *ledger, enum fd_kind kind) {
    visit_open_fds(ledger, adopt, kind);
}

int ledger_init(struct ledger *ledger, size_t limit) {
    memset(ledger, 0, sizeof(*ledger));
    void *entries = mmap(NULL, limit * sizeof(struct ledger_entry), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (entries == MAP_FAILED)
        return -ENOMEM;
    ledger->entries = entries;
    ledger->capacity = limit;
    ledger->closing = malloc(CLOSING_MAX * sizeof(int));
    if (!ledger->closing)
        return -ENOMEM;
    long count = visit_open_fds(ledger, adopt, FD_INHERITED);
    return count < 0 ? (int)count : 0;
}

void ledger_free(struct ledger *ledger) {
    if (ledger->entries)
        munmap(ledger->entries, ledger->capacity * sizeof(struct ledger_entry));
    free(ledger->closing);
    memset(ledger, 0, sizeof(*ledger));
}

void ledger_enter(struct ledger *ledger, int fd, enum fd_kind kind, uint64_t owner, double now) {
    assert(fd >= 0 && (size_t)fd < ledger->capacity);
    struct ledger_entry *entry = &ledger->entries[fd];
    assert(entry->kind == FD_NONE);
    *entry = (struct ledger_entry){.owner = owner, .since = now, .holders = 1, .kind = (uint8_t)kind};
    ledger->opened++;
    ledger->open_by_kind[kind]++;
    if ((size_t)fd >= ledger->top)
        ledger->top = (size_t)fd + 1;
}

void ledger_leave(struct ledger *ledger, int fd) {
    struct ledger_entry *entry = &ledger->entries[fd];
    assert(fd >= 0 && (size_t)fd < ledger->capacity && entry->kind != FD_NONE);
    ledger->open_by_kind[entry->kind]--;
    ledger->closed++;
    entry->kind = FD_NONE;
}

void ledger_hold(struct ledger *ledger, int fd) {
    assert(ledger->entries[fd].kind != FD_NONE);
    ledger->entries[fd].holders++;
}

void ledger_retag(struct ledger *ledger, int fd, enum fd_kind kind) {
    struct ledger_entry *entry = &ledger->entries[fd];
    ledger->open_by_kind[entry->kind]--;
    entry->kind = (uint8_t)kind;
    ledger->open_by_kind[kind]++;
}

void ledger_mark_slow(struct ledger *ledger, int fd) {
    ledger->entries[fd].slow = true;
}

void ledger_release(struct ledger *ledger, int fd) {
    struct ledger_entry *entry = &ledger->entries[fd];
    assert(entry->kind != FD_NONE && entry->holders > 0);
    if (--entry->holders > 0)
        return;
    if (entry->slow) {
        entry->owner = ledger->slow;
        ledger->slow = (uint64_t)fd + 1;
        return;
    }
    if (ledger->closing_count == CLOSING_MAX)
        ledger_flush(ledger);
    ledger->closing[ledger->closing_count++] = fd;
}

void ledger_close(struct ledger *ledger, int fd) {
    assert(ledger->entries[fd].holders == 1);
    ledger_leave(ledger, fd);
    close(fd);
}

/* Nearly sorted already: descriptors are handed out lowest first. */
static void sort_fds(int *fds, unsigned count) {
    for (unsigned i = 1; i < count; i++) {
        int fd = fds[i];
        unsigned j = i;
        for (; j > 0 && fds[j - 1] > fd; j--)
            fds[j] = fds[j - 1];
        fds[j] = fd;
    }
}

void ledger_flush(struct ledger *ledger) {
    unsigned count = ledger->closing_count;
    if (count == 0)
        return;
    sort_fds(ledger->closing, count);
    for (unsigned i = 0; i < count;) {
        unsigned end = i + 1;
        while (end < count && ledger->closing[end] == ledger->closing[end - 1] + 1)
            end++;
        for (unsigned j = i; j < end; j++)
            ledger_leave(ledger, ledger->closing[j]);
        unsigned first = (unsigned)ledger->closing[i], last = (unsigned)ledger->closing[end - 1];
        if (first == last || syscall(SYS_close_range, first, last, 0) != 0)
            for (unsigned fd = first; fd <= last; fd++)
                close((int)fd);
        i = end;
    }
    ledger->closing_count = 0;
}

unsigned ledger_take_slow(struct ledger *ledger, int *fds, unsigned most) {
    unsigned count = 0;
    for (; ledger->slow && count < most; count++) {
        int fd = (int)(ledger->slow - 1);
        ledger->slow = ledger->entries[fd].owner;
        ledger_leave(ledger, fd);
        fds[count] = fd;
    }
    return count;
}

long ledger_audit(struct ledger *ledger, uint64_t *foreign) {
    struct stat st;
    uint64_t entered = ledger_open(ledger);
    /* The directory's size is their number (since Linux 6.2); reading thousands of entries would hold up the loop. */
    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0 && (uint64_t)st.st_size >= entered) {
        ledger->foreign = *foreign = (uint64_t)st.st_size - entered;
        return (long)st.st_size;
    }
    ledger->foreign = *foreign = 0;
    long count = visit_open_fds(ledger, count_foreign, FD_NONE);
    *foreign = ledger->foreign;
    return count;
}
