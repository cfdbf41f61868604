/* The region's memory: an unnamed file, its mapping, its pages; and what the machine has to give.
 */
#ifndef HF_OS_MEMORY_H
#define HF_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What tells a file from another that took its fd's number. */
struct hf_file_identity {
        uint64_t device;
        uint64_t inode;
};

/* An unnamed sparse memory file that can't change its size, close-on-exec, above the fds that
 * programs count on; the fd or -errno. */
int hf_memfd_create(const char *name, size_t size);

/* The size of an open file; 0 or -errno. */
int hf_file_size(int fd, size_t *ret_size);

/* 0 or -errno. */
int hf_file_identity(int fd, struct hf_file_identity *ret_identity);

/* Whether the fd still is that file: a program may have closed it, and reused its number. */
bool hf_file_is(int fd, const struct hf_file_identity *identity);

/* Whether it is known not to be: neither is said when the kernel has no memory to tell. */
bool hf_file_is_another(int fd, const struct hf_file_identity *identity);

/* Read `size` bytes from the file's start; 0, -errno, -EUCLEAN when it is shorter. */
int hf_file_read(int fd, void *ret_bytes, size_t size);

/* Map it shared, at `wanted` exactly (NULL: anywhere), left out of core dumps. 0, -errno: -EEXIST
 * when something else is there. */
int hf_map_shared(int fd, size_t size, void *wanted, void **ret_memory);

/* Map it where this machine has room and where fresh processes will have room too. */
int hf_map_shared_somewhere(int fd, size_t size, void **ret_memory);

void hf_unmap(void *memory, size_t size);

/* Make the pages of [offset, offset + size) exist, so that touching them can't fail. 0, -ENOMEM,
 * -errno. Interrupted calls go on. */
int hf_reserve_pages(int fd, size_t offset, size_t size);

/* The same for mapped pages, without an fd; needs Linux 5.14. */
int hf_reserve_mapped(void *memory, size_t size);

/* Give the pages back; they read as zeros afterwards. 0, -errno (then nothing is known of them). */
int hf_release_pages(int fd, size_t offset, size_t size);
int hf_release_mapped(void *memory, size_t size);

/* Bytes that the machine and this process's cgroup can still give. */
size_t hf_memory_available(void);

/* All the memory of the machine (with swap), and the largest file this process may make. */
size_t hf_memory_total(void);
size_t hf_file_size_limit(void);

size_t hf_page_size(void);

/* The same file under a number out of the way of programs that count on low ones; as it came where
 * there is no room for that. */
int hf_fd_move_up(int fd);

void hf_close(int fd);

#endif
