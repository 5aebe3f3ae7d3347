/* What the file systems below the roots can do without sleeping: asked once per device, remembered in a small table.
 *
 *     root fd -> device --+
 *     st_dev of a file ---+-> [ device, abilities ] -- not there: fstatfs()
 *
 * Belongs to the loop thread. */
#ifndef SLUICE_OFFLOAD_FILESYSTEMS_H
#define SLUICE_OFFLOAD_FILESYSTEMS_H

#include <sys/types.h>

enum {
    FILESYSTEM_LOCAL = 1,  /* no server and no program behind it: a cached lookup does not wait */
    FILESYSTEM_NOWAIT = 2, /* reads honour RWF_NOWAIT; assumed until a read says otherwise */
    FILESYSTEM_MEMORY = 4, /* the page cache is the file: only swapped-out pages are not resident */
};

#define FILESYSTEM_ROOTS   64
#define FILESYSTEM_DEVICES 32

struct filesystems {
    struct filesystem_root {
        int fd;
        dev_t device;
        dev_t remote; /* the last one met below it that is not local; 0: none */
    } roots[FILESYSTEM_ROOTS];
    struct filesystem_device {
        dev_t device;
        unsigned abilities;
    } devices[FILESYSTEM_DEVICES];
    unsigned root_count, device_count;
    unsigned root_last, device_last; /* the last hits */
};

/* Abilities of the file system that root, a directory fd that stays open for good, is on. */
unsigned filesystems_root(struct filesystems *filesystems, int root);
/* Abilities of the file system of fd, whose st_dev is device (0: not known to the caller). */
unsigned filesystems_file(struct filesystems *filesystems, int fd, dev_t device);
/* What the kernel says of the file system of fd; may sleep, in any thread. */
unsigned filesystems_ask(int fd);
/* A device below root that is known not to be local, so that not each open of a file there has to ask; 0: none is. */
dev_t filesystems_remote(struct filesystems *filesystems, int root);
/* Remembers what a thread was told of the device of a file below root. */
void filesystems_learn(struct filesystems *filesystems, int root, dev_t device, unsigned abilities);
/* Remembers that the file system of fd lacks an ability that it was believed to have. */
void filesystems_lack(struct filesystems *filesystems, int fd, dev_t device, unsigned ability);

#endif
