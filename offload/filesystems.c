#include "offload/filesystems.h"

#include <linux/magic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Not in the headers of Debian 12. */
#define BCACHEFS_MAGIC 0xca451a4eUL
#define ZFS_MAGIC      0x2fc12fc1UL

/* Any file system not named here may wait for a network or for another program, even for what it has been asked before:
 * NFS, SMB, 9P, FUSE, Ceph. */
unsigned filesystems_ask(int fd) {
    struct statfs st;
    if (fstatfs(fd, &st) != 0)
        return 0;
    switch ((unsigned long)st.f_type & 0xffffffffUL) {
    case EXT4_SUPER_MAGIC: /* and ext2, ext3 */
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case BCACHEFS_MAGIC:
    case EROFS_SUPER_MAGIC_V1:
    case OVERLAYFS_SUPER_MAGIC:
        return FILESYSTEM_LOCAL | FILESYSTEM_NOWAIT;
    case TMPFS_MAGIC:
    case RAMFS_MAGIC:
        return FILESYSTEM_LOCAL | FILESYSTEM_MEMORY;
    case ZFS_MAGIC:
    case SQUASHFS_MAGIC:
    case ISOFS_SUPER_MAGIC:
        return FILESYSTEM_LOCAL;
    default:
        return 0;
    }
}

/* The entry of a device; if it is new, its abilities, or (NULL) those that fd is told to have. A full table forgets its
 * entries in turn. */
static struct filesystem_device *device_entry(struct filesystems *filesystems, int fd, dev_t device,
                                              const unsigned *abilities) {
    struct filesystem_device *last = &filesystems->devices[filesystems->device_last];
    if (last->device == device && filesystems->device_count)
        return last;
    unsigned known =
        filesystems->device_count < FILESYSTEM_DEVICES ? filesystems->device_count : FILESYSTEM_DEVICES;
    unsigned i = 0;
    while (i < known && filesystems->devices[i].device != device)
        i++;
    if (i == known) {
        i = filesystems->device_count++ % FILESYSTEM_DEVICES;
        filesystems->devices[i] =
            (struct filesystem_device){device, abilities ? *abilities : filesystems_ask(fd)};
    }
    filesystems->device_last = i;
    return &filesystems->devices[i];
}

/* The entry of a root. NULL: fstat(2) failed. */
static struct filesystem_root *root_entry(struct filesystems *filesystems, int root) {
    struct filesystem_root *last = &filesystems->roots[filesystems->root_last];
    if (last->fd == root && filesystems->root_count)
        return last;
    unsigned known = filesystems->root_count < FILESYSTEM_ROOTS ? filesystems->root_count : FILESYSTEM_ROOTS;
    unsigned i = 0;
    while (i < known && filesystems->roots[i].fd != root)
        i++;
    if (i == known) {
        struct stat st;
        if (fstat(root, &st) != 0)
            return NULL;
        i = filesystems->root_count++ % FILESYSTEM_ROOTS;
        filesystems->roots[i] = (struct filesystem_root){root, st.st_dev, 0};
    }
    filesystems->root_last = i;
    return &filesystems->roots[i];
}

unsigned filesystems_root(struct filesystems *filesystems, int root) {
    const struct filesystem_root *entry = root_entry(filesystems, root);
    return entry ? device_entry(filesystems, root, entry->device, NULL)->abilities : 0;
}

/* The entry of an open file, whose device may not be known (0). NULL: fstat(2) failed. */
static struct filesystem_device *file_entry(struct filesystems *filesystems, int fd, dev_t device) {
    struct stat st;
    if (device == 0 && fstat(fd, &st) == 0)
        device = st.st_dev;
    return device ? device_entry(filesystems, fd, device, NULL) : NULL;
}

unsigned filesystems_file(struct filesystems *filesystems, int fd, dev_t device) {
    const struct filesystem_device *entry = file_entry(filesystems, fd, device);
    return entry ? entry->abilities : 0;
}

dev_t filesystems_remote(struct filesystems *filesystems, int root) {
    const struct filesystem_root *entry = root_entry(filesystems, root);
    return entry ? entry->remote : 0;
}

void filesystems_learn(struct filesystems *filesystems, int root, dev_t device, unsigned abilities) {
    const unsigned kind = FILESYSTEM_LOCAL | FILESYSTEM_MEMORY;
    struct filesystem_root *above = root_entry(filesystems, root);
    struct filesystem_device *entry = device_entry(filesystems, -1, device, &abilities);
    if ((entry->abilities ^ abilities) & kind) /* another one was mounted, and got the number */
        entry->abilities = abilities;
    if (above && !(abilities & FILESYSTEM_LOCAL))
        above->remote = device;
}

void filesystems_lack(struct filesystems *filesystems, int fd, dev_t device, unsigned ability) {
    struct filesystem_device *entry = file_entry(filesystems, fd, device);
    if (entry)
        entry->abilities &= ~ability;
}
