/* Who is who: the ids of the main process and of two workers, and whether they are alive. */
#include <hayfork.h>
#include <stdio.h>
#include <unistd.h>

static int worker1(void *arg)
{
        (void)arg;
        printf("ID of process running worker1: %d\n", getpid());
        sleep(1);
        return 0;
}

static int worker2(void *arg)
{
        (void)arg;
        printf("ID of process running worker2: %d\n", getpid());
        sleep(1);
        return 0;
}

static const char *alive(hay_process *process)
{
        return hay_process_is_alive(process) == 1 ? "True" : "False";
}

int main(void)
{
        hay_process *p1, *p2;

        printf("ID of main process: %d\n", getpid());
        if (hay_process_start(&p1, worker1, NULL, NULL) < 0 ||
            hay_process_start(&p2, worker2, NULL, NULL) < 0)
                return 1;
        printf("ID of process p1: %d\n", hay_process_pid(p1));
        printf("ID of process p2: %d\n", hay_process_pid(p2));
        printf("Process p1 is alive: %s\n", alive(p1));
        printf("Process p2 is alive: %s\n", alive(p2));

        hay_process_join(p1, HAY_FOREVER, NULL);
        hay_process_join(p2, HAY_FOREVER, NULL);
        printf("Both processes finished execution!\n");
        printf("Process p1 is alive: %s\n", alive(p1));
        printf("Process p2 is alive: %s\n", alive(p2));
        return 0;
}
