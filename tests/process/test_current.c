/* Who a process is, who its parent is, which children it has. */
#include "kit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct family {
        struct hay_process_info self;
        struct hay_process_info parent;
        struct family *child;
        int depth;
};

static int tell(void *arg)
{
        struct family *family = arg;
        hay_process *process;
        if (hay_current_process(&family->self) < 0 || hay_parent_process(&family->parent) < 0)
                return 1;
        if (!family->child)
                return 0;
        struct hay_exit exit = { .code = 2 };
        for (int i = 0; i < 2; i++) {
                if (hay_process_start(&process, tell, family->child, NULL) < 0)
                        return 3;
                hay_process_join(process, HAY_FOREVER, &exit);
                hay_process_close(process);
        }
        return exit.code;
}

static void run(hay_process *process)
{
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(exit.code, 0);
        ck_assert_int_eq(hay_process_close(process), 0);
}

TEST(the_first_process_is_the_main_one_and_has_no_parent)
{
        struct hay_process_info info = { .pid = 77 };
        ck_assert_int_eq(hay_parent_process(&info), -ESRCH);
        ck_assert_int_eq(info.pid, 77);
        ck_assert_int_eq(hay_current_process(&info), 0);
        ck_assert_str_eq(info.name, "MainProcess");
        ck_assert_int_eq(info.pid, getpid());
        ck_assert(info.alive && !info.daemon);
        ck_assert_int_eq(hay_current_process(NULL), -EINVAL);
        ck_assert_int_eq(hay_parent_process(NULL), -EINVAL);
        ck_assert_int_eq(hay_active_children(NULL, 1), -EINVAL);
}

TEST(default_names_tell_the_place_in_the_family_as_in_python)
{
        struct family *family = hay_new_array(struct family, 3);
        family[0].child = &family[1];
        family[1].child = &family[2];
        hay_process *process;
        for (int i = 1; i <= 2; i++) {
                char name[64];
                ck_assert_int_eq(hay_process_start(&process, tell, family, NULL), 0);
                int number = 0;
                ck_assert_int_eq(sscanf(hay_process_name(process), "Process-%d", &number), 1);
                ck_assert_int_ge(number, i);
                run(process);
                snprintf(name, sizeof(name), "Process-%d", number);
                ck_assert_str_eq(family[0].self.name, name);
                ck_assert_str_eq(family[0].parent.name, "MainProcess");
                /* The second of two children is the one that told last. */
                snprintf(name, sizeof(name), "Process-%d:2", number);
                ck_assert_str_eq(family[1].self.name, name);
                ck_assert_str_eq(family[1].parent.name, family[0].self.name);
                snprintf(name, sizeof(name), "Process-%d:2:2", number);
                ck_assert_str_eq(family[2].self.name, name);
        }
        hay_free(family);
}

TEST(a_long_name_is_whole_in_the_handle_and_cut_in_the_info)
{
        char name[200];
        memset(name, 'x', sizeof(name) - 1);
        name[199] = '\0';
        struct family *family = hay_new(struct family);
        struct hay_process_options options = { .name = name, .daemon = true };
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, tell, family, &options), 0);
        ck_assert_str_eq(hay_process_name(process), name);
        ck_assert_int_eq(hay_process_daemon(process), 1);
        run(process);
        ck_assert_uint_eq(strlen(family->self.name), 63);
        ck_assert(family->self.daemon && !family->parent.daemon);
        hay_free(family);
}

TEST(an_empty_name_is_a_name)
{
        struct family *family = hay_new(struct family);
        struct hay_process_options options = { .name = "" };
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, tell, family, &options), 0);
        ck_assert_str_eq(hay_process_name(process), "");
        run(process);
        ck_assert_str_eq(family->self.name, "");
        hay_free(family);
}

static int tell_raw(void *arg)
{
        struct family *family = arg;
        return hay_current_process(&family->self) < 0 || hay_parent_process(&family->parent) < 0;
}

static int fork_raw(void *arg)
{
        return kit_wait(kit_fork(tell_raw, arg));
}

TEST(a_fork_of_the_users_keeps_the_name_and_has_its_own_pid)
{
        struct family *family = hay_new(struct family);
        struct hay_process_options options = { .name = "origin" };
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, fork_raw, family, &options), 0);
        pid_t pid = hay_process_pid(process);
        run(process);
        ck_assert_str_eq(family->self.name, "origin");
        ck_assert_int_ne(family->self.pid, pid);
        ck_assert_int_eq(family->parent.pid, getpid());
        hay_free(family);
}

struct orphan {
        int stage; /* 1: child saw its parent alive; 2: saw it gone */
        pid_t pid;
};

static int watch_parent(void *arg)
{
        struct orphan *orphan = arg;
        struct hay_process_info parent;
        hay_parent_process(&parent);
        orphan->pid = getpid();
        __atomic_store_n(&orphan->stage, parent.alive ? 1 : -1, __ATOMIC_RELEASE);
        hay_time end = hay_in_ms(20000);
        while (parent.alive && hay_now() < end) {
                kit_sleep_ms(5);
                hay_parent_process(&parent);
        }
        __atomic_store_n(&orphan->stage, parent.alive ? -2 : 2, __ATOMIC_RELEASE);
        return 0;
}

static int start_watcher_and_wait(void *arg)
{
        hay_process *process;
        if (hay_process_start(&process, watch_parent, arg, NULL) < 0)
                return 1;
        pause();
        return 0;
}

TEST(a_child_that_is_not_daemonic_outlives_its_killed_parent_and_knows)
{
        ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        struct orphan *orphan = hay_new(struct orphan);
        pid_t parent = kit_fork(start_watcher_and_wait, orphan);
        while (!__atomic_load_n(&orphan->stage, __ATOMIC_ACQUIRE))
                kit_sleep_ms(2);
        ck_assert_int_eq(orphan->stage, 1);
        ck_assert_int_eq(kill(parent, SIGKILL), 0);
        ck_assert_int_eq(kit_wait(parent), -SIGKILL);
        ck_assert_int_eq(kit_wait(orphan->pid), 0);
        ck_assert_int_eq(orphan->stage, 2);
        hay_free(orphan);
        prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

TEST(active_children_are_those_that_run_in_the_order_of_their_start)
{
        hay_process *started[5];
        hay_process *active[5] = { NULL };
        for (int i = 0; i < 5; i++)
                ck_assert_int_eq(hay_process_start(&started[i], wait_for_ever, NULL, NULL), 0);
        ck_assert_int_eq(hay_active_children(active, 5), 5);
        for (int i = 0; i < 5; i++)
                ck_assert_ptr_eq(active[i], started[i]);
        ck_assert_int_eq(hay_process_kill(started[1]), 0);
        ck_assert_int_eq(hay_process_kill(started[3]), 0);
        ck_assert_int_eq(hay_process_join(started[1], HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_process_join(started[3], HAY_FOREVER, NULL), 0);
        ck_assert_int_eq(hay_active_children(active, 2), 3);
        ck_assert_ptr_eq(active[0], started[0]);
        ck_assert_ptr_eq(active[1], started[2]);
        ck_assert_int_eq(hay_active_children(NULL, 0), 3);
        for (int i = 0; i < 5; i++) {
                ck_assert_int_eq(hay_process_kill(started[i]), 0);
                ck_assert_int_eq(hay_process_join(started[i], HAY_FOREVER, NULL), 0);
                ck_assert_int_eq(hay_process_close(started[i]), 0);
        }
        ck_assert_int_eq(hay_active_children(active, 5), 0);
}

TEST(active_children_reaps_those_that_ended)
{
        hay_process *process;
        ck_assert_int_eq(hay_process_start(&process, tell, hay_new(struct family), NULL), 0);
        hay_time end = hay_in_ms(20000);
        while (hay_active_children(NULL, 0) && hay_now() < end)
                kit_sleep_ms(1);
        ck_assert_int_eq(waitpid(hay_process_pid(process), NULL, WNOHANG), -1);
        ck_assert_int_eq(hay_process_close(process), 0);
        kit_may_keep_blocks();
}

KIT_MAIN
