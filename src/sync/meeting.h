/* The state of a barrier and its slots, and a party's visit. The model stands in meeting.c. */
#ifndef HF_SYNC_MEETING_H
#define HF_SYNC_MEETING_H

#include "member/member.h"

#include <hayfork/barrier.h>

#define HF_BARRIER_INLINE (sizeof((hay_barrier *)NULL)->private_inline / sizeof(uint64_t))
#define HF_MEETING_GENERATION_MASK 0x7ffffu
#define HF_MEETING_INFO_MASK 0x3fffffu
#define HF_MEETING_SLEEPERS ((uint64_t)1 << 21)

enum hf_phase { HF_FILLING, HF_ACTING, HF_BROKEN };

struct hf_meeting {
        uint32_t generation;
        enum hf_phase phase;
        uint32_t info;
        uint32_t met;
};

/* One party's visit. */
struct hf_visit {
        hay_barrier *barrier;
        uint64_t *slots;
        uint32_t *pids;
        uint32_t parties;
        hf_member_id me;
        uint32_t generation;
        uint32_t index;
};

static inline struct hf_meeting hf_meeting_unpack(uint64_t word)
{
        return (struct hf_meeting){
                .generation = word & HF_MEETING_GENERATION_MASK,
                .phase = (enum hf_phase)(word >> 19 & 3),
                .info = word >> 22 & HF_MEETING_INFO_MASK,
                .met = word >> 44 & HF_MEETING_GENERATION_MASK,
        };
}

static inline uint64_t hf_meeting_pack(struct hf_meeting state)
{
        return (state.generation & HF_MEETING_GENERATION_MASK) | (uint64_t)state.phase << 19 |
               (uint64_t)(state.info & HF_MEETING_INFO_MASK) << 22 |
               (uint64_t)(state.met & HF_MEETING_GENERATION_MASK) << 44;
}

static inline uint64_t hf_slot_of(uint32_t generation, hf_member_id id)
{
        return (uint64_t)(generation & HF_MEETING_GENERATION_MASK) << 32 | id;
}

static inline uint32_t hf_slot_generation(uint64_t slot)
{
        return slot >> 32 & HF_MEETING_GENERATION_MASK;
}

static inline hf_member_id hf_slot_member(uint64_t slot)
{
        return (hf_member_id)slot & HF_MEMBER_ID_MASK;
}

/* Where the slots are, bounded whatever the words say; -EINVAL: NULL, misaligned, not initialised.
 */
int hf_visit_open(const hay_barrier *barrier, struct hf_visit *ret_visit);

/* Come, wait, and go, as hay_barrier_wait(); the visit is open and names its member. */
int hf_visit_make(struct hf_visit *visit, hay_time deadline);

/* Change the state from what was seen, and wake all. False: it was not that any more. */
bool hf_meeting_change(hay_barrier *barrier, uint64_t seen, struct hf_meeting next);

/* The same into a broken one. */
bool hf_meeting_break(hay_barrier *barrier, uint64_t seen, uint32_t pid);

#endif
