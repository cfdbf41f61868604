/* Arrays: made and freed whole; elements may be half written, as the header says. */
#include "kill.h"

static hay_array *array;

static void nothing(void)
{
        hay_free(hay_alloc(16, 0));
}

static void make(void)
{
        static const int initial[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
        struct hay_array_options options = { .type = HAY_INT, .length = 10, .initial = initial };
        hay_array_new(&array, &options);
}

static void made(void)
{
        make();
        kill_expect(array, "no array");
}

static void free_it(void)
{
        hay_array_free(array);
}

static void write_some(void)
{
        static const int twos[] = { 2, 2, 2, 2 };
        hay_array_write(array, 3, 4, twos);
}

static enum kill_found survive_new(void)
{
        int values[10];
        made();
        kill_expect(hay_array_length(array) == 10 && hay_array_type(array) == HAY_INT, "another");
        kill_expect(hay_array_read(array, 0, 10, values) == 0 && values[9] == 10, "no content");
        hay_array_free(array);
        long more = kill_more_blocks();
        kill_expect(more == 0 || more == 1, "%ld blocks more", more);
        kill_keep_blocks(more);
        return more ? KILL_AFTER : KILL_BEFORE;
}

static enum kill_found survive_free(void)
{
        int values[10];
        /* Burial first: who died in the middle of it wanted it gone. */
        kill_expect(hay_audit(NULL) == 0, "damage");
        size_t length = hay_array_length(array);
        kill_expect(length == 10 || length == 0, "length %zu", length);
        if (length) {
                kill_expect(hay_array_read(array, 0, 10, values) == 0 && values[9] == 10,
                            "the content is gone");
                hay_array_free(array);
        }
        kill_keep_blocks(-1);
        return length ? KILL_BEFORE : KILL_AFTER;
}

static enum kill_found survive_write(void)
{
        int values[10];
        kill_expect(hay_array_read(array, 0, 10, values) == 0, "it can't be read");
        for (int i = 0; i < 10; i++)
                kill_expect(values[i] == i + 1 || (i >= 3 && i < 7 && values[i] == 2),
                            "element %d is %d", i, values[i]);
        kill_expect(kill_in_time(hay_rlock_acquire(hay_array_lock(array), hay_in_ms(1000))) == 0,
                    "the lock");
        hay_rlock_release(hay_array_lock(array));
        return KILL_UNKNOWN;
}

static const struct kill_sweep table[] = {
        { "array: new", nothing, .operation = make, .survive = survive_new },
        { "array: new, first use", nothing, .operation = make, .survive = survive_new,
          .stranger = true },
        { "array: free", made, .operation = free_it, .survive = survive_free },
        { "array: write", made, .operation = write_some, .survive = survive_write },
};

KILL_SWEEPS(table)
