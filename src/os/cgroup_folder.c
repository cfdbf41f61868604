/* Where is my control group? Two files tell, which must be joined:
 *
 *   /proc/self/cgroup      "4:cpu,cpuacct:/docker/3f" (version 1), "0::/user.slice/a" (version 2):
 *                          the group's path in its hierarchy;
 *   /proc/self/mountinfo   "… /docker/3f /sys/fs/cgroup/cpu rw … - cgroup cgroup rw,cpu": which
 *                          part of the hierarchy (root) is seen where (mount point).
 *
 * The folder is the mount point with what follows `root` in the path. A container may see a path
 * that its mount does not hold (the host's, or one with ".." that leads out of its namespace): then
 * the mount point is the nearest that can be seen. A folder that does not exist is no error: its
 * files can't be read, and the walk upwards ends at the mount point.
 *
 * No allocation and no stdio: hay_cpu_count() may be called after a fork. */
#include "os/cgroup_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 4096
#define PATH_SIZE sizeof(((struct hf_cgroup *)0)->folder)

struct lines {
        int fd;
        size_t start, end;
        char text[LINE_SIZE];
};

/* Two strings as one, into PATH_SIZE bytes (which may hold the first); false: they don't fit. */
static bool join(char *ret_path, const char *first, const char *second)
{
        size_t a = strlen(first);
        size_t b = strlen(second);
        if (a + b >= PATH_SIZE)
                return false;
        memmove(ret_path, first, a);
        memcpy(ret_path + a, second, b + 1);
        return true;
}

static int open_at(const char *root, const char *path)
{
        char full[PATH_SIZE];
        if (!join(full, root, path))
                return -ENAMETOOLONG;
        int saved = errno;
        int fd = open(full, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                fd = -errno;
        errno = saved;
        return fd;
}

static ssize_t read_some(int fd, void *bytes, size_t size)
{
        int saved = errno;
        ssize_t n;
        do
                n = read(fd, bytes, size);
        while (n < 0 && errno == EINTR);
        errno = saved;
        return n;
}

/* The next line without its end, valid until the next call; NULL at the end. Of a line that does
 * not fit, its pieces are returned, none of which parses as a whole one. */
static char *next_line(struct lines *lines)
{
        for (;;) {
                char *line = lines->text + lines->start;
                size_t length = lines->end - lines->start;
                char *stop = memchr(line, '\n', length);
                if (stop) {
                        *stop = '\0';
                        lines->start = (size_t)(stop - lines->text) + 1;
                        return line;
                }
                memmove(lines->text, line, length);
                lines->start = 0;
                lines->end = length;
                size_t space = LINE_SIZE - 1 - length;
                ssize_t n = space ? read_some(lines->fd, lines->text + length, space) : 0;
                if (n > 0) {
                        lines->end += (size_t)n;
                        continue;
                }
                if (!length)
                        return NULL;
                lines->text[length] = '\0';
                lines->start = lines->end = 0;
                return lines->text;
        }
}

/* Whether a word stands in a list that is separated by commas. */
static bool list_has(const char *list, const char *word)
{
        size_t length = strlen(word);
        while (list) {
                if (strncmp(list, word, length) == 0 &&
                    (list[length] == '\0' || list[length] == ','))
                        return true;
                list = strchr(list, ',');
                if (list)
                        list++;
        }
        return false;
}

/* The path of "ID:CONTROLLERS:PATH" if the line is about our controller, else NULL. */
static const char *path_in(char *line, enum hf_cgroup_version version, const char *controller)
{
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
                return NULL;
        *controllers++ = '\0';
        *path++ = '\0';
        if (version == HF_CGROUP_V2)
                return strcmp(line, "0") == 0 && !*controllers ? path : NULL;
        return list_has(controllers, controller) ? path : NULL;
}

/* Undo mountinfo's \040 for a space and the like, in place. */
static void unescape(char *text)
{
        char *to = text;
        for (const char *from = text; *from; to++) {
                if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                    from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
                        *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
                        from += 4;
                } else {
                        *to = *from++;
                }
        }
        *to = '\0';
}

/* Root and mount point of a mountinfo line if our controller is mounted there. */
static bool mount_in(char *line, enum hf_cgroup_version version, const char *controller,
                     char **ret_root, char **ret_point)
{
        char *type = strstr(line, " - ");
        if (!type)
                return false;
        *type = '\0';
        type += 3;
        char *field[6];
        char *rest = line;
        for (int i = 0; i < 6; i++) {
                field[i] = strsep(&rest, " ");
                if (!field[i])
                        return false;
        }
        char *word = strsep(&type, " ");
        strsep(&type, " ");
        if (!type || strcmp(word, version == HF_CGROUP_V2 ? "cgroup2" : "cgroup") != 0)
                return false;
        if (version == HF_CGROUP_V1 && !list_has(type, controller))
                return false;
        unescape(field[3]);
        unescape(field[4]);
        *ret_root = field[3];
        *ret_point = field[4];
        return true;
}

/* What follows `root` in `path`: "" or "/…"; NULL when the path is not below it. */
static const char *below(const char *root, const char *path)
{
        size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strstr(path, "/..") || strncmp(path, root, length) != 0)
                return NULL;
        if (path[length] != '\0' && path[length] != '/')
                return NULL;
        return path + length;
}

static int find_path(const char *root, enum hf_cgroup_version version, const char *controller,
                     char *ret_path)
{
        struct lines lines = { .fd = open_at(root, "/proc/self/cgroup") };
        if (lines.fd < 0)
                return lines.fd;
        int r = -ENOENT;
        char *line;
        while (r < 0 && (line = next_line(&lines))) {
                const char *path = path_in(line, version, controller);
                if (path && join(ret_path, path, ""))
                        r = 0;
        }
        close(lines.fd);
        return r;
}

static int find_mount(const char *root, enum hf_cgroup_version version, const char *controller,
                      const char *path, struct hf_cgroup *ret_group)
{
        struct lines lines = { .fd = open_at(root, "/proc/self/mountinfo") };
        if (lines.fd < 0)
                return lines.fd;
        int r = -ENOENT;
        bool is_below = false;
        char *line, *mounted, *point;
        while (!is_below && (line = next_line(&lines))) {
                if (!mount_in(line, version, controller, &mounted, &point))
                        continue;
                const char *rest = below(mounted, path);
                if ((!rest && r == 0) || !join(ret_group->folder, root, point))
                        continue;
                r = 0;
                is_below = rest != NULL;
                ret_group->top = strlen(ret_group->folder);
                if (rest && strcmp(rest, "/") != 0 &&
                    ret_group->top + strlen(rest) < sizeof(ret_group->folder))
                        strcpy(ret_group->folder + ret_group->top, rest);
        }
        close(lines.fd);
        return r;
}

int hf_cgroup_find(const char *root, enum hf_cgroup_version version, const char *controller,
                   struct hf_cgroup *ret_group)
{
        char path[PATH_SIZE];
        int r = find_path(root, version, controller, path);
        if (r < 0)
                return r;
        return find_mount(root, version, controller, path, ret_group);
}

bool hf_cgroup_up(struct hf_cgroup *group)
{
        char *slash = strrchr(group->folder, '/');
        if (!slash || (size_t)(slash - group->folder) < group->top)
                return false;
        *slash = '\0';
        return true;
}

int hf_cgroup_read(const struct hf_cgroup *group, const char *file, char *ret_text, size_t size)
{
        char path[PATH_SIZE];
        if (!join(path, group->folder, "/") || !join(path, path, file))
                return -ENAMETOOLONG;
        int fd = open_at("", path);
        if (fd < 0)
                return fd;
        ssize_t n = read_some(fd, ret_text, size - 1);
        close(fd);
        if (n < 0)
                return -EIO;
        ret_text[n] = '\0';
        return 0;
}
