/* The region is one sparse memfd, mapped once by the first process and inherited by its forks at
 * the same address. Its file begins with struct hf_root, then the member table, the heap's
 * descriptors and bitmaps, and the heap itself. Pages exist once reserved.
 *
 * Process-local words here: the base, the size, the two fds, the file's identity, written once
 * under `maker` and kept by forks. `maker` is the pid of the thread's process that makes the region
 * just now: a fork in the middle leaves its parent's pid there, which nobody waits for. */
#include "region/root.h"

#include "base/atomic.h"
#include "base/checked.h"
#include "base/options.h"
#include "os/bell.h"
#include "os/memory.h"

#include <hayfork/time.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x6b726f6679616821ull /* "!hayfork" */
#define FORMAT 1u
#define LEAST_SIZE ((size_t)1 << 20)
#define MOST_SIZE ((size_t)1 << 48)
#define VALGRIND_SIZE ((size_t)256 << 20)
#define BITMAP_SIZE (HF_UNIT_SIZE / 16 / 8)
#define UNIT_DESCRIPTOR_SIZE 32
#define MEMBER_SIZE 128
#define MEMBER_COUNT 8192

unsigned char *hf_region_base;
size_t hf_region_size;
struct hf_layout hf_region_layout;
struct hf_credit hf_region_credit;
static int region_fd = -1;
static struct hf_bell region_bell = { .fd = -1 };
static struct hf_file_identity identity;
static int32_t maker;

static bool parse_size(const char *text, size_t *ret_size)
{
        char *end;
        errno = 0;
        unsigned long long value = strtoull(text, &end, 10);
        if (end == text || errno || *text == '-')
                return false;
        unsigned shift = 0;
        switch (*end) {
        case 'k':
        case 'K':
                shift = 10;
                break;
        case 'm':
        case 'M':
                shift = 20;
                break;
        case 'g':
        case 'G':
                shift = 30;
                break;
        case 't':
        case 'T':
                shift = 40;
                break;
        default:
                break;
        }
        if (shift && *++end == 'i')
                end++;
        if (shift && *end == 'B')
                end++;
        if (*end || value > (SIZE_MAX >> shift))
                return false;
        *ret_size = (size_t)value << shift;
        return true;
}

/* Valgrind's search for leaks reads all that is mapped, and a page that is read exists. It preloads a
 * library of its own. */
static bool is_under_valgrind(void)
{
        const char *preloaded = getenv("LD_PRELOAD");
        return preloaded && strstr(preloaded, "vgpreload");
}

static size_t default_size(void)
{
        size_t size = hf_max(hf_memory_total(), LEAST_SIZE);
        return is_under_valgrind() ? hf_min(size, VALGRIND_SIZE) : size;
}

/* The limit that was asked for, or the machine's memory. */
static int wanted_size(size_t option, size_t *ret_size)
{
        const char *text = getenv("HAYFORK_REGION_SIZE");
        size_t size = option;
        if (!size && text && *text && !parse_size(text, &size))
                return -EINVAL;
        if (!size)
                size = default_size();
        if (size < LEAST_SIZE || size > MOST_SIZE)
                return -EINVAL;
        *ret_size = size;
        return 0;
}

/* Where everything lies in a region whose heap may hold `limit` bytes. */
static struct hf_layout lay_out(size_t limit)
{
        struct hf_layout layout = {
                .magic = MAGIC,
                .format = FORMAT,
                .page_size = (uint32_t)hf_page_size(),
                .root_size = sizeof(struct hf_root),
                .member_size = MEMBER_SIZE,
                .unit_size = HF_UNIT_SIZE,
                .line_size = HF_CACHE_LINE,
                .unit_count = limit / HF_UNIT_SIZE,
        };
        size_t at = hf_round_up(sizeof(struct hf_root), HF_UNIT_SIZE);
        layout.members = at;
        at += hf_round_up((size_t)MEMBER_SIZE * MEMBER_COUNT, HF_UNIT_SIZE);
        layout.units = at;
        at += hf_round_up(layout.unit_count * UNIT_DESCRIPTOR_SIZE, HF_UNIT_SIZE);
        layout.bitmaps = at;
        at += hf_round_up(layout.unit_count * BITMAP_SIZE, HF_UNIT_SIZE);
        layout.heap = at;
        layout.size = at + layout.unit_count * HF_UNIT_SIZE;
        return layout;
}

static void adopt(int fd, const struct hf_bell *bell, void *memory, const struct hf_layout *layout)
{
        region_fd = fd;
        region_bell = *bell;
        hf_file_identity(fd, &identity);
        hf_region_layout = *layout;
        hf_region_size = layout->size;
        __atomic_store_n(&hf_region_base, (unsigned char *)memory, __ATOMIC_RELEASE);
}

static int make_of_size(size_t limit)
{
        struct hf_layout layout = lay_out(limit);
        if (layout.size > hf_file_size_limit())
                return -ENOMEM;
        int fd = hf_memfd_create("hayfork", layout.size);
        if (fd < 0)
                return fd;
        struct hf_bell bell;
        int r = hf_bell_open(&bell);
        if (r < 0)
                goto close_fd;
        void *memory;
        r = hf_map_shared_somewhere(fd, layout.size, &memory);
        if (r < 0)
                goto close_bell;
        r = hf_memory_available() < 4 * HF_UNIT_SIZE ? -ENOMEM
                                                     : hf_reserve_pages(fd, 0, layout.members);
        if (r < 0)
                goto unmap;
        layout.address = (uintptr_t)memory;
        ((struct hf_root *)memory)->layout = layout;
        adopt(fd, &bell, memory, &layout);
        return 0;
unmap:
        hf_unmap(memory, layout.size);
close_bell:
        hf_bell_close(&bell);
close_fd:
        hf_close(fd);
        return r;
}

/* Where the address space or the file size is limited, a smaller one. */
static int make(size_t option)
{
        size_t limit;
        int r = wanted_size(option, &limit);
        if (r < 0)
                return r;
        do {
                r = make_of_size(limit);
                limit /= 2;
        } while (!option && r == -ENOMEM && limit >= LEAST_SIZE);
        return r;
}

static bool is_there(void)
{
        return __atomic_load_n(&hf_region_base, __ATOMIC_ACQUIRE) != NULL;
}

/* One thread of this process makes or attaches, the others wait for it. True: it is the caller. */
static bool begin(void)
{
        int32_t me = (int32_t)getpid();
        while (!is_there()) {
                int32_t seen = atomic_load_acquire(&maker);
                if (seen != me && atomic_cas(&maker, seen, me)) {
                        if (!is_there())
                                return true;
                        atomic_store_release(&maker, 0);
                        return false;
                }
                sched_yield();
        }
        return false;
}

static int ready(size_t option, int if_there)
{
        if (is_there() || !begin())
                return if_there;
        int r = make(option);
        atomic_store_release(&maker, 0);
        return r;
}

int hf_region_ready(void)
{
        return ready(0, 0);
}

int hay_region_open_sized(const struct hay_region_options *options, size_t options_size)
{
        struct hay_region_options mine;
        int r = hf_options_take(&mine, sizeof(mine), options, options_size);
        return r < 0 ? r : ready(mine.size, -EALREADY);
}

static int attach(int fd, int bell)
{
        struct hf_layout theirs;
        size_t size;
        int r = hf_file_size(fd, &size);
        if (r < 0)
                return r;
        r = hf_file_read(fd, &theirs, sizeof(theirs));
        if (r < 0)
                return r;
        if (theirs.unit_count > MOST_SIZE / HF_UNIT_SIZE || theirs.size != size)
                return -EUCLEAN;
        struct hf_layout ours = lay_out(theirs.unit_count * HF_UNIT_SIZE);
        ours.address = theirs.address;
        if (memcmp(&ours, &theirs, sizeof(ours)) != 0)
                return -EUCLEAN;
        struct hf_bell inherited;
        r = hf_bell_adopt(&inherited, bell);
        if (r < 0)
                return r;
        void *memory;
        r = hf_map_shared(fd, size, (void *)(uintptr_t)theirs.address, &memory);
        if (r < 0)
                return r;
        adopt(fd, &inherited, memory, &ours);
        return 0;
}

int hf_region_attach(int fd, int bell)
{
        if (!begin())
                return -EALREADY;
        int r = attach(fd, bell);
        atomic_store_release(&maker, 0);
        return r;
}

int hf_region_fd(void)
{
        return region_fd;
}

int hf_region_bell(void)
{
        return region_bell.fd;
}

void hf_region_ring(void)
{
        hf_bell_ring(&region_bell);
}

bool hf_in_region(const void *address, size_t size)
{
        uintptr_t start = (uintptr_t)hf_region_base;
        uintptr_t at = (uintptr_t)address;
        return start && at >= start && size <= hf_region_size &&
               at - start <= hf_region_size - size;
}

bool hay_is_shared(const void *address)
{
        return hf_in_region(address, 1);
}

/* A lost update costs another question. */
static bool is_affordable(size_t size)
{
        uint64_t left = atomic_load_relaxed(&hf_region_credit.bytes);
        if (size <= left && hay_now() < atomic_load_relaxed(&hf_region_credit.good_until)) {
                atomic_store_relaxed(&hf_region_credit.bytes, left - size);
                return true;
        }
        size_t available = hf_memory_available();
        if (available < size || available - size < HF_UNIT_SIZE)
                return false;
        atomic_store_relaxed(&hf_region_credit.bytes,
                             hf_min((uint64_t)(available - size) / 16, 64ull << 20));
        atomic_store_relaxed(&hf_region_credit.good_until, hay_in_ms(100));
        return true;
}

/* A program may have closed the fd, and may have another file under its number. */
int hf_region_reserve(hf_offset offset, size_t size)
{
        if (!size)
                return 0;
        if (!is_affordable(size))
                return -ENOMEM;
        if (hf_file_is(region_fd, &identity))
                return hf_reserve_pages(region_fd, offset, size);
        size_t before = offset % hf_page_size();
        return hf_reserve_mapped(hf_region_base + offset - before, size + before);
}

int hf_region_release(hf_offset offset, size_t size)
{
        if (hf_file_is(region_fd, &identity))
                return hf_release_pages(region_fd, offset, size);
        return hf_release_mapped(hf_region_base + offset, size);
}
