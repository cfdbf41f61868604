/* The tests' frame over Check. TEST(sentence) { ... } is a test, run in a process of its own; after
 * it no fd, child, thread, mapping, block of the region and no damage to it may be left. A file of
 * tests ends with KIT_MAIN.
 */
#ifndef KIT_H
#define KIT_H

#include <hayfork.h>

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEST(name) \
        static void name##_body(void); \
        START_TEST(name) \
        { \
                kit_before(); \
                name##_body(); \
                kit_after(); \
        } \
        END_TEST \
        __attribute__((constructor)) static void name##_add(void) \
        { \
                kit_add(name); \
        } \
        static void name##_body(void)

#define KIT_MAIN \
        int main(int argc, char **argv) \
        { \
                return kit_main(argc, argv, __FILE__); \
        }

void kit_add(const TTest *test);
void kit_before(void);
void kit_after(void);

/* For tests that kill users of hay_alloc(): their blocks are the region's, and stay. */
void kit_may_keep_blocks(void);

/* Runs all tests of this program, or those named in argv. Under KIT_NOFORK=1 in one process. */
int kit_main(int argc, char **argv, const char *file);

/* fork() whose child runs body(arg) and ends with what it returns, without the tests' exit code. */
pid_t kit_fork(int (*body)(void *arg), void *arg);

/* Wait for it: its exit code, or minus the signal that ended it. */
int kit_wait(pid_t pid);

/* Sleep; only to let others get on, never to prove something. */
void kit_sleep_ms(long milliseconds);

/* The seed of random tests: KIT_SEED, or a new one; printed either way. */
unsigned long kit_seed(void);

/* How many fds this process has. */
int kit_fds(void);

#endif
