/* The first page of the region: its layout's signature, and the root words of each layer. */
#ifndef HF_REGION_ROOT_H
#define HF_REGION_ROOT_H

#include "region/region.h"

#define HF_CACHE_LINE 64
#define HF_UNIT_SIZE ((size_t)64 << 10) /* the heap's grain; a multiple of any page size */
#define HF_LISTS 48

/* Written by the maker before anybody else sees the region; read only from then on. */
struct hf_layout {
        uint64_t magic;
        uint32_t format;
        uint32_t page_size;
        uint64_t size; /* of the whole file */
        uint64_t address;
        uint32_t root_size;
        uint32_t member_size;
        uint32_t unit_size;
        uint32_t line_size;
        hf_offset members; /* the member table */
        hf_offset units;   /* a descriptor for each unit of the heap */
        hf_offset bitmaps; /* a bitmap for each unit */
        hf_offset heap;    /* the first unit */
        uint64_t unit_count;
};

/* See member/member.c. */
struct hf_member_root {
        _Alignas(HF_CACHE_LINE) uint32_t window;
        uint32_t next;
        uint32_t deaths;
        uint32_t burial_word;
        uint32_t burial_hint;
};

/* See memory/heap.c. */
struct hf_heap_root {
        _Alignas(HF_CACHE_LINE) uint32_t guard_word;
        uint32_t guard_hint;
        uint64_t top;
        uint64_t last;
        hf_offset place;
        hf_offset releasing;
        uint64_t releasing_size;
        uint64_t warm_free;
        uint32_t free_lists[HF_LISTS];
        uint32_t partial[64];
};

/* Who takes a packet from a pipe just now: see channel/pipe.c. */
#define HF_TAKERS 64
struct hf_taker {
        uint32_t word;
        uint32_t hint;
};

struct hf_root {
        struct hf_layout layout;
        struct hf_member_root member;
        struct hf_heap_root heap;
        _Alignas(HF_CACHE_LINE) hf_offset ledgers[4]; /* see channel/ledger.c */
        hf_offset spare[4];
        _Alignas(HF_CACHE_LINE) struct hf_taker takers[HF_TAKERS];
};

/* This process's copy of it, which no damage to the region reaches. */
extern struct hf_layout hf_region_layout;

static inline struct hf_root *hf_region_root(void)
{
        return (struct hf_root *)(void *)hf_region_base;
}

#endif
