/* The owned word, under all locks: 0 is free, else the owner's member id; bit 31 says that others
 * may sleep. It is handed on when its owner died.
 *
 * struct hf_guard is the internal lock that stands over multi-word state: one lock, one commit, one
 * repair. */
#ifndef HF_MEMBER_GUARD_H
#define HF_MEMBER_GUARD_H

#include "member/member.h"

#include <hayfork/time.h>

#define HF_WORD_SLEEPERS 0x80000000u

/* Take the word for `me`. 0; HAY_OWNER_DIED: taken from a dead owner; -ETIMEDOUT. `hint` is the
 * spin hint beside the word. */
int hf_word_acquire(uint32_t *word, uint32_t *hint, hf_member_id me, hay_time deadline);

/* Free the word, whoever owns it, and wake a sleeper. -EPERM: it was free. */
int hf_word_release(uint32_t *word);

struct hf_guard {
        uint32_t word;
        uint32_t hint;
};

/* Finish or discard what dead members left half done in the guard's object. It runs while the
 * calling member holds the guard, and may be killed at any instruction: then the next owner runs it
 * again. So it looks at the object and at the notes that *all* members keep of it (hf_intents, a
 * walk up to hf_member_window()): notes of a guard's object are set and cleared while holding the
 * guard alone. */
typedef void hf_repair(void *object);

/* Take a guard for `me`, and repair its object if its owner died. Waits for ever: a guard is held
 * for microseconds, and its owner's death ends the wait within HF_SLICE_LAST. */
void hf_guard_lock(struct hf_guard *guard, hf_member_id me, hf_repair *repair, void *object);

/* The same with a deadline, for the case of an owner that is stopped, or a machine that does not let
 * it run: 0, or -ETIMEDOUT. A guard in use is no reason for that, so a deadline that is near or
 * past gets HF_GUARD_PATIENCE_MS. */
#define HF_GUARD_PATIENCE_MS 100
int hf_guard_lock_by(struct hf_guard *guard, hf_member_id me, hf_repair *repair, void *object,
                     hay_time deadline);
void hf_guard_unlock(struct hf_guard *guard);

#endif
