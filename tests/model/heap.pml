/* The heap's places, burial and slots (src/memory/heap.c, src/memory/slab.c, src/member/member.c).
 *
 * Members 1 to 3 join a table of SLOTS slots, do one thing each, and leave:
 *   NOTED   allocate a block and free it, by the note in their slot (intents.block)
 *   OWN     allocate a block at a word of the region that outlives them, and perhaps free it
 *   TAKEN   take the block that a queue names into their note, and free it
 *   BURIES  look at a slot, and bury the dead member that it may hold.
 * So buriers die too, and freed slots are joined again. At the end a survivor buries the rest.
 *
 * Checked: a block is never given to two, nor freed but by its owner, or by the burier of its
 * owner; nothing done for the dead reaches their slot's next member; at the end a block is live if
 * and only if a word names it, and what is derived is right; nobody hangs.
 *
 * Left out: the guards' words (guard.pml: taken if free, or of a dead one, with repair then);
 * spans, classes, pages; how a queue's block gets into the note (queue_note.pml; here it is one
 * step). */
#include "kill.inc"

#ifndef SLOTS
#define SLOTS 2
#endif
#define BLOCKS 2
#define SURVIVOR 4

#define NOTED 1
#define OWN 2
#define TAKEN 3
#define BURIES 4
byte task[N + 1];

/* A slot's word: its member, and a bit while somebody settles what it left. */
#define BURYING 8
byte slot[SLOTS + 1];

/* Places: 1 to SLOTS are the slots' notes, then come the members' own words. */
#define OWN_OF(member) (SLOTS + (member))
byte named[SLOTS + N + 2];
byte queued = 1;

byte guard;  /* the heap's */
byte burial; /* the burials' */
byte place;  /* root.place */
bool taken[BLOCKS + 1]; /* the bitmap */
byte live;              /* derived */

/* Whose a block is, in its own view: a member's, or the region's. */
#define REGION 9
byte owner[BLOCKS + 1];

#define IS_LIVE(block) ((block) && taken[block])

/* Take the guard; when it was a dead one's, repair. */
inline lock_heap(at)
{
        if
        :: d_step { !guard -> guard = me }
        :: d_step { guard && dead[guard] -> guard = me };
#ifndef NO_REPAIR
                d_step { live = taken[1] + taken[2]; seen = (place -> named[place] : 0) };
#ifdef CLEAR_BLINDLY
                if
                :: d_step { place && !IS_LIVE(seen) -> named[place] = 0 }
                :: !place || IS_LIVE(seen)
                fi;
#else
                if
                :: d_step { seen && !IS_LIVE(seen) ->
                        if :: named[place] == seen -> named[place] = 0 :: else fi
                   }
                :: !seen || IS_LIVE(seen)
                fi;
#endif
                seen = 0
#endif
        fi;
        place = at
}

inline unlock_heap()
{
        place = 0;
        guard = 0
}

inline commit_alloc(who)
{
        d_step { assert(!owner[block]); owner[block] = who; taken[block] = true }
}

#define FIRST_FREE (!taken[1] -> 1 : 2)
#define IS_FULL (taken[1] && taken[2])

/* The block, or 0, is in `block` then. */
inline alloc(at, who)
{
        lock_heap(at);
        if
#ifdef BIT_BEFORE_PLACE
        :: d_step { !IS_FULL -> block = FIRST_FREE };
                commit_alloc(who);
                named[at] = block;
                live++
#else
        :: d_step { !IS_FULL -> block = FIRST_FREE; named[at] = block };
                commit_alloc(who);
                live++
#endif
        :: IS_FULL
        fi;
        unlock_heap()
}

inline commit_free(who)
{
        d_step {
                assert(owner[block] == (who));
                owner[block] = 0;
                taken[block] = false
        };
        live--
}

inline free(at, who)
{
#ifdef READ_OUTSIDE
        block = named[at];
        lock_heap(at);
#else
        lock_heap(at);
        block = named[at];
#endif
#ifdef CLEAR_BEFORE_BIT
        named[at] = 0;
#endif
        if
        :: IS_LIVE(block) -> commit_free(who)
        :: !IS_LIVE(block)
        fi;
#ifdef CLEAR_BEFORE_BIT
        block = 0;
#else
        d_step { named[at] = 0; block = 0 };
#endif
        unlock_heap()
}

/* word: as the slot was when its member was found to be dead. */
inline settle()
{
        if
        :: named[s] -> free(s, word & 7)
        :: !named[s]
        fi;
        named[s] = 0
}

inline bury()
{
        if
        :: d_step { (slot[s] & 7) && dead[slot[s] & 7] -> word = slot[s] };
                d_step { !burial || dead[burial] -> burial = me };
#ifdef RECLAIM_BLINDLY /* nothing tells those who join that a burial goes on */
                if
                :: slot[s] == word ->
                        settle();
                        d_step { if :: slot[s] == word -> slot[s] = 0 :: else fi }
                :: slot[s] != word
                fi;
#else
                if
                :: d_step { slot[s] == word && !named[s] && !(word & BURYING) -> slot[s] = 0 }
                :: d_step { slot[s] == word && (named[s] || (word & BURYING)) };
                        if
                        :: d_step { slot[s] == word -> slot[s] = word | BURYING };
                                settle();
                                slot[s] = 0
                        :: slot[s] != word
                        fi
                :: slot[s] != word
                fi;
#endif
                d_step { burial = 0; word = 0 }
        :: !(slot[s] & 7) || !dead[slot[s] & 7]
        fi
}

#define HAS_DEAD_BARE (slot[s] && !(slot[s] & BURYING) && dead[slot[s] & 7] && !named[s])

/* Take a free slot, or a dead member's that left nothing undone; without one, give up. */
inline join()
{
        s = 1;
        do
        :: d_step { s <= SLOTS && !slot[s] -> slot[s] = me; mine = s };
                break
        :: d_step { s <= SLOTS && HAS_DEAD_BARE -> word = slot[s] };
                d_step { if :: slot[s] == word -> slot[s] = 0 :: else s++ fi; word = 0 }
        :: d_step { s <= SLOTS && slot[s] && !HAS_DEAD_BARE -> s++ }
        :: s > SLOTS -> break
        od;
        s = 0
}

inline free_noted()
{
        d_step { assert(named[mine] == block); block = 0 };
        free(mine, me)
}

proctype member(byte me)
{
        byte mine;
        byte s;
        byte word;
        byte block;
        byte seen;
        {
        join();
        if
        :: !mine
        :: mine && task[me] == NOTED ->
                alloc(mine, me);
                if
                :: block -> free_noted()
                :: !block
                fi
        :: mine && task[me] == OWN ->
                alloc(OWN_OF(me), REGION);
                if
                :: d_step { block -> block = 0 }; free(OWN_OF(me), REGION)
                :: block = 0
                fi
        :: mine && task[me] == TAKEN ->
                if
                :: d_step { queued ->
                        named[mine] = queued;
                        owner[queued] = me;
                        block = queued;
                        queued = 0
                   };
                   free_noted()
                :: !queued
                fi
        :: d_step { mine != 1 && task[me] == BURIES -> s = 1 }; bury(); s = 0
        :: d_step { mine != 2 && task[me] == BURIES -> s = 2 }; bury(); s = 0
        :: d_step { mine != SLOTS && task[me] == BURIES -> s = SLOTS }; bury(); s = 0
        fi;
        d_step {
                if
                :: mine -> assert(!named[mine] && slot[mine] == me); slot[mine] = 0; mine = 0
                :: else
                fi;
                ended[me] = true
        }
        } unless { d_step { dead[me] -> mine = 0; s = 0; word = 0; block = 0; seen = 0 } }
}

init
{
        byte me = SURVIVOR;
        byte s;
        byte word;
        byte block;
        byte seen;
        atomic {
                taken[queued] = true;
                live = 1;
                owner[queued] = REGION;
                /* Members are alike, so that their tasks are in order. */
                select(s : NOTED .. BURIES);
                task[1] = s;
                select(s : task[1] .. BURIES);
                task[2] = s;
                select(s : task[2] .. BURIES);
                task[3] = s;
                s = 0;
                run member(1);
                run member(2);
                run member(3)
        };
        (dead[1] || ended[1]) && (dead[2] || ended[2]) && (dead[3] || ended[3]);
        atomic {
                for (s : 1 .. SLOTS) {
                        bury()
                }
                lock_heap(0);
                unlock_heap();
                for (s : 1 .. SLOTS) {
                        assert(!slot[s] && !named[s])
                }
                for (block : 1 .. BLOCKS) {
                        assert(taken[block] == (queued == block) + (named[OWN_OF(1)] == block) +
                                             (named[OWN_OF(2)] == block) +
                                             (named[OWN_OF(3)] == block))
                }
                assert(live == taken[1] + taken[2])
        }
}
