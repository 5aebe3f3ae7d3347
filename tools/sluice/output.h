/* Where an object's bytes go: standard output, or a file that gets its name only when it is complete.
 *
 *     output_open() -> a file without a name, which goes with the process -> output_keep(): a name beside -> its name
 *                      where the file system has none: with a name beside from the start
 */
#ifndef SLUICE_SLUICE_OUTPUT_H
#define SLUICE_SLUICE_OUTPUT_H

struct output {
    int fd;
    char *name;      /* owned: the file's name once whole; NULL: written in place */
    char *temporary; /* owned: its name until then; NULL: it has none yet */
};

/* Opens a path; NULL is standard output. An existing regular file keeps its mode and, behind symbolic links, its place;
 * anything that is not a regular file (/dev/null, a pipe) is written in place. 0 or -errno. */
int output_open(struct output *output, const char *path);
/* Closes; a file takes its name. 0 or -errno, and the file is gone then. */
int output_keep(struct output *output);
/* Closes and removes what was written to a file. */
void output_drop(struct output *output);

#endif
