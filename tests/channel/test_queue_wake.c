/* Nobody dies here, so nobody should have to wait for the end of a slice. One getter that was woken is
 * led to an instruction of what it does then, another one sleeps; the next message must reach a getter
 * that is not stopped there at once, whichever the instruction was. */
#include "kit.h"

#include "member/park.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define AT_ONCE (150 * 1000000ll) /* ns; a slice has 250 ms */
#define TRIES 4                   /* on a machine that stood still */
#define OTHER_CASE INT64_MAX      /* what this try was can't be judged */
#define STEPS_MOST 5000

static int get_one(void *arg)
{
        long id;
        return hay_queue_get(arg, &id, sizeof(id), NULL, HAY_FOREVER) == 0 ? 0 : 1;
}

static int get_one_led(void *arg)
{
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
                return 2;
        raise(SIGUSR1);
        int r = get_one(arg);
        raise(SIGUSR2);
        return r;
}

static char state_of(pid_t pid)
{
        char path[40];
        char text[200] = "";
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_gt(read(fd, text, sizeof(text) - 1), 0);
        close(fd);
        return strrchr(text, ')')[2];
}

static void wait_until_asleep(pid_t pid)
{
        for (int quiet = 0; quiet < 3; quiet = state_of(pid) == 'S' ? quiet + 1 : 0)
                kit_sleep_ms(1);
}

static int next_stop(pid_t pid)
{
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFSTOPPED(status), "%x", status);
        return WSTOPSIG(status);
}

/* The second message is put when the first getter has gone so many steps beyond its wake. Returns how
 * long the two getters took from then on; *ret_ended: the first one had come to its end. */
static hay_time put_at_step(long steps, bool *ret_ended)
{
        long id = 1;
        hay_queue *queue;
        ck_assert_int_eq(hay_queue_new(&queue, NULL), 0);
        pid_t led = kit_fork(get_one_led, queue);
        ck_assert_int_eq(next_stop(led), SIGUSR1);
        ck_assert_int_eq(ptrace(PTRACE_CONT, led, NULL, NULL), 0);
        hay_time slept_since = hay_now();
        wait_until_asleep(led);
        /* The call in which it sleeps is begun again, as a step. */
        ck_assert_int_eq(kill(led, SIGSTOP), 0);
        ck_assert_int_eq(next_stop(led), SIGSTOP);
        ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, led, NULL, NULL), 0);
        wait_until_asleep(led);
        pid_t other = kit_fork(get_one, queue);
        wait_until_asleep(other);
        /* Who sleeps longest is woken. */
        ck_assert_int_eq(hay_queue_put(queue, &id, sizeof(id), HAY_NOWAIT), 0);
        int stop = next_stop(led);
        for (long i = 1; i < steps && stop == SIGTRAP; i++) {
                ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, led, NULL, NULL), 0);
                stop = next_stop(led);
        }
        *ret_ended = stop != SIGTRAP;
        hay_time begun = hay_now();
        /* On a busy machine it has slept for a slice, and may shrink the queue just now, under the put
         * guard: that is another case. */
        int r = hay_queue_put(queue, &id, sizeof(id), HAY_NOWAIT);
        ck_assert(r == 0 || (r == -ETIMEDOUT && hay_now() - slept_since >= HF_SLICE_IDLE));
        if (r < 0) {
                ck_assert_int_eq(kill(other, SIGKILL), 0);
                ck_assert_int_eq(waitpid(other, NULL, 0), other);
        }
        if (!*ret_ended) {
                ck_assert_int_eq(ptrace(PTRACE_CONT, led, NULL, NULL), 0);
                ck_assert_int_eq(next_stop(led), SIGUSR2);
        }
        if (r == 0)
                ck_assert_int_eq(kit_wait(other), 0);
        hay_time took = hay_now() - begun;
        ck_assert_int_eq(ptrace(PTRACE_CONT, led, NULL, NULL), 0);
        ck_assert_int_eq(kit_wait(led), 0);
        hay_queue_free(queue);
        return r < 0 ? OTHER_CASE : took;
}

TEST(a_message_wakes_a_getter_whatever_another_one_is_just_doing)
{
        bool ended = false;
        for (long steps = 1; !ended; steps++) {
                hay_time took = AT_ONCE;
                for (int i = 0; i < TRIES && took >= AT_ONCE; i += took != OTHER_CASE)
                        took = put_at_step(steps, &ended);
                ck_assert_msg(took < AT_ONCE, "put after %ld steps, got after %ld ms", steps,
                              (long)(took / 1000000));
                ck_assert_int_lt(steps, STEPS_MOST);
        }
}

KIT_MAIN
