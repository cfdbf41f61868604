/* The driver: every sweep, in each way of going wrong. */
#include "jobs.h"

#include "member/park.h"

#include <getopt.h>
#include <sys/personality.h>

#define SWEEPS 512

/* What happens to the victim, and how many positions a sweep has of it: in the whole, in short. */
static const struct mode {
        enum kill_mode mode;
        const char *option;
        const char *title;
        long most, most_in_short;
} modes[] = {
        { KILL_ONCE, "once", "killed", 1000000, 120 },
        { KILL_TWICE, "twice", "killed, and a second one in its recovery from that", 1000, 16 },
        { KILL_STOP, "stop", "stopped", 200, 12 },
};
#define MODES (sizeof(modes) / sizeof(*modes))

static struct {
        bool brief;
        bool list;
        bool chosen[MODES]; /* none: all */
        unsigned seed;
        int jobs;
        long most; /* positions a sweep; 0: the mode's */
        long at;   /* only this one; -1: all */
        int names;
        char **name;
} options = { .jobs = 8, .at = -1 };

static const struct kill_sweep *sweeps[SWEEPS];
static size_t sweep_count;
static struct kill_path *path; /* shared with the stage that records */

void kill_add(const struct kill_sweep *added, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                if (sweep_count == SWEEPS)
                        abort();
                sweeps[sweep_count++] = &added[i];
        }
}

static void add_up(struct kill_sums *sums, const struct kill_sums *more)
{
        sums->positions += more->positions;
        sums->hangs += more->hangs;
        sums->torn += more->torn;
        sums->leaks += more->leaks;
        sums->slowest = sums->slowest > more->slowest ? sums->slowest : more->slowest;
}

/* One commit: what had not happened at a position had not at an earlier one. And once the operation
 * has returned, it has happened. Beside a companion the way is not the same each time, so that
 * positions of different runs can't be compared. */
static void check_order(struct kill_run *run)
{
        if (run->sweep->unordered || run->sweep->companion || run->model.mode != KILL_ONCE)
                return;
        const struct kill_plan *plan = run->plan;
        size_t first = SIZE_MAX;
        for (size_t i = 0; i < plan->count; i++) {
                if (run->found[i] == KILL_AFTER && first == SIZE_MAX)
                        first = i;
                if (run->found[i] != KILL_BEFORE || (first == SIZE_MAX && i + 1 < plan->count))
                        continue;
                run->sums.torn++;
                printf("  TORN: %s: it had happened at position %ld, but not at %u of %u\n",
                       run->sweep->name, first == SIZE_MAX ? -1 : (long)plan->position[first],
                       plan->position[i], path->count);
                return;
        }
}

static void make_found(struct kill_run *run)
{
        free(run->found);
        run->found = calloc(run->plan->count + 1, 1);
        if (!run->found)
                abort();
}

/* Every second kill after one first. */
static void run_second(struct kill_run *run, const struct kill_way *first, size_t most)
{
        run->model.mode = KILL_TWICE;
        run->model.first = *first;
        if (!kill_jobs_record(run, path))
                return;
        const struct kill_plan *outer = run->plan;
        struct kill_plan plan = kill_plan_make(path, most, &options.seed);
        run->plan = &plan;
        make_found(run);
        kill_jobs_run(run, -1);
        kill_plan_free(&plan);
        run->plan = outer;
}

/* Four times as many second kills as first ones, each of which costs a recording. */
static void run_twice(struct kill_run *run, size_t most)
{
        const struct kill_plan *plan = run->plan;
        size_t firsts = 1;
        while (4 * firsts * firsts < most && firsts < plan->count)
                firsts++;
        for (size_t i = 0; i < firsts; i++) {
                size_t index = firsts == 1 ? 0 : i * (plan->count - 1) / (firsts - 1);
                run_second(run, &plan->ways[index], most / firsts + 1);
        }
}

static void run_plan(struct kill_run *run, enum kill_mode mode, size_t most)
{
        bool all = mode == KILL_TWICE || options.at >= 0;
        struct kill_plan plan = kill_plan_make(path, all ? SIZE_MAX : most, &options.seed);
        run->plan = &plan;
        run->model.mode = mode;
        if (mode == KILL_TWICE) {
                run_twice(run, most);
        } else {
                make_found(run);
                kill_jobs_run(run, options.at);
                if (options.at < 0)
                        check_order(run);
        }
        kill_plan_free(&plan);
        free(run->found);
}

static void run_sweep(const struct kill_sweep *sweep, const struct mode *mode,
                      struct kill_sums *all)
{
        struct kill_run run = { .sweep = sweep, .model.mode = KILL_ONCE };
        hay_time begun = hay_now();
        long most =
                options.most ? options.most : (options.brief ? mode->most_in_short : mode->most);
        if (kill_jobs_record(&run, path)) {
                uint32_t length = path->count;
                run_plan(&run, mode->mode, (size_t)most);
                printf("%-46s %6u long %7lu positions %4ld ms %5ld s%s\n", sweep->name, length,
                       (unsigned long)run.sums.positions, (long)(run.sums.slowest / 1000000),
                       (long)((hay_now() - begun) / 1000000000),
                       run.sums.hangs + run.sums.torn + run.sums.leaks ? "  FAILED" : "");
                fflush(stdout);
        }
        add_up(all, &run.sums);
}

static bool is_wanted(const char *name)
{
        for (int i = 0; i < options.names; i++)
                if (strstr(name, options.name[i]))
                        return true;
        return options.names == 0;
}

static struct kill_sums run_sweeps(const struct mode *mode)
{
        struct kill_sums all = { 0 };
        printf("%s:\n", mode->title);
        for (size_t i = 0; i < sweep_count; i++)
                if (is_wanted(sweeps[i]->name))
                        run_sweep(sweeps[i], mode, &all);
        return all;
}

static int list(void)
{
        int count = 0;
        for (size_t i = 0; i < sweep_count; i++)
                if (is_wanted(sweeps[i]->name))
                        count += puts(sweeps[i]->name) >= 0;
        return count ? 0 : 1;
}

static void usage(void)
{
        puts("sweep [--short] [--once] [--twice] [--stop] [--most N] [--at K] [--seed S] [--jobs "
             "N]\n"
             "      [--list] [NAME...]\n"
             "  Kill a victim at each instruction of each operation with NAME in its name.\n"
             "  --short   some positions of the long ones\n"
             "  --once    only that\n"
             "  --twice   only kills of a second one, in its recovery from the first\n"
             "  --stop    only stops, until the others' deadlines have passed\n"
             "  --most N  at most so many positions of each; first comings to an instruction come "
             "first\n"
             "  --at K    only position K; not with --twice\n"
             "  --seed S  which positions a sample has\n"
             "  --jobs N  stages at once (8)\n"
             "  --list    the names of the sweeps");
        exit(2);
}

/* A whole number from `least` on, or the usage. */
static long number_of(const char *text, long least)
{
        char *end;
        errno = 0;
        long number = strtol(text, &end, 10);
        if (end == text || *end || errno || number < least) {
                fprintf(stderr, "sweep: \"%s\" is no whole number from %ld on\n", text, least);
                usage();
        }
        return number;
}

static void choose(const char *option)
{
        for (size_t i = 0; i < MODES; i++)
                options.chosen[i] |= strcmp(modes[i].option, option) == 0;
}

static void parse(int argc, char **argv)
{
        static const struct option known[] = {
                { "short", no_argument, NULL, 's' },      { "once", no_argument, NULL, 'm' },
                { "twice", no_argument, NULL, 'm' },      { "stop", no_argument, NULL, 'm' },
                { "most", required_argument, NULL, 'n' }, { "at", required_argument, NULL, 'a' },
                { "seed", required_argument, NULL, 'r' }, { "jobs", required_argument, NULL, 'j' },
                { "list", no_argument, NULL, 'l' },       { 0 },
        };
        int index;
        options.seed = (unsigned)(hay_now() / 1000);
        for (int c; (c = getopt_long(argc, argv, "", known, &index)) >= 0;) {
                if (c == 's')
                        options.brief = true;
                else if (c == 'm')
                        choose(known[index].name);
                else if (c == 'n')
                        options.most = number_of(optarg, 1);
                else if (c == 'a')
                        options.at = number_of(optarg, 0);
                else if (c == 'r')
                        options.seed = (unsigned)number_of(optarg, 0);
                else if (c == 'j')
                        options.jobs = (int)number_of(optarg, 1);
                else if (c == 'l')
                        options.list = true;
                else
                        usage();
        }
        options.names = argc - optind;
        options.name = argv + optind;
        if (options.jobs > KILL_JOBS || (options.at >= 0 && options.chosen[KILL_TWICE]))
                usage();
        if (options.at >= 0 && !options.chosen[KILL_STOP])
                choose("once");
        bool any = false;
        for (size_t i = 0; i < MODES; i++)
                any |= options.chosen[i];
        for (size_t i = 0; i < MODES; i++)
                options.chosen[i] |= !any;
}

/* The same addresses in every run, so that a position means the same. */
static void fix_addresses(char **argv)
{
        int now = personality(0xffffffff);
        if (now < 0 || now & ADDR_NO_RANDOMIZE ||
            personality((unsigned)now | ADDR_NO_RANDOMIZE) < 0)
                return;
        execv("/proc/self/exe", argv);
}

/* What is found out once a process is found out before the first fork. */
static void warm_up(void)
{
        uint32_t word = 0;
        uint32_t hint = 0;
        hf_spin(&word, 0, &hint);
        hay_now();
}

int main(int argc, char **argv)
{
        fix_addresses(argv);
        hay_main(argc, argv);
        parse(argc, argv);
        if (options.list)
                return list();
        path = kill_share(sizeof(*path));
        warm_up();
        kill_jobs_prepare(options.jobs);
        printf("seed: %u (--seed)\n", options.seed);
        struct kill_sums all = { 0 };
        for (size_t i = 0; i < MODES; i++) {
                if (!options.chosen[i])
                        continue;
                struct kill_sums sums = run_sweeps(&modes[i]);
                printf("%s: %lu positions\n\n", modes[i].title, (unsigned long)sums.positions);
                add_up(&all, &sums);
        }
        if (kill_jobs_again())
                printf("%u tries came late for want of a processor, and were made again\n",
                       kill_jobs_again());
        printf("kill: %lu positions, %lu hangs, %lu torn, %lu leaks, slowest recovery %ld ms\n",
               (unsigned long)all.positions, (unsigned long)all.hangs, (unsigned long)all.torn,
               (unsigned long)all.leaks, (long)(all.slowest / 1000000));
        return all.positions == 0 || all.hangs || all.torn || all.leaks;
}
