/* hay_process_start(): what all start methods have in common, and the contradictions of its
 * options. */
#include "process/start.h"

#include "base/options.h"
#include "process/exit.h"
#include "region/region.h"

#include <errno.h>

static int check(const struct hay_process_options *options, const void *argument)
{
        if (options->start < HAY_FORK || options->start > HAY_FORKSERVER)
                return -EINVAL;
        if (options->argument_size && !argument)
                return -EINVAL;
        /* A fresh process has nothing of ours but the region. */
        if (options->start != HAY_FORK && !options->argument_size && argument &&
            !hay_is_shared(argument))
                return -EINVAL;
        return hf_is_daemon() ? -EPERM : 0;
}

static int start_by(enum hay_start method, struct hay_process *process,
                    const struct hf_start *start)
{
        switch (method) {
        case HAY_SPAWN:
                return hf_start_spawn(process, start);
        case HAY_FORKSERVER:
                return hf_start_forkserver(process, start);
        case HAY_FORK:
        default:
                return hf_start_fork(process, start);
        }
}

int hay_process_start_sized(hay_process **ret_process, int (*function)(void *arg), void *arg,
                            const struct hay_process_options *options, size_t options_size)
{
        struct hay_process_options o;
        if (!ret_process || !function)
                return -EINVAL;
        int r = hf_options_take(&o, sizeof(o), options, options_size);
        if (r < 0)
                return r;
        r = check(&o, arg);
        if (r < 0)
                return r;
        /* A fork that came before the region would leave parent and child with one each. */
        r = hf_region_ready();
        if (r == 0)
                r = hf_children_ready();
        if (r < 0)
                return r;

        struct hf_start start = { .function = function,
                                  .argument = arg,
                                  .argument_size = o.argument_size };
        char space[HF_DEFAULT_NAME_SIZE];
        const char *name = hf_who_next(o.name, o.daemon, &start.who, space);
        struct hay_process *process;
        r = hf_handle_new(name, o.daemon, &process);
        if (r < 0)
                return r;
        hf_flush_stdio();
        r = start_by(o.start, process, &start);
        if (r < 0) {
                hf_handle_failed(process);
                return r;
        }
        hf_handle_started(process);
        *ret_process = process;
        return 0;
}
