/* Start by spawn and by forkserver: processes that are no copy of this one. */
#include "kit.h"
#include "process/forkserver.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

static const enum hay_start methods[] = { HAY_SPAWN, HAY_FORKSERVER };

#define FOR_EACH_METHOD(how) for (enum hay_start how = HAY_SPAWN; how <= HAY_FORKSERVER; how++)

/* Set in main() only, so that no fresh process has another value, and in the test. */
static int global = 1;

static hay_process *start(enum hay_start how, int (*function)(void *arg), void *arg,
                          size_t argument_size)
{
        hay_process *process;
        struct hay_process_options options = { .start = how, .argument_size = argument_size };
        ck_assert_int_eq(hay_process_start(&process, function, arg, &options), 0);
        return process;
}

static struct hay_exit finish(hay_process *process)
{
        struct hay_exit exit;
        ck_assert_int_eq(hay_process_join(process, HAY_FOREVER, &exit), 0);
        ck_assert_int_eq(hay_process_is_alive(process), 0);
        ck_assert_int_eq(hay_process_close(process), 0);
        return exit;
}

static struct hay_exit run(enum hay_start how, int (*function)(void *arg), void *arg,
                           size_t argument_size)
{
        return finish(start(how, function, arg, argument_size));
}

/* The server's socket and process are no leak, but kit_after() wants none. */
static void end_server(void)
{
        hf_forkserver_stop();
}

static int give_global(void *arg)
{
        (void)arg;
        return global;
}

TEST(a_fresh_process_has_not_what_this_one_had_in_memory)
{
        global = 9;
        FOR_EACH_METHOD(how)
        {
                ck_assert_int_eq(run(how, give_global, NULL, 0).code, 1);
        }
        ck_assert_int_eq(run(HAY_FORK, give_global, NULL, 0).code, 9);
        end_server();
}

static int add(void *arg)
{
        int *numbers = arg;
        numbers[2] = numbers[0] + numbers[1];
        return 0;
}

TEST(a_pointer_into_the_region_is_good_in_a_fresh_process)
{
        FOR_EACH_METHOD(how)
        {
                int *numbers = hay_new_array(int, 3);
                numbers[0] = 20;
                numbers[1] = 22;
                ck_assert_int_eq(run(how, add, numbers, 0).code, 0);
                ck_assert_int_eq(numbers[2], 42);
                hay_free(numbers);
        }
        end_server();
}

struct big {
        size_t size;
        unsigned char bytes[];
};

static int check_big(void *arg)
{
        const struct big *big = arg;
        for (size_t i = 0; i < big->size; i++)
                if (big->bytes[i] != (unsigned char)(i * 7))
                        return 1;
        return ((uintptr_t)arg & 63) ? 2 : 0;
}

TEST(an_argument_of_any_size_is_copied)
{
        const size_t sizes[] = { 0, 1, 5000, 300000, 20 << 20 };
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
                struct big *big = malloc(sizeof(*big) + sizes[i]);
                ck_assert_ptr_nonnull(big);
                big->size = sizes[i];
                for (size_t at = 0; at < big->size; at++)
                        big->bytes[at] = (unsigned char)(at * 7);
                FOR_EACH_METHOD(how)
                {
                        ck_assert_int_eq(run(how, check_big, big, sizeof(*big) + sizes[i]).code, 0);
                }
                free(big);
        }
        end_server();
}

static int end_by_kill(void *arg)
{
        (void)arg;
        raise(SIGKILL);
        return 0;
}

static int wait_for_ever(void *arg)
{
        (void)arg;
        pause();
        return 0;
}

TEST(the_end_of_a_fresh_process_is_told)
{
        FOR_EACH_METHOD(how)
        {
                struct hay_exit exit = run(how, end_by_kill, NULL, 0);
                ck_assert_int_eq(exit.code, -1);
                ck_assert_int_eq(exit.signal, SIGKILL);
                hay_process *process = start(how, wait_for_ever, NULL, 0);
                ck_assert_int_eq(hay_process_join(process, hay_in_ms(30), &exit), -ETIMEDOUT);
                ck_assert_int_eq(hay_process_join(process, HAY_NOWAIT, &exit), -ETIMEDOUT);
                ck_assert_int_eq(hay_process_is_alive(process), 1);
                ck_assert_int_eq(hay_process_close(process), -EBUSY);
                ck_assert_int_eq(hay_active_children(&process, 1), 1);
                ck_assert_int_eq(hay_process_terminate(process), 0);
                exit = finish(process);
                ck_assert_int_eq(exit.signal, SIGTERM);
        }
        end_server();
}

static int who_am_i(void *arg)
{
        struct hay_process_info *infos = arg;
        return hay_current_process(&infos[0]) || hay_parent_process(&infos[1]);
}

TEST(a_fresh_process_knows_its_name_and_its_parent)
{
        FOR_EACH_METHOD(how)
        {
                struct hay_process_info *infos = hay_new_array(struct hay_process_info, 2);
                hay_process *process;
                struct hay_process_options options = { .start = how, .name = "fresh" };
                ck_assert_int_eq(hay_process_start(&process, who_am_i, infos, &options), 0);
                pid_t pid = hay_process_pid(process);
                ck_assert_str_eq(hay_process_name(process), "fresh");
                ck_assert_int_eq(finish(process).code, 0);
                ck_assert_str_eq(infos[0].name, "fresh");
                ck_assert_int_eq(infos[0].pid, pid);
                ck_assert_str_eq(infos[1].name, "MainProcess");
                ck_assert_int_eq(infos[1].pid, getpid());
                ck_assert(infos[1].alive);
                hay_free(infos);
        }
        end_server();
}

static int nested(void *arg)
{
        hay_process *process;
        struct hay_exit exit;
        struct hay_process_options options = { .start = *(enum hay_start *)arg };
        if (hay_process_start(&process, give_global, NULL, &options) < 0)
                return 100;
        hay_process_join(process, HAY_FOREVER, &exit);
        hay_process_close(process);
        return exit.code == 1 ? 55 : 101;
}

TEST(fresh_processes_start_fresh_processes)
{
        FOR_EACH_METHOD(how)
        {
                for (int i = 0; i < 2; i++) {
                        enum hay_start inner = methods[i];
                        ck_assert_int_eq(run(how, nested, &inner, sizeof(inner)).code, 55);
                }
        }
        end_server();
}

/* Bit i: fd i is open. */
static int list_fds(void *arg)
{
        uint64_t open = 0;
        for (int fd = 0; fd < 64; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        open |= 1ull << fd;
        *(uint64_t *)arg = open;
        return 0;
}

TEST(no_fd_but_the_standard_ones_and_the_regions_gets_into_a_fresh_process)
{
        uint64_t *open = hay_new(uint64_t);
        int leaky = dup2(0, 50); /* not close-on-exec */
        ck_assert_int_eq(leaky, 50);
        FOR_EACH_METHOD(how)
        {
                ck_assert_int_eq(run(how, list_fds, open, 0).code, 0);
                ck_assert_msg((*open & ~7ull) == 0x18, "open: %llx", (unsigned long long)*open);
        }
        close(leaky);
        hay_free(open);
        end_server();
}

static void *open_module(const char *path)
{
        void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        ck_assert_msg(module != NULL, "%s", dlerror());
        return module;
}

static void module_path(char path[4096])
{
        ssize_t n = readlink("/proc/self/exe", path, 4000);
        ck_assert_int_gt(n, 0);
        path[n] = '\0';
        strcpy(strrchr(path, '/'), "/process/started_module.so");
}

static int (*function_of(void *module, const char *name))(void *arg)
{
        int (*function)(void *arg);
        *(void **)&function = dlsym(module, name);
        ck_assert_ptr_nonnull(*(void **)&function);
        return function;
}

TEST(a_function_of_a_loaded_shared_object_is_found_again)
{
        char path[4096];
        module_path(path);
        void *module = open_module(path);
        int *number = hay_new(int);
        FOR_EACH_METHOD(how)
        {
                *number = 3;
                ck_assert_int_eq(run(how, function_of(module, "module_answer"), NULL, 0).code, 42);
                ck_assert_int_eq(run(how, function_of(module, "module_change"), number, 0).code, 0);
                ck_assert_int_eq(*number, 4);
        }
        hay_free(number);
        dlclose(module);
        end_server();
}

static void copy_file(const char *from, const char *to)
{
        char command[9000];
        snprintf(command, sizeof(command), "cp \"%s\" '%s'", from, to);
        ck_assert_int_eq(system(command), 0);
}

TEST(a_shared_object_that_is_gone_or_another_one_is_refused)
{
        char path[4096];
        char copy[] = "/tmp/hayfork-test-XXXXXX";
        int fd = mkstemp(copy);
        ck_assert_int_ge(fd, 0);
        close(fd);
        module_path(path);
        copy_file(path, copy);
        void *module = open_module(copy);
        int (*function)(void *arg) = function_of(module, "module_answer");
        ck_assert_int_eq(unlink(copy), 0);
        FOR_EACH_METHOD(how)
        {
                hay_process *process = NULL;
                struct hay_process_options options = { .start = how };
                ck_assert_int_eq(hay_process_start(&process, function, NULL, &options), -ENOENT);
                /* This program is a file that is no such shared object. */
                copy_file("/proc/$PPID/exe", copy);
                ck_assert_int_eq(hay_process_start(&process, function, NULL, &options), -ENOENT);
                ck_assert_ptr_null(process);
                ck_assert_int_eq(unlink(copy), 0);
        }
        dlclose(module);
        end_server();
}

TEST(a_function_outside_of_all_modules_is_refused)
{
        void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int (*function)(void *arg);
        *(void **)&function = page;
        FOR_EACH_METHOD(how)
        {
                hay_process *process;
                struct hay_process_options options = { .start = how };
                ck_assert_int_eq(hay_process_start(&process, function, NULL, &options), -ENOENT);
        }
        munmap(page, 4096);
        end_server();
}

static int write_twice(void *arg)
{
        (void)arg;
        printf("child\n");
        return 0;
}

TEST(what_a_fresh_process_prints_is_flushed_at_its_end)
{
        FOR_EACH_METHOD(how)
        {
                char text[100] = "";
                FILE *file = tmpfile();
                int saved = dup(1);
                dup2(fileno(file), 1);
                /* A server started before writes where it was started. */
                hf_forkserver_stop();
                printf("parent\n");
                ck_assert_int_eq(run(how, write_twice, NULL, 0).code, 0);
                dup2(saved, 1);
                close(saved);
                rewind(file);
                ck_assert_uint_eq(fread(text, 1, sizeof(text) - 1, file), 13);
                ck_assert_str_eq(text, "parent\nchild\n");
                fclose(file);
        }
        end_server();
}

static void ignore_it(int signal)
{
        (void)signal;
}

TEST(signals_in_the_middle_of_a_start_do_no_harm)
{
        struct sigaction action = { .sa_handler = ignore_it };
        struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
        struct itimerval never = { { 0, 0 }, { 0, 0 } };
        sigaction(SIGALRM, &action, NULL);
        struct big *big = calloc(1, sizeof(*big) + 100000);
        ck_assert_ptr_nonnull(big);
        setitimer(ITIMER_REAL, &often, NULL);
        for (int i = 0; i < 10; i++) {
                FOR_EACH_METHOD(how)
                {
                        ck_assert_int_eq(run(how, check_big, big, sizeof(*big) + 100000).code, 0);
                }
                ck_assert_int_eq(run(HAY_FORK, check_big, big, sizeof(*big) + 100000).code, 0);
                hf_forkserver_stop();
        }
        setitimer(ITIMER_REAL, &never, NULL);
        free(big);
}

static int tell_name(void *arg)
{
        FILE *file = fopen("/proc/self/comm", "re");
        if (!file || !fgets(arg, 32, file))
                return 1;
        fclose(file);
        return 0;
}

TEST(a_spawned_process_has_the_programs_name_in_lists_of_processes)
{
        char *name = hay_alloc(32, 0);
        ck_assert_int_eq(run(HAY_SPAWN, tell_name, name, 0).code, 0);
        ck_assert_str_eq(name, "test_fresh\n");
        hay_free(name);
}

/* A copy of this program is run, and takes its own file away. */
static int start_from_a_deleted_file(const char *program)
{
        if (unlink(program) < 0)
                return 2;
        hay_process *process;
        struct hay_exit exit;
        struct hay_process_options options = { .start = HAY_SPAWN };
        if (hay_process_start(&process, give_global, NULL, &options) < 0)
                return 3;
        hay_process_join(process, HAY_FOREVER, &exit);
        hay_process_close(process);
        return exit.code == 1 ? 77 : 4;
}

TEST(a_program_whose_file_was_deleted_is_found_again)
{
        char copy[] = "/tmp/hayfork-test-XXXXXX";
        int fd = mkstemp(copy);
        ck_assert_int_ge(fd, 0);
        close(fd);
        copy_file("/proc/$PPID/exe", copy);
        chmod(copy, 0700);
        char command[100];
        snprintf(command, sizeof(command), "%s --delete-me", copy);
        int status = system(command);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 77);
}

TEST(the_marker_of_a_child_alone_does_not_make_one)
{
        char *command;
        char self[4000];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        ck_assert_int_gt(n, 0);
        self[n] = '\0';
        ck_assert_int_gt(asprintf(&command, "'%s' --hayfork-child=1 </dev/null", self), 0);
        int status = system(command);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 1);
        free(command);
}

int main(int argc, char **argv)
{
        hay_main(argc, argv);
        if (argc > 1 && strcmp(argv[1], "--delete-me") == 0)
                return start_from_a_deleted_file(argv[0]);
        return kit_main(argc, argv, __FILE__);
}
