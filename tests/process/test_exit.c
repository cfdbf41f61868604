/* The end of a process: what becomes of its children, its stdio, its exit handlers. */
#include "kit.h"

#include <pthread.h>
#include <signal.h>

/* Seen by the test and by its children and theirs. */
struct seen {
        int ready;
        int handled;
        int finished;
        int code;
};

static void await(const int *word)
{
        while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
                kit_sleep_ms(1);
}

static void set(int *word)
{
        __atomic_store_n(word, 1, __ATOMIC_RELEASE);
}

static struct seen *seen;

static int finish_late(void *arg)
{
        struct seen *late = arg;
        set(&late->ready);
        kit_sleep_ms(150);
        set(&late->finished);
        return 0;
}

static void on_terminate(int signal)
{
        (void)signal;
        set(&seen->handled);
        _exit(0);
}

static int end_when_terminated(void *arg)
{
        seen = arg;
        signal(SIGTERM, on_terminate);
        set(&seen->ready);
        for (;;)
                pause();
        return 0;
}

static int heed_nothing(void *arg)
{
        struct seen *deaf = arg;
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_BLOCK, &all, NULL);
        set(&deaf->ready);
        kit_sleep_ms(60000);
        return 0;
}

struct start {
        int (*function)(void *arg);
        struct seen *seen;
        bool daemon;
};

static int start_and_exit(void *arg)
{
        const struct start *what = arg;
        hay_process *process;
        struct hay_process_options options = { .daemon = what->daemon };
        if (hay_process_start(&process, what->function, what->seen, &options) < 0)
                return 1;
        await(&what->seen->ready);
        exit(7);
}

static int start_and_return(void *arg)
{
        const struct start *what = arg;
        hay_process *process;
        struct hay_process_options options = { .daemon = what->daemon };
        if (hay_process_start(&process, what->function, what->seen, &options) < 0)
                return 1;
        await(&what->seen->ready);
        return 7;
}

static int in_a_process(int (*function)(void *arg), void *arg)
{
        hay_process *process;
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_start(&process, function, arg, NULL), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        return exit.code;
}

/* By exit() in a process of the user's, in one of ours, and by the function's return. */
static void three_ends(int (*function)(void *arg), bool daemon, void (*check)(struct seen *seen))
{
        struct start what = { function, hay_new(struct seen), daemon };
        ck_assert_int_eq(kit_wait(kit_fork(start_and_exit, &what)), 7);
        check(what.seen);
        memset(what.seen, 0, sizeof(*what.seen));
        ck_assert_int_eq(in_a_process(start_and_exit, &what), 7);
        check(what.seen);
        memset(what.seen, 0, sizeof(*what.seen));
        ck_assert_int_eq(in_a_process(start_and_return, &what), 7);
        check(what.seen);
        hay_free(what.seen);
        ck_assert_int_ge(hay_audit(NULL), 0);
}

static void check_finished(struct seen *what)
{
        ck_assert_int_eq(what->finished, 1);
}

TEST(children_are_joined_at_exit)
{
        three_ends(finish_late, false, check_finished);
}

static void check_handled(struct seen *what)
{
        ck_assert_int_eq(what->handled, 1);
}

TEST(daemonic_children_are_terminated_at_exit)
{
        three_ends(end_when_terminated, true, check_handled);
}

TEST(daemonic_children_that_heed_nothing_are_killed_at_exit)
{
        struct start what = { heed_nothing, hay_new(struct seen), true };
        hay_time begin = hay_now();
        ck_assert_int_eq(kit_wait(kit_fork(start_and_exit, &what)), 7);
        ck_assert_int_gt(hay_now() - begin, 900000000);
        ck_assert_int_lt(hay_now() - begin, 10000000000);
        hay_free(what.seen);
}

static int print_and_return(void *arg)
{
        printf("%s", (const char *)arg);
        return 0;
}

static int print_and_exit(void *arg)
{
        printf("%s", (const char *)arg);
        exit(0);
}

/* What stands in the file that stdout was, while `body` ran. */
static void captured(void (*body)(void), char *text, size_t size)
{
        FILE *file = tmpfile();
        ck_assert_ptr_nonnull(file);
        fflush(stdout);
        int saved = dup(1);
        dup2(fileno(file), 1);
        body();
        fflush(stdout);
        dup2(saved, 1);
        close(saved);
        rewind(file);
        size_t n = fread(text, 1, size - 1, file);
        text[n] = '\0';
        fclose(file);
}

static void print_everywhere(void)
{
        char one[] = "one ";
        char two[] = "two ";
        printf("before ");
        ck_assert_int_eq(in_a_process(print_and_return, one), 0);
        printf("between ");
        ck_assert_int_eq(in_a_process(print_and_exit, two), 0);
        printf("after");
}

TEST(everything_is_printed_once_and_in_order)
{
        char text[200];
        captured(print_everywhere, text, sizeof(text));
        ck_assert_str_eq(text, "before one between two after");
}

static void print_to_a_file(void)
{
        FILE *file = tmpfile();
        char text[100] = "";
        char nothing[] = "";
        fprintf(file, "once");
        ck_assert_int_eq(in_a_process(print_and_return, nothing), 0);
        fflush(file);
        rewind(file);
        ck_assert_uint_eq(fread(text, 1, 99, file), 4);
        fclose(file);
}

TEST(what_was_written_to_any_file_is_written_once)
{
        char text[100];
        captured(print_to_a_file, text, sizeof(text));
}

static void *read_a_line(void *arg)
{
        char line[10];
        (void)arg;
        return fgets(line, sizeof(line), stdin) ? stdin : NULL;
}

static int print_done(void *arg)
{
        (void)arg;
        return puts("done") < 0;
}

static void start_while_a_thread_reads(void)
{
        pthread_t thread;
        void *result;
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        int saved = dup(0);
        dup2(ends[0], 0);
        pthread_create(&thread, NULL, read_a_line, NULL);
        kit_sleep_ms(50);
        printf("waiting ");
        ck_assert_int_eq(in_a_process(print_done, NULL), 0);
        ck_assert_int_eq(write(ends[1], "x\n", 2), 2);
        pthread_join(thread, &result);
        ck_assert_ptr_nonnull(result);
        dup2(saved, 0);
        close(saved);
        close(ends[0]);
        close(ends[1]);
}

TEST(a_start_does_not_wait_for_a_thread_that_waits_for_input)
{
        char text[100];
        captured(start_while_a_thread_reads, text, sizeof(text));
        ck_assert_str_eq(text, "waiting done\n");
}

static int *handler_ran;

static void at_exit(void)
{
        ++*handler_ran;
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static int register_start_and_exit(void *arg)
{
        handler_ran = arg;
        atexit(at_exit);
        in_a_process(nothing, NULL);
        if (*handler_ran != 0)
                return 1;
        exit(0);
}

TEST(exit_handlers_of_the_parent_do_not_run_in_a_forked_child)
{
        int *count = hay_new(int);
        ck_assert_int_eq(kit_wait(kit_fork(register_start_and_exit, count)), 0);
        ck_assert_int_eq(*count, 1);
        hay_free(count);
}

static int register_handler(void *arg)
{
        handler_ran = arg;
        atexit(at_exit);
        return 9;
}

TEST(exit_handlers_of_a_spawned_child_are_its_own_and_run)
{
        int *count = hay_new(int);
        hay_process *process;
        struct hay_exit exit;
        struct hay_process_options options = { .start = HAY_SPAWN };
        ck_assert_int_eq(hay_process_start(&process, register_handler, count, &options), 0);
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(exit.code, 9);
        ck_assert_int_eq(hay_process_close(process), 0);
        ck_assert_int_eq(*count, 1);
        hay_free(count);
}

int main(int argc, char **argv)
{
        hay_main(argc, argv);
        return kit_main(argc, argv, __FILE__);
}
