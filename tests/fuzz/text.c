/* Texts from outside: the files of control groups and of /proc, numbers of workers. An input is a byte
 * that says which reader, and for control groups several files with a 0 between them. */
#include "fuzz.h"

/* Their readers are private; from here they replace the library's. */
#include "../../src/os/memory_left.c"
#include "../../src/os/process.c"

#include "os/cpu.h"

#include "cgroup.h"
#include "workers.h"

#include <stdlib.h>
#include <sys/stat.h>

static char root[64] = "/tmp/hayfork-fuzz-XXXXXX";

static const char *const files[] = {
        "proc/self/cgroup",
        "proc/self/mountinfo",
        "cg/cpu.max",
        "cg/memory.max",
        "cg/cpu.cfs_quota_us",
        "cg/cpu.cfs_period_us",
        "cg/memory.limit_in_bytes",
        "cg/memory.usage_in_bytes",
        "cg/memory.stat",
        "cg/pids.max",
};
#define FILES (sizeof(files) / sizeof(*files))

static void path_of(const char *file, char path[static 128])
{
        snprintf(path, 128, "%s/%s", root, file);
}

static void leave(void)
{
        static const char *const folders[] = { "proc/self", "proc", "cg", "" };
        char path[128];
        for (size_t i = 0; i < FILES; i++) {
                path_of(files[i], path);
                unlink(path);
        }
        for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
                path_of(folders[i], path);
                rmdir(path);
        }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        static const char *const folders[] = { "proc", "proc/self", "cg" };
        char path[128];
        (void)argc;
        (void)argv;
        if (!mkdtemp(root))
                abort();
        for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
                path_of(folders[i], path);
                if (mkdir(path, 0700) < 0)
                        abort();
        }
        cgroup_root = root;
        atexit(leave);
        return 0;
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
        char path[128];
        path_of(name, path);
        FILE *file = fopen(path, "we");
        if (!file || fwrite(data, 1, size, file) != size)
                abort();
        fclose(file);
}

static void read_groups(const uint8_t *data, size_t size)
{
        double value;
        for (size_t i = 0; i < FILES; i++) {
                const uint8_t *stop = size ? memchr(data, 0, size) : NULL;
                size_t length = stop ? (size_t)(stop - data) : size;
                write_file(files[i], data, length);
                data += stop ? length + 1 : length;
                size -= stop ? length + 1 : length;
        }
        int quota = hf_cpu_quota(root);
        if (quota < 0)
                abort();
        if (cgroup_cpu_quota(&value) && !(value >= 0))
                abort();
        if (cgroup_memory_limit(&value) && !(value >= 0))
                abort();
        cgroup_process_limit(&value);
        cgroup_versions();
        struct hf_cgroup group;
        for (int version = 1; version <= 2; version++) {
                if (hf_cgroup_find(root, (enum hf_cgroup_version)version, "memory", &group) < 0)
                        continue;
                do {
                        left_in(&group, "memory.max", "memory.usage_in_bytes");
                        left_in(&group, "memory.limit_in_bytes", "memory.usage_in_bytes");
                } while (hf_cgroup_up(&group));
        }
}

static void read_workers(const char *text)
{
        struct workers workers;
        char *problem = NULL;
        int r = workers_parse(text, 8, &workers, &problem);
        if (r == 0) {
                for (size_t i = 0; i < workers.count; i++)
                        if (workers.numbers[i] < 1 || workers.numbers[i] > WORKERS_MAX)
                                abort();
                free(workers.numbers);
        } else if (!problem) {
                abort();
        }
        free(problem);
        r = hf_cpu_parse_workers(text);
        if (r < 0 || r > 4096)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct stat_line line;
        size_t value;
        if (!size)
                return 0;
        if (*data % 4 == 0) {
                read_groups(data + 1, size - 1);
                return 0;
        }
        char *text = calloc(size, 1);
        if (!text)
                abort();
        memcpy(text, data + 1, size - 1);
        switch (*data % 4) {
        case 1:
                read_workers(text);
                break;
        case 2:
                parse_stat(text, &line);
                break;
        default:
                keyed_number(text, "MemAvailable:", &value);
                keyed_number(text, "inactive_file ", &value);
        }
        free(text);
        return 0;
}
