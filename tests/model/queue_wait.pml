/* Sleeping at a queue (src/channel/queue_wait.c): flags, signals, one wake in flight that is passed
 * on, slices.
 *
 * Members 1 to 3 put, then get, as often as PUTS and GETS say (a digit each); the deadline of
 * member IMPATIENT may pass whenever there is nothing for it. A bound of MOST messages makes
 * putters wait too. When all who live sleep rightly, the queue is closed.
 *
 * Checked: nobody sleeps for ever beside what it waits for; with KILLS=0 and NO_SLICE, that without
 * deaths no slice is needed.
 *
 * Left out: what a message is (queue_note.pml); the guards' words (guard.pml: taken if free, or of
 * a dead one, with repair then); spinning, watching. Joiners are in ledger.pml. */
#include "kill.inc"

#ifndef PUTS
#define PUTS 200
#endif
#ifndef GETS
#define GETS 11
#endif
#ifndef MOST
#define MOST 1
#endif
#ifndef IMPATIENT
#define IMPATIENT 3
#endif
#define DIGIT(number, member) (((number) / (member == 1 -> 100 : (member == 2 -> 10 : 1))) % 10)

byte tail;
byte head;
bool closed;

/* The sides, and what is slept for there: room, and a message. */
#define PUT 1
#define GET 2
byte guard[3];
bool attention[3];
byte signal[3];
byte waits_for[N + 1];

#define HAS_MESSAGE (tail != head || closed)
#define HAS_ROOM (tail - head < MOST || closed)
#define IS_READY(what) (what == GET -> HAS_MESSAGE : HAS_ROOM)
#ifdef NO_SLICE
#define LOOK_HELPS(what) false
#define MAY_LOOK false
#else
#define LOOK_HELPS(what) IS_READY(what)
#define MAY_LOOK (spurious < SPURIOUS)
#endif
#ifdef NO_OWNER
#define CAN_TAKE(word) (!(word))
#else
#define CAN_TAKE(word) (!(word) || dead[word])
#endif

#define SLEEPS_THERE(member) (waits_for[member] == what)

inline wake_one(what)
{
        signal[what] = (signal[what] + 1) % 8;
        atomic { WAKE_ONE(SLEEPS_THERE) }
}

inline wake_all()
{
        attention[GET] = false;
        d_step {
                signal[GET] = (signal[GET] + 1) % 8;
                asleep[1] = asleep[1] && waits_for[1] != GET;
                asleep[2] = asleep[2] && waits_for[2] != GET;
                asleep[3] = asleep[3] && waits_for[3] != GET
        };
        d_step {
                signal[PUT] = (signal[PUT] + 1) % 8;
                asleep[1] = asleep[1] && waits_for[1] != PUT;
                asleep[2] = asleep[2] && waits_for[2] != PUT;
                asleep[3] = asleep[3] && waits_for[3] != PUT
        }
}

/* After the commit. */
inline notify(what)
{
        if
        :: d_step { attention[what] -> attention[what] = false };
                wake_one(what)
        :: !attention[what]
        fi
}

/* One who has slept passes the wake on, or says that others may sleep. */
inline pass_on(what)
{
        if
        :: !slept
#ifdef LOOK_BEFORE_FLAG
        :: slept && IS_READY(what) -> wake_one(what)
        :: slept && !IS_READY(what) -> attention[what] = true
#else
        :: d_step { slept -> attention[what] = true };
                if
                :: IS_READY(what) -> notify(what)
                :: !IS_READY(what)
                fi
#endif
        fi;
        slept = false
}

inline sleep(what)
{
        slept = true;
        if
        :: d_step { signal[what] != seen -> seen = 0 }
        :: d_step { signal[what] == seen -> asleep[me] = true; waits_for[me] = what; seen = 0 };
                if
                :: d_step { !asleep[me] -> waits_for[me] = 0 }
                :: d_step {
                        asleep[me] && (LOOK_HELPS(what) || me == IMPATIENT) ->
                        asleep[me] = false;
                        waits_for[me] = 0
                   }
                :: d_step {
                        asleep[me] && MAY_LOOK ->
                        asleep[me] = false;
                        waits_for[me] = 0;
                        spurious++
                   }
                fi
        fi
}

/* Look, say so, look again, sleep. */
inline wait(what)
{
        if
        :: IS_READY(what)
        :: !IS_READY(what) && me == IMPATIENT -> break
        :: !IS_READY(what) ->
                seen = signal[what];
                attention[what] = true;
#ifdef LOOK_ONCE
                sleep(what)
#else
                if
                :: d_step { IS_READY(what) -> seen = 0 }
                :: !IS_READY(what) -> sleep(what)
                fi
#endif
        fi
}

inline lock(side)
{
        if
        :: d_step { !guard[side] -> guard[side] = me }
        :: d_step { guard[side] && CAN_TAKE(guard[side]) -> guard[side] = me };
                wake_all()
        fi
}

inline put()
{
        do
        :: lock(PUT);
                if
                :: tail - head < MOST && !closed ->
#ifdef WAKE_FIRST
                        notify(GET);
                        tail++;
                        guard[PUT] = 0;
#else
                        tail++;
                        guard[PUT] = 0;
                        notify(GET);
#endif
                        break
                :: d_step { closed -> guard[PUT] = 0 };
                        break
                :: d_step { tail - head >= MOST && !closed -> guard[PUT] = 0 };
                        wait(PUT)
                fi
        od;
        pass_on(PUT)
}

inline get()
{
        do
        :: lock(GET);
                if
                :: d_step { tail != head -> head++ };
                        guard[GET] = 0;
                        notify(PUT);
                        break
                :: d_step { tail == head -> guard[GET] = 0 };
                        if
                        :: closed && tail == head -> break
                        :: !closed || tail != head -> wait(GET)
                        fi
                fi
        od;
        pass_on(GET)
}

proctype member(byte me)
{
        byte left = DIGIT(PUTS, me);
        byte seen;
        bool slept;
        {
        do
        :: left -> put(); left--
        :: !left -> break
        od;
        left = DIGIT(GETS, me);
        do
        :: left -> get(); left--
        :: !left -> break
        od;
        ended[me] = true
        } unless { d_step { dead[me] -> left = 0; seen = 0; slept = false; waits_for[me] = 0 } }
}

#define IS_OVER(member) (dead[member] || ended[member])
#define IS_QUIET(member) (IS_OVER(member) || (asleep[member] && !IS_READY(waits_for[member])))

init
{
        atomic {
                run member(1);
                run member(2);
                run member(3)
        };
        IS_QUIET(1) && IS_QUIET(2) && IS_QUIET(3);
        closed = true;
        wake_all();
        IS_OVER(1) && IS_OVER(2) && IS_OVER(3)
}
