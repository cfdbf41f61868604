/* The region's file is a memfd: it has no name, so that nothing can leak or be squatted, and it is
 * sparse: a page exists once it was reserved. Its size is sealed. */
#include "os/memory.h"

#include "base/checked.h"
#include "os/memory_left.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Interrupted, the kernel undoes a whole fallocate: small pieces get through a storm of signals. */
#define RESERVE_PIECE ((size_t)4 << 20)
#define HIGH_FD 96

int hf_fd_move_up(int fd)
{
        int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
        if (high < 0)
                return fd;
        close(fd);
        return high;
}

int hf_memfd_create(const char *name, size_t size)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        int r;
        do
                r = ftruncate(fd, (off_t)size);
        while (r < 0 && errno == EINTR);
        if (r < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
                r = errno == ENOSPC ? -ENOMEM : -errno;
                close(fd);
                return r;
        }
        return hf_fd_move_up(fd);
}

int hf_file_size(int fd, size_t *ret_size)
{
        struct stat status;
        if (fstat(fd, &status) < 0)
                return -errno;
        *ret_size = (size_t)status.st_size;
        return 0;
}

int hf_file_identity(int fd, struct hf_file_identity *ret_identity)
{
        struct stat status;
        if (fstat(fd, &status) < 0)
                return -errno;
        ret_identity->device = status.st_dev;
        ret_identity->inode = status.st_ino;
        return 0;
}

bool hf_file_is(int fd, const struct hf_file_identity *identity)
{
        struct hf_file_identity now;
        return fd >= 0 && hf_file_identity(fd, &now) == 0 && now.inode == identity->inode &&
               now.device == identity->device;
}

bool hf_file_is_another(int fd, const struct hf_file_identity *identity)
{
        struct hf_file_identity now;
        int r = fd < 0 ? -EBADF : hf_file_identity(fd, &now);
        if (r < 0)
                return r == -EBADF;
        return now.inode != identity->inode || now.device != identity->device;
}

int hf_file_read(int fd, void *ret_bytes, size_t size)
{
        ssize_t n;
        do
                n = pread(fd, ret_bytes, size, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        return (size_t)n == size ? 0 : -EUCLEAN;
}

int hf_map_shared(int fd, size_t size, void *wanted, void **ret_memory)
{
        /* A hint is taken where there is room. With MAP_FIXED_NOREPLACE ThreadSanitizer, which
         * zeroes addresses that it does not like, would have us map page 0. */
        void *memory =
                mmap(wanted, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (memory == MAP_FAILED)
                return -errno;
        if (wanted && memory != wanted) {
                munmap(memory, size);
                return -EEXIST;
        }
        madvise(memory, size, MADV_DONTDUMP);
        *ret_memory = memory;
        return 0;
}

int hf_map_shared_somewhere(int fd, size_t size, void **ret_memory)
{
        /* Far from where programs, libraries, stacks and heaps are laid in 47 and in 39 bits of
         * address space; sanitizers and valgrind refuse some of them. */
        static const uintptr_t places[] = { 0x210000000000, 0x310000000000, 0x3000000000 };
        for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
                if (hf_map_shared(fd, size, (void *)places[i], ret_memory) == 0)
                        return 0;
        return hf_map_shared(fd, size, NULL, ret_memory);
}

void hf_unmap(void *memory, size_t size)
{
        munmap(memory, size);
}

int hf_reserve_pages(int fd, size_t offset, size_t size)
{
        while (size) {
                size_t piece = hf_min(size, RESERVE_PIECE);
                if (fallocate(fd, 0, (off_t)offset, (off_t)piece) < 0) {
                        if (errno == EINTR)
                                continue;
                        return errno == ENOSPC ? -ENOMEM : -errno;
                }
                offset += piece;
                size -= piece;
        }
        return 0;
}

int hf_reserve_mapped(void *memory, size_t size)
{
        while (madvise(memory, size, MADV_POPULATE_WRITE) < 0) {
                if (errno == EFAULT || errno == ENOMEM)
                        return -ENOMEM;
                if (errno != EINTR && errno != EAGAIN)
                        return -errno;
        }
        return 0;
}

int hf_release_pages(int fd, size_t offset, size_t size)
{
        int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        while (fallocate(fd, mode, (off_t)offset, (off_t)size) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

int hf_release_mapped(void *memory, size_t size)
{
        return madvise(memory, size, MADV_REMOVE) < 0 ? -errno : 0;
}

size_t hf_memory_available(void)
{
        size_t free_pages;
        if (hf_meminfo("MemAvailable:", &free_pages) < 0)
                free_pages = SIZE_MAX;
        size_t swap = 0;
        if (free_pages != SIZE_MAX && hf_meminfo("SwapFree:", &swap) == 0)
                free_pages += swap;
        return hf_min(free_pages, hf_cgroup_memory_left());
}

size_t hf_memory_total(void)
{
        size_t total;
        size_t swap = 0;
        if (hf_meminfo("MemTotal:", &total) < 0)
                return (size_t)sysconf(_SC_PHYS_PAGES) * hf_page_size();
        hf_meminfo("SwapTotal:", &swap);
        return total + swap;
}

size_t hf_file_size_limit(void)
{
        struct rlimit limit;
        if (getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
                return SIZE_MAX;
        return limit.rlim_cur;
}

size_t hf_page_size(void)
{
        return (size_t)sysconf(_SC_PAGESIZE);
}

void hf_close(int fd)
{
        int saved = errno;
        close(fd);
        errno = saved;
}
