/* A round: processes are born and struck, until it is calm again and everybody has gone. */
#include "storm.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ROUND_MS 2500
#define CALM_MS 5000
#define GAP_US 2000
#define STOPPED_MOST 2
#define HASTY_MOST 8u /* more would be for want of processors */

struct actor {
        pid_t pid; /* 0: none */
        uint32_t life;
        hay_time go_on; /* it is stopped until then; 0: it is not */
        struct storm_span *stop;
};

static struct {
        struct actor actors[STORM_PROCESSES];
        unsigned processes;
        unsigned stopped;
        pid_t group; /* of all actors: its leader measures how late the machine is */
        uint64_t kills;
        bool owns_pools;
} sky;

static void measure_lateness(void)
{
        while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
                hay_time expected = hay_now() + 5 * STORM_MS;
                usleep(5000);
                hay_time now = hay_now();
                if (now - expected < 30 * STORM_MS || storm->late_count == STORM_SPANS)
                        continue;
                storm->late[storm->late_count] = (struct storm_span){ expected, now };
                __atomic_fetch_add(&storm->late_count, 1, __ATOMIC_RELEASE);
        }
}

/* What every child does first. It dies with the driver. */
static void settle_in(void)
{
        signal(SIGCHLD, SIG_DFL);
        setpgid(0, sky.group);
        setpriority(PRIO_PROCESS, 0, storm_niceness);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void begin_measuring(void)
{
        sky.group = 0;
        pid_t pid = fork();
        if (pid == 0) {
                settle_in();
                measure_lateness();
                _exit(0);
        }
        setpgid(pid, pid);
        sky.group = pid;
        storm_sums->group = pid;
}

/* Some live for milliseconds, less than it takes to learn of a death. So that there are survivors,
 * the others, a third at least, are struck rarely. */
static bool is_elder(unsigned index)
{
        unsigned hasty = sky.processes - (sky.processes + 2) / 3;
        return index >= (hasty < HASTY_MOST ? hasty : HASTY_MOST);
}

static unsigned some_actor(void)
{
        unsigned index;
        do
                index = storm_below(sky.processes);
        while (is_elder(index) && storm_below(40 + 2 * sky.processes));
        return index;
}

static void bear(unsigned index)
{
        uint32_t life = storm_new_life(0);
        if (!life)
                return;
        bool owns_pool = sky.owns_pools && index == sky.processes - 1;
        pid_t pid = fork();
        if (pid == 0) {
                settle_in();
                storm_live(life);
                if (!is_elder(index))
                        storm_be_hasty();
                int code = owns_pool ? storm_pool_owner() : storm_actor();
                if (life % 2)
                        exit(code); /* it takes its leave */
                _exit(code);
        }
        sky.actors[index] = (struct actor){ .pid = pid > 0 ? pid : 0, .life = life };
}

static void go_on(struct actor *actor)
{
        if (!actor->go_on)
                return;
        kill(actor->pid, SIGCONT);
        actor->stop->to = hay_now();
        actor->go_on = 0;
        sky.stopped--;
}

static void judge_end(int status, uint32_t life)
{
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM)
                storm_complain("life %u ended by signal %d", life, WTERMSIG(status));
        if (WIFEXITED(status) && WEXITSTATUS(status) && WEXITSTATUS(status) != 42 && life)
                storm_complain("life %u ended with code %d", life, WEXITSTATUS(status));
}

/* Also children of the dead, which are the driver's then. False: there are no children at all. */
static bool reap(void)
{
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
                struct actor *actor = NULL;
                for (unsigned i = 0; i < sky.processes && !actor; i++)
                        if (sky.actors[i].pid == pid)
                                actor = &sky.actors[i];
                judge_end(status, actor ? actor->life : 0);
                if (!actor)
                        continue;
                if (WIFSIGNALED(status))
                        sky.kills++;
                if (actor->go_on) {
                        actor->stop->to = hay_now();
                        sky.stopped--;
                }
                *actor = (struct actor){ 0 };
        }
        return pid == 0;
}

static void stop(struct actor *actor)
{
        if (sky.stopped == STOPPED_MOST || storm->stop_count == STORM_SPANS)
                return;
        unsigned ms = storm_below(200) ? 1 + storm_below(storm_below(8) ? 8 : 60) : 1300;
        actor->stop = &storm->stops[storm->stop_count++];
        *actor->stop = (struct storm_span){ hay_now(), 0 };
        kill(actor->pid, SIGSTOP);
        actor->go_on = hay_now() + ms * STORM_MS;
        sky.stopped++;
}

static void strike(struct actor *actor)
{
        unsigned chance = storm_below(100);
        if (!actor->pid)
                return;
        if (chance == 0 && !actor->go_on) {
                stop(actor);
        } else if (chance < 10) {
                kill(actor->pid, SIGUSR1);
        } else {
                storm_doom(actor->life);
                kill(actor->pid, SIGKILL);
        }
}

/* One that does not go: where it is. */
static void tell_hangs(void)
{
        for (uint32_t i = 0; i < storm->chunks * STORM_CHUNK; i++) {
                const struct storm_record *record = &storm->records[i];
                const struct storm_life *life = &storm->life[record->life];
                if (record->state == STORM_NEVER || record->state == STORM_ENDED || life->ended ||
                    life->killed || kill(life->pid, 0) < 0 || getpgid(life->pid) != sky.group)
                        continue;
                storm_complain("hang: life %u (pid %d) is in %s %u, state %u", record->life,
                               (int)life->pid, storm_act_name(record->act), record->object,
                               record->state);
        }
        storm_sums->stalls++;
        storm_complain("hang: somebody did not end within %d ms", CALM_MS);
}

static void calm_down(void)
{
        for (unsigned i = 0; i < sky.processes; i++)
                go_on(&sky.actors[i]);
        __atomic_store_n(&storm->stop, 1, __ATOMIC_RELEASE);
        hay_time until = hay_in_ms(CALM_MS);
        while (reap()) {
                usleep(1000);
                if (hay_now() < until)
                        continue;
                tell_hangs();
                if (getenv("STORM_PAUSE"))
                        pause();
                kill(-sky.group, SIGKILL);
                until = HAY_FOREVER + INT64_MAX;
        }
}

static void clear_log(void)
{
        uint32_t chunks = storm->chunks < STORM_CHUNKS ? storm->chunks : STORM_CHUNKS;
        memset(storm->records, 0, chunks * STORM_CHUNK * sizeof(*storm->records));
        memset(storm->life, 0,
               (storm->lives < STORM_LIVES ? storm->lives : STORM_LIVES) * sizeof(*storm->life));
        storm->chunks = 0;
        storm->lives = 1;
        storm->stop = 0;
        storm->stop_count = 0;
        storm->late_count = 0;
        storm->kills = 0;
}

/* Few are killed more often in the midst of work, many wait for each other more. */
static unsigned some_processes(void)
{
        static const unsigned numbers[] = {
                2, 3, 3, 4, 4, 5, 6, 8, 8, 12, 16, 24, 32, 64, 128, 256
        };
        return numbers[storm_below(sizeof(numbers) / sizeof(*numbers))];
}

static void blow(hay_time until, uint64_t kills_most)
{
        hay_time strike_at = 0;
        while (hay_now() < until && sky.kills < kills_most && !storm_is_over() &&
               storm->lives < STORM_LIVES - 2048) {
                reap();
                for (unsigned i = 0; i < sky.processes; i++) {
                        struct actor *actor = &sky.actors[i];
                        if (!actor->pid)
                                bear(i);
                        else if (actor->go_on && hay_now() >= actor->go_on)
                                go_on(actor);
                }
                /* Cut short by the death of a child. */
                hay_time now = hay_now();
                if (now < strike_at) {
                        usleep((unsigned)((strike_at - now) / 1000));
                        continue;
                }
                strike(&sky.actors[some_actor()]);
                strike_at = now + storm_below(2 * GAP_US) * 1000;
        }
}

uint64_t storm_round(const struct storm_options *options, unsigned number, hay_time until)
{
        clear_log();
        storm->seed = options->seed + number * 0x9e3779b97f4a7c15ull;
        storm_live(0);
        storm_region_before();
        int r = storm_objects_make();
        if (r < 0) {
                storm_complain("the objects: %s", strerror(-r));
                return 0;
        }
        memset(&sky, 0, sizeof(sky));
        sky.processes = options->processes ? options->processes : some_processes();
        storm->processes = sky.processes;
        sky.owns_pools = sky.processes > 2 && storm_below(2);
        begin_measuring();
        hay_time end = hay_in_ms(ROUND_MS);
        blow(until < end ? until : end,
             options->kills ? options->kills - storm_sums->kills : UINT64_MAX);
        calm_down();
        storm_settle_sync();
        storm_drain_queues();
        storm_check();
        storm_objects_free();
        storm_region_after();
        storm_sums->kills += sky.kills + storm->kills;
        return sky.kills + storm->kills;
}
