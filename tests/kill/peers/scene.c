/* See scene.h. A victim is led by ../trace.c, without its short cuts: each position is stepped to. */
#include "scene.h"

#include "../run.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

struct scene_verdict scene_verdict;

void scene_broken(const char *why)
{
        fprintf(stderr, "%s\n", why);
        exit(3);
}

/* The tracer's: the victim itself went wrong. */
void kill_torn(const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        scene_broken("");
        abort();
}

static void print_verdict(void)
{
        const struct scene_verdict *found = &scene_verdict;
        printf("{\"torn\": \"%s\", \"lost\": %ld, \"reported\": %ld, \"failed\": %ld, "
               "\"tasks\": %ld, \"told\": %s, \"unusable\": %s}\n",
               found->torn, found->lost, found->reported, found->failed, found->tasks,
               found->told ? "true" : "false", found->unusable ? "true" : "false");
        fflush(stdout);
}

void scene_torn(const char *what)
{
        snprintf(scene_verdict.torn, sizeof(scene_verdict.torn), "%s", what);
        print_verdict();
        exit(0);
}

void *scene_shared(size_t size)
{
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
                scene_broken("no memory");
        return memory;
}

pid_t scene_start(void (*body)(void))
{
        pid_t pid = fork();
        if (pid == 0) {
                body();
                _exit(0);
        }
        if (pid < 0)
                scene_broken("no process");
        return pid;
}

void scene_join(pid_t pid)
{
        int status;
        waitpid(pid, &status, 0);
}

void scene_kill(pid_t pid, double ms)
{
        struct timespec span = { (time_t)(ms / 1e3), (long)(ms * 1e6) % 1000000000 };
        nanosleep(&span, NULL);
        kill(pid, SIGKILL);
}

/* The tracer makes its victims members of hayfork's, unless they are strangers. Those of a peer are,
 * and those of hayfork's join before, as a peer would. */
static struct kill_sweep sweep_of(const struct scene *scene)
{
        return (struct kill_sweep){ .operation = scene->victim,
                                    .before = scene->before,
                                    .stranger = true };
}

static uint32_t count_steps(const struct scene *scene)
{
        static struct kill_path path;
        struct kill_sweep sweep = sweep_of(scene);
        pid_t victim = kill_victim(&sweep, scene->victim);
        kill_record(victim, &sweep, &path);
        kill(victim, SIGKILL);
        kill_reap(victim);
        if (path.too_long || !path.count)
                scene_broken("the path can't be recorded");
        return path.count;
}

static void play_steps(const struct scene *scene, long at)
{
        struct kill_sweep sweep = sweep_of(scene);
        pid_t victim = kill_victim(&sweep, scene->victim);
        uint64_t instruction;
        if (at < 0) {
                kill_let_go(victim, &sweep);
        } else {
                struct kill_way way = { .steps = (uint32_t)at };
                kill_lead(victim, &sweep, &way, &instruction);
                kill(victim, SIGKILL);
        }
        kill_reap(victim);
        scene->survive();
}

static void play_random(const struct scene *scene, double ms)
{
        pid_t victim = scene_start(scene->victim);
        if (scene->begun)
                scene->begun();
        if (ms >= 0) {
                scene_kill(victim, ms);
                scene_join(victim);
                scene->survive();
                return;
        }
        if (scene->let_go)
                scene->let_go();
        scene->survive();
        scene_join(victim);
}

static void play(const struct scene *scene, const char *where)
{
        double at = strcmp(where, "never") == 0 ? -1 : atof(where);
        if (scene->play) {
                scene->play(at);
        } else {
                scene->prepare();
                if (scene->span_ms > 0)
                        play_random(scene, at);
                else
                        play_steps(scene, (long)at);
        }
        print_verdict();
}

static void print_span(const struct scene *scene)
{
        if (scene->span_ms > 0) {
                printf("%g ms\n", scene->span_ms);
                return;
        }
        scene->prepare();
        printf("%u steps\n", (unsigned)count_steps(scene));
}

int scene_main(int argc, char **argv, const struct scene *scenes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (argc == 1)
                        printf("%s\n", scenes[i].name);
                else if (argc > 2 && strcmp(scenes[i].name, argv[1]) == 0)
                        play(&scenes[i], argv[2]);
                else if (strcmp(scenes[i].name, argv[1]) == 0)
                        print_span(&scenes[i]);
        return 0;
}
