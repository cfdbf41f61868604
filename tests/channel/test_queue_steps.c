/* A victim is killed after k machine instructions of one operation, for many k (KIT_FULL=1: for all);
 * then a survivor uses the queue, counts its messages, and audits the region. */
#include "kit.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define KILLS 15
#define SMALL 24
#define LARGE 1500

struct scene;
typedef int operation(struct scene *scene);

struct scene {
        hay_queue *queue;
        hay_queue *second;
        struct hay_message message;
        struct hay_queue_options options;
        operation *before;  /* in the survivor, before the fork */
        operation *prepare; /* in the victim, before the steps */
        operation *run;
        int (*check)(struct scene *scene); /* what it finds: may only rise with k */
};

/* Let slabs and their pages be there: to make them takes thousands of steps, and not always as many,
 * so that k would not mean the same instruction in each round. */
static void warm_up(void)
{
        static const size_t sizes[] = { 16, SMALL, 544, 640, LARGE, 2112, 2500, 4160, 4200, 8256 };
        void *blocks[8];
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                for (int k = 0; k < 8; k++)
                        blocks[k] = hay_alloc(sizes[i], 0);
                for (int k = 0; k < 8; k++)
                        hay_free(blocks[k]);
        }
        hay_free(hay_alloc(2112, 64));
        hay_free(hay_alloc(4160, 64));
}

/* Step a fork of this process through scene->run. The number of steps made; it is dead then. */
static long kill_after(struct scene *scene, long steps, bool *ret_finished)
{
        int status;
        long made = 0;
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
                        _exit(100);
                warm_up();
                if (scene->prepare && scene->prepare(scene) < 0)
                        _exit(101);
                raise(SIGUSR1);
                int r = scene->run(scene);
                raise(r < 0 ? SIGTERM : SIGUSR2);
                _exit(102);
        }
        ck_assert_int_gt(pid, 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1, "not ready: %x", status);
        *ret_finished = false;
        for (; made < steps && !*ret_finished; made++) {
                ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
                ck_assert_int_eq(waitpid(pid, &status, 0), pid);
                ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) != SIGTERM, "failed: %x",
                              status);
                *ret_finished = WSTOPSIG(status) != SIGTRAP;
        }
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
        return made;
}

static size_t blocks(void)
{
        struct hay_audit audit;
        ck_assert_int_eq(hay_audit(&audit), 0);
        return audit.blocks;
}

static int put(hay_queue *queue, long id, size_t size)
{
        static unsigned char bytes[LARGE + SMALL];
        memcpy(bytes, &id, sizeof(id));
        memset(bytes + sizeof(id), (int)id, size - sizeof(id));
        return hay_queue_put(queue, bytes, size, HAY_NOWAIT);
}

/* The id of the next message, whose content is checked; 0: none. */
static long get(hay_queue *queue)
{
        static unsigned char bytes[LARGE + SMALL];
        size_t size;
        long id;
        int r = hay_queue_get(queue, bytes, sizeof(bytes), &size, HAY_NOWAIT);
        if (r == -ETIMEDOUT || r == -EPIPE)
                return 0;
        ck_assert_int_ge(r, 0);
        memcpy(&id, bytes, sizeof(id));
        for (size_t i = sizeof(id); i < size; i++)
                ck_assert_uint_eq(bytes[i], (unsigned char)id);
        return id;
}

/* Ids first to last must be in the queue, in order, then `maybe` or nothing. 1: it is there. */
static int check_ids(hay_queue *queue, long first, long last, long maybe)
{
        for (long id = first; id <= last; id++)
                ck_assert_int_eq(get(queue), id);
        long id = get(queue);
        if (id) {
                ck_assert_int_eq(id, maybe);
                ck_assert_int_eq(get(queue), 0);
        }
        return id != 0;
}

/* The queue still works. */
static void check_use(hay_queue *queue)
{
        for (long id = 1000; id < 1010; id++)
                ck_assert_int_eq(put(queue, id, id % 2 ? SMALL : LARGE), 0);
        check_ids(queue, 1000, 1009, -1);
        ck_assert_int_eq(hay_queue_size(queue), 0);
}

/* Whoever waits for a dead one goes on within a second; a machine with a thousand other processes
 * may take its time now and then. */
static void check_time(hay_time begun)
{
        static int slow;
        slow += hay_now() - begun > 1000 * 1000000;
        ck_assert_int_le(slow, 2);
}

static int one_kill(struct scene *scene, long steps, bool *ret_finished)
{
        size_t before = blocks();
        ck_assert_int_eq(hay_queue_new(&scene->queue, &scene->options), 0);
        ck_assert_int_eq(hay_queue_new(&scene->second, NULL), 0);
        if (scene->before)
                ck_assert_int_ge(scene->before(scene), 0);
        kill_after(scene, steps, ret_finished);
        hay_time begun = hay_now();
        ck_assert_int_eq(hay_audit(NULL), 0);
        int state = scene->check(scene);
        check_time(begun);
        if (scene->queue)
                check_use(scene->queue);
        check_use(scene->second);
        scene->queue = hay_queue_free(scene->queue);
        scene->second = hay_queue_free(scene->second);
        ck_assert_msg(blocks() == before, "%ld steps: %zu blocks before, %zu after", steps, before,
                      blocks());
        return state;
}

static void check_scene(struct scene scene, int last_state)
{
        bool finished;
        long all = 0;
        srand((unsigned)kit_seed());
        ck_assert_int_eq(hay_queue_new(&scene.queue, &scene.options), 0);
        ck_assert_int_eq(hay_queue_new(&scene.second, NULL), 0);
        if (scene.before)
                ck_assert_int_ge(scene.before(&scene), 0);
        all = kill_after(&scene, 1000000, &finished);
        ck_assert(finished);
        scene.check(&scene);
        hay_queue_free(scene.queue);
        hay_queue_free(scene.second);
        long stride = getenv("KIT_FULL") || all < KILLS ? 1 : all / KILLS;
        int state = 0;
        long since = 0;
        long kills = 0;
        for (long k = 0; k <= all; k += 1 + (stride > 1 ? rand() % (2 * stride - 1) : 0), kills++) {
                int now = one_kill(&scene, k, &finished);
                /* Some paths are now and then some instructions longer: what the clock needs. */
                ck_assert_msg(now >= state || k - since < 300, "state %d at step %ld, %d at %ld",
                              now, k, state, since);
                since = now > state ? k : since;
                state = now > state ? now : state;
        }
        int now = one_kill(&scene, 1000000, &finished);
        ck_assert(finished);
        ck_assert_int_eq(now, last_state);
        printf("%ld steps, %ld kills\n", all, kills);
}

/* Two victims, one after the other: the second one may die in its repair of the first's step. */
static void check_two_kills(struct scene scene, long steps)
{
        bool finished;
        unsigned seed = (unsigned)kit_seed();
        for (int round = 0; round < 2 * KILLS; round++) {
                size_t before = blocks();
                ck_assert_int_eq(hay_queue_new(&scene.queue, &scene.options), 0);
                ck_assert_int_ge(scene.before(&scene), 0);
                kill_after(&scene, rand_r(&seed) % steps, &finished);
                /* With the wait for the first one's guard. */
                kill_after(&scene, rand_r(&seed) % (2 * steps + 2000), &finished);
                ck_assert_int_eq(hay_audit(NULL), 0);
                ck_assert_int_le(scene.check(&scene), 2);
                check_use(scene.queue);
                scene.queue = hay_queue_free(scene.queue);
                ck_assert_uint_eq(blocks(), before);
        }
}

/* Putting. */

static int put_one_small(struct scene *scene)
{
        return put(scene->queue, 1, SMALL);
}

static int run_put_small(struct scene *scene)
{
        return put(scene->queue, 2, SMALL);
}

static int run_put_large(struct scene *scene)
{
        return put(scene->queue, 2, LARGE);
}

static int check_put(struct scene *scene)
{
        return check_ids(scene->queue, 1, 1, 2);
}

TEST(killed_in_a_small_put)
{
        check_scene(
                (struct scene){ .before = put_one_small, .run = run_put_small, .check = check_put },
                1);
}

TEST(killed_in_a_large_put)
{
        check_scene(
                (struct scene){ .before = put_one_small, .run = run_put_large, .check = check_put },
                1);
}

static int check_two_puts(struct scene *scene)
{
        int count = 0;
        ck_assert_int_eq(get(scene->queue), 1);
        for (long id; (id = get(scene->queue)); count++)
                ck_assert_int_eq(id, 2);
        return count;
}

TEST(two_killed_in_large_puts_the_second_in_its_repair)
{
        check_two_kills((struct scene){ .before = put_one_small,
                                        .run = run_put_large,
                                        .check = check_two_puts },
                        900);
}

/* The ring of 256 units holds 64 messages of 4 units. */
static int fill_ring(struct scene *scene)
{
        for (long id = 1; id <= 64; id++)
                if (put(scene->queue, id, SMALL) < 0)
                        return -1;
        return 0;
}

static int run_put_65(struct scene *scene)
{
        return put(scene->queue, 65, SMALL);
}

static int run_put_65_large(struct scene *scene)
{
        return put(scene->queue, 65, LARGE);
}

static int check_65(struct scene *scene)
{
        return check_ids(scene->queue, 1, 64, 65);
}

TEST(killed_in_a_put_that_makes_the_ring_grow)
{
        check_scene((struct scene){ .before = fill_ring, .run = run_put_65, .check = check_65 }, 1);
}

TEST(killed_in_a_large_put_that_makes_the_ring_grow)
{
        check_scene(
                (struct scene){ .before = fill_ring, .run = run_put_65_large, .check = check_65 },
                1);
}

static unsigned char five[5][LARGE];

static int run_put_many(struct scene *scene)
{
        struct hay_part parts[5];
        for (int i = 0; i < 5; i++)
                parts[i] = (struct hay_part){ five[i], i == 2 ? LARGE : SMALL };
        return (int)hay_queue_put_many(scene->queue, parts, 5, HAY_NOWAIT);
}

static int fill_five(struct scene *scene)
{
        (void)scene;
        for (long id = 1; id <= 5; id++) {
                memset(five[id - 1], (int)id, LARGE);
                memcpy(five[id - 1], &id, sizeof(id));
        }
        return 0;
}

static int check_put_many(struct scene *scene)
{
        long id = 0;
        for (long next; (next = get(scene->queue)); id = next)
                ck_assert_int_eq(next, id + 1);
        ck_assert(id == 0 || id == 2 || id == 3 || id == 5);
        return (int)id;
}

TEST(killed_in_put_many)
{
        check_scene(
                (struct scene){ .before = fill_five, .run = run_put_many, .check = check_put_many },
                5);
}

/* Getting: 0 all is there, 1 the first is lost and counted, 2 it was returned. */

static int put_three_small(struct scene *scene)
{
        for (long id = 1; id <= 3; id++)
                if (put(scene->queue, id, SMALL) < 0)
                        return -1;
        return 0;
}

static int put_three_large(struct scene *scene)
{
        for (long id = 1; id <= 3; id++)
                if (put(scene->queue, id, LARGE) < 0)
                        return -1;
        return 0;
}

static int run_get(struct scene *scene)
{
        static char bytes[LARGE];
        return hay_queue_get(scene->queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT);
}

/* Of ids 1 to `last` the first ones are gone. */
static int check_gone(struct scene *scene, long last)
{
        uint64_t lost = hay_queue_lost(scene->queue);
        long first = get(scene->queue);
        if (first)
                for (long id = first + 1; id <= last; id++)
                        ck_assert_int_eq(get(scene->queue), id);
        ck_assert_int_eq(get(scene->queue), 0);
        long gone = first ? first - 1 : last;
        ck_assert(lost == 0 || lost == (uint64_t)gone);
        return gone == 0 ? 0 : lost ? (int)gone : (int)gone + 1;
}

static int check_get(struct scene *scene)
{
        int state = check_gone(scene, 3);
        ck_assert_int_le(state, 2);
        return state;
}

TEST(killed_in_a_small_get)
{
        check_scene((struct scene){ .before = put_three_small, .run = run_get, .check = check_get },
                    2);
}

TEST(killed_in_a_large_get)
{
        check_scene((struct scene){ .before = put_three_large, .run = run_get, .check = check_get },
                    2);
}

static int check_two_gets(struct scene *scene)
{
        uint64_t lost = hay_queue_lost(scene->queue);
        long first = get(scene->queue);
        ck_assert(first >= 1 && first <= 3);
        ck_assert_int_eq(check_ids(scene->queue, first + 1, 3, -1), 0);
        ck_assert_uint_le(lost, (unsigned long)first - 1);
        return (int)first - 1;
}

TEST(two_killed_in_small_gets_the_second_in_its_repair)
{
        check_two_kills((struct scene){ .before = put_three_small,
                                        .run = run_get,
                                        .check = check_two_gets },
                        350);
}

TEST(two_killed_in_large_gets_the_second_in_its_repair)
{
        check_two_kills((struct scene){ .before = put_three_large,
                                        .run = run_get,
                                        .check = check_two_gets },
                        650);
}

/* Head stands at the end of a drained ring; the next messages are in the next one. */
static int drain_ring(struct scene *scene)
{
        if (fill_ring(scene) < 0)
                return -1;
        for (long id = 101; id <= 103; id++)
                if (put(scene->queue, id, SMALL) < 0)
                        return -1;
        for (long id = 1; id <= 64; id++)
                if (get(scene->queue) != id)
                        return -1;
        return 0;
}

static int check_drained(struct scene *scene)
{
        uint64_t lost = hay_queue_lost(scene->queue);
        long first = get(scene->queue);
        ck_assert(first == 101 || first == 102);
        ck_assert_int_eq(check_ids(scene->queue, first + 1, 103, -1), 0);
        ck_assert_uint_le(lost, first == 102);
        return first == 101 ? 0 : lost ? 1 : 2;
}

TEST(killed_in_a_get_that_moves_on_to_the_next_ring)
{
        check_scene((struct scene){ .before = drain_ring, .run = run_get, .check = check_drained },
                    2);
}

static int put_five_mixed(struct scene *scene)
{
        fill_five(scene);
        return run_put_many(scene) == 5 ? 0 : -1;
}

static int run_get_many(struct scene *scene)
{
        static unsigned char bytes[5][LARGE];
        struct hay_part parts[5];
        for (int i = 0; i < 5; i++)
                parts[i] = (struct hay_part){ bytes[i], LARGE };
        return hay_queue_get_many(scene->queue, parts, 5, HAY_NOWAIT) == 5 ? 0 : -1;
}

static int check_get_many(struct scene *scene)
{
        return check_gone(scene, 5);
}

TEST(killed_in_get_many)
{
        check_scene((struct scene){ .before = put_five_mixed,
                                    .run = run_get_many,
                                    .check = check_get_many },
                    6);
}

/* Lending: 0 all is there, 1 the first is lost and counted (the taker is dead, returned or not). */

static int run_take(struct scene *scene)
{
        return hay_queue_take(scene->queue, &scene->message, HAY_NOWAIT);
}

static int check_take(struct scene *scene)
{
        int state = check_gone(scene, 3);
        ck_assert_int_le(state, 1);
        return state;
}

TEST(killed_in_a_take_of_a_small_message)
{
        check_scene(
                (struct scene){ .before = put_three_small, .run = run_take, .check = check_take },
                1);
}

TEST(killed_in_a_take_of_a_large_message)
{
        check_scene(
                (struct scene){ .before = put_three_large, .run = run_take, .check = check_take },
                1);
}

static int run_release(struct scene *scene)
{
        return hay_message_release(&scene->message);
}

/* 1: dead with it, so it is lost; 2: given back. */
static int check_release(struct scene *scene)
{
        ck_assert_int_eq(get(scene->queue), 2);
        ck_assert_int_eq(get(scene->queue), 3);
        ck_assert_int_eq(get(scene->queue), 0);
        return hay_queue_lost(scene->queue) == 1 ? 1 : 2;
}

TEST(killed_in_a_release)
{
        check_scene((struct scene){ .before = put_three_large,
                                    .prepare = run_take,
                                    .run = run_release,
                                    .check = check_release },
                    2);
}

static int run_make_and_send(struct scene *scene)
{
        long id = 2;
        int r = hay_message_new(&scene->message, SMALL);
        if (r < 0)
                return r;
        memset(scene->message.data, (int)id, SMALL);
        memcpy(scene->message.data, &id, sizeof(id));
        return hay_queue_send(scene->queue, &scene->message, HAY_NOWAIT);
}

TEST(killed_while_it_makes_and_sends_a_message)
{
        check_scene((struct scene){ .before = put_one_small,
                                    .run = run_make_and_send,
                                    .check = check_put },
                    1);
}

static int run_send_on(struct scene *scene)
{
        return hay_queue_send(scene->second, &scene->message, HAY_NOWAIT);
}

/* 0: lost with its holder; 1: in the second queue. Never both. */
static int check_send_on(struct scene *scene)
{
        ck_assert_int_eq(get(scene->queue), 2);
        ck_assert_int_eq(get(scene->queue), 3);
        ck_assert_int_eq(get(scene->queue), 0);
        int sent = check_ids(scene->second, 1, 0, 1);
        ck_assert_uint_eq(hay_queue_lost(scene->queue) + (unsigned)sent, 1);
        return sent;
}

TEST(killed_while_it_sends_on_what_it_took)
{
        check_scene((struct scene){ .before = put_three_large,
                                    .prepare = run_take,
                                    .run = run_send_on,
                                    .check = check_send_on },
                    1);
}

/* Each victim that took one is dead: it is lost. */
static int check_two_takes(struct scene *scene)
{
        uint64_t lost = hay_queue_lost(scene->queue);
        long first = get(scene->queue);
        ck_assert_int_eq(check_ids(scene->queue, first + 1, 3, -1), 0);
        ck_assert_uint_eq(lost, (unsigned long)first - 1);
        return (int)lost;
}

TEST(two_killed_in_takes_the_second_in_its_repair)
{
        check_two_kills((struct scene){ .before = put_three_small,
                                        .run = run_take,
                                        .check = check_two_takes },
                        2400);
}

/* Joinable: nothing is lost; 0 it comes from the queue, 1 it is delivered again. */

static int check_joinable(struct scene *scene)
{
        char bytes[LARGE];
        int news = -1;
        ck_assert_uint_eq(hay_queue_lost(scene->queue), 0);
        ck_assert_int_eq(hay_queue_size(scene->queue), 3);
        for (char id = 1; id <= 3; id++) {
                int r = hay_queue_get(scene->queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT);
                ck_assert_int_ge(r, 0);
                ck_assert_int_eq(bytes[0], id);
                news = id == 1 ? r : news;
                ck_assert_int_eq(hay_queue_task_done(scene->queue), 0);
        }
        ck_assert_int_eq(hay_queue_join(scene->queue, HAY_NOWAIT), 0);
        return news == HAY_REDELIVERED;
}

TEST(killed_in_a_small_get_from_a_joinable_queue)
{
        check_scene((struct scene){ .options.joinable = true,
                                    .before = put_three_small,
                                    .run = run_get,
                                    .check = check_joinable },
                    1);
}

static int put_three_larger(struct scene *scene)
{
        static char bytes[4200];
        for (char id = 1; id <= 3; id++) {
                memset(bytes, id, sizeof(bytes));
                if (hay_queue_put(scene->queue, bytes, sizeof(bytes), HAY_NOWAIT) < 0)
                        return -1;
        }
        return 0;
}

static int run_get_larger(struct scene *scene)
{
        static char bytes[4200];
        return hay_queue_get(scene->queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT);
}

static int check_larger(struct scene *scene)
{
        char bytes[4200];
        int news = -1;
        ck_assert_uint_eq(hay_queue_lost(scene->queue), 0);
        for (char id = 1; id <= 3; id++) {
                int r = hay_queue_get(scene->queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT);
                ck_assert_int_ge(r, 0);
                ck_assert_int_eq(bytes[0], id);
                ck_assert_int_eq(bytes[4199], id);
                news = id == 1 ? r : news;
                ck_assert_int_eq(hay_queue_task_done(scene->queue), 0);
        }
        ck_assert_int_eq(hay_queue_join(scene->queue, HAY_NOWAIT), 0);
        return news == HAY_REDELIVERED;
}

TEST(killed_in_a_large_get_from_a_joinable_queue)
{
        check_scene((struct scene){ .options.joinable = true,
                                    .before = put_three_larger,
                                    .run = run_get_larger,
                                    .check = check_larger },
                    1);
}

static int run_task_done(struct scene *scene)
{
        return hay_queue_task_done(scene->queue);
}

static int get_first(struct scene *scene)
{
        return run_get(scene);
}

/* 1: not yet done, so it comes again; 2: done. */
static int check_task_done(struct scene *scene)
{
        char bytes[LARGE];
        int count = 0;
        for (; hay_queue_get(scene->queue, bytes, sizeof(bytes), NULL, HAY_NOWAIT) >= 0; count++)
                ck_assert_int_eq(hay_queue_task_done(scene->queue), 0);
        ck_assert(count == 2 || count == 3);
        ck_assert_int_eq(bytes[0], 3);
        ck_assert_int_eq(hay_queue_join(scene->queue, HAY_NOWAIT), 0);
        return count == 3 ? 1 : 2;
}

TEST(killed_in_task_done)
{
        check_scene((struct scene){ .options.joinable = true,
                                    .before = put_three_small,
                                    .prepare = get_first,
                                    .run = run_task_done,
                                    .check = check_task_done },
                    2);
}

/* The whole life. */

static int run_free(struct scene *scene)
{
        hay_queue_free(scene->queue);
        return 0;
}

static int fill_all(struct scene *scene)
{
        if (fill_ring(scene) < 0 || put_three_large(scene) < 0)
                return -1;
        return hay_queue_take(scene->queue, &scene->message, HAY_NOWAIT);
}

/* Whether the victim had begun to free it, nobody else can know: a survivor frees it if it is one
 * still. */
static int check_freed(struct scene *scene)
{
        if (hay_queue_size(scene->queue) >= 0)
                hay_queue_free(scene->queue);
        scene->queue = NULL;
        return 0;
}

TEST(killed_in_free)
{
        check_scene((struct scene){ .before = fill_all, .run = run_free, .check = check_freed }, 0);
}

static int run_close(struct scene *scene)
{
        return hay_queue_close(scene->second);
}

static int check_closed(struct scene *scene)
{
        int closed = hay_queue_put(scene->second, "x", 1, HAY_NOWAIT) == -EPIPE;
        hay_queue_free(scene->second);
        ck_assert_int_eq(hay_queue_new(&scene->second, NULL), 0);
        return closed;
}

TEST(killed_in_close)
{
        check_scene((struct scene){ .run = run_close, .check = check_closed }, 1);
}

KIT_MAIN
