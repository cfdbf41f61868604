/* What a pool's owner leaves behind (src/pool/estate.c).
 *
 * Member 1 makes two pools, with a worker in the first and a job's block in one of them, and frees
 * one. Member 2 is that worker: it writes to the pool and to the job, and ends at some time after
 * its owner. Members 3 and 4 bury the owner when it is dead, and may die in that. A survivor buries
 * what is left.
 *
 * Checked: nothing is freed twice, or touched after it was freed; at the end nothing is left.
 *
 * Left out: the heap (heap.pml: a block gets its place, or is freed with its place cleared, in one
 * step); jobs' other blocks, which are treated alike. Assumed: the kernel posts the SIGKILL to a
 * daemon whose owner died before others can see that death; so a worker that was not yet in the
 * pool's table is no danger (docs/decisions/0005). LATE_LIFELINE shows why. */
#define N 4
#include "kill.inc"

#define OWNER 1
#define WORKER 2
#define SURVIVOR 5

/* Blocks: the pools and the job. */
#define FIRST 1
#define SECOND 2
#define JOB 3
bool live[4];

/* Words of the region; place 0 is none. */
#define POOLS 1     /* intents.pools of the owner */
#define NOTE 2      /* intents.block */
#define POOL_NOTE 3 /* intents.pool_note */
#define NEXT(pool) (3 + (pool))
#define IN(pool) (5 + (pool))
byte named[8];
bool registered; /* the worker, in the first pool */
bool started;

byte burial; /* the guard of burials */
bool buried; /* the owner */

#define ALLOCATE(block, place) \
        d_step { assert(!live[block] && !named[place]); live[block] = true; named[place] = block }

inline free_at(place)
{
        d_step {
                assert(live[named[place]]);
                live[named[place]] = false;
                named[place] = 0
        }
}

inline free_pool(place)
{
        d_step { pool = named[place]; assert(live[pool]) };
        if
        :: named[IN(pool)] -> free_at(IN(pool))
        :: !named[IN(pool)]
        fi;
#ifndef NO_POOL_NOTE
        named[POOL_NOTE] = pool;
        named[place] = named[NEXT(pool)];
        free_at(POOL_NOTE);
#else
        d_step { at = named[place]; named[place] = named[NEXT(pool)] };
        d_step { assert(live[at]); live[at] = false; at = 0 };
#endif
        /* Its memory is another's now. */
        d_step { named[NEXT(pool)] = 0; pool = 0 }
}

inline make_pool(block)
{
        ALLOCATE(block, NOTE);
        named[NEXT(block)] = named[POOLS];
#ifdef FORGET_FIRST
        named[NOTE] = 0;
        named[POOLS] = block
#else
        named[POOLS] = block;
        named[NOTE] = 0
#endif
}

proctype owner(byte me)
{
        byte pool;
        byte at;
        {
        make_pool(FIRST);
        started = true;
        make_pool(SECOND);
        if
        :: ALLOCATE(JOB, IN(FIRST))
        :: ALLOCATE(JOB, IN(SECOND))
        fi;
        if
        :: free_pool(POOLS)
        :: /* The first one's worker ends before. */
           dead[WORKER] || ended[WORKER];
           free_pool(NEXT(SECOND))
        fi;
        dead[me] = true /* it ends without freeing the rest */
        } unless { d_step { dead[me] -> pool = 0; at = 0 } }
}

proctype worker(byte me)
{
end_unborn:
        {
        started;
end_early:
#ifdef LATE_LIFELINE
        d_step { assert(live[FIRST]); registered = true };
#else
        d_step { !dead[OWNER] -> assert(live[FIRST]); registered = true };
#endif
end:
        do
        :: d_step { assert(live[FIRST]); assert(!named[IN(FIRST)] || live[JOB]) }
        :: d_step { dead[OWNER] -> dead[me] = true }
        od
        } unless { dead[me] }
}

inline settle_estate()
{
        at = named[POOLS];
        is_settled = true;
        do
        :: at && is_settled ->
                d_step {
                        assert(live[at]);
#ifndef NO_LOOK
                        if
                        :: at == FIRST && registered && !dead[WORKER] -> is_settled = false
                        :: else
                        fi
#endif
                };
                if
                :: is_settled ->
#ifndef NOTES_STAY
                        d_step { if :: named[NOTE] == at -> named[NOTE] = 0 :: else fi };
                        d_step { if :: named[POOL_NOTE] == at -> named[POOL_NOTE] = 0 :: else fi };
#endif
                        at = named[NEXT(at)]
                :: !is_settled
                fi
        :: d_step { !at || !is_settled -> at = 0 };
                break
        od;
        if
        :: is_settled ->
                if
                :: named[POOL_NOTE] -> free_at(POOL_NOTE)
                :: !named[POOL_NOTE]
                fi;
                do
                :: named[POOLS] -> free_pool(POOLS)
                :: !named[POOLS] -> break
                od
        :: !is_settled
        fi
}

inline bury()
{
        d_step { !burial || dead[burial] -> burial = me };
        if
        :: !buried && dead[OWNER] ->
                settle_estate();
                /* The heap's part. */
                if
                :: named[NOTE] -> free_at(NOTE)
                :: !named[NOTE]
                fi;
                if
                :: is_settled -> d_step { buried = true; is_settled = false }
                :: !is_settled
                fi
        :: buried || !dead[OWNER]
        fi;
        burial = 0
}

proctype burier(byte me)
{
        byte pool;
        byte at;
        bool is_settled;
        {
        dead[OWNER];
        bury();
        ended[me] = true
        } unless { d_step { dead[me] -> pool = 0; at = 0; is_settled = false } }
}

init
{
        byte me = SURVIVOR;
        byte pool;
        byte at;
        bool is_settled;
        atomic {
                run owner(OWNER);
                run worker(WORKER);
                run burier(3);
                run burier(4)
        };
        dead[OWNER] && (dead[3] || ended[3]) && (dead[4] || ended[4]) &&
                (dead[WORKER] || !registered);
        atomic {
                bury();
                assert(buried && !live[FIRST] && !live[SECOND] && !live[JOB]);
                assert(!named[POOLS] && !named[NOTE] && !named[POOL_NOTE])
        }
}
