/* Killed at every instruction. A sweep is one operation in one start state. For each position (so
 * many instructions into the operation) a stage, a process with a fresh region of its own, makes
 * the state, lets a victim run to that position and die there, and then a survivor must be able to
 * use what the victim used.
 *
 * A file of sweeps defines its functions and ends with a table and KILL_SWEEPS(table). They talk
 * through static variables: everything in a stage is a fork of it. */
#ifndef KILL_H
#define KILL_H

#include <hayfork.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the survivor found: the operation had not happened, had happened, or that can't be told.
 * Along an operation there is one commit: AFTER never turns to BEFORE again. */
enum kill_found { KILL_UNKNOWN, KILL_BEFORE, KILL_AFTER };

struct kill_sweep {
        const char *name; /* "memory: alloc, new slab": the concept first */

        /* The state before, made in the stage, which is a member from then on. */
        void (*prepare)(void);
        /* What happened since, above all deaths. The stage counts blocks between prepare and this,
         * since counting buries the dead. */
        void (*spoil)(void);
        /* The victim is no child of the stage, but this one, a process of the stage's group that
         * waits in kill_offer(). */
        pid_t (*adopt)(void);
        /* What the victim has done before the operation. */
        void (*before)(void);
        /* What the victim does. It is a member already, unless it is a stranger. */
        void (*operation)(void);
        /* What a survivor sees and can do, with deadlines of 1 s; it frees what the operation
         * left, so that the region holds as many blocks as before (see kill_keep_blocks()). */
        enum kill_found (*survive)(void);

        /* A process that sleeps in a call already when the operation begins. Returns 0, or what is
         * wrong. It ends by itself within 1 s of the kill; or, if it is `patient`, within 1 s of
         * survive()'s end. */
        int (*companion)(void);
        bool patient;
        /* Run in the stage when the victim sleeps in a call: what lets it go on. */
        void (*unblock)(void);

        /* What the victim of a second kill does: the first use after the first death. NULL: the
         * audit. */
        void (*recover)(void);
        /* With the victim stopped instead of killed: calls with deadlines, which must hold. */
        void (*meanwhile)(void);

        bool stranger;  /* the victim is no member yet: the operation is its first */
        bool unordered; /* the path depends on others: AFTER may come before BEFORE */
        bool asks;      /* the victim asks the machine for its memory, as it does now and then */
        bool ends;      /* the operation ends the process */
};

#define KILL_SWEEPS(table) \
        __attribute__((constructor)) static void add_sweeps(void) \
        { \
                kill_add((table), sizeof(table) / sizeof(*(table))); \
        }

void kill_add(const struct kill_sweep *sweeps, size_t count);

/* In the stage's process: what was found is wrong. They end the stage. */
__attribute__((noreturn, format(printf, 1, 2))) void kill_torn(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void kill_hang(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void kill_leak(const char *format, ...);

#define kill_expect(condition, ...) \
        do { \
                if (!(condition)) \
                        kill_torn(__VA_ARGS__); \
        } while (0)

/* The result of a call with a deadline of 1 s, which must not have passed. */
#define kill_in_time(call) \
        __extension__({ \
                __typeof__(call) r_ = (call); \
                if (r_ == -ETIMEDOUT) \
                        kill_hang("%s: timed out", #call); \
                r_; \
        })

/* A companion's deadline: it is in time if it ends within 1 s of the kill, but the way to that may be
 * long on a busy machine. */
#define KILL_PATIENCE hay_in_ms(15000)

/* Whether the victim died asleep in a call. */
bool kill_was_asleep(void);

/* So many blocks more than before the operation are right (fewer: negative). */
void kill_keep_blocks(long more);

/* How many blocks there are more than before the operation, as the audit has it. */
long kill_more_blocks(void);

/* A process that does something and dies by its own SIGKILL; returns when it is dead. For states
 * that a dead member is part of. */
void kill_one_by(void (*last_deed)(void));

/* Wait for a child that the survivor has made; its status. For want of a processor it may be late, as
 * the survivor itself. */
int kill_wait(pid_t pid);

/* Offer this process as the victim, to somebody who looks at *ret_pid; returns when it is led. The
 * operation is what comes between this and kill_end(). */
void kill_offer(pid_t *ret_pid);
void kill_end(void);

/* Wait until all that the dead left running has ended (at most 1 s). */
void kill_await_orphans(void);

#endif
