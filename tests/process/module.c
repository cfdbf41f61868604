/* A shared object whose functions are started: see test_fresh.c. */
int module_answer(void *arg);
int module_change(void *arg);

int module_answer(void *arg)
{
        return arg ? *(int *)arg : 42;
}

int module_change(void *arg)
{
        *(int *)arg += 1;
        return 0;
}
