#include "kit.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

/* ThreadSanitizer starts a thread of its own when it likes. */
#if defined(__SANITIZE_THREAD__)
#define KIT_HAS_TSAN true
#elif defined(__has_feature)
#define KIT_HAS_TSAN __has_feature(thread_sanitizer)
#else
#define KIT_HAS_TSAN false
#endif

static const TTest *tests[256];
static size_t test_count;

/* What a test must leave as it found it. */
static struct footprint {
        int fds;
        int threads;
        int memfds; /* mappings of memory files: the region is one */
        size_t blocks;
} before;

void kit_add(const TTest *test)
{
        if (test_count == sizeof(tests) / sizeof(*tests))
                abort();
        tests[test_count++] = test;
}

static int count_entries(const char *path)
{
        int count = 0;
        DIR *folder = opendir(path);
        if (!folder)
                return 0;
        while (readdir(folder))
                count++;
        closedir(folder);
        return count;
}

int kit_fds(void)
{
        return count_entries("/proc/self/fd");
}

static int count_memfds(void)
{
        int count = 0;
        char line[512];
        FILE *maps = fopen("/proc/self/maps", "re");
        if (!maps)
                return 0;
        while (fgets(line, sizeof(line), maps))
                count += strstr(line, "/memfd:") || strstr(line, "/dev/shm/");
        fclose(maps);
        return count;
}

static struct footprint footprint(void)
{
        struct hay_audit audit = { 0 };
        int r = hay_audit(&audit);
        ck_assert_msg(r == 0, "the audit found damage: %d", r);
        ck_assert_msg(audit.dead_members == 0, "%u dead members are not buried",
                      audit.dead_members);
        return (struct footprint){
                .fds = kit_fds(),
                .threads = count_entries("/proc/self/task"),
                .memfds = count_memfds(),
                .blocks = audit.blocks,
        };
}

void kit_before(void)
{
        /* Check's handlers end the whole test, also when a child of the test gets the signal. */
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        /* The region's own fd and mapping are no leak: let it be made first. */
        hay_free(hay_alloc(16, 0));
        /* Nor is the region's ledger of messages that belong to no queue. */
        struct hay_message message;
        if (hay_message_new(&message, 16) == 0)
                hay_message_release(&message);
        before = footprint();
}

void kit_may_keep_blocks(void)
{
        before.blocks = SIZE_MAX;
}

void kit_after(void)
{
        int status;
        pid_t left = waitpid(-1, &status, WNOHANG);
        ck_assert_msg(left == -1 && errno == ECHILD, "a child is left: %d", (int)left);
        struct footprint after = footprint();
        ck_assert_msg(after.fds == before.fds, "fds: %d before, %d after", before.fds, after.fds);
        ck_assert_msg(after.threads <= before.threads || KIT_HAS_TSAN,
                      "threads: %d before, %d after", before.threads, after.threads);
        ck_assert_msg(after.memfds == before.memfds, "mapped memory files: %d before, %d after",
                      before.memfds, after.memfds);
        ck_assert_msg(after.blocks <= before.blocks, "blocks in the region: %zu before, %zu after",
                      before.blocks, after.blocks);
}

pid_t kit_fork(int (*body)(void *arg), void *arg)
{
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
                _exit(body(arg));
        ck_assert_int_gt(pid, 0);
        return pid;
}

int kit_wait(pid_t pid)
{
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void kit_sleep_ms(long milliseconds)
{
        struct timespec span = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
        nanosleep(&span, NULL);
}

unsigned long kit_seed(void)
{
        const char *text = getenv("KIT_SEED");
        unsigned long seed = text ? strtoul(text, NULL, 10) : (unsigned long)hay_now();
        printf("seed: KIT_SEED=%lu\n", seed);
        return seed;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
        for (int i = 1; i < argc; i++)
                if (strstr(name, argv[i]))
                        return true;
        return argc < 2;
}

int kit_main(int argc, char **argv, const char *file)
{
        const char *slash = strrchr(file, '/');
        Suite *suite = suite_create(slash ? slash + 1 : file);
        TCase *group = tcase_create("all");
        tcase_set_timeout(group, 120);
        for (size_t i = 0; i < test_count; i++)
                if (is_wanted(tests[i]->name, argc, argv))
                        tcase_add_test(group, tests[i]);
        suite_add_tcase(suite, group);
        SRunner *runner = srunner_create(suite);
        srunner_set_fork_status(runner, getenv("KIT_NOFORK") ? CK_NOFORK : CK_FORK);
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        printf("kit: %d passed, %d failed\n", srunner_ntests_run(runner) - failed, failed);
        int ran = srunner_ntests_run(runner);
        srunner_free(runner);
        return failed || !ran;
}
