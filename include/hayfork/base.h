/* Words that every header uses: export, results, the error form, version, cpu count. */
#ifndef HAYFORK_BASE_H
#define HAYFORK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#define HAY_BEGIN extern "C" {
#define HAY_END }
#else
#define HAY_BEGIN
#define HAY_END
#endif

#define HAY_API __attribute__((visibility("default")))

HAY_BEGIN

/* Results. Every function that can fail returns a negative errno; 0 is success; positive is
 * success with news. */
enum {
        /* The call succeeded (you do hold the lock), and the last owner died while it held it: what
         * the lock guards may be half changed. */
        HAY_OWNER_DIED = 1,
        /* The message was delivered before to a process that died before it said task_done. */
        HAY_REDELIVERED = 2,
};

/* Detail that an int can't carry. Caller-owned; filled only on failure, NULL when not wanted. */
struct hay_error {
        int code;          /* the negative errno that was returned */
        int signal;        /* the signal that ended a child, 0 if none did */
        pid_t pid;         /* the child concerned, 0 if none */
        size_t index;      /* the failing item, SIZE_MAX if none */
        char message[232]; /* a short sentence in English, for people */
};

/* The library's version, "MAJOR.MINOR.PATCH".
 * Safety: threads any · after fork any · in signal handlers yes · if killed nothing to mend */
HAY_API const char *hay_version(void);

/* How many processors this process may use: the affinity mask and the cgroup's CPU quota are
 * counted. At least 1.
 * Safety: threads any · after fork any · in signal handlers no · if killed nothing to mend */
HAY_API int hay_cpu_count(void);

/* How many workers a pool starts when nothing is said: HAYFORK_WORKERS if it is a number from 1 to
 * 4096, else hay_cpu_count().
 * Safety: threads any · after fork any · in signal handlers no · if killed nothing to mend */
HAY_API int hay_default_workers(void);

HAY_END

#endif
