/* The control groups that this process is in: folders of small files with its limits. */
#ifndef HF_OS_CGROUP_FOLDER_H
#define HF_OS_CGROUP_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

enum hf_cgroup_version { HF_CGROUP_V1 = 1, HF_CGROUP_V2 = 2 };

struct hf_cgroup {
        char folder[4096]; /* of the group itself, or of the ancestor that hf_cgroup_up() went to */
        size_t top;        /* the length of the mount point, above which nothing can be seen */
};

/* Find this process's group under a controller ("cpu", "memory"; version 2 has all in one tree).
 * `root` stands before every path that is read: "", or a tree of fixtures. -ENOENT: it has none. */
int hf_cgroup_find(const char *root, enum hf_cgroup_version version, const char *controller,
                   struct hf_cgroup *ret_group);

/* Go to the parent, whose limits count too. False at the top. */
bool hf_cgroup_up(struct hf_cgroup *group);

/* The beginning of one of its files, as a string; -errno. */
int hf_cgroup_read(const struct hf_cgroup *group, const char *file, char *ret_text, size_t size);

#endif
