/* Pools: each item has one outcome, its result or its worker's death, whoever is killed. */
#include "storm.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define ITEMS_MOST 100000u

/* Shared by owner and workers, outside of the region. */
struct board {
        pid_t worker; /* some worker that works just now */
        uint32_t stop;
        uint64_t kills;
        uint32_t reckless; /* one item in so many kills its worker; 0: none */
        uint32_t work;
        uint64_t seed;
        unsigned char begun[ITEMS_MOST];
};
static struct board *board;

static uint64_t result_of(uint32_t item)
{
        return item * 2654435761ull + 1;
}

static int task(const void *in, void *out, void *arg)
{
        uint32_t item;
        (void)arg;
        memcpy(&item, in, sizeof(item));
        __atomic_fetch_add(&board->begun[item], 1, __ATOMIC_RELAXED);
        __atomic_store_n(&board->worker, getpid(), __ATOMIC_RELAXED);
        if (board->reckless && (item * 31 + board->seed) % board->reckless == 0) {
                __atomic_fetch_add(&board->kills, 1, __ATOMIC_RELAXED);
                raise(SIGKILL);
        }
        for (volatile uint32_t i = board->work; i; i = i - 1)
                ;
        *(uint64_t *)out = result_of(item);
        return 0;
}

static void check_outcomes(const uint64_t *out, uint32_t count, int r,
                           const struct hay_error *error)
{
        uint64_t failed = 0;
        size_t first = SIZE_MAX;
        for (uint32_t i = 0; i < count; i++) {
                if (board->begun[i] > 1)
                        storm_complain("pool: item %u was run %u times", i, board->begun[i]);
                if (out[i] && (out[i] != result_of(i) || !board->begun[i]))
                        storm_complain("pool: item %u has a result that is not its own", i);
                if (out[i])
                        continue;
                failed++;
                first = first == SIZE_MAX ? i : first;
        }
        if (failed > board->kills)
                storm_complain("pool: %lu items without a result, %lu kills", (unsigned long)failed,
                               (unsigned long)board->kills);
        if (r == -ECHILD ? error->index != first || error->signal != SIGKILL : r != 0 || failed)
                storm_complain("pool: %s for item %zu, and the first without a result is %zu",
                               error->message, error->index, first);
}

static int map(hay_pool *pool, uint32_t *in, uint64_t *out, uint32_t count, unsigned chunk)
{
        struct hay_error error = { .message = "" };
        for (uint32_t i = 0; i < count; i++)
                in[i] = i;
        memset(out, 0, count * sizeof(*out));
        memset(board->begun, 0, count);
        struct hay_map map = { HAY_MAP(task, in, out, count), .chunk = chunk };
        int r = hay_pool_map(pool, &map, &error);
        check_outcomes(out, count, r, &error);
        return r;
}

int storm_pool_owner(void)
{
        static uint32_t in[400];
        static uint64_t out[400];
        hay_pool *pool;
        board = storm_share(sizeof(*board));
        struct storm_record *record = storm_begin(STORM_MAP, 0, 0);
        int r = hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 });
        if (r < 0)
                storm_complain("pool: %s", strerror(-r));
        storm_end(record, r);
        while (r >= 0 && !storm_is_over()) {
                record = storm_begin(STORM_MAP, 0, 0);
                board->kills = 0;
                board->seed = storm_random();
                board->reckless = storm_below(4) ? 0 : 150;
                board->work = storm_below(2000);
                storm_end(record, map(pool, in, out, 1 + storm_below(400), storm_below(20)));
                if (storm_below(16) == 0)
                        break;
        }
        hay_pool_free(r < 0 ? NULL : pool);
        storm->life[storm_me()].ended = 1;
        return 0;
}

static bool is_child_of(pid_t pid, pid_t parent)
{
        char path[32];
        char text[512];
        int found = 0;
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return false;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        const char *at = strrchr(text, ')');
        return at && sscanf(at + 1, " %*c %d", &found) == 1 && found == parent;
}

/* By a handle that can't mean another process. */
static bool kill_a_worker(pid_t owner)
{
        pid_t pid = __atomic_exchange_n(&board->worker, 0, __ATOMIC_RELAXED);
        int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
        if (fd < 0)
                return false;
        bool killed = is_child_of(pid, owner) &&
                      syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
        close(fd);
        return killed;
}

/* One every 10 ms, on the average: what is late for want of a worker or a processor is made up. */
static int kill_workers(pid_t owner)
{
        hay_time next = hay_now();
        while (!__atomic_load_n(&board->stop, __ATOMIC_RELAXED) && getppid() == owner) {
                if (hay_now() < next || !kill_a_worker(owner)) {
                        usleep(500);
                        continue;
                }
                __atomic_fetch_add(&board->kills, 1, __ATOMIC_RELAXED);
                next += 10 * STORM_MS;
        }
        return 0;
}

int storm_hundred_thousand(uint32_t work, uint64_t *ret_kills)
{
        uint32_t *in = malloc(ITEMS_MOST * sizeof(*in));
        uint64_t *out = malloc(ITEMS_MOST * sizeof(*out));
        hay_pool *pool;
        int r = in && out ? 0 : -ENOMEM;
        board = storm_share(sizeof(*board));
        if (r == 0)
                r = hay_pool_new(&pool, &(struct hay_pool_options){ .workers = 2 });
        if (r < 0) {
                storm_complain("pool: %s", strerror(-r));
                return r;
        }
        board->work = work;
        pid_t owner = getpid();
        pid_t killer = fork();
        if (killer == 0)
                _exit(kill_workers(owner));
        map(pool, in, out, ITEMS_MOST, 0);
        board->stop = 1;
        waitpid(killer, NULL, 0);
        hay_pool_free(pool);
        *ret_kills = board->kills;
        free(in);
        free(out);
        return 0;
}
