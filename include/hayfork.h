/* hayfork: processes as easy to use as threads, with shared memory that survives a kill.
 * This file includes the rest, nothing else. */
#ifndef HAYFORK_H
#define HAYFORK_H

#include <hayfork/array.h>
#include <hayfork/barrier.h>
#include <hayfork/base.h>
#include <hayfork/condition.h>
#include <hayfork/event.h>
#include <hayfork/lock.h>
#include <hayfork/memory.h>
#include <hayfork/pipe.h>
#include <hayfork/pool.h>
#include <hayfork/process.h>
#include <hayfork/queue.h>
#include <hayfork/rlock.h>
#include <hayfork/semaphore.h>
#include <hayfork/time.h>
#include <hayfork/wait.h>

#endif
