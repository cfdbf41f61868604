#include "fuzz.h"

#include <string.h>

size_t fuzz_changes(const uint8_t *data, size_t size, struct fuzz_change *ret_changes, size_t most)
{
        size_t count = 0;
        for (; count < most && size >= 8; data += 8, size -= 8) {
                struct fuzz_change *change = &ret_changes[count++];
                change->part = data[0];
                change->how = data[1];
                memcpy(&change->place, data + 2, 2);
                memcpy(&change->value, data + 4, 4);
        }
        return count;
}

uint64_t fuzz_changed(uint64_t word, const struct fuzz_change *change, uint64_t size,
                      uint32_t member)
{
        uint64_t value = change->value;
        switch (change->how % 12) {
        case 0:
                return word ^ 1ull << value % 64;
        case 1:
                return word + value % 512 - 256;
        case 2:
                return value;
        case 3:
                return value << 32 | (word & UINT32_MAX);
        case 4:
                return value % size & ~15ull;
        case 5:
                return size - value % 128;
        case 6:
                return UINT64_MAX - value % 64;
        case 7:
                return 1ull << 63 | value;
        case 8:
                return member | (word & ~(uint64_t)UINT32_MAX);
        case 9:
                return word << 32 | word >> 32;
        case 10:
                return 0;
        default:
                return (uint64_t)value * 0x9e3779b97f4a7c15u;
        }
}
