/* The owned word (src/member/guard.c): acquire and release, with sleepers, slices, and the
 * take-over of a dead owner.
 *
 * Members 1 and 2 wait for ever, member 3 has a deadline that may pass at any time. Each takes the
 * word ROUNDS times.
 *
 * Checked: two never hold the word; who gets it from a dead owner is told so, and nobody else;
 * everybody who lives comes to its end.
 *
 * Left out: spinning (as if the first look came later), the try without waiting, how long slices
 * are. An id is never another member's. */
#include "kill.inc"

#ifndef ROUNDS
#define ROUNDS 2
#endif

#define SLEEPERS 128
#define OWNER(value) ((value) & 127)

byte word;
byte holder; /* in its own view; a dead one until its heir was told */

#ifdef NO_OWNER /* the word says that it is taken, not by whom */
#define ID 1
#define IS_DEAD(value) false
#else
#define ID me
#define IS_DEAD(value) (OWNER(value) && dead[OWNER(value)])
#endif
#ifdef NO_SLICE
#define LOOK_HELPS false
#define MAY_LOOK false
#else
#define LOOK_HELPS (word != seen || IS_DEAD(seen))
#define MAY_LOOK (spurious < SPURIOUS)
#endif
#ifdef FORGETFUL /* who has slept does not say that others may sleep */
#define MINE (ID | (word & SLEEPERS))
#else
#define MINE (ID | sleeper | (word & SLEEPERS))
#endif

#define ANYBODY(member) true

inline release()
{
#ifdef WAKE_FIRST
        atomic { if :: word & SLEEPERS -> WAKE_ONE(ANYBODY) :: else fi };
        d_step { assert(holder == me); holder = 0; word = 0 }
#else
        d_step { assert(holder == me); holder = 0; seen = word & SLEEPERS; word = 0 };
        atomic { if :: seen -> WAKE_ONE(ANYBODY); seen = 0 :: else fi }
#endif
}

proctype member(byte me; bool patient; byte rounds)
{
        byte seen;
        byte sleeper; /* SLEEPERS once it may have slept */
        bool past;
        {
again:
        do
        :: rounds ->
                if
                :: d_step {
                        !OWNER(word) ->
                        assert(!holder);
                        holder = me;
                        word = MINE;
                        sleeper = 0;
                        past = false;
                        rounds--
                   }
                   release();
                   goto again
                :: d_step { OWNER(word) -> seen = word; sleeper = SLEEPERS }
                fi;
                if
                :: d_step {
                        word == seen ->
                        word = seen | SLEEPERS;
                        seen = word
                   }
                :: d_step { word != seen -> seen = 0 }; goto again
                fi;
                if
                :: d_step { word == seen && !past -> asleep[me] = true };
                        if
                        :: d_step { !asleep[me] -> seen = 0 }; goto again /* no slice is over */
                        :: d_step { asleep[me] && LOOK_HELPS -> asleep[me] = false }
                        :: d_step { asleep[me] && MAY_LOOK -> asleep[me] = false; spurious++ }
                        :: d_step { asleep[me] && !patient -> asleep[me] = false; past = true }
                        fi
                :: d_step { word != seen && !past -> seen = 0 }; goto again
                :: d_step { !patient -> past = true }
                fi;
                /* A slice is over, or there is no time left: does the owner live? */
                if
                :: d_step { word != seen -> seen = 0 }; goto again
#ifdef BLIND /* whoever waited for a slice takes over */
                :: d_step { word == seen }
#else
                :: d_step { word == seen && !IS_DEAD(seen) && past ->
                        seen = 0; sleeper = 0; past = false; rounds--
                   }; goto again
                :: d_step { word == seen && !IS_DEAD(seen) && !past -> seen = 0 }; goto again
                :: d_step { word == seen && IS_DEAD(seen) }
#endif
                fi;
                if
                :: d_step {
#ifndef STORE
                        word == seen ->
#endif
                        assert(holder && dead[holder]);
                        holder = me;
                        word = ID | SLEEPERS;
                        seen = 0; sleeper = 0; past = false; rounds--
                   };
                   release()
#ifndef STORE
                :: d_step {
                        word != seen ->
                        seen = 0;
                        if :: past -> sleeper = 0; past = false; rounds-- :: else fi
                   }
#endif
                fi
        :: !rounds -> break
        od;
        ended[me] = true
        } unless { d_step { dead[me] -> seen = 0; sleeper = 0; past = false; rounds = 0 } }
}

init
{
        atomic {
                run member(1, true, ROUNDS);
                run member(2, true, ROUNDS);
                run member(3, false, ROUNDS)
        }
}
