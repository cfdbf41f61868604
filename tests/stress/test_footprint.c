/* What hayfork costs in memory. */
#include "kit.h"

/* Resident bytes of this process that are its own or shared memory, without pages of files. */
static long resident(void)
{
        char line[128];
        long anonymous = 0;
        long shared = 0;
        FILE *file = fopen("/proc/self/status", "r");
        while (file && fgets(line, sizeof(line), file)) {
                sscanf(line, "RssAnon: %ld", &anonymous);
                sscanf(line, "RssShmem: %ld", &shared);
        }
        if (file)
                fclose(file);
        return (anonymous + shared) * 1024;
}

static int nothing(void *arg)
{
        (void)arg;
        return 0;
}

static int idle_program(void)
{
        long before = resident();
        hay_process *processes[2];
        for (int i = 0; i < 2; i++)
                if (hay_process_start(&processes[i], nothing, NULL, NULL) != 0)
                        return 1;
        for (int i = 0; i < 2; i++)
                if (hay_process_join(processes[i], HAY_FOREVER, NULL) != 0)
                        return 2;
        long added = resident() - before;
        printf("two processes started and joined add %ld KiB to their parent\n", added / 1024);
        return added >= 2 << 20;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(two_processes_cost_their_parent_less_than_2_mib)
{
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
                execl("/proc/self/exe", "test_footprint", "idle", (char *)NULL);
                _exit(99);
        }
        ck_assert_int_eq(kit_wait(pid), 0);
}
#endif

TEST(an_empty_queue_costs_less_than_8_kib)
{
        enum { QUEUES = 1000 };
        static hay_queue *queues[QUEUES];
        struct hay_audit before;
        struct hay_audit after;
        /* The first one may open a slab; the rest shows what each costs. */
        ck_assert_int_eq(hay_queue_new(&queues[0], NULL), 0);
        ck_assert_int_eq(hay_audit(&before), 0);
        for (int i = 1; i < QUEUES; i++)
                ck_assert_int_eq(hay_queue_new(&queues[i], NULL), 0);
        ck_assert_int_eq(hay_audit(&after), 0);
        size_t each = (after.used - before.used) / (QUEUES - 1);
        printf("an empty queue: %zu bytes\n", each);
        ck_assert_uint_lt(each, 8192);
        for (int i = 0; i < QUEUES; i++)
                hay_queue_free(queues[i]);
}

TEST(a_hundred_thousand_locks_cost_their_own_size)
{
        enum { LOCKS = 100000 };
        struct hay_audit before;
        struct hay_audit after;
        ck_assert_int_eq(hay_audit(&before), 0);
        hay_lock *locks = hay_new_array(hay_lock, LOCKS);
        bool all_held = true;
        for (int i = 0; i < LOCKS; i++)
                all_held &= hay_lock_acquire(&locks[i], HAY_NOWAIT) == 0;
        ck_assert(all_held);
        ck_assert_int_eq(hay_audit(&after), 0);
        size_t cost = after.used - before.used;
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        ck_assert_uint_eq(cost, (LOCKS * sizeof(hay_lock) + page - 1) / page * page);
        for (int i = 0; i < LOCKS; i++)
                hay_lock_release(&locks[i]);
        hay_free(locks);
}

int main(int argc, char **argv)
{
        if (argc == 2 && strcmp(argv[1], "idle") == 0)
                return idle_program();
        return kit_main(argc, argv, __FILE__);
}
