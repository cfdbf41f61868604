/* The region is made at its first use. These sweeps have no state before: the stage has no region, so
 * that the victim makes one, and nobody else is there to look at it. */
#include "../kill/kill.h"

static void open_region(void)
{
        hay_region_open(&(struct hay_region_options){ .size = 8 << 20 });
}

static void use_heap(void)
{
        void *block = hay_alloc(5000, 0);
        if (!block)
                return;
        memset(block, 1, 5000);
        kill_expect(hay_block_size(block) >= 5000, "a block of another size");
        hay_free(block);
}

static void make_queue(void)
{
        size_t size;
        char byte = 0;
        hay_queue *queue;
        if (hay_queue_new(&queue, NULL) < 0)
                return;
        int r = hay_queue_put(queue, "x", 1, HAY_NOWAIT);
        kill_expect(r < 0 || hay_queue_get(queue, &byte, 1, &size, HAY_NOWAIT) == 0, "get");
        kill_expect(r < 0 || byte == 'x', "another message");
        hay_queue_free(queue);
}

static const struct kill_sweep table[] = {
        { "region: open", .operation = open_region, .stranger = true },
        { "region: made by an alloc", .operation = use_heap, .stranger = true },
        { "region: made by a queue", .operation = make_queue, .stranger = true },
};

KILL_SWEEPS(table)
