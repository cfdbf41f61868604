/* A function is named by its module and its distance from the module's start. Names of symbols
 * would not do: most functions that one starts are static. That it is the same module again is
 * known by a hash over its program headers and notes (the build id is one of these), and for shared
 * objects by the file's size and time, since not every linker writes a build id. */
#include "os/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static uint64_t hash(uint64_t h, const void *data, size_t size)
{
        const unsigned char *bytes = data;
        for (size_t i = 0; i < size; i++)
                h = (h ^ bytes[i]) * 0x100000001b3u;
        return h;
}

/* Whether a loaded segment with these permissions holds [offset, offset + size). */
static bool is_loaded(const struct dl_phdr_info *info, uint64_t offset, uint64_t size,
                      unsigned flags)
{
        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *part = &info->dlpi_phdr[i];
                if (part->p_type == PT_LOAD && (part->p_flags & flags) == flags &&
                    offset >= part->p_vaddr && offset - part->p_vaddr <= part->p_memsz &&
                    size <= part->p_memsz - (offset - part->p_vaddr))
                        return true;
        }
        return false;
}

static uint64_t signature_of(const struct dl_phdr_info *info, const char *path)
{
        uint64_t h = hash(0xcbf29ce484222325u, &info->dlpi_phnum, sizeof(info->dlpi_phnum));
        for (unsigned i = 0; i < info->dlpi_phnum; i++) {
                const ElfW(Phdr) *part = &info->dlpi_phdr[i];
                h = hash(h, part, sizeof(*part));
                if (part->p_type == PT_NOTE && is_loaded(info, part->p_vaddr, part->p_filesz, PF_R))
                        h = hash(h, (const void *)(info->dlpi_addr + part->p_vaddr),
                                 part->p_filesz);
        }
        struct stat file;
        if (*path && stat(path, &file) == 0) {
                h = hash(h, &file.st_size, sizeof(file.st_size));
                h = hash(h, &file.st_mtim, sizeof(file.st_mtim));
        }
        return h;
}

struct search {
        uint64_t address; /* looked for when there is no place */
        const struct hf_place *place;
        struct hf_place *ret_place;
        unsigned seen;
        int result;
};

/* The loader's name of a module as an absolute path; "" for the program, which comes first. */
static int path_of(const struct dl_phdr_info *info, struct search *search,
                   char path[static PATH_MAX])
{
        *path = '\0';
        if (search->seen++ == 0)
                return 0;
        return realpath(info->dlpi_name, path) ? 0 : -ENOENT;
}

static int match_address(struct dl_phdr_info *info, size_t size, void *data)
{
        struct search *search = data;
        struct hf_place *place = search->ret_place;
        int r = path_of(info, search, place->path);
        (void)size;
        if (!is_loaded(info, search->address - info->dlpi_addr, 1, PF_X))
                return 0;
        search->result = r;
        place->offset = search->address - info->dlpi_addr;
        place->signature = signature_of(info, place->path);
        return 1;
}

static int match_place(struct dl_phdr_info *info, size_t size, void *data)
{
        struct search *search = data;
        const struct hf_place *place = search->place;
        char path[PATH_MAX];
        (void)size;
        if (path_of(info, search, path) < 0 || strcmp(path, place->path) != 0)
                return 0;
        search->result = -EUCLEAN;
        if (signature_of(info, path) == place->signature &&
            is_loaded(info, place->offset, 1, PF_X)) {
                search->address = info->dlpi_addr + place->offset;
                search->result = 0;
        }
        return 1;
}

int hf_place_of(hf_function *function, struct hf_place *ret_place)
{
        struct search search = { .address = (uintptr_t)function,
                                 .ret_place = ret_place,
                                 .result = -ENOENT };
        _Static_assert(sizeof(ret_place->path) >= PATH_MAX, "any path fits");
        memset(ret_place, 0, sizeof(*ret_place));
        dl_iterate_phdr(match_address, &search);
        return search.result;
}

int hf_place_find(const struct hf_place *place, hf_function **ret_function)
{
        struct search search = { .place = place, .result = -ENOENT };
        dl_iterate_phdr(match_place, &search);
        if (search.result == -ENOENT && *place->path && dlopen(place->path, RTLD_NOW)) {
                search.seen = 0;
                dl_iterate_phdr(match_place, &search);
        }
        if (search.result < 0)
                return -ENOENT;
        *ret_function = (hf_function *)(uintptr_t)search.address;
        return 0;
}
