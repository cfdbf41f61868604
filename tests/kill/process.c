/* Processes: who starts or joins one dies; the child runs once or not at all, and ends. */
#include "kill.h"

static struct {
        int ran;
        bool may_end;
} * shared;

static hay_process *process;

static void fresh(void)
{
        shared = hay_alloc(sizeof(*shared), 0);
        kill_expect(shared, "no memory");
}

static int run(void *arg)
{
        (void)arg;
        __atomic_fetch_add(&shared->ran, 1, __ATOMIC_SEQ_CST);
        return 0;
}

/* For a child that shares nothing but its argument. */
static int run_afresh(void *arg)
{
        __atomic_fetch_add((int *)arg, 1, __ATOMIC_SEQ_CST);
        return 0;
}

static int sleep_till_told(void *arg)
{
        (void)arg;
        for (int i = 0; i < 3000 && !__atomic_load_n(&shared->may_end, __ATOMIC_SEQ_CST); i++)
                usleep(1000);
        return 0;
}

static void start_fork(void)
{
        hay_process_start(&process, run, NULL, NULL);
}

static void start_copying(void)
{
        long argument = 5;
        hay_process_start(&process, run, &argument,
                          &(struct hay_process_options){ .argument_size = sizeof(argument) });
}

static void start_daemon(void)
{
        hay_process_start(&process, sleep_till_told, NULL,
                          &(struct hay_process_options){ .daemon = true });
}

static void start_spawn(void)
{
        hay_process_start(&process, run_afresh, &shared->ran,
                          &(struct hay_process_options){ .start = HAY_SPAWN });
}

static void start_forkserver(void)
{
        hay_process_start(&process, run_afresh, &shared->ran,
                          &(struct hay_process_options){ .start = HAY_FORKSERVER });
}

static void start_sleeper(void)
{
        hay_process_start(&process, sleep_till_told, NULL, NULL);
}

static void tell(void)
{
        __atomic_store_n(&shared->may_end, true, __ATOMIC_SEQ_CST);
}

static void join(void)
{
        struct hay_exit end;
        hay_process_join(process, HAY_FOREVER, &end);
        hay_process_close(process);
}

static void terminate(void)
{
        hay_process_terminate(process);
        join();
}

static void look(void)
{
        hay_process *children[4];
        hay_process_is_alive(process);
        hay_active_children(children, 4);
}

static enum kill_found survive(void)
{
        kill_await_orphans();
        kill_expect(shared->ran == 0 || shared->ran == 1, "it ran %d times", shared->ran);
        return shared->ran ? KILL_AFTER : KILL_BEFORE;
}

/* A daemon does not outlive its parent, though nobody tells it to end. */
static enum kill_found survive_daemon(void)
{
        kill_await_orphans();
        return KILL_UNKNOWN;
}

static enum kill_found survive_join(void)
{
        tell();
        kill_await_orphans();
        return KILL_UNKNOWN;
}

static const struct kill_sweep table[] = {
        { "process: start, fork", fresh, .operation = start_fork, .survive = survive },
        { "process: start, fork, first use", fresh, .operation = start_fork, .survive = survive,
          .stranger = true },
        { "process: start, fork, argument copied", fresh, .operation = start_copying,
          .survive = survive },
        { "process: start, fork, daemon", fresh, .operation = start_daemon,
          .survive = survive_daemon },
        { "process: start, spawn", fresh, .operation = start_spawn, .survive = survive,
          .unordered = true },
        { "process: start, forkserver", fresh, .operation = start_forkserver, .survive = survive,
          .unordered = true },
        { "process: join, close", fresh, .before = start_sleeper, .operation = join,
          .unblock = tell, .survive = survive_join },
        { "process: terminate, join", fresh, .before = start_sleeper, .operation = terminate,
          .survive = survive_join },
        { "process: is_alive, active_children", fresh, .before = start_sleeper, .operation = look,
          .survive = survive_join },
};

KILL_SWEEPS(table)
