/* A pool's ledger (src/pool/shared.h, worker.c, job.c, mind.c, wait.c): chunks' words, the cursor
 * as a hint, the counts, the owner's wait, what a dead worker had, retiring by announcement.
 *
 * An owner, which is not killed, and two workers, which are, and are replaced then. The owner maps
 * JOBS times over CHUNKS chunks, of which all but the last have two items; with PATIENCE 0 its
 * deadline may pass. Each job has the memory of the one before. Then the pool is closed.
 *
 * Checked: no item is begun twice; when the map returns, each item has come to its end, or is
 * accounted to a kill, one to each at most; no job's memory is touched when it was freed; the owner
 * and the workers that live come to their ends.
 *
 * Left out: several threads in the owner, failing items and forks, termination, the owner's death
 * (estate.pml), spinning. */
#define N 2
#include "kill.inc"

#ifndef JOBS
#define JOBS 1
#endif
#ifndef CHUNKS
#define CHUNKS 2
#endif
#ifndef PATIENCE
#define PATIENCE 1
#endif
#define ITEMS (2 * CHUNKS - 1)
#define FIRST(chunk) (2 * (chunk))
#define END(chunk) ((chunk) == CHUNKS - 1 -> ITEMS : 2 * (chunk) + 2)

/* The pool's words. */
byte work;
byte sleepers;
bool closed;
bool ready; /* the slot's; there is one job at a time */
bool bell;

/* The workers' words. */
byte id_of[N + 1]; /* 0 until it runs */
bool looks[N + 1]; /* worker.job: it looks at the job */
byte chunk_of[N + 1];
byte item_of[N + 1];

/* The job's words. */
#define FREE 0
#define RUNNING 1
#define DONE 2
byte state[CHUNKS];
byte items[CHUNKS]; /* done before this run */
byte runner[CHUNKS];
byte cursor;
byte done;
bool finished;
bool waiting;
bool nervous;
bool cancelled;

/* As it is. */
bool live; /* the job's memory */
bool begun[ITEMS];
bool over[ITEMS];
bool lost[ITEMS]; /* in the owner's view */
byte deaths;
byte born[N + 1]; /* workers of an index that there were */
bool gone[N + 1]; /* the last of them is, for its parent to see */

#define ID(index) ((index) + 2 * born[index])
#ifdef NO_OWNER
#define RUNNER 0
#else
#define RUNNER ID(me)
#endif

#if CHUNKS == 1
#define IS_ALL_DONE (state[0] == DONE)
#define FIRST_FREE (state[0] == FREE -> 0 : CHUNKS)
#else
#define IS_ALL_DONE (state[0] == DONE && state[1] == DONE)
#define FIRST_FREE (state[0] == FREE -> 0 : (state[1] == FREE -> 1 : CHUNKS))
#endif
#define IS_DONE (finished || (nervous && IS_ALL_DONE))

#ifdef NO_SLICE
#define WORKER_LOOK_HELPS false
#define OWNER_LOOK_HELPS false
#else
#define WORKER_LOOK_HELPS (work != seen || (ready && cursor < CHUNKS) || (closed && !ready))
#define OWNER_LOOK_HELPS IS_DONE
#endif

#define TOUCH assert(live)

#define ANYBODY(member) true

inline wake_all()
{
        d_step { asleep[1] = false; asleep[2] = false }
}

/* [P1] */
inline count_chunk()
{
        d_step { TOUCH; done++; is_last = (done == CHUNKS) };
        if
        :: d_step { is_last -> TOUCH; finished = true }
        :: d_step { !is_last -> TOUCH; is_last = nervous }
        fi;
        if
        :: d_step { is_last && waiting -> TOUCH; is_last = false };
                bell = true
        :: d_step { is_last && !waiting -> TOUCH; is_last = false }
        :: !is_last
        fi
}

#define CAN_CLAIM (state[c] == FREE && item == FIRST(c) + items[c])

inline run_items()
{
        do
        :: d_step { item < END(c) && !cancelled -> TOUCH };
#ifdef ITEM_LATE
                d_step { TOUCH; assert(!begun[item]); begun[item] = true };
                item_of[me] = item + 1;
#else
                item_of[me] = item + 1;
                d_step { TOUCH; assert(!begun[item]); begun[item] = true };
#endif
                d_step { TOUCH; over[item] = true; item++ }
        :: d_step { item < END(c) && cancelled -> TOUCH };
                break
        :: item == END(c) ->
                d_step { TOUCH; assert(state[c] == RUNNING); state[c] = DONE; runner[c] = 0 };
                count_chunk();
                break
        od
}

inline run_chunk()
{
        if
        :: d_step { state[c] == FREE -> TOUCH; item = FIRST(c) + items[c] };
                item_of[me] = 0;
#ifndef CLAIM_FIRST
                chunk_of[me] = c + 1;
#endif
                if
                :: d_step { CAN_CLAIM -> TOUCH; state[c] = RUNNING; runner[c] = RUNNER };
#ifdef CLAIM_FIRST
                        chunk_of[me] = c + 1;
#endif
                        run_items()
                :: d_step { !CAN_CLAIM -> TOUCH }
                fi
        :: d_step { state[c] != FREE -> TOUCH }
        fi;
        atomic { item = 0; c = 0 }
}

inline run_job()
{
        do
        :: d_step { !cancelled && cursor < CHUNKS -> TOUCH; c = cursor; cursor++ };
                if
                :: !ran && c + 1 < CHUNKS && sleepers -> wake_all() /* two */
                :: ran || c + 1 >= CHUNKS || !sleepers
                fi;
                ran = true;
                run_chunk()
        :: d_step { cancelled || cursor >= CHUNKS -> TOUCH }; break
        od
}

proctype worker(byte me)
{
        byte seen;
        byte c;
        byte item;
        bool ran;
        bool is_last;
again:
        {
        id_of[me] = ID(me);
        do
        :: d_step { seen = work; ran = false };
                /* [P2] */
                if
                :: ready ->
                        looks[me] = true;
                        if
#ifndef ANNOUNCE_ONLY
                        :: ready -> run_job()
                        :: !ready
#else
                        :: run_job()
#endif
                        fi;
                        chunk_of[me] = 0;
                        looks[me] = false
                :: !ready
                fi;
                if
                :: ran
                :: !ran && closed && !ready -> break
                :: !ran && !(closed && !ready) ->
                        sleepers++;
                        if
                        :: d_step { work == seen -> asleep[me] = true };
                                if
                                :: !asleep[me]
                                :: d_step { asleep[me] && WORKER_LOOK_HELPS -> asleep[me] = false }
                                fi
                        :: work != seen
                        fi;
                        sleepers--
                fi
        od;
        atomic { ended[me] = true; gone[me] = true; seen = 0 }
        } unless {
                d_step {
                        dead[me] ->
                        gone[me] = true;
                        seen = 0;
                        c = 0;
                        item = 0;
                        ran = false;
                        is_last = false
                }
        };
end_replaced:
        do
        :: !dead[me] && !ended[me] -> goto again
        :: dead[me] && !gone[me] -> gone[me] = true /* killed before it did anything */
        :: ended[me] -> break
        od
}

/* The owner. */

inline publish()
{
        d_step {
                live = true;
                for (c in state) {
                        state[c] = FREE;
                        items[c] = 0;
                        runner[c] = 0
                }
                for (c in begun) {
                        begun[c] = false;
                        over[c] = false;
                        lost[c] = false
                }
                c = 0;
                cursor = 0;
                done = 0;
                deaths = 0;
                finished = false;
                waiting = false;
                nervous = false;
                cancelled = false
        };
#ifdef WAKE_FIRST
        if
        :: sleepers -> atomic { WAKE_ONE(ANYBODY) }
        :: !sleepers
        fi;
#endif
        ready = true;
        work++;
#ifndef WAKE_FIRST
        if
        :: sleepers -> atomic { WAKE_ONE(ANYBODY) }
        :: !sleepers
        fi
#endif
}

/* The chunk that the dead worker had. */
inline give_back()
{
        c = chunk_of[index] - 1;
        d_step {
                if
                :: state[c] == RUNNING && runner[c] == id_of[index] && id_of[index] ->
                        if
                        :: item_of[index] > FIRST(c) + items[c] && item_of[index] <= END(c) ->
                                assert(!lost[item_of[index] - 1]);
                                lost[item_of[index] - 1] = true;
                                deaths++;
                                items[c] = item_of[index] - FIRST(c)
                        :: else
                        fi;
                        state[c] = (FIRST(c) + items[c] < END(c) -> FREE : DONE);
                        runner[c] = 0
                :: else
                fi;
                c = 0
        }
}

inline bury()
{
#ifndef NO_NERVES
        nervous = true;
#endif
        if
        :: looks[index] && chunk_of[index] -> give_back()
        :: !looks[index] || !chunk_of[index]
        fi;
#ifndef CURSOR_STAYS
        c = FIRST_FREE;
        if
        :: c < cursor && c < CHUNKS -> cursor = c
        :: c >= cursor || c >= CHUNKS
        fi;
#endif
        c = 0
}

inline settle_death()
{
        if
        :: ready -> bury()
        :: !ready
        fi;
        d_step { id_of[index] = 0; looks[index] = false; chunk_of[index] = 0; item_of[index] = 0 };
        work++;
        if
        :: sleepers -> wake_all()
        :: !sleepers
        fi;
        d_step { born[index]++; gone[index] = false; dead[index] = false }
}

inline mind()
{
        do
        :: d_step { gone[1] && dead[1] -> index = 1 }; settle_death()
        :: d_step { gone[2] && dead[2] -> index = 2 }; settle_death()
        :: !(gone[1] && dead[1]) && !(gone[2] && dead[2]) -> break
        od
}

/* Wait for the job. */
inline wait()
{
        if
        :: finished && !nervous -> is_in_time = true
        :: true ->
#ifndef LOOK_FIRST
        waiting = true;
#endif
        do
        :: mind();
                if
                :: IS_DONE -> is_in_time = true; break
                :: !IS_DONE && !PATIENCE -> is_in_time = false; break
                :: !IS_DONE
                fi;
#ifdef LOOK_FIRST
                waiting = true;
#endif
                if
                :: bell || (gone[1] && dead[1]) || (gone[2] && dead[2])
                :: OWNER_LOOK_HELPS
                :: !PATIENCE
                fi;
                bell = false
        od
        fi
}

inline check()
{
        d_step {
                for (c in begun) {
                        assert(lost[c] || (begun[c] && over[c]))
                }
                c = 0;
                assert(deaths <= kills)
        }
}

inline retire()
{
        cancelled = true;
        ready = false;
        /* [P2] */
        do
#ifndef FREE_BLINDLY
        :: !looks[1] && !looks[2] -> break
        :: (looks[1] || looks[2]) &&
           ((gone[1] && dead[1]) || (gone[2] && dead[2])) -> mind()
#else
        :: break
#endif
        od;
        live = false
}

active proctype owner()
{
        byte c;
        byte index;
        byte round;
        bool is_in_time;
        atomic { run worker(1); run worker(2) };
        do
        :: round < JOBS ->
                publish();
                wait();
                if
                :: is_in_time -> check()
                :: !is_in_time
                fi;
                is_in_time = false;
                retire();
                round++
        :: round == JOBS -> break
        od;
        closed = true;
        work++;
        if
        :: sleepers -> wake_all()
        :: !sleepers
        fi;
        /* Joined, nobody is replaced. */
        gone[1] && gone[2]
}
