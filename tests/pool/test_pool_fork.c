/* A fork that fails when a dead worker is to be replaced. */
#include "kit.h"
#include "os/fault.h"

#include <errno.h>
#include <signal.h>

bool hf_fault(const char *call);

static pid_t owner; /* whose forks fail; 0: nobody's */
static int failing; /* so many of them; -1: all from now on */
static int failed;

bool hf_fault(const char *call)
{
        if (strcmp(call, "fork") != 0 || owner != getpid() || failing == 0)
                return false;
        failing -= failing > 0;
        failed++;
        errno = EAGAIN;
        return true;
}

static int die_at_3(const void *in, void *out, void *arg)
{
        (void)arg;
        *(int *)out = *(const int *)in + 1;
        if (*(const int *)in == 3)
                raise(SIGKILL);
        return 0;
}

static int map_with(int how_many_fail, struct hay_error *error)
{
        int in[20];
        int out[20] = { 0 };
        hay_pool *pool;
        struct hay_pool_options options = { .workers = 1 };
        for (int i = 0; i < 20; i++)
                in[i] = i;
        ck_assert_int_eq(hay_pool_new(&pool, &options), 0);
        failed = 0;
        failing = how_many_fail;
        owner = getpid();
        struct hay_map map = { HAY_MAP(die_at_3, in, out, 20), .chunk = 1 };
        int r = hay_pool_map(pool, &map, error);
        owner = 0;
        if (r == -ECHILD)
                for (int i = 0; i < 20; i++)
                        ck_assert_int_eq(out[i], i == 3 ? 0 : i + 1);
        hay_pool_free(pool);
        return r;
}

TEST(a_fork_that_fails_is_tried_again)
{
        struct hay_error error;
        ck_assert_int_eq(map_with(3, &error), -ECHILD);
        ck_assert_uint_eq(error.index, 3);
        ck_assert_int_eq(failed, 3);
}

TEST(a_pool_without_workers_gives_up_when_forks_go_on_failing)
{
        struct hay_error error;
        ck_assert_int_eq(map_with(-1, &error), -EAGAIN);
        ck_assert_ptr_nonnull(strstr(error.message, "no worker is left, and none can be started"));
}

KIT_MAIN
