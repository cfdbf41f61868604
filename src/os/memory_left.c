/* Read without stdio and malloc, since it runs under the heap's eyes and in the children of forks.
 */
#include "os/memory_left.h"

#include "base/checked.h"
#include "os/cgroup_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static size_t number(const char *text)
{
        size_t value = 0;
        while (*text == ' ' || *text == '\t')
                text++;
        if (*text < '0' || *text > '9')
                return SIZE_MAX; /* "max" */
        for (; *text >= '0' && *text <= '9'; text++)
                if (!hf_multiply(value, (size_t)10, &value) ||
                    !hf_sum(value, (size_t)(*text - '0'), &value))
                        return SIZE_MAX;
        return value;
}

/* The number behind `key` at a line's start. */
static int keyed_number(const char *text, const char *key, size_t *ret_value)
{
        size_t length = strlen(key);
        while (text) {
                if (strncmp(text, key, length) == 0) {
                        *ret_value = number(text + length);
                        return 0;
                }
                text = strchr(text, '\n');
                if (text)
                        text++;
        }
        return -ENOENT;
}

int hf_meminfo(const char *key, size_t *ret_bytes)
{
        char text[4096];
        size_t kilobytes;
        int saved = errno;
        int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (fd >= 0)
                close(fd);
        errno = saved;
        if (n < 0)
                return -ENOENT;
        text[n] = '\0';
        if (keyed_number(text, key, &kilobytes) < 0)
                return -ENOENT;
        *ret_bytes = kilobytes * 1024;
        return 0;
}

static size_t read_number(const struct hf_cgroup *group, const char *file)
{
        char text[64];
        return hf_cgroup_read(group, file, text, sizeof(text)) < 0 ? SIZE_MAX : number(text);
}

/* What the kernel could drop: clean file pages (shared memory is not among them). */
static size_t droppable(const struct hf_cgroup *group)
{
        char text[8192];
        size_t active = 0;
        size_t inactive = 0;
        if (hf_cgroup_read(group, "memory.stat", text, sizeof(text)) < 0)
                return 0;
        if (keyed_number(text, "total_active_file ", &active) < 0)
                keyed_number(text, "active_file ", &active);
        if (keyed_number(text, "total_inactive_file ", &inactive) < 0)
                keyed_number(text, "inactive_file ", &inactive);
        return active + inactive;
}

static size_t left_in(const struct hf_cgroup *group, const char *limit_file, const char *usage_file)
{
        size_t limit = read_number(group, limit_file);
        if (limit >= SIZE_MAX / 4) /* version 1 says "no limit" by a huge number */
                return SIZE_MAX;
        size_t usage = read_number(group, usage_file);
        if (usage == SIZE_MAX)
                return SIZE_MAX;
        usage -= hf_min(usage, droppable(group));
        /* The kernel charges in batches, and page tables and stacks too: keep a margin. */
        usage += hf_max(limit / 64, (size_t)4 << 20);
        return limit - hf_min(limit, usage);
}

/* The least of this group and all above it. */
static size_t left_under(enum hf_cgroup_version version, const char *limit_file,
                         const char *usage_file)
{
        struct hf_cgroup group;
        size_t least = SIZE_MAX;
        if (hf_cgroup_find("", version, "memory", &group) < 0)
                return least;
        do {
                size_t left = left_in(&group, limit_file, usage_file);
                least = hf_min(least, left);
        } while (hf_cgroup_up(&group));
        return least;
}

size_t hf_cgroup_memory_left(void)
{
        size_t new_style = left_under(HF_CGROUP_V2, "memory.max", "memory.current");
        size_t old_style =
                left_under(HF_CGROUP_V1, "memory.limit_in_bytes", "memory.usage_in_bytes");
        return hf_min(new_style, old_style);
}
