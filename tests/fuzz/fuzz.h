/* What the fuzz targets share. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A change of one word. */
struct fuzz_change {
        uint8_t part;   /* of what is fuzzed */
        uint8_t how;    /* the low bits; the high ones: when */
        uint16_t place; /* which word */
        uint32_t value;
};

/* The changes that an input holds, at most so many. */
size_t fuzz_changes(const uint8_t *data, size_t size, struct fuzz_change *ret_changes, size_t most);

/* The word with the change made: with a bit flipped, moved a little, or with a value in it that a
 * shared word may hold: an offset, a member's id, a size. */
uint64_t fuzz_changed(uint64_t word, const struct fuzz_change *change, uint64_t size,
                      uint32_t member);

#endif
