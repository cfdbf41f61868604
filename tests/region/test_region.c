#include "kit.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Each of these wants a process without a region, where kit_before() has not been. */
static void run_fresh(const char *mode, const char *environment, int expected)
{
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                if (environment)
                        putenv((char *)environment);
                execl("/proc/self/exe", "fresh", "fresh", mode, (char *)NULL);
                _exit(99);
        }
        ck_assert_int_eq(kit_wait(pid), expected);
}

static int limited(void)
{
        struct hay_region_options options = { .size = 2 << 20 };
        if (hay_region_open(&options) != 0 || hay_region_open(&options) != -EALREADY)
                return 1;
        size_t got = 0;
        errno = 0;
        while (hay_alloc(100000, 0))
                got += 131072;
        if (errno != ENOMEM || got != 2 << 20)
                return 2;
        struct hay_audit audit;
        return hay_audit(&audit) || audit.region_size != 2 << 20 ? 3 : 0;
}

static int bad_options(void)
{
        struct hay_region_options small = { .size = 1000 };
        struct hay_region_options large = { .size = (size_t)1 << 50 };
        if (hay_region_open(&small) != -EINVAL || hay_region_open(&large) != -EINVAL)
                return 1;
        return hay_region_open(NULL) != 0;
}

static int by_environment(void)
{
        struct hay_audit audit;
        return hay_audit(&audit) || audit.region_size != 8 << 20;
}

static int bad_environment(void)
{
        errno = 0;
        return hay_alloc(10, 0) || errno != EINVAL;
}

static int little_address_space(void)
{
        struct rlimit limit = { 400 << 20, 400 << 20 };
        setrlimit(RLIMIT_AS, &limit);
        struct hay_audit audit;
        if (hay_audit(&audit))
                return 1;
        char *block = hay_alloc(1 << 20, 0);
        if (!block || audit.region_size < 50 << 20)
                return 2;
        memset(block, 1, 1 << 20);
        return 0;
}

static int little_file_size(void)
{
        struct rlimit limit = { 64 << 20, 64 << 20 };
        setrlimit(RLIMIT_FSIZE, &limit);
        struct hay_audit audit;
        return hay_audit(&audit) || audit.region_size < 1 << 20 || !hay_alloc(1 << 20, 0);
}

/* The program closes every fd behind the region's back, and uses the numbers for its own files. */
static int closed_fds(void)
{
        if (!hay_alloc(10, 0))
                return 1;
        closefrom(3);
        int null = open("/dev/null", O_RDONLY);
        for (int fd = null + 1; fd < 200; fd++)
                dup2(null, fd);
        char *block = hay_alloc(10 << 20, 0);
        if (!block)
                return 2;
        memset(block, 1, 10 << 20);
        hay_free(block);
        return hay_audit(NULL) ? 3 : 0;
}

static long resident_pages(void)
{
        long pages = 0;
        FILE *file = fopen("/proc/self/statm", "r");
        if (!file || fscanf(file, "%*d %ld", &pages) != 1)
                pages = -1;
        if (file)
                fclose(file);
        return pages;
}

static int small_footprint(void)
{
        long before = resident_pages();
        char *block = hay_alloc(100, 0);
        long after = resident_pages();
        return !block || (after - before) * sysconf(_SC_PAGESIZE) > 1 << 20;
}

static int fresh(const char *mode)
{
        static const struct {
                const char *name;
                int (*run)(void);
        } modes[] = {
                { "limited", limited },
                { "bad_options", bad_options },
                { "by_environment", by_environment },
                { "bad_environment", bad_environment },
                { "little_address_space", little_address_space },
                { "little_file_size", little_file_size },
                { "closed_fds", closed_fds },
                { "small_footprint", small_footprint },
        };
        for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
                if (strcmp(modes[i].name, mode) == 0)
                        return modes[i].run();
        return 98;
}

TEST(the_limit_of_the_region_is_an_error)
{
        run_fresh("limited", NULL, 0);
}

TEST(a_size_out_of_range_is_refused)
{
        run_fresh("bad_options", NULL, 0);
}

TEST(the_environment_sets_the_limit)
{
        run_fresh("by_environment", "HAYFORK_REGION_SIZE=8M", 0);
        run_fresh("by_environment", "HAYFORK_REGION_SIZE=8388608", 0);
        run_fresh("by_environment", "HAYFORK_REGION_SIZE=8MiB", 0);
}

TEST(nonsense_in_the_environment_is_refused)
{
        run_fresh("bad_environment", "HAYFORK_REGION_SIZE=lots", 0);
        run_fresh("bad_environment", "HAYFORK_REGION_SIZE=-5", 0);
        run_fresh("bad_environment", "HAYFORK_REGION_SIZE=12", 0);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(the_region_adapts_to_a_small_address_space)
{
        run_fresh("little_address_space", NULL, 0);
}
#endif

TEST(the_region_adapts_to_a_small_file_size)
{
        run_fresh("little_file_size", NULL, 0);
}

TEST(closed_and_reused_fds_do_no_harm)
{
        run_fresh("closed_fds", NULL, 0);
}

TEST(the_region_starts_small)
{
        run_fresh("small_footprint", NULL, 0);
}

int main(int argc, char **argv)
{
        if (argc == 3 && strcmp(argv[1], "fresh") == 0)
                return fresh(argv[2]);
        return kit_main(argc, argv, __FILE__);
}
