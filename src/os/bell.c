#include "os/bell.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int hf_bell_open(struct hf_bell *ret_bell)
{
        int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        fd = hf_fd_move_up(fd);
        int r = hf_bell_adopt(ret_bell, fd);
        if (r < 0)
                hf_close(fd);
        return r;
}

int hf_bell_adopt(struct hf_bell *ret_bell, int fd)
{
        int r = hf_file_identity(fd, &ret_bell->identity);
        ret_bell->fd = r < 0 ? -1 : fd;
        return r;
}

void hf_bell_close(struct hf_bell *bell)
{
        if (!hf_file_is_another(bell->fd, &bell->identity))
                hf_close(bell->fd);
        bell->fd = -1;
}

void hf_bell_ring(const struct hf_bell *bell)
{
        uint64_t one = 1;
        int saved = errno;
        if (hf_file_is(bell->fd, &bell->identity))
                while (write(bell->fd, &one, sizeof(one)) < 0 && errno == EINTR)
                        continue;
        errno = saved;
}

void hf_bell_clear(const struct hf_bell *bell)
{
        uint64_t count;
        int saved = errno;
        if (hf_file_is(bell->fd, &bell->identity))
                while (read(bell->fd, &count, sizeof(count)) < 0 && errno == EINTR)
                        continue;
        errno = saved;
}
