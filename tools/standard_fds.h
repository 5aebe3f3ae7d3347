/* Standard input, output and error of the three programs, which may have been started without them. */
#ifndef SLUICE_TOOLS_STANDARD_FDS_H
#define SLUICE_TOOLS_STANDARD_FDS_H

#include <fcntl.h>
#include <unistd.h>

/* To be called first: makes sure that descriptors 0, 1 and 2 are taken, so that none of them is a socket later, to
 * which messages would go. In place of a closed one comes one that fails as that would have (EBADF). */
static inline void standard_fds_take(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) /* lower ones are taken: this one is opened */
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

#endif
