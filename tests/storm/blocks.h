/* How an act's block of the region looks. */
#ifndef STORM_BLOCKS_H
#define STORM_BLOCKS_H

#include <stdint.h>

#define STORM_BLOCK 0x626c6f636b73746full

struct storm_block {
        uint64_t record; /* who made it: the number of the record */
        uint64_t size;
        uint64_t magic; /* stored last */
};

#endif
