/* A victim is stepped through one operation, instruction by instruction, and killed after k of
 * them, for many k; then survivors use the object. KIT_STRIDE=1 takes every k. */
#include "crowd.h"

#include "member/member.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#define KILLS 40

struct scene {
        hay_lock joins; /* taken once by each process, so that it is a member */
        hay_lock lock;
        hay_rlock rlock;
        hay_semaphore semaphore;
        hay_condition condition;
        hay_event event;
        hay_barrier barrier;
        unsigned waiting;
        unsigned done;
        unsigned begun; /* the victim's operation has */
        unsigned ended;
        unsigned taken;
        hf_member_id dead;
        int result;
        struct hay_audit before;
        pid_t sleeper;
};

struct sweep {
        void (*setup)(struct scene *scene);
        void (*prepare)(struct scene *scene); /* by the victim, before it is stepped */
        void (*stopped)(
                struct scene *scene); /* by the survivor, when the victim is about to start */
        void (*operate)(struct scene *scene);
        void (*interfere)(struct scene *scene); /* after each step */
        void (*check)(struct scene *scene);
};

static void join_region(struct scene *scene)
{
        hay_lock_acquire(&scene->joins, HAY_FOREVER);
        /* What a first spin finds out, once a process. */
        hay_lock_acquire(&scene->joins, 1);
        hay_lock_release(&scene->joins);
}

static pid_t start_victim(const struct sweep *sweep, struct scene *scene)
{
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                join_region(scene);
                if (sweep->prepare)
                        sweep->prepare(scene);
                ptrace(PTRACE_TRACEME, 0, NULL, NULL);
                raise(SIGSTOP);
                step_do(&scene->begun);
                sweep->operate(scene);
                step_do(&scene->ended);
                for (;;)
                        pause();
        }
        ck_assert_int_gt(pid, 0);
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSTOPPED(status));
        return pid;
}

/* Let it do `steps` steps of its operation and kill it; how many it did, if it ended before. */
static long step_and_kill(const struct sweep *sweep, struct scene *scene, pid_t pid, long steps)
{
        int status;
        long done = 0;
        while (done < steps && !step_count(&scene->ended)) {
                ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
                ck_assert(WIFSTOPPED(status));
                done += step_count(&scene->begun);
                if (sweep->interfere)
                        sweep->interfere(scene);
        }
        kill(pid, SIGKILL);
        do
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        while (!WIFSIGNALED(status));
        return done;
}

static long kill_after(const struct sweep *sweep, long steps)
{
        struct scene *scene = hay_new(struct scene);
        sweep->setup(scene);
        pid_t victim = start_victim(sweep, scene);
        if (sweep->stopped)
                sweep->stopped(scene);
        long done = step_and_kill(sweep, scene, victim, steps);
        sweep->check(scene);
        if (scene->sleeper)
                ck_assert_int_eq(kit_wait(scene->sleeper), 0);
        ck_assert_int_eq(hay_audit(NULL), 0);
        hay_free(scene);
        return done;
}

static void run(struct sweep sweep)
{
        long count = kill_after(&sweep, 1000000);
        const char *text = getenv("KIT_STRIDE");
        long stride = text ? strtol(text, NULL, 10) : (count + KILLS - 1) / KILLS;
        stride = stride < 1 ? 1 : stride;
        printf("%ld instructions, killed after every %ld\n", count, stride);
        for (long k = (long)(kit_seed() % (unsigned long)stride); k <= count; k += stride)
                kill_after(&sweep, k);
}

/* What a survivor does; each within a second. */

static void use_lock(struct scene *scene)
{
        int r = hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000)));
        ck_assert_int_ge(r, 0);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
}

static bool is_done_within(struct scene *scene, int milliseconds)
{
        for (hay_time begun = hay_now(); ms_since(begun) < milliseconds; kit_sleep_ms(1))
                if (step_count(&scene->done))
                        return true;
        return false;
}

/* Another process that sleeps at the object meanwhile. */
static void start_sleeper(struct scene *scene, int (*body)(void *arg))
{
        scene->sleeper = kit_fork(body, scene);
        ck_assert(step_await(&scene->waiting, 1));
        kit_sleep_ms(1);
}

static int sleep_at_lock(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        int r = hay_lock_acquire(&scene->lock, HAY_FOREVER);
        EXPECT(r >= 0);
        step_do(&scene->done);
        return hay_lock_release(&scene->lock);
}

static int sleep_at_semaphore(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        EXPECT(hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER) == 0);
        step_do(&scene->done);
        return hay_semaphore_release(&scene->semaphore);
}

static int sleep_at_event(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        EXPECT(hay_event_wait(&scene->event, HAY_FOREVER) == 0);
        step_do(&scene->done);
        return 0;
}

static int sleep_at_condition(void *arg)
{
        struct scene *scene = arg;
        EXPECT(hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0);
        step_do(&scene->waiting);
        EXPECT(hay_condition_wait(&scene->condition, &scene->lock, HAY_FOREVER) >= 0);
        step_do(&scene->done);
        return hay_lock_release(&scene->lock);
}

static int sleep_at_barrier(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->waiting);
        scene->result = hay_barrier_wait(&scene->barrier, HAY_FOREVER, NULL);
        EXPECT(scene->result == 0 || scene->result == -EPIPE);
        step_do(&scene->done);
        return 0;
}

/* Another process that takes something, says so, and is killed; its member id. */
static hf_member_id kill_with(struct scene *scene, int (*take)(void *arg))
{
        pid_t pid = kit_fork(take, scene);
        ck_assert(step_await(&scene->taken, 1));
        kill_and_wait(pid);
        return scene->dead;
}

static int take_and_stay(struct scene *scene)
{
        int r;
        scene->dead = hf_self_id(&r);
        step_do(&scene->taken);
        for (;;)
                pause();
        return 0;
}

/* Locks */

static void set_up_nothing(struct scene *scene)
{
        join_region(scene);
}

static void lock_and_release(struct scene *scene)
{
        if (hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0)
                hay_lock_release(&scene->lock);
}

TEST(lock_survives)
{
        run((struct sweep){
                .setup = set_up_nothing, .operate = lock_and_release, .check = use_lock });
}

static void hold_lock(struct scene *scene)
{
        hay_lock_acquire(&scene->lock, HAY_FOREVER);
}

static void start_lock_sleeper(struct scene *scene)
{
        start_sleeper(scene, sleep_at_lock);
}

static void release_lock(struct scene *scene)
{
        hay_lock_release(&scene->lock);
}

static void check_lock_sleeper(struct scene *scene)
{
        ck_assert(is_done_within(scene, patience(1000)));
        use_lock(scene);
}

TEST(lock_with_a_sleeper_survives)
{
        run((struct sweep){ .setup = set_up_nothing,
                            .prepare = hold_lock,
                            .stopped = start_lock_sleeper,
                            .operate = release_lock,
                            .check = check_lock_sleeper });
}

static int take_lock(void *arg)
{
        struct scene *scene = arg;
        hay_lock_acquire(&scene->lock, HAY_FOREVER);
        return take_and_stay(scene);
}

static void leave_lock_to_a_dead_one(struct scene *scene)
{
        join_region(scene);
        kill_with(scene, take_lock);
}

static void take_over_lock(struct scene *scene)
{
        /* A deadline that has passed long ago: it does not sleep first. */
        if (hay_lock_acquire(&scene->lock, 1) == HAY_OWNER_DIED)
                hay_lock_release(&scene->lock);
}

TEST(taking_over_a_lock_survives)
{
        run((struct sweep){
                .setup = leave_lock_to_a_dead_one, .operate = take_over_lock, .check = use_lock });
}

static void use_rlock(struct scene *scene)
{
        ck_assert_int_ge(hay_rlock_acquire(&scene->rlock, hay_in_ms(patience(1000))), 0);
        ck_assert_int_eq(hay_rlock_acquire(&scene->rlock, HAY_NOWAIT), 0);
        ck_assert_int_eq(hay_rlock_release(&scene->rlock), 0);
        ck_assert_int_eq(hay_rlock_release(&scene->rlock), 0);
        ck_assert_int_eq(hay_rlock_locked(&scene->rlock), 0);
}

static void lock_twice(struct scene *scene)
{
        hay_rlock_acquire(&scene->rlock, HAY_FOREVER);
        hay_rlock_acquire(&scene->rlock, HAY_FOREVER);
        hay_rlock_release(&scene->rlock);
        hay_rlock_release(&scene->rlock);
}

TEST(rlock_survives)
{
        run((struct sweep){ .setup = set_up_nothing, .operate = lock_twice, .check = use_rlock });
}

/* Semaphores */

static void make_semaphore(struct scene *scene, struct hay_semaphore_options options)
{
        join_region(scene);
        ck_assert_int_eq(hay_semaphore_init(&scene->semaphore, &options), 0);
}

static void make_owned(struct scene *scene)
{
        make_semaphore(scene, (struct hay_semaphore_options){ .value = 2 });
}

static void make_counter(struct scene *scene)
{
        make_semaphore(scene, (struct hay_semaphore_options){ .signal = true });
        start_sleeper(scene, sleep_at_semaphore);
}

static void take_and_give(struct scene *scene)
{
        hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
        hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
        hay_semaphore_release(&scene->semaphore);
        hay_semaphore_release(&scene->semaphore);
}

static void take_both(struct scene *scene)
{
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(
                        hay_semaphore_acquire(&scene->semaphore, hay_in_ms(patience(1000))), 0);
        ck_assert_int_eq(hay_semaphore_acquire(&scene->semaphore, HAY_NOWAIT), -ETIMEDOUT);
        hay_semaphore_fini(&scene->semaphore);
}

TEST(owned_permits_survive)
{
        run((struct sweep){ .setup = make_owned, .operate = take_and_give, .check = take_both });
}

static void take_all(struct scene *scene)
{
        hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
        hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
}

static void start_semaphore_sleeper(struct scene *scene)
{
        start_sleeper(scene, sleep_at_semaphore);
}

static void give_both(struct scene *scene)
{
        hay_semaphore_release(&scene->semaphore);
        hay_semaphore_release(&scene->semaphore);
}

static void check_semaphore_sleeper(struct scene *scene)
{
        ck_assert(is_done_within(scene, patience(1000)));
        ck_assert_int_eq(kit_wait(scene->sleeper), 0);
        scene->sleeper = 0;
        take_both(scene);
}

TEST(owned_permits_with_a_sleeper_survive)
{
        run((struct sweep){ .setup = make_owned,
                            .prepare = take_all,
                            .stopped = start_semaphore_sleeper,
                            .operate = give_both,
                            .check = check_semaphore_sleeper });
}

static int take_permits(void *arg)
{
        struct scene *scene = arg;
        hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
        hay_semaphore_acquire(&scene->semaphore, HAY_FOREVER);
        return take_and_stay(scene);
}

static void leave_permits_to_a_dead_one(struct scene *scene)
{
        make_owned(scene);
        kill_with(scene, take_permits);
        start_sleeper(scene, sleep_at_semaphore);
}

static void take_over_permits(struct scene *scene)
{
        if (hay_semaphore_acquire(&scene->semaphore, HAY_NOWAIT) == 0)
                hay_semaphore_release(&scene->semaphore);
}

TEST(taking_over_permits_survives)
{
        run((struct sweep){ .setup = leave_permits_to_a_dead_one,
                            .operate = take_over_permits,
                            .check = check_semaphore_sleeper });
}

static void give_one(struct scene *scene)
{
        hay_semaphore_release(&scene->semaphore);
}

static void check_counter(struct scene *scene)
{
        if (hay_semaphore_value(&scene->semaphore) == 0 && !is_done_within(scene, patience(20)))
                ck_assert_int_eq(hay_semaphore_release(&scene->semaphore), 0);
        ck_assert(is_done_within(scene, patience(1000)));
}

TEST(a_counter_with_a_sleeper_survives)
{
        run((struct sweep){ .setup = make_counter, .operate = give_one, .check = check_counter });
}

static void count_blocks(struct scene *scene)
{
        join_region(scene);
        ck_assert_int_eq(hay_audit(&scene->before), 0);
}

static void make_and_end(struct scene *scene)
{
        struct hay_semaphore_options permits = { .value = 50 };
        struct hay_barrier_options parties = { .parties = 50 };
        hay_semaphore_init(&scene->semaphore, &permits);
        hay_barrier_init(&scene->barrier, &parties);
        hay_barrier_fini(&scene->barrier);
        hay_semaphore_fini(&scene->semaphore);
}

static void check_blocks(struct scene *scene)
{
        struct hay_audit after;
        int r = hay_semaphore_value(&scene->semaphore);
        ck_assert(r == 0 || r == 50 || r == -EINVAL);
        r = hay_barrier_parties(&scene->barrier);
        ck_assert(r == 50 || r == -EINVAL);
        hay_semaphore_fini(&scene->semaphore);
        hay_barrier_fini(&scene->barrier);
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(after.blocks, scene->before.blocks);
}

TEST(making_and_ending_leaks_nothing)
{
        run((struct sweep){
                .setup = count_blocks, .operate = make_and_end, .check = check_blocks });
}

/* Between its making and its end an array is its maker's, and stays when that dies; that is so for
 * a few instructions here. The next array is always made in the same place. */
static const struct hay_array_options elements = { .type = HAY_CHAR, .length = 200 };
static hay_array *place;
static unsigned arrays_left;

static void find_place(struct scene *scene)
{
        join_region(scene);
        ck_assert_int_eq(hay_array_new(&place, &elements), 0);
        hay_array_free(place);
        ck_assert_int_eq(hay_audit(&scene->before), 0);
}

static void make_and_free_array(struct scene *scene)
{
        hay_array *array = NULL;
        (void)scene;
        hay_array_new(&array, &elements);
        hay_array_free(array);
}

static void check_place(struct scene *scene)
{
        struct hay_audit after;
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_le(after.blocks - scene->before.blocks, 1);
        if (after.blocks == scene->before.blocks)
                return;
        ck_assert_uint_eq(hay_array_length(place), 200);
        hay_array_free(place);
        arrays_left++;
}

TEST(an_array_stays_only_when_its_maker_had_it)
{
        arrays_left = 0;
        run((struct sweep){
                .setup = find_place, .operate = make_and_free_array, .check = check_place });
        /* Of some 2,000 instructions, each of which is met when KIT_STRIDE is 1. */
        ck_assert_uint_le(arrays_left, 40);
}

/* Events */

static void make_event(struct scene *scene)
{
        join_region(scene);
        start_sleeper(scene, sleep_at_event);
}

static void set_event(struct scene *scene)
{
        hay_event_set(&scene->event);
        hay_event_clear(&scene->event);
}

static void check_event(struct scene *scene)
{
        if (scene->event.private_word >> 2 == 0)
                ck_assert_int_eq(hay_event_set(&scene->event), 0);
        ck_assert(is_done_within(scene, patience(1000)));
}

TEST(an_event_with_a_sleeper_survives)
{
        run((struct sweep){ .setup = make_event, .operate = set_event, .check = check_event });
}

/* Conditions */

static void make_condition(struct scene *scene)
{
        join_region(scene);
        start_sleeper(scene, sleep_at_condition);
        use_lock(scene);
}

static void notify(struct scene *scene)
{
        if (hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0) {
                hay_condition_notify(&scene->condition, 1);
                hay_lock_release(&scene->lock);
        }
}

static void notify_if_needed(struct scene *scene)
{
        if (scene->condition.private_state == 1) {
                ck_assert_int_ge(hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000))), 0);
                ck_assert_int_eq(hay_condition_notify(&scene->condition, 1), 0);
                ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
        }
        ck_assert(is_done_within(scene, patience(1000)));
        use_lock(scene);
}

TEST(notify_with_a_sleeper_survives)
{
        run((struct sweep){
                .setup = make_condition, .operate = notify, .check = notify_if_needed });
}

static void wait_a_moment(struct scene *scene)
{
        if (hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0) {
                hay_condition_wait(&scene->condition, &scene->lock, HAY_NOWAIT);
                hay_lock_release(&scene->lock);
        }
}

static void notify_sleeper(struct scene *scene)
{
        ck_assert_int_ge(hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000))), 0);
        ck_assert_int_eq(hay_condition_notify(&scene->condition, 1), 0);
        ck_assert_int_eq(hay_lock_release(&scene->lock), 0);
        ck_assert(is_done_within(scene, patience(1000)));
        use_lock(scene);
}

TEST(a_wait_beside_a_sleeper_survives)
{
        run((struct sweep){
                .setup = make_condition, .operate = wait_a_moment, .check = notify_sleeper });
}

/* The victim waits; when it has released the lock it is notified, and takes the grant, or not. The
 * sleeper, who waited too and is stopped meanwhile, gets it if the victim died before; or the lock
 * tells. */
static void stop_sleeper(struct scene *scene)
{
        ck_assert_int_eq(kill(scene->sleeper, SIGSTOP), 0);
}

static void wait_for_ever(struct scene *scene)
{
        if (hay_lock_acquire(&scene->lock, HAY_FOREVER) == 0) {
                hay_condition_wait(&scene->condition, &scene->lock, HAY_FOREVER);
                scene->result = 1;
                hay_lock_release(&scene->lock);
        }
}

static void notify_once(struct scene *scene)
{
        bool is_enrolled = (scene->condition.private_state & 0x1fff) == 2;
        if (scene->result == 0 && is_enrolled && hay_lock_acquire(&scene->lock, HAY_NOWAIT) == 0) {
                hay_condition_notify(&scene->condition, 1);
                hay_lock_release(&scene->lock);
        }
}

static void check_grant(struct scene *scene)
{
        ck_assert_int_eq(kill(scene->sleeper, SIGCONT), 0);
        int r = hay_lock_acquire(&scene->lock, hay_in_ms(patience(1000)));
        ck_assert_int_ge(r, 0);
        hay_lock_release(&scene->lock);
        bool was_notified = scene->condition.private_state >> 13;
        if (r == 0 && was_notified && !scene->result)
                ck_assert(is_done_within(scene, patience(1000)));
        if (!is_done_within(scene, patience(1)))
                notify_sleeper(scene);
        use_lock(scene);
}

TEST(a_notified_waiter_that_is_killed_swallows_nothing)
{
        run((struct sweep){ .setup = make_condition,
                            .stopped = stop_sleeper,
                            .operate = wait_for_ever,
                            .interfere = notify_once,
                            .check = check_grant });
}

/* Barriers */

static void make_barrier(struct scene *scene)
{
        struct hay_barrier_options options = { .parties = 2 };
        join_region(scene);
        ck_assert_int_eq(hay_barrier_init(&scene->barrier, &options), 0);
        start_sleeper(scene, sleep_at_barrier);
        while (hay_barrier_waiting(&scene->barrier) != 1)
                kit_sleep_ms(1);
}

static void come_last(struct scene *scene)
{
        hay_barrier_wait(&scene->barrier, HAY_FOREVER, NULL);
}

static int come_again(void *arg)
{
        struct scene *scene = arg;
        return hay_barrier_wait(&scene->barrier, hay_in_ms(patience(1000)), NULL) != 0;
}

static void check_barrier(struct scene *scene)
{
        bool has_come = (uint32_t)scene->barrier.private_inline[1];
        bool is_over = (scene->barrier.private_state & 0x1fffff) != 1;
        if (!has_come && !is_over)
                ck_assert_int_eq(hay_barrier_reset(&scene->barrier), 0);
        ck_assert(is_done_within(scene, patience(1000)));
        ck_assert_int_eq(hay_barrier_reset(&scene->barrier), 0);
        pid_t pid = kit_fork(come_again, scene);
        ck_assert_int_eq(come_again(scene), 0);
        ck_assert_int_eq(kit_wait(pid), 0);
        hay_barrier_fini(&scene->barrier);
}

TEST(the_last_to_come_to_a_barrier_survives)
{
        run((struct sweep){ .setup = make_barrier, .operate = come_last, .check = check_barrier });
}

/* One party of the first meeting was killed before it left its slot. */
static void leave_slot_to_a_dead_one(struct scene *scene)
{
        struct hay_barrier_options options = { .parties = 2 };
        join_region(scene);
        ck_assert_int_eq(hay_barrier_init(&scene->barrier, &options), 0);
        uint64_t mark = (uint64_t)1 << 32;
        scene->barrier.private_inline[0] = mark | kill_with(scene, take_lock);
        scene->barrier.private_inline[1] = mark;
        scene->barrier.private_state = 2 | (uint64_t)1 << 44;
        start_sleeper(scene, sleep_at_barrier);
        while (hay_barrier_waiting(&scene->barrier) != 1)
                kit_sleep_ms(1);
}

static void come_to_a_dead_ones_slot(struct scene *scene)
{
        hay_barrier_wait(&scene->barrier, HAY_NOWAIT, NULL);
}

static void check_dead_ones_slot(struct scene *scene)
{
        bool has_come = scene->barrier.private_inline[0] >> 32 == 2;
        bool is_over = (scene->barrier.private_state & 0x1fffff) != 2;
        if (!has_come && !is_over)
                ck_assert_int_eq(hay_barrier_wait(&scene->barrier, HAY_NOWAIT, NULL), 0);
        ck_assert(is_done_within(scene, patience(1000)));
        hay_barrier_fini(&scene->barrier);
}

TEST(taking_over_a_slot_of_a_barrier_survives)
{
        run((struct sweep){ .setup = leave_slot_to_a_dead_one,
                            .operate = come_to_a_dead_ones_slot,
                            .check = check_dead_ones_slot });
}

static void break_and_mend(struct scene *scene)
{
        hay_barrier_abort(&scene->barrier);
        hay_barrier_reset(&scene->barrier);
}

TEST(abort_and_reset_survive)
{
        run((struct sweep){
                .setup = make_barrier, .operate = break_and_mend, .check = check_barrier });
}

KIT_MAIN
