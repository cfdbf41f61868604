/* Who is killed in a send or a recv takes nobody along, and leaves the pipe whole. */
#include "kit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define MIB ((size_t)1 << 20)
#define LARGE (8 * MIB)

static hay_connection *in, *out;
static char *buffer;

static void open_all(void)
{
        ck_assert_int_eq(hay_pipe_new(false, &in, &out), 0);
        buffer = malloc(LARGE);
        memset(buffer, 'b', LARGE);
}

static void close_all(void)
{
        in = hay_connection_close(in);
        out = hay_connection_close(out);
        free(buffer);
}

static int send_large(void *arg)
{
        (void)arg;
        return hay_connection_send(out, buffer, LARGE, HAY_FOREVER) ? 1 : 0;
}

static int receive_large(void *arg)
{
        (void)arg;
        return hay_connection_recv(in, buffer, LARGE, NULL, HAY_FOREVER) ? 1 : 0;
}

TEST(a_sender_killed_in_a_large_message_is_forgotten)
{
        open_all();
        for (int i = 0; i < 20; i++) {
                pid_t sender = kit_fork(send_large, NULL);
                ck_assert_int_eq(hay_connection_poll(in, HAY_FOREVER), 1);
                ck_assert_int_eq(kill(sender, SIGKILL), 0);
                ck_assert_int_eq(kit_wait(sender), -SIGKILL);
                ck_assert_int_eq(hay_connection_send(out, "next", 4, HAY_FOREVER), 0);
                size_t size;
                ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER), 0);
                ck_assert_uint_eq(size, 4);
                ck_assert_mem_eq(buffer, "next", 4);
        }
        close_all();
}

static int hold_sender(void *arg)
{
        in = hay_connection_close(in);
        return send_large(arg);
}

TEST(the_last_sender_killed_in_a_large_message_is_the_end_of_file)
{
        open_all();
        pid_t sender = kit_fork(hold_sender, NULL);
        out = hay_connection_close(out);
        ck_assert_int_eq(hay_connection_poll(in, HAY_FOREVER), 1);
        ck_assert_int_eq(kill(sender, SIGKILL), 0);
        ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, NULL, hay_in_ms(5000)), -EPIPE);
        ck_assert_int_eq(kit_wait(sender), -SIGKILL);
        close_all();
}

TEST(a_large_message_whose_receiver_is_killed_goes_to_the_next)
{
        open_all();
        for (int i = 0; i < 20; i++) {
                pid_t sender = kit_fork(send_large, NULL);
                ck_assert_int_eq(hay_connection_poll(in, HAY_FOREVER), 1);
                /* Stopped, the sender can't finish before the receiver dies. */
                ck_assert_int_eq(kill(sender, SIGSTOP), 0);
                pid_t receiver = kit_fork(receive_large, NULL);
                kit_sleep_ms(i);
                ck_assert_int_eq(kill(receiver, SIGKILL), 0);
                ck_assert_int_eq(kit_wait(receiver), -SIGKILL);
                ck_assert_int_eq(kill(sender, SIGCONT), 0);
                size_t size;
                memset(buffer, 0, LARGE);
                ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER), 0);
                ck_assert_uint_eq(size, LARGE);
                ck_assert_int_eq(buffer[0], 'b');
                ck_assert_int_eq(buffer[LARGE - 1], 'b');
                ck_assert_int_eq(kit_wait(sender), 0);
        }
        close_all();
}

static int receive_alone(void *arg)
{
        out = hay_connection_close(out);
        return receive_large(arg);
}

TEST(a_sender_whose_last_receiver_is_killed_is_told)
{
        open_all();
        pid_t receiver = kit_fork(receive_alone, NULL);
        in = hay_connection_close(in);
        /* Fill the pipe with a message that never ends for the receiver: it is killed in it. */
        pid_t sender = kit_fork(send_large, NULL);
        ck_assert_int_eq(kill(receiver, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(receiver), -SIGKILL);
        ck_assert_int_ge(kit_wait(sender), 0);
        ck_assert_int_eq(hay_connection_send(out, buffer, LARGE, HAY_FOREVER), -EPIPE);
        close_all();
}

static void *send_in_thread(void *arg)
{
        send_large(NULL);
        return arg;
}

static int count_fds(void *arg)
{
        return kit_fds() == *(int *)arg ? 0 : 1;
}

TEST(a_fork_in_the_middle_of_a_large_send_keeps_no_fd_of_it)
{
        open_all();
        int before = kit_fds();
        pthread_t sender;
        ck_assert_int_eq(pthread_create(&sender, NULL, send_in_thread, NULL), 0);
        ck_assert_int_eq(hay_connection_poll(in, HAY_FOREVER), 1);
        for (int i = 0; i < 10; i++)
                ck_assert_int_eq(kit_wait(kit_fork(count_fds, &before)), 0);
        ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, NULL, HAY_FOREVER), 0);
        pthread_join(sender, NULL);
        close_all();
}

/* A process with a thread in a large send, and a child that was forked meanwhile and lives on. */
static int send_and_fork(void *arg)
{
        int *told = arg;
        in = hay_connection_close(in);
        pthread_t sender;
        pthread_create(&sender, NULL, send_in_thread, NULL);
        kit_sleep_ms(50);
        pid_t child = fork();
        if (child == 0) {
                hay_connection_close(out);
                for (;;)
                        pause();
        }
        __atomic_store_n(told, child, __ATOMIC_RELEASE);
        while (pause() < 0)
                ;
        return 0;
}

TEST(a_child_that_outlives_a_killed_sender_does_not_hide_its_death)
{
        open_all();
        int *child = hay_new(int);
        pid_t sender = kit_fork(send_and_fork, child);
        out = hay_connection_close(out);
        while (!__atomic_load_n(child, __ATOMIC_ACQUIRE))
                kit_sleep_ms(1);
        kit_sleep_ms(20);
        ck_assert_int_eq(kill(sender, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(sender), -SIGKILL);
        ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, NULL, hay_in_ms(5000)), -EPIPE);
        ck_assert_int_eq(kill(*child, SIGKILL), 0);
        hay_free(child);
        close_all();
}

/* The victim stops, does one operation under the tracer's steps, and exits. */
struct operation {
        int (*body)(void *arg);
        void *arg;
};

static int be_traced(void *arg)
{
        struct operation *operation = arg;
        hay_free(hay_alloc(16, 0)); /* has joined */
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        return operation->body(operation->arg);
}

/* Kill it after so many instructions; false when it had ended by then. *ret_made is how many it
 * made. */
static bool kill_after(struct operation *operation, unsigned steps, unsigned *ret_made)
{
        pid_t victim = kit_fork(be_traced, operation);
        int status;
        ck_assert_int_eq(waitpid(victim, &status, 0), victim);
        ck_assert(WIFSTOPPED(status));
        for (*ret_made = 0; *ret_made < steps; ++*ret_made) {
                ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL), 0);
                ck_assert_int_eq(waitpid(victim, &status, 0), victim);
                if (!WIFSTOPPED(status))
                        return false;
        }
        ck_assert_int_eq(kill(victim, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(victim), -SIGKILL);
        return true;
}

static size_t receive_now(void)
{
        size_t size;
        hay_time start = hay_now();
        ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER), 0);
        ck_assert_int_lt(hay_now() - start, 1000 * 1000000ll);
        return size;
}

static void send_now(size_t size)
{
        ck_assert_int_eq(hay_connection_send(out, buffer, size, HAY_FOREVER), 0);
}

/* Kill the operation at its k-th instruction for every k with KILL_STEP=1, else for some, others in
 * each run, and last at none. check(whether it was killed) looks at what it left. */
static void sweep(struct operation *operation, void (*prepare)(void), void (*check)(bool killed))
{
        const char *text = getenv("KILL_STEP");
        unsigned all, made;
        /* A first time here: what the linker binds late makes the children's way shorter. */
        send_now(4);
        receive_now();
        prepare();
        ck_assert(!kill_after(operation, UINT32_MAX, &all));
        check(false);
        /* Fewer where a sanitizer makes steps of each instruction. */
        unsigned points = all > 5000 ? 10 : 40;
        unsigned stride = text ? (unsigned)atoi(text) : all / points + 1;
        printf("%u instructions, killed at each %u-th\n", all, stride);
        bool killed = true;
        for (unsigned k = (unsigned)kit_seed() % stride; killed; k += stride) {
                prepare();
                killed = kill_after(operation, k, &made);
                check(killed);
        }
}

static int receive_small(void *arg)
{
        char byte[8];
        return hay_connection_recv(arg, byte, sizeof(byte), NULL, HAY_FOREVER) ? 1 : 0;
}

static void send_two_small(void)
{
        send_now(5);
        send_now(6);
}

static void expect_second_small(bool killed)
{
        size_t size = receive_now();
        if (killed && size == 5)
                size = receive_now();
        ck_assert_uint_eq(size, 6);
        ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
}

TEST(a_receiver_killed_anywhere_takes_one_message_or_none)
{
        open_all();
        struct operation operation = { receive_small, in };
        sweep(&operation, send_two_small, expect_second_small);
        close_all();
}

#define MEDIUM ((size_t)150000)

static int send_medium(void *arg)
{
        return hay_connection_send(arg, buffer, MEDIUM, HAY_FOREVER) ? 1 : 0;
}

static void nothing(void)
{
}

static void expect_medium_or_none(bool killed)
{
        send_now(4);
        size_t size = receive_now();
        if (size == MEDIUM)
                size = receive_now();
        else
                ck_assert(killed);
        ck_assert_uint_eq(size, 4);
        ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
}

TEST(a_sender_killed_anywhere_has_sent_all_or_nothing)
{
        open_all();
        struct operation operation = { send_medium, out };
        sweep(&operation, nothing, expect_medium_or_none);
        close_all();
}

static int receive_medium(void *arg)
{
        return hay_connection_recv(arg, buffer, LARGE, NULL, HAY_FOREVER) ? 1 : 0;
}

static void send_medium_and_small(void)
{
        send_now(MEDIUM);
        send_now(4);
}

static void expect_small_last(bool killed)
{
        size_t size = receive_now();
        if (killed && size == MEDIUM)
                size = receive_now();
        ck_assert_uint_eq(size, 4);
        ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
}

TEST(a_receiver_of_a_large_message_killed_anywhere_takes_it_or_leaves_it)
{
        open_all();
        struct operation operation = { receive_medium, in };
        sweep(&operation, send_medium_and_small, expect_small_last);
        close_all();
}

/* Stopped, not dead: nobody can pass it, but nobody waits for it past the deadline. */
TEST(a_receiver_stopped_anywhere_costs_others_no_more_than_their_deadline)
{
        open_all();
        struct operation operation = { receive_small, in };
        unsigned all;
        /* A first time here: what the linker binds late makes the children's way shorter. */
        send_now(5);
        receive_now();
        send_now(5);
        ck_assert(!kill_after(&operation, UINT32_MAX, &all));
        for (unsigned k = 0; k < 30; k++) {
                send_now(5);
                pid_t victim = kit_fork(be_traced, &operation);
                int status;
                ck_assert_int_eq(waitpid(victim, &status, 0), victim);
                for (unsigned i = 0; i < k * all / 40; i++) {
                        ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL), 0);
                        ck_assert_int_eq(waitpid(victim, &status, 0), victim);
                        ck_assert(WIFSTOPPED(status));
                }
                hay_time start = hay_now();
                int r = hay_connection_recv(in, buffer, LARGE, NULL, hay_in_ms(5));
                ck_assert_int_lt(hay_now() - start, 1000 * 1000000ll);
                ck_assert(r == 0 || r == -ETIMEDOUT);
                ck_assert_int_eq(kill(victim, SIGKILL), 0);
                ck_assert_int_eq(kit_wait(victim), -SIGKILL);
                while (hay_connection_poll(in, HAY_NOWAIT) == 1)
                        receive_now();
        }
        close_all();
}

KIT_MAIN
