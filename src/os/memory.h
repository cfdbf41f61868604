/* The region's memory: an unnamed file, its mapping, its pages. */
#ifndef HF_OS_MEMORY_H
#define HF_OS_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* An unnamed sparse memory file that can't shrink, close-on-exec; the fd or -errno. */
int hf_memfd_create(const char *name, size_t size);

/* Map it shared, at `wanted` exactly (NULL: anywhere), left out of core dumps. */
int hf_map_shared(int fd, size_t size, void *wanted, void **ret_memory);

/* Map it where this machine has room and where fresh processes will have room too. */
int hf_map_shared_somewhere(int fd, size_t size, void **ret_memory);

void hf_unmap(void *memory, size_t size);

/* Make the pages of [offset, offset + size) exist, so that touching them can't fail. 0, -ENOMEM. */
int hf_reserve_pages(int fd, size_t offset, size_t size);

/* Give the pages back; they read as zeros afterwards. 0, -errno (then nothing is known of them). */
int hf_release_pages(int fd, size_t offset, size_t size);

/* Bytes that the machine and this process's cgroup can still give. */
size_t hf_memory_available(void);

/* All the memory of the machine (with swap), and the largest file this process may make. */
size_t hf_memory_total(void);
size_t hf_file_size_limit(void);

size_t hf_page_size(void);

#endif
