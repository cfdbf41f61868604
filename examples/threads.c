/* The same work on threads and on processes. Threads share everything; processes only what lies in
 * shared memory. In C both use all processors; in Python threads take turns. */
#include <hayfork.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pid_t main_process;
static int own_counter;
static struct shared {
        hay_lock lock; /* guards both counters: it works between threads and between processes */
        int counter;
} * shared;

/* Something to do: count the primes below a limit the slow way. */
static int count_primes(int limit)
{
        int count = 0;
        for (int number = 2; number < limit; number++) {
                int divisor = 2;
                while (divisor * divisor <= number && number % divisor != 0)
                        divisor++;
                count += divisor * divisor > number;
        }
        return count;
}

static int work(void *arg)
{
        int primes = count_primes(100000);
        printf("Worker %d, in the main process: %s, found %d primes\n", *(int *)arg,
               getpid() == main_process ? "True" : "False", primes);
        if (hay_lock_acquire(&shared->lock, HAY_FOREVER) < 0)
                return 1;
        own_counter += 1;
        shared->counter += 1;
        hay_lock_release(&shared->lock);
        return 0;
}

static void *work_in_thread(void *arg)
{
        work(arg);
        return NULL;
}

static void report(const char *title, hay_time start)
{
        printf("%s: own counter %d, shared counter %d, took %.3f s\n", title, own_counter,
               shared->counter, (double)(hay_now() - start) / 1e9);
}

int main(void)
{
        int numbers[] = { 1, 2 };
        pthread_t threads[2];
        hay_process *processes[2];

        main_process = getpid();
        shared = hay_new(struct shared);
        if (!shared)
                return 1;

        hay_time start = hay_now();
        for (int i = 0; i < 2; i++)
                if (pthread_create(&threads[i], NULL, work_in_thread, &numbers[i]))
                        return 1;
        for (int i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        report("Threads", start);

        start = hay_now();
        for (int i = 0; i < 2; i++)
                if (hay_process_start(&processes[i], work, &numbers[i], NULL) < 0)
                        return 1;
        for (int i = 0; i < 2; i++)
                hay_process_join(processes[i], HAY_FOREVER, NULL);
        report("Processes", start);
        return 0;
}
