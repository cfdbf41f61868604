/* A group's folder is the mount point of its hierarchy and, below it, what /proc/self/cgroup says
 * after the part that the mount leaves out (mountinfo's fourth field). */
#include "cgroup.h"

#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cgroup_root = "";

static FILE *open_text(const char *name)
{
        char *path = cli_format("%s%s", cgroup_root, name);
        FILE *file = fopen(path, "re");
        free(path);
        return file;
}

/* Whether `word` stands in a list separated by commas. */
static bool list_has(const char *list, const char *word)
{
        size_t length = strlen(word);
        for (const char *at = list; (at = strstr(at, word)); at += length)
                if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
                        return true;
        return false;
}

/* The group's path in its hierarchy, to be freed; NULL. `controller` is "" for version 2. */
static char *find_path(const char *controller)
{
        FILE *file = open_text("/proc/self/cgroup");
        char *line = NULL, *path = NULL;
        size_t size = 0;
        while (file && !path && getline(&line, &size, file) > 0) {
                char *controllers = strchr(line, ':');
                char *group = controllers ? strchr(controllers + 1, ':') : NULL;
                if (!group)
                        continue;
                *group++ = '\0';
                group[strcspn(group, "\n")] = '\0';
                controllers++;
                if (*controller ? list_has(controllers, controller) : !*controllers)
                        path = cli_format("%s", group);
        }
        if (file)
                fclose(file);
        free(line);
        return path;
}

/* The mount's fields if it is one of the hierarchy. */
static bool parse_mount(char *line, const char *controller, char **ret_root, char **ret_point)
{
        char *type = strstr(line, " - ");
        char *save = NULL;
        if (!type)
                return false;
        *type = '\0';
        for (int i = 0; i < 5; i++) {
                char *field = strtok_r(i ? NULL : line, " ", &save);
                if (!field)
                        return false;
                *(i == 3 ? ret_root : ret_point) = field;
        }
        char *name = strtok_r(type + 3, " ", &save);
        char *source = name ? strtok_r(NULL, " ", &save) : NULL;
        char *rest = source ? strtok_r(NULL, " \n", &save) : NULL;
        if (!rest)
                return false;
        return *controller ? strcmp(name, "cgroup") == 0 && list_has(rest, controller)
                           : strcmp(name, "cgroup2") == 0;
}

/* The group's folder, to be freed, and the length of its mount point; NULL. */
static char *find_folder(const char *controller, size_t *ret_top)
{
        char *path = find_path(controller);
        FILE *file = path ? open_text("/proc/self/mountinfo") : NULL;
        char *line = NULL, *folder = NULL, *root = NULL, *point = NULL;
        size_t size = 0;
        while (file && !folder && getline(&line, &size, file) > 0) {
                if (!parse_mount(line, controller, &root, &point))
                        continue;
                size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
                bool is_below = strncmp(path, root, skip) == 0 && !strstr(path, "/..") &&
                                (path[skip] == '/' || path[skip] == '\0');
                const char *rest = is_below && strcmp(path + skip, "/") != 0 ? path + skip : "";
                folder = cli_format("%s%s", point, rest);
                *ret_top = strlen(point);
        }
        if (file)
                fclose(file);
        free(line);
        free(path);
        return folder;
}

/* The first two numbers in a file; what is none ("max") is NaN. */
static void read_numbers(const char *folder, const char *name, double ret_numbers[static 2])
{
        char *path = cli_format("%s/%s", folder, name);
        FILE *file = open_text(path);
        ret_numbers[0] = ret_numbers[1] = NAN;
        if (file) {
                if (fscanf(file, "%lf", &ret_numbers[0]) == 1 &&
                    fscanf(file, "%lf", &ret_numbers[1]) != 1)
                        ret_numbers[1] = NAN;
                fclose(file);
        }
        free(path);
}

/* The least limit of a controller's groups; with `divisor`, a quotient of two files (or, when that
 * is "", of one file's two numbers). */
static double least_limit(const char *controller, const char *name, const char *divisor)
{
        size_t top;
        double least = NAN;
        char *folder = find_folder(controller, &top);
        while (folder) {
                double limit[2], over[2] = { 1, 1 };
                read_numbers(folder, name, limit);
                if (divisor && *divisor)
                        read_numbers(folder, divisor, over);
                else if (divisor)
                        over[0] = limit[1];
                if (limit[0] >= 0)
                        least = fmin(least, limit[0] / over[0]);
                char *slash = strrchr(folder, '/');
                if (!slash || (size_t)(slash - folder) < top)
                        break;
                *slash = '\0';
        }
        free(folder);
        return least;
}

bool cgroup_cpu_quota(double *ret_processors)
{
        double least = fmin(least_limit("", "cpu.max", ""),
                            least_limit("cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us"));
        if (!isfinite(least))
                return false;
        *ret_processors = least;
        return true;
}

bool cgroup_memory_limit(double *ret_bytes)
{
        double least = fmin(least_limit("", "memory.max", NULL),
                            least_limit("memory", "memory.limit_in_bytes", NULL));
        /* Version 1 says "no limit" by a number near 2^63. */
        if (!(least < 0x1p60))
                return false;
        *ret_bytes = least;
        return true;
}

bool cgroup_process_limit(double *ret_processes)
{
        double least =
                fmin(least_limit("", "pids.max", NULL), least_limit("pids", "pids.max", NULL));
        if (!isfinite(least))
                return false;
        *ret_processes = least;
        return true;
}

const char *cgroup_versions(void)
{
        size_t top;
        char *two = find_folder("", &top);
        char *one = find_folder("cpu", &top);
        const char *versions = two && one ? "versions 1 and 2"
                               : two      ? "version 2"
                               : one      ? "version 1"
                                          : "none";
        free(two);
        free(one);
        return versions;
}
