/* Pool: worker processes that share out the items of a job. */
#ifndef HAYFORK_POOL_H
#define HAYFORK_POOL_H

#include <hayfork/time.h>

HAY_BEGIN

/* Known to the process that made it, and to no other. */
typedef struct hay_pool hay_pool;

/* A task: read an item at `in`, write its result at `out`. Non-zero: this item failed with that
 * code. */
typedef int hay_task(const void *in, void *out, void *arg);

struct hay_pool_options {
        int workers;                   /* 0: hay_default_workers(); else 1 to 4096 */
        int (*initializer)(void *arg); /* run first in each worker; non-zero: the pool is broken */
        void *initializer_arg;
};

/* See hay_pool_new(). */
HAY_API int hay_pool_new_sized(hay_pool **ret_pool, const struct hay_pool_options *options,
                               size_t options_size);

/* Start the workers (by fork: they see what this process had in memory then). -EINVAL: NULL or
 * workers out of range; -EPERM: a daemonic process (a worker is one) may not have children;
 * -EMFILE; -EAGAIN, -ENOMEM: as fork(2).
 * Safety: threads any · after fork child · in signal handlers no · if killed recovers */
static inline int hay_pool_new(hay_pool **ret_pool, const struct hay_pool_options *options)
{
        return hay_pool_new_sized(ret_pool, options, sizeof(*options));
}

/* What to do: HAY_MAP() fills the first six from typed pointers. */
struct hay_map {
        hay_task *task;
        const void *in; /* count items of in_size bytes; in the region: in place, else copied */
        size_t in_size;
        void *out; /* likewise; NULL: no results */
        size_t out_size;
        size_t count;
        size_t chunk; /* items a worker takes at once; 0: chosen from count and workers */
        void *arg;    /* passed to each task: a pointer from before the pool, or in the region */
        hay_time deadline; /* HAY_FOREVER by default */
};

#define HAY_MAP(task_, in_, out_, count_) \
        .task = (task_), .in = (in_), .in_size = sizeof *(in_), .out = (out_), \
        .out_size = sizeof *(out_), .count = (count_)

/* See hay_pool_map(). */
HAY_API int hay_pool_map_sized(hay_pool *pool, const struct hay_map *map, size_t map_size,
                               struct hay_error *ret_error);

/* Run a task over an array and wait. Every item is run, also after one failed. 0 if all succeeded;
 * else the error of the failing item with the least index, told in ret_error (may be NULL):
 * -ECANCELED: the task returned non-zero (error.message tells the code); -ECHILD: the worker died
 * (error.signal, error.pid, error.index); the items that did not fail have their results in `out`.
 * -ETIMEDOUT: the deadline passed; items that had not begun never will, one that runs goes on and
 * may yet write to an `out` in the region, any other `out` is as it was; -EINVAL: NULL or sizes
 * that overflow; -ENOMEM; -ECHILD: the pool is another process's; -EPIPE: closed, terminated, or
 * broken by its initializer or by workers that die before they begin an item (error tells). When
 * the last worker died and none can be started for 5 s, what fork(2) said.
 * Safety: threads any · after fork not · in signal handlers no · if killed its workers end */
static inline int hay_pool_map(hay_pool *pool, const struct hay_map *map,
                               struct hay_error *ret_error)
{
        return hay_pool_map_sized(pool, map, sizeof(*map), ret_error);
}

/* Run one task in a worker and wait; errors as hay_pool_map().
 * Safety: threads any · after fork not · in signal handlers no · if killed its workers end */
HAY_API int hay_pool_apply(hay_pool *pool, hay_task *task, const void *in, size_t in_size,
                           void *out, size_t out_size, void *arg, struct hay_error *ret_error);

/* How many workers it has; -EINVAL: NULL.
 * Safety: threads any · after fork not · in signal handlers yes · if killed nothing to mend */
HAY_API int hay_pool_workers(const hay_pool *pool);

/* No more jobs; the workers end when the running ones are done. -EINVAL; -ECHILD.
 * Safety: threads any · after fork not · in signal handlers no · if killed its workers end */
HAY_API int hay_pool_close(hay_pool *pool);

/* End the workers now (SIGTERM); running jobs return -EPIPE. -EINVAL; -ECHILD.
 * Safety: threads any · after fork not · in signal handlers no · if killed its workers end */
HAY_API int hay_pool_terminate(hay_pool *pool);

/* Wait for the workers' end; what does not end within a second of hay_pool_terminate() is killed.
 * -EBUSY: neither closed nor terminated; -ETIMEDOUT; -EINVAL; -ECHILD.
 * Safety: threads any · after fork not · in signal handlers no · if killed its workers end */
HAY_API int hay_pool_join(hay_pool *pool, hay_time deadline);

/* Terminate, join and free. NULL is fine. Returns NULL.
 * Safety: threads one · after fork not · in signal handlers no · if killed its workers end */
HAY_API hay_pool *hay_pool_free(hay_pool *pool);

HAY_END

#endif
