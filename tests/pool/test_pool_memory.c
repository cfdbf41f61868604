/* A worker that runs out of memory: its item fails and is named, all others are done, and the pool goes
 * on. By a limit on its address space; and, where HAYFORK_TEST_CGROUP names a folder of an empty control
 * group that this user may divide, by the kernel's out-of-memory killer. */
#include "kit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define ITEMS 60
#define HUNGRY 23
#define LARGE ((size_t)512 << 20)

static int *items(void)
{
        static int numbers[ITEMS];
        for (int i = 0; i < ITEMS; i++)
                numbers[i] = i;
        return numbers;
}

/* 16 MiB more than there are now. */
static void limit_memory(void)
{
        unsigned long pages = 0;
        FILE *file = fopen("/proc/self/statm", "re");
        if (!file || fscanf(file, "%lu", &pages) != 1)
                abort();
        fclose(file);
        rlim_t size = pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)16 << 20);
        if (setrlimit(RLIMIT_AS, &(struct rlimit){ size, size }) < 0)
                abort();
}

/* As programs do that believe that there is always memory. */
static int eat(const void *in, void *out, void *arg)
{
        (void)arg;
        int number = *(const int *)in;
        if (number == HUNGRY) {
                limit_memory();
                unsigned char *memory = malloc(LARGE);
                *(volatile unsigned char *)memory = 1;
        }
        *(int *)out = number + 1;
        return 0;
}

/* As programs do that look. */
static int eat_with_care(const void *in, void *out, void *arg)
{
        (void)arg;
        int number = *(const int *)in;
        if (number == HUNGRY)
                limit_memory();
        void *memory = malloc(number == HUNGRY ? LARGE : 100);
        if (!memory)
                return ENOMEM;
        free(memory);
        *(int *)out = number + 1;
        return 0;
}

/* What the out-of-memory killer does to it. */
static int be_killed(const void *in, void *out, void *arg)
{
        (void)arg;
        int number = *(const int *)in;
        if (number == HUNGRY)
                raise(SIGKILL);
        *(int *)out = number + 1;
        return 0;
}

static int add_one(const void *in, void *out, void *arg)
{
        (void)arg;
        *(int *)out = *(const int *)in + 1;
        return 0;
}

/* One item fails so, all others are done; then the same pool does another job. */
static void run(hay_task *task, int expected, int expected_signal, struct hay_error *ret_error)
{
        int out[ITEMS] = { 0 };
        hay_pool *pool;
        ck_assert_int_eq(hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 }), 0);
        struct hay_map map = { HAY_MAP(task, items(), out, ITEMS), .deadline = hay_in_ms(20000) };
        ck_assert_int_eq(hay_pool_map(pool, &map, ret_error), expected);
        ck_assert_uint_eq(ret_error->index, HUNGRY);
        ck_assert_int_eq(ret_error->signal, expected_signal);
        ck_assert(!expected_signal || ret_error->pid > 0);
        char name[32];
        snprintf(name, sizeof(name), "item %d", HUNGRY);
        ck_assert_msg(strstr(ret_error->message, name), "%s", ret_error->message);
        for (int i = 0; i < ITEMS; i++)
                ck_assert_int_eq(out[i], i == HUNGRY ? 0 : i + 1);
        map.task = add_one;
        ck_assert_int_eq(hay_pool_map(pool, &map, ret_error), 0);
        ck_assert_int_eq(out[HUNGRY], HUNGRY + 1);
        ck_assert_ptr_null(hay_pool_free(pool));
}

TEST(a_worker_that_gets_no_memory_and_crashes_costs_its_item)
{
        struct hay_error error;
        run(eat, -ECHILD, SIGSEGV, &error);
}

TEST(a_worker_that_gets_no_memory_and_says_so_lives_on)
{
        struct hay_error error;
        run(eat_with_care, -ECANCELED, 0, &error);
}

TEST(a_worker_that_was_killed_is_reported_as_perhaps_out_of_memory)
{
        struct hay_error error;
        run(be_killed, -ECHILD, SIGKILL, &error);
        ck_assert_msg(strstr(error.message, "SIGKILL, possibly because memory ran out"), "%s",
                      error.message);
}

static char group[4000];

static bool write_to(const char *name, const char *text)
{
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", group, name);
        FILE *file = fopen(path, "we");
        if (!file)
                return false;
        bool good = fputs(text, file) >= 0;
        return fclose(file) == 0 && good;
}

/* The worker alone goes into the group, and takes more than that may have. */
static int eat_in_group(const void *in, void *out, void *arg)
{
        (void)arg;
        int number = *(const int *)in;
        if (number == HUNGRY) {
                if (!write_to("cgroup.procs", "0"))
                        return EACCES;
                unsigned char *memory = malloc(LARGE);
                for (size_t i = 0; memory && i < LARGE; i += 4096)
                        *(volatile unsigned char *)(memory + i) = 1;
        }
        *(int *)out = number + 1;
        return 0;
}

TEST(a_worker_that_the_kernel_kills_for_its_memory_costs_its_item)
{
        struct hay_error error;
        const char *parent = getenv("HAYFORK_TEST_CGROUP");
        if (!parent) {
                puts("skipped: HAYFORK_TEST_CGROUP names no control group");
                return;
        }
        snprintf(group, sizeof(group), "%s/hayfork-%d", parent, (int)getpid());
        ck_assert_int_eq(mkdir(group, 0700), 0);
        bool limited =
                write_to("memory.max", "33554432") || write_to("memory.limit_in_bytes", "33554432");
        /* Swap would only make it slower. */
        if (!write_to("memory.swap.max", "0"))
                write_to("memory.memsw.limit_in_bytes", "33554432");
        if (limited)
                run(eat_in_group, -ECHILD, SIGKILL, &error);
        int r = rmdir(group);
        ck_assert_msg(limited, "%s: its memory can't be limited", group);
        ck_assert_int_eq(r, 0);
}

KIT_MAIN
