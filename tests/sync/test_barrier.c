#include "bodies.h"

struct scene {
        hay_barrier barrier;
        unsigned waiting;
        unsigned done;
        unsigned acted;
        int action_result;
        bool act_for_ever;
        int expected;
        int milliseconds;
        unsigned indices[32];
};

static int act(void *arg)
{
        struct scene *scene = arg;
        step_do(&scene->acted);
        while (scene->act_for_ever)
                pause();
        return scene->action_result;
}

static struct scene *new_scene(unsigned parties, bool with_action)
{
        struct scene *scene = hay_new(struct scene);
        struct hay_barrier_options options = { .parties = parties };
        if (with_action) {
                options.action = act;
                options.arg = scene;
        }
        ck_assert_int_eq(hay_barrier_init(&scene->barrier, &options), 0);
        return scene;
}

static void free_scene(struct scene *scene)
{
        ck_assert_ptr_null(hay_barrier_fini(&scene->barrier));
        hay_free(scene);
}

static int come(void *arg)
{
        struct scene *scene = arg;
        unsigned index = ~0u;
        step_do(&scene->waiting);
        hay_time deadline = scene->milliseconds ? hay_in_ms(scene->milliseconds) : HAY_FOREVER;
        int r = hay_barrier_wait(&scene->barrier, deadline, &index);
        EXPECT(r == scene->expected);
        EXPECT(r == 0 ? index < 32 : index == ~0u);
        if (r == 0)
                step_do(&scene->indices[index]);
        step_do(&scene->done);
        return 0;
}

static void await_waiting(struct scene *scene, int n)
{
        hay_time begun = hay_now();
        while (hay_barrier_waiting(&scene->barrier) != n && ms_since(begun) < patience(5000))
                kit_sleep_ms(1);
        ck_assert_int_eq(hay_barrier_waiting(&scene->barrier), n);
}

TEST(parties_meet_and_each_has_its_index)
{
        for (int parties = 1; parties <= 20; parties += 4) {
                struct scene *scene = new_scene((unsigned)parties, false);
                pid_t pids[20];
                ck_assert_int_eq(hay_barrier_parties(&scene->barrier), parties);
                ck_assert_int_eq(hay_barrier_waiting(&scene->barrier), 0);
                for (int i = 1; i < parties; i++)
                        pids[i] = kit_fork(come, scene);
                await_waiting(scene, parties - 1);
                kit_sleep_ms(20);
                ck_assert_uint_eq(step_count(&scene->done), 0);
                ck_assert_int_eq(come(scene), 0);
                for (int i = 1; i < parties; i++)
                        ck_assert_int_eq(kit_wait(pids[i]), 0);
                for (int i = 0; i < parties; i++)
                        ck_assert_uint_eq(scene->indices[i], 1);
                ck_assert_int_eq(hay_barrier_waiting(&scene->barrier), 0);
                ck_assert_int_eq(hay_barrier_broken(&scene->barrier, NULL), 0);
                free_scene(scene);
        }
}

TEST(bad_barriers_are_errors)
{
        hay_barrier *barriers = hay_new_array(hay_barrier, 2);
        hay_barrier *misaligned = (void *)((char *)barriers + 4);
        hay_barrier *bad[] = { NULL, misaligned, barriers };
        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(hay_barrier_wait(bad[i], HAY_FOREVER, NULL), -EINVAL);
                ck_assert_int_eq(hay_barrier_abort(bad[i]), -EINVAL);
                ck_assert_int_eq(hay_barrier_reset(bad[i]), -EINVAL);
                ck_assert_int_eq(hay_barrier_parties(bad[i]), -EINVAL);
                ck_assert_int_eq(hay_barrier_waiting(bad[i]), -EINVAL);
                ck_assert_int_eq(hay_barrier_broken(bad[i], NULL), -EINVAL);
        }
        struct hay_barrier_options options = { .parties = 0 };
        ck_assert_int_eq(hay_barrier_init(barriers, &options), -EINVAL);
        options.parties = HAY_BARRIER_PARTIES + 1;
        ck_assert_int_eq(hay_barrier_init(barriers, &options), -EINVAL);
        options.parties = 2;
        ck_assert_int_eq(hay_barrier_init(NULL, &options), -EINVAL);
        ck_assert_int_eq(hay_barrier_init(misaligned, &options), -EINVAL);
        static hay_barrier private_one;
        options.parties = 9;
        ck_assert_int_eq(hay_barrier_init(&private_one, &options), -EINVAL);
        ck_assert_ptr_null(hay_barrier_fini(NULL));
        ck_assert_ptr_null(hay_barrier_fini(barriers));
        hay_free(barriers);
}

TEST(a_barrier_gives_its_block_back)
{
        struct hay_audit before;
        struct hay_audit after;
        hay_barrier *barrier = hay_new(hay_barrier);
        ck_assert_int_eq(hay_audit(&before), 0);
        struct hay_barrier_options options = { .parties = HAY_BARRIER_PARTIES };
        ck_assert_int_eq(hay_barrier_init(barrier, &options), 0);
        ck_assert_int_eq(hay_barrier_parties(barrier), HAY_BARRIER_PARTIES);
        ck_assert_ptr_null(hay_barrier_fini(barrier));
        ck_assert_int_eq(hay_audit(&after), 0);
        ck_assert_uint_eq(before.blocks, after.blocks);
        hay_free(barrier);
}

TEST(one_that_times_out_breaks_it_for_all)
{
        struct scene *scene = new_scene(3, false);
        scene->expected = -EPIPE;
        pid_t pid = kit_fork(come, scene);
        await_waiting(scene, 1);
        unsigned index = 77;
        pid_t broken_by = -1;
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_barrier_wait(&scene->barrier, hay_in_ms(100), &index), -ETIMEDOUT);
        ck_assert_int_ge(ms_since(begun), 99);
        ck_assert_uint_eq(index, 77);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, &broken_by), 1);
        ck_assert_int_eq(broken_by, 0);
        ck_assert_int_eq(hay_barrier_wait(&scene->barrier, HAY_FOREVER, NULL), -EPIPE);
        ck_assert_int_eq(hay_barrier_reset(&scene->barrier), 0);
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, NULL), 0);
        ck_assert_int_eq(hay_barrier_wait(&scene->barrier, HAY_NOWAIT, NULL), -ETIMEDOUT);
        free_scene(scene);
}

TEST(abort_breaks_it)
{
        struct scene *scene = new_scene(3, false);
        scene->expected = -EPIPE;
        pid_t pids[2];
        for (int i = 0; i < 2; i++)
                pids[i] = kit_fork(come, scene);
        await_waiting(scene, 2);
        ck_assert_int_eq(hay_barrier_abort(&scene->barrier), 0);
        ck_assert_int_eq(hay_barrier_abort(&scene->barrier), 0);
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(come(scene), 0);
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, NULL), 1);
        ck_assert_int_eq(hay_barrier_waiting(&scene->barrier), 0);
        free_scene(scene);
}

TEST(reset_turns_away_who_waits_and_is_whole_for_who_comes)
{
        struct scene *scene = new_scene(3, false);
        scene->expected = -EPIPE;
        pid_t pids[3];
        for (int i = 0; i < 2; i++)
                pids[i] = kit_fork(come, scene);
        await_waiting(scene, 2);
        ck_assert_int_eq(hay_barrier_reset(&scene->barrier), 0);
        for (int i = 0; i < 2; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, NULL), 0);
        scene->expected = 0;
        for (int i = 0; i < 3; i++)
                pids[i] = kit_fork(come, scene);
        for (int i = 0; i < 3; i++)
                ck_assert_int_eq(kit_wait(pids[i]), 0);
        for (int i = 0; i < 3; i++)
                ck_assert_uint_eq(scene->indices[i], 1);
        free_scene(scene);
}

TEST(the_action_is_run_once_a_meeting_before_anyone_goes_on)
{
        struct scene *scene = new_scene(4, true);
        for (unsigned meeting = 1; meeting <= 3; meeting++) {
                pid_t pids[3];
                for (int i = 0; i < 3; i++)
                        pids[i] = kit_fork(come, scene);
                await_waiting(scene, 3);
                ck_assert_uint_eq(step_count(&scene->acted), meeting - 1);
                ck_assert_int_eq(come(scene), 0);
                ck_assert_uint_eq(step_count(&scene->acted), meeting);
                for (int i = 0; i < 3; i++)
                        ck_assert_int_eq(kit_wait(pids[i]), 0);
        }
        free_scene(scene);
}

TEST(an_action_that_fails_breaks_it)
{
        struct scene *scene = new_scene(2, true);
        scene->action_result = 7;
        scene->expected = -EPIPE;
        pid_t pid = kit_fork(come, scene);
        await_waiting(scene, 1);
        ck_assert_int_eq(come(scene), 0);
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, NULL), 1);
        free_scene(scene);
}

TEST(a_party_that_is_killed_while_it_waits_breaks_it)
{
        unsigned parties[] = { 3, 12, 100 };
        for (int i = 0; i < 3; i++) {
                struct scene *scene = new_scene(parties[i], false);
                scene->expected = -EPIPE;
                pid_t victim = kit_fork(come, scene);
                await_waiting(scene, 1);
                pid_t other = kit_fork(come, scene);
                await_waiting(scene, 2);
                hay_time begun = hay_now();
                kill_and_wait(victim);
                ck_assert_int_eq(kit_wait(other), 0);
                ck_assert_int_lt(ms_since(begun), patience(1000));
                pid_t broken_by = 0;
                ck_assert_int_eq(hay_barrier_broken(&scene->barrier, &broken_by), 1);
                ck_assert_int_eq(broken_by, victim);
                ck_assert_int_eq(come(scene), 0);
                ck_assert_int_eq(hay_barrier_reset(&scene->barrier), 0);
                ck_assert_int_eq(hay_barrier_broken(&scene->barrier, &broken_by), 0);
                ck_assert_int_eq(broken_by, 0);
                free_scene(scene);
        }
}

TEST(a_party_that_is_killed_and_buried_is_still_named)
{
        struct scene *scene = new_scene(3, false);
        scene->expected = -EPIPE;
        pid_t victim = kit_fork(come, scene);
        await_waiting(scene, 1);
        kill_and_wait(victim);
        ck_assert_int_eq(hay_audit(NULL), 0);
        pid_t other = kit_fork(come, scene);
        ck_assert_int_eq(kit_wait(other), 0);
        pid_t broken_by = 0;
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, &broken_by), 1);
        ck_assert_int_eq(broken_by, victim);
        free_scene(scene);
}

TEST(the_last_to_come_learns_that_all_others_were_killed)
{
        struct scene *scene = new_scene(2, false);
        pid_t victim = kit_fork(come, scene);
        await_waiting(scene, 1);
        kill_and_wait(victim);
        kit_sleep_ms(60);
        ck_assert_int_eq(hay_barrier_waiting(&scene->barrier), 0);
        ck_assert_int_eq(hay_barrier_wait(&scene->barrier, HAY_FOREVER, NULL), -EPIPE);
        pid_t broken_by = 0;
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, &broken_by), 1);
        ck_assert_int_eq(broken_by, victim);
        free_scene(scene);
}

TEST(a_party_that_is_killed_in_the_action_breaks_it)
{
        struct scene *scene = new_scene(2, true);
        scene->act_for_ever = true;
        scene->expected = -EPIPE;
        pid_t other = kit_fork(come, scene);
        await_waiting(scene, 1);
        pid_t victim = kit_fork(come, scene);
        ck_assert(step_await(&scene->acted, 1));
        hay_time begun = hay_now();
        kill_and_wait(victim);
        ck_assert_int_eq(kit_wait(other), 0);
        ck_assert_int_lt(ms_since(begun), patience(1000));
        pid_t broken_by = 0;
        ck_assert_int_eq(hay_barrier_broken(&scene->barrier, &broken_by), 1);
        ck_assert_int_eq(broken_by, victim);
        free_scene(scene);
}

TEST(it_is_whole_again_after_deaths_and_a_reset)
{
        struct scene *scene = new_scene(3, false);
        srand48((long)kit_seed());
        for (int i = 0; i < 20; i++) {
                pid_t pids[3];
                for (int k = 0; k < 2; k++)
                        pids[k] = kit_fork(come, scene);
                usleep((useconds_t)(lrand48() % 2000));
                for (int k = 0; k < 2; k++)
                        ck_assert_int_eq(kill(pids[k], SIGKILL), 0);
                /* The second may have learned of the first one's death, and gone. */
                for (int k = 0; k < 2; k++)
                        kit_wait(pids[k]);
                ck_assert_int_eq(hay_barrier_reset(&scene->barrier), 0);
                for (int k = 0; k < 3; k++)
                        pids[k] = kit_fork(come, scene);
                for (int k = 0; k < 3; k++)
                        ck_assert_int_eq(kit_wait(pids[k]), 0);
        }
        free_scene(scene);
}

TEST(a_wake_up_that_died_with_its_sender_costs_a_slice)
{
        struct scene *scene = new_scene(2, false);
        pid_t pid = kit_fork(come, scene);
        await_waiting(scene, 1);
        kit_sleep_ms(30);
        /* What the CAS of a meeting stores: the next generation, and the one that met. */
        __atomic_store_n(&scene->barrier.private_state, 2 | (uint64_t)1 << 44, __ATOMIC_SEQ_CST);
        hay_time begun = hay_now();
        ck_assert_int_eq(kit_wait(pid), 0);
        ck_assert_int_lt(ms_since(begun), patience(300));
        free_scene(scene);
}

TEST(generation_numbers_come_round)
{
        struct scene *scene = new_scene(2, false);
        scene->barrier.private_state = 0x7fffd;
        for (int i = 0; i < 6; i++) {
                pid_t pid = kit_fork(come, scene);
                ck_assert_int_eq(come(scene), 0);
                ck_assert_int_eq(kit_wait(pid), 0);
        }
        ck_assert_uint_eq(scene->indices[0], 6);
        ck_assert_uint_eq(scene->indices[1], 6);
        free_scene(scene);
}

static void stress(int parties, int (*body)(void *shared, int index), int n)
{
        struct bodies *b = hay_new(struct bodies);
        struct hay_barrier_options options = { .parties = (unsigned)parties };
        ck_assert_int_eq(hay_barrier_init(&b->barrier, &options), 0);
        b->parties = parties;
        ck_assert_int_eq(crowd_of_processes(n, body, b), 0);
        for (int i = 0; i < parties; i++)
                ck_assert_uint_eq(b->indices[i], b->indices[0]);
        ck_assert_uint_ge(b->indices[0], ROUNDS / 4);
        hay_barrier_fini(&b->barrier);
        hay_free(b);
}

TEST(many_processes_meet_again_and_again)
{
        stress(2, body_barrier, 2);
        stress(5, body_barrier, 5);
        stress(12, body_barrier, 12);
}

TEST(more_come_than_it_holds)
{
        stress(2, body_barrier_crowded, 6);
}

KIT_MAIN
