/* What the tests of offload/files.h share: a directory with root/, root/dir/, a file root/file, and secret, a
 * file beside the root; and one job at a time. */
#ifndef SLUICE_TESTS_UNIT_FILES_RIG_H
#define SLUICE_TESTS_UNIT_FILES_RIG_H

#include "offload/files.h"

#define FILES_RIG_SIZE (256 << 10) /* of root/file; byte i is i % 251 */

/* Who opens: a thread, or the loop, with a thread's help if it cannot. Each opening is tested both ways. */
enum { FILES_RIG_THREAD, FILES_RIG_SPOT, FILES_RIG_WAYS };

struct files_rig {
    char directory[64], path[128];
    int root;
    struct files files;
    struct job job;
    char buffer[FILES_RIG_SIZE];
};

void files_rig_setup(struct files_rig *rig);
void files_rig_teardown(struct files_rig *rig);
/* The path of a name below the directory, until the next call. */
const char *files_rig_path(struct files_rig *rig, const char *name);
void files_rig_make(struct files_rig *rig, const char *name, size_t size);
void files_rig_link(struct files_rig *rig, const char *target, const char *name);
/* True if the directory is where RWF_NOWAIT and dropping pages work for certain. */
bool files_rig_on_disk(struct files_rig *rig);
/* Opens a name below a directory fd into rig->job. Its error. */
int files_rig_open(struct files_rig *rig, int way, int where, const char *name);

char files_rig_pattern(size_t i);
bool files_rig_is_pattern(const char *bytes, uint64_t offset, size_t n);

#endif
