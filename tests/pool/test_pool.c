#include "kit.h"

#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int square(const void *in, void *out, void *arg)
{
        (void)arg;
        *(long *)out = *(const long *)in * *(const long *)in;
        return 0;
}

static hay_pool *new_pool(int workers)
{
        hay_pool *pool;
        struct hay_pool_options options = { .workers = workers };
        ck_assert_int_eq(hay_pool_new(&pool, &options), 0);
        ck_assert_int_eq(hay_pool_workers(pool), workers);
        return pool;
}

TEST(map_squares_an_array_of_this_process)
{
        enum { COUNT = 1000 };
        long in[COUNT];
        long out[COUNT];
        hay_pool *pool = new_pool(3);
        for (size_t chunk = 0; chunk < 1500; chunk = chunk * 3 + 1) {
                for (int i = 0; i < COUNT; i++) {
                        in[i] = i - 500;
                        out[i] = -1;
                }
                struct hay_map map = { HAY_MAP(square, in, out, COUNT), .chunk = chunk };
                ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
                for (int i = 0; i < COUNT; i++)
                        ck_assert_int_eq(out[i], in[i] * in[i]);
        }
        ck_assert_ptr_null(hay_pool_free(pool));
}

TEST(map_works_in_place_in_the_region)
{
        long *numbers = hay_new_array(long, 5000);
        for (long i = 0; i < 5000; i++)
                numbers[i] = i;
        struct hay_audit before;
        ck_assert_int_eq(hay_audit(&before), 0);
        hay_pool *pool = new_pool(2);
        struct hay_map map = { HAY_MAP(square, numbers, numbers, 5000) };
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
        for (long i = 0; i < 5000; i++)
                ck_assert_int_eq(numbers[i], i * i);
        hay_pool_free(pool);
        hay_free(numbers);
}

TEST(a_map_of_nothing_is_done_at_once)
{
        hay_pool *pool = new_pool(1);
        struct hay_map map = { .task = square };
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
        hay_pool_free(pool);
}

TEST(many_small_maps_follow_each_other)
{
        hay_pool *pool = new_pool(2);
        for (long i = 0; i < 3000; i++) {
                long out = 0;
                struct hay_map map = { HAY_MAP(square, &i, &out, 1) };
                ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
                ck_assert_int_eq(out, i * i);
        }
        hay_pool_free(pool);
}

TEST(apply_runs_one_task)
{
        hay_pool *pool = new_pool(2);
        long in = 12;
        long out;
        ck_assert_int_eq(
                hay_pool_apply(pool, square, &in, sizeof(in), &out, sizeof(out), NULL, NULL), 0);
        ck_assert_int_eq(out, 144);
        hay_pool_free(pool);
}

static int fail_some(const void *in, void *out, void *arg)
{
        int number = *(const int *)in;
        if (number == *(int *)arg || number == 90)
                return 7;
        *(int *)out = number;
        return 0;
}

TEST(the_first_failing_item_is_reported_and_the_others_are_done)
{
        int *bad = hay_new(int);
        int in[100];
        int out[100];
        hay_pool *pool = new_pool(3);
        for (int i = 0; i < 100; i++) {
                in[i] = i;
                out[i] = -i;
        }
        *bad = 41;
        struct hay_error error = { 0 };
        struct hay_map map = { HAY_MAP(fail_some, in, out, 100), .chunk = 3, .arg = bad };
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -ECANCELED);
        ck_assert_int_eq(error.code, -ECANCELED);
        ck_assert_uint_eq(error.index, 41);
        ck_assert_str_eq(error.message, "item 41 failed: its task returned 7");
        for (int i = 0; i < 100; i++)
                ck_assert_int_eq(out[i], i == 41 || i == 90 ? -i : i);
        hay_pool_free(pool);
        hay_free(bad);
}

static int die_at(const void *in, void *out, void *arg)
{
        int number = *(const int *)in;
        (void)arg;
        if (number == 25)
                raise(SIGKILL);
        if (number == 60)
                _exit(3);
        if (number == 90)
                raise(SIGTRAP);
        *(int *)out = number + 1;
        return 0;
}

TEST(a_worker_that_dies_costs_its_item_and_is_replaced)
{
        int in[200];
        int out[200] = { 0 };
        hay_pool *pool = new_pool(2);
        for (int i = 0; i < 200; i++)
                in[i] = i;
        struct hay_error error;
        struct hay_map map = { HAY_MAP(die_at, in, out, 200) };
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -ECHILD);
        ck_assert_uint_eq(error.index, 25);
        ck_assert_int_eq(error.signal, SIGKILL);
        ck_assert_int_gt(error.pid, 0);
        ck_assert_ptr_nonnull(strstr(error.message, "SIGKILL"));
        for (int i = 0; i < 200; i++)
                ck_assert_int_eq(out[i], i == 25 || i == 60 || i == 90 ? 0 : i + 1);
        map.in = in + 30;
        map.count = 50;
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -ECHILD);
        ck_assert_uint_eq(error.index, 30);
        ck_assert_int_eq(error.signal, 0);
        ck_assert_ptr_nonnull(strstr(error.message, "exit code 3"));
        map.in = in + 61;
        map.count = 30;
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), -ECHILD);
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -ECHILD);
        ck_assert_int_eq(error.signal, SIGTRAP);
        ck_assert_ptr_nonnull(strstr(error.message, "died by signal 5 (SIGTRAP)"));
        hay_pool_free(pool);
}

static int tell_pid(const void *in, void *out, void *arg)
{
        (void)in;
        (void)arg;
        *(pid_t *)out = getpid();
        return 0;
}

TEST(an_idle_worker_that_was_killed_is_replaced)
{
        pid_t pids[2] = { 0 };
        int nothing[50] = { 0 };
        pid_t seen[50];
        hay_pool *pool = new_pool(1);
        for (int round = 0; round < 2; round++) {
                struct hay_map map = { HAY_MAP(tell_pid, nothing, seen, 50) };
                ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
                pids[round] = seen[0];
                for (int i = 0; i < 50; i++)
                        ck_assert_int_eq(seen[i], pids[round]);
                kill(pids[round], SIGKILL);
                kit_sleep_ms(20);
        }
        ck_assert_int_ne(pids[0], pids[1]);
        hay_pool_free(pool);
}

static int initialize(void *arg)
{
        int *value = arg;
        *value = 5;
        return 0;
}

static int initialized;

static int read_initialized(const void *in, void *out, void *arg)
{
        (void)in;
        (void)arg;
        *(int *)out = initialized;
        return 0;
}

TEST(the_initializer_runs_in_each_worker)
{
        hay_pool *pool;
        struct hay_pool_options options = { 2, initialize, &initialized };
        int in[40] = { 0 };
        int out[40];
        ck_assert_int_eq(hay_pool_new(&pool, &options), 0);
        struct hay_map map = { HAY_MAP(read_initialized, in, out, 40), .chunk = 1 };
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
        for (int i = 0; i < 40; i++)
                ck_assert_int_eq(out[i], 5);
        ck_assert_int_eq(initialized, 0);
        hay_pool_free(pool);
}

static int bad_initializer(void *arg)
{
        (void)arg;
        return 9;
}

static int dying_initializer(void *arg)
{
        (void)arg;
        raise(SIGKILL);
        return 0;
}

static int leaving_initializer(void *arg)
{
        (void)arg;
        _exit(5);
}

TEST(a_failing_initializer_breaks_the_pool)
{
        static int (*const initializers[])(void *) = { bad_initializer, dying_initializer,
                                                       leaving_initializer };
        static const char *const words[] = { "returned 9", "signal 9", "exit code 5" };
        for (int i = 0; i < 3; i++) {
                hay_pool *pool;
                struct hay_pool_options options = { 2, initializers[i], NULL };
                struct hay_error error;
                long in = 1;
                long out = 1;
                ck_assert_int_eq(hay_pool_new(&pool, &options), 0);
                struct hay_map map = { HAY_MAP(square, &in, &out, 1) };
                ck_assert_int_eq(hay_pool_map(pool, &map, &error), -EPIPE);
                ck_assert_ptr_nonnull(strstr(error.message, words[i]));
                ck_assert_int_eq(hay_pool_map(pool, &map, &error), -EPIPE);
                hay_pool_free(pool);
        }
}

static int sleep_long(const void *in, void *out, void *arg)
{
        (void)in;
        (void)out;
        (void)arg;
        kit_sleep_ms(20000);
        return 0;
}

TEST(a_map_ends_at_its_deadline)
{
        int in[4] = { 0 };
        int out[4] = { 0 };
        struct hay_error error;
        hay_pool *pool = new_pool(2);
        struct hay_map map = { HAY_MAP(sleep_long, in, out, 4), .deadline = hay_in_ms(50) };
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -ETIMEDOUT);
        ck_assert_int_eq(error.code, -ETIMEDOUT);
        hay_pool_free(pool);
}

TEST(a_closed_pool_takes_no_jobs_and_is_joined)
{
        long in = 3;
        long out = 0;
        struct hay_error error;
        hay_pool *pool = new_pool(2);
        struct hay_map map = { HAY_MAP(square, &in, &out, 1) };
        ck_assert_int_eq(hay_pool_join(pool, HAY_FOREVER), -EBUSY);
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
        ck_assert_int_eq(hay_pool_close(pool), 0);
        ck_assert_int_eq(hay_pool_close(pool), 0);
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -EPIPE);
        ck_assert_str_eq(error.message, "the pool was closed");
        ck_assert_int_eq(hay_pool_join(pool, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_pool_join(pool, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_active_children(NULL, 0), 0);
        hay_pool_free(pool);
}

static int ignore_term(void *arg)
{
        (void)arg;
        signal(SIGTERM, SIG_IGN);
        return 0;
}

TEST(terminate_ends_workers_that_ignore_it)
{
        hay_pool *pool;
        struct hay_pool_options options = { 2, ignore_term, NULL };
        ck_assert_int_eq(hay_pool_new(&pool, &options), 0);
        int in[2] = { 0 };
        int out[2] = { 0 };
        struct hay_map map = { HAY_MAP(sleep_long, in, out, 2), .deadline = hay_in_ms(100) };
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), -ETIMEDOUT);
        ck_assert_int_eq(hay_pool_terminate(pool), 0);
        ck_assert_int_eq(hay_pool_join(pool, HAY_NOWAIT), -ETIMEDOUT);
        ck_assert_int_eq(hay_pool_join(pool, HAY_FOREVER), 0);
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), -EPIPE);
        hay_pool_free(pool);
}

TEST(bad_input_is_refused)
{
        hay_pool *pool = NULL;
        struct hay_error error;
        long in = 1;
        long out = 1;
        struct hay_pool_options negative = { .workers = -1 };
        struct hay_pool_options huge = { .workers = 4097 };
        ck_assert_int_eq(hay_pool_new(NULL, NULL), -EINVAL);
        ck_assert_int_eq(hay_pool_new(&pool, &negative), -EINVAL);
        ck_assert_int_eq(hay_pool_new(&pool, &huge), -EINVAL);
        ck_assert_ptr_null(pool);
        ck_assert_int_eq(hay_pool_workers(NULL), -EINVAL);
        ck_assert_int_eq(hay_pool_close(NULL), -EINVAL);
        ck_assert_int_eq(hay_pool_terminate(NULL), -EINVAL);
        ck_assert_int_eq(hay_pool_join(NULL, HAY_NOWAIT), -EINVAL);
        ck_assert_ptr_null(hay_pool_free(NULL));
        pool = new_pool(1);
        struct hay_map map = { HAY_MAP(square, &in, &out, 1) };
        ck_assert_int_eq(hay_pool_map(NULL, &map, &error), -EINVAL);
        ck_assert_int_eq(hay_pool_map(pool, NULL, &error), -EINVAL);
        ck_assert_int_eq(hay_pool_apply(pool, NULL, NULL, 0, NULL, 0, NULL, NULL), -EINVAL);
        ck_assert_int_eq(hay_pool_apply(NULL, square, NULL, 0, NULL, 0, NULL, NULL), -EINVAL);
        map.task = NULL;
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -EINVAL);
        map.task = square;
        map.in = NULL;
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -EINVAL);
        map.in = &in;
        map.count = SIZE_MAX / 4;
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -EINVAL);
        map.count = (size_t)1 << 50;
        map.out = NULL;
        ck_assert_int_eq(hay_pool_map(pool, &map, &error), -ENOMEM);
        hay_pool_free(pool);
}

static int use_pool(void *arg)
{
        hay_pool *pool = arg;
        long in = 1;
        long out = 1;
        struct hay_map map = { HAY_MAP(square, &in, &out, 1) };
        int r = hay_pool_map(pool, &map, NULL) != -ECHILD || hay_pool_close(pool) != -ECHILD ||
                hay_pool_terminate(pool) != -ECHILD || hay_pool_join(pool, HAY_NOWAIT) != -ECHILD;
        hay_pool_free(pool);
        return r;
}

TEST(a_pool_belongs_to_the_process_that_made_it)
{
        hay_pool *pool = new_pool(2);
        ck_assert_int_eq(kit_wait(kit_fork(use_pool, pool)), 0);
        long in = 3;
        long out = 1;
        struct hay_map map = { HAY_MAP(square, &in, &out, 1) };
        ck_assert_int_eq(hay_pool_map(pool, &map, NULL), 0);
        ck_assert_int_eq(out, 9);
        hay_pool_free(pool);
}

static int count_run(const void *in, void *out, void *arg)
{
        (void)in;
        (void)arg;
        *(int *)out += 1;
        return 0;
}

/* Random workers are killed while a long map runs: every item has one outcome. */
TEST(each_item_has_one_outcome_while_workers_are_killed)
{
        enum { COUNT = 20000 };
        int *runs = hay_new_array(int, COUNT);
        pid_t *nothing = hay_new_array(pid_t, 1);
        hay_pool *pool = new_pool(3);
        srand48((long)kit_seed());
        nothing[0] = getpid();
        pid_t killer = fork();
        if (killer == 0) {
                for (int i = 0; i < 300; i++) {
                        char path[64];
                        int children[16];
                        int count = 0;
                        snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)getppid(),
                                 (int)getppid());
                        FILE *file = fopen(path, "r");
                        while (file && count < 16 && fscanf(file, "%d", &children[count]) == 1)
                                if (children[count] != getpid())
                                        count++;
                        if (file)
                                fclose(file);
                        if (count)
                                kill(children[lrand48() % count], SIGKILL);
                        kit_sleep_ms(2);
                }
                _exit(0);
        }
        int failures = 0;
        int rounds = 0;
        while (waitpid(killer, NULL, WNOHANG) == 0) {
                struct hay_map map = { HAY_MAP(count_run, runs, runs, COUNT), .chunk = 7 };
                struct hay_error error;
                int r = hay_pool_map(pool, &map, &error);
                ck_assert_msg(r == 0 || r == -ECHILD, "%d: %s", r, error.message);
                failures += r != 0;
                rounds++;
        }
        int least = COUNT;
        for (int i = 0; i < COUNT; i++) {
                ck_assert_int_le(runs[i], rounds);
                least = runs[i] < least ? runs[i] : least;
        }
        ck_assert_int_ge(least, rounds - failures);
        hay_pool_free(pool);
        hay_free(runs);
        hay_free(nothing);
}

static int own_a_pool(void *arg)
{
        (void)arg;
        long in[100] = { 0 };
        long out[100];
        hay_pool *pool;
        struct hay_pool_options options = { .workers = 2 };
        if (hay_pool_new(&pool, &options) < 0)
                return 1;
        struct hay_map map = { HAY_MAP(square, in, out, 100), .chunk = 1 };
        while (hay_pool_map(pool, &map, NULL) == 0)
                continue;
        return 2;
}

TEST(nothing_is_left_of_a_pool_whose_owner_was_killed)
{
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        for (int i = 0; i < 10; i++) {
                pid_t pid = kit_fork(own_a_pool, NULL);
                kit_sleep_ms(5 + i * 3);
                kill(pid, SIGKILL);
                ck_assert_int_eq(kit_wait(pid), -SIGKILL);
                /* Its workers are ours now: they end by themselves. */
                while (waitpid(-1, NULL, 0) > 0)
                        continue;
        }
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

KIT_MAIN
