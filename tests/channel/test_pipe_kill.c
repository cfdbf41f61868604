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

/* Kill it after so many instructions; false when it had ended by then. */
static bool kill_after(struct operation *operation, unsigned steps)
{
        pid_t victim = kit_fork(be_traced, operation);
        int status;
        ck_assert_int_eq(waitpid(victim, &status, 0), victim);
        ck_assert(WIFSTOPPED(status));
        for (unsigned i = 0; i < steps; i++) {
                ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, victim, NULL, NULL), 0);
                ck_assert_int_eq(waitpid(victim, &status, 0), victim);
                if (!WIFSTOPPED(status))
                        return false;
        }
        ck_assert_int_eq(kill(victim, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(victim), -SIGKILL);
        return true;
}

/* Every instruction with KILL_STEP=1; else some of them, others in each run. */
static unsigned stride(void)
{
        const char *text = getenv("KILL_STEP");
        return text ? (unsigned)atoi(text) : 17;
}

static int receive_small(void *arg)
{
        char byte[8];
        return hay_connection_recv(arg, byte, sizeof(byte), NULL, HAY_FOREVER) ? 1 : 0;
}

TEST(a_receiver_killed_anywhere_takes_one_message_or_none)
{
        open_all();
        struct operation operation = { receive_small, in };
        bool runs = true;
        for (unsigned k = (unsigned)kit_seed() % stride(); runs; k += stride()) {
                ck_assert_int_eq(hay_connection_send(out, "first", 5, HAY_FOREVER), 0);
                ck_assert_int_eq(hay_connection_send(out, "second", 6, HAY_FOREVER), 0);
                runs = kill_after(&operation, k);
                hay_time start = hay_now();
                size_t size;
                ck_assert_int_eq(hay_connection_recv(in, buffer, 8, &size, HAY_FOREVER), 0);
                if (runs && size == 5) {
                        ck_assert_mem_eq(buffer, "first", 5);
                        ck_assert_int_eq(hay_connection_recv(in, buffer, 8, &size, HAY_FOREVER), 0);
                }
                ck_assert_uint_eq(size, 6);
                ck_assert_mem_eq(buffer, "second", 6);
                ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
                ck_assert_int_lt(hay_now() - start, 1000 * 1000000ll);
        }
        close_all();
}

static int send_medium(void *arg)
{
        return hay_connection_send(arg, buffer, 150000, HAY_FOREVER) ? 1 : 0;
}

TEST(a_sender_killed_anywhere_has_sent_all_or_nothing)
{
        open_all();
        struct operation operation = { send_medium, out };
        bool runs = true;
        for (unsigned k = (unsigned)kit_seed() % stride(); runs; k += stride()) {
                runs = kill_after(&operation, k);
                ck_assert_int_eq(hay_connection_send(out, "next", 4, HAY_FOREVER), 0);
                size_t size;
                ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER), 0);
                if (size == 150000)
                        ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER),
                                         0);
                else
                        ck_assert(runs);
                ck_assert_uint_eq(size, 4);
                ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
        }
        close_all();
}

static int receive_medium(void *arg)
{
        return hay_connection_recv(arg, buffer, LARGE, NULL, HAY_FOREVER) ? 1 : 0;
}

TEST(a_receiver_of_a_large_message_killed_anywhere_takes_it_or_leaves_it)
{
        open_all();
        struct operation operation = { receive_medium, in };
        bool runs = true;
        for (unsigned k = (unsigned)kit_seed() % stride(); runs; k += stride()) {
                ck_assert_int_eq(hay_connection_send(out, buffer, 150000, HAY_FOREVER), 0);
                ck_assert_int_eq(hay_connection_send(out, "next", 4, HAY_FOREVER), 0);
                runs = kill_after(&operation, k);
                size_t size;
                ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER), 0);
                if (runs && size == 150000)
                        ck_assert_int_eq(hay_connection_recv(in, buffer, LARGE, &size, HAY_FOREVER),
                                         0);
                ck_assert_uint_eq(size, 4);
                ck_assert_int_eq(hay_connection_poll(in, HAY_NOWAIT), 0);
        }
        close_all();
}

KIT_MAIN
