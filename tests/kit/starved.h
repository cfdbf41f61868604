/* A machine with too much to do makes everybody late: what is late for want of a processor is no fault
 * of what is tested. */
#ifndef KIT_STARVED_H
#define KIT_STARVED_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For how long a thread (0: the caller) was ready to run, but did not, in ns; 0 where the kernel does
 * not say. */
static inline int64_t kit_starved(pid_t thread)
{
        char path[48] = "/proc/thread-self/schedstat";
        char text[96];
        if (thread)
                snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)thread);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        char *second = strchr(text, ' ');
        return second ? (int64_t)strtoull(second, NULL, 10) : 0;
}

#endif
