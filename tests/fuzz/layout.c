/* The head of a region's file, as an inherited fd brings it: some of its words are changed. The file is
 * always refused, if only since something else is mapped where the region belongs. */
#include "fuzz.h"

#include <hayfork.h>

#include "os/memory.h"
#include "region/root.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct hf_layout right;
static unsigned char occupied[1 << 16];

static void must(bool condition)
{
        if (!condition)
                abort();
}

/* Another process makes the region: this one is to have none. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        int ends[2];
        int status;
        (void)argc;
        (void)argv;
        must(pipe(ends) == 0);
        pid_t pid = fork();
        if (pid == 0) {
                must(hay_region_open(&(struct hay_region_options){ .size = 2 << 20 }) == 0);
                const struct hf_layout *layout = &hf_region_root()->layout;
                must(write(ends[1], layout, sizeof(*layout)) == (ssize_t)sizeof(*layout));
                _exit(0);
        }
        must(pid > 0 && read(ends[0], &right, sizeof(right)) == (ssize_t)sizeof(right));
        must(waitpid(pid, &status, 0) == pid && status == 0);
        close(ends[0]);
        close(ends[1]);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct fuzz_change changes[8];
        struct hf_layout layout = right;
        uint64_t words[sizeof(layout) / sizeof(uint64_t)];
        size_t count = fuzz_changes(data, size, changes, 8);
        memcpy(words, &layout, sizeof(words));
        for (size_t i = 0; i < count; i++) {
                uint64_t *word = &words[changes[i].place % (sizeof(words) / sizeof(*words))];
                *word = fuzz_changed(*word, &changes[i], layout.size, 1);
        }
        memcpy(&layout, words, sizeof(words));
        layout.address = (uintptr_t)occupied & ~(uintptr_t)4095;
        /* The size is the file's own most of the time: else nothing more is looked at. */
        size_t file_size = size % 8 == 7 ? 100 + count : right.size;
        if (size % 8 == 5 && layout.size && layout.size < (size_t)1 << 40)
                file_size = layout.size;
        int fd = hf_memfd_create("fuzz", file_size);
        if (fd < 0)
                return 0;
        must(pwrite(fd, &layout, sizeof(layout), 0) != 0);
        must(hf_region_attach(fd, fd) < 0 && !hf_region_base);
        close(fd);
        return 0;
}
