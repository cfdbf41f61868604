/* A queue's messages, its notes and their repair, and burial (src/channel/queue_put.c, queue_get.c,
 * queue_note.c).
 *
 * Members 1 to 3 put, bury (once, any dead one), and get, as often as PUTS, BURIES and GETS say (a
 * digit each). At the end a survivor buries the rest and takes what is left.
 *
 * Checked: each message that was committed is returned to one getter, or is left, or is counted as
 * lost, with a killed getter for each; what put accepted was committed; no block leaks, is freed
 * twice, or is in the queue when it is freed.
 *
 * Left out: sleeping (queue_wait.pml; here who finds nothing goes on); the guards' words
 * (guard.pml: taken if free, or of a dead one, with repair then); the heap and slots (heap.pml: a
 * block and its note change in one step; slots are not given away here); ledgers (ledger.pml);
 * positions in the ring, its growth, runs of many. */
#include "kill.inc"

#ifndef PUTS
#define PUTS 200
#endif
#ifndef BURIES
#define BURIES 11
#endif
#ifndef GETS
#define GETS 21
#endif
#define DIGIT(number, member) (((number) / (member == 1 -> 100 : (member == 2 -> 10 : 1))) % 10)
#define SURVIVOR 4

/* Messages 2p - 1 and 2p are member p's: the first lies in a block of that number, the other one in
 * the ring. */
#define MESSAGES 7
#define IS_BLOCK(message) ((message) & 1)
byte ring[MESSAGES];
byte tail;
byte head;
byte lost;
bool live[MESSAGES];

/* In the members' view. */
bool committed[MESSAGES];
bool accepted[MESSAGES];
bool returned[MESSAGES];

/* The sides, and the note of each. */
#define PUT 1
#define GET 2
#define LOST 3
byte guard[3];
byte noted[3]; /* note.owner */
byte kind;     /* of the get side's note */
byte before[3];
byte inward;  /* the put side's note.in */
byte outward; /* the get side's note.out */

/* Intents, by member. */
byte side_of[N + 2];
bool taken[N + 2];
byte block_of[N + 2];
bool buried[N + 2];
byte burial;

inline free_block(member)
{
        d_step {
                assert(live[block_of[member]]);
                live[block_of[member]] = false;
                block_of[member] = 0
        }
}

#define IS_DONE(side) \
        (before[side] != (side == PUT -> tail : (kind == LOST -> lost : head)))
#define WRONG_BLOCK(side) \
        (side == PUT -> (is_done -> inward : 0) : (is_done || kind == LOST -> 0 : outward))

/* Finish or take back the step that a dead member had noted. */
inline repair(side)
{
        if
        :: d_step { noted[side] -> who = noted[side]; is_done = IS_DONE(side) };
                if
                :: side_of[who] == side ->
                        d_step {
                                if
                                :: WRONG_BLOCK(side) && block_of[who] == WRONG_BLOCK(side) ->
                                        block_of[who] = 0
                                :: else
                                fi
                        };
                        if
                        :: d_step { side == GET && (kind == LOST) == is_done -> taken[who] = false }
                        :: side == PUT || (kind == LOST) != is_done
                        fi;
                        d_step { if :: !taken[who] -> side_of[who] = 0 :: else fi }
                :: side_of[who] != side
                fi;
                d_step { noted[side] = 0; who = 0; is_done = false }
        :: !noted[side]
        fi
}

inline lock(side)
{
        if
        :: d_step { !guard[side] -> guard[side] = me }
        :: d_step { guard[side] && dead[guard[side]] -> guard[side] = me };
#ifndef NO_REPAIR
                repair(side)
#endif
        fi
}

inline commit_put()
{
        d_step { committed[message] = true; tail++ }
}

inline put()
{
        if
        :: d_step { IS_BLOCK(message) -> live[message] = true; block_of[me] = message };
                lock(PUT);
                ring[tail] = message;
                side_of[me] = PUT;
                d_step { before[PUT] = tail; inward = message };
#ifndef NO_NOTE
                noted[PUT] = me;
#endif
                commit_put();
                block_of[me] = 0;
                noted[PUT] = 0;
                side_of[me] = 0;
        :: !IS_BLOCK(message) ->
                lock(PUT);
#ifdef COMMIT_FIRST
                commit_put();
                ring[tail - 1] = message;
#else
                ring[tail] = message;
                commit_put();
#endif
        fi;
        guard[PUT] = 0;
        d_step { accepted[message] = true; message = 0 }
}

/* Under the get guard. */
inline take()
{
        d_step { message = ring[head]; side_of[me] = GET };
#ifdef COMMIT_FIRST
        head++;
        before[GET] = head;
#else
        before[GET] = head;
#endif
        d_step { kind = GET; outward = (IS_BLOCK(message) -> message : 0) };
#ifndef NO_NOTE
        noted[GET] = me;
#endif
        taken[me] = true;
        if
        :: d_step { IS_BLOCK(message) -> block_of[me] = message }
        :: !IS_BLOCK(message)
        fi;
#ifndef COMMIT_FIRST
        head++;
#endif
        noted[GET] = 0
}

inline get()
{
        lock(GET);
        if
        :: tail != head ->
                take();
                guard[GET] = 0;
                if
                :: d_step { IS_BLOCK(message) -> assert(block_of[me] == message) };
                        free_block(me)
                :: !IS_BLOCK(message)
                fi;
                d_step {
                        assert(committed[message] && !returned[message]);
                        returned[message] = true;
                        taken[me] = false;
                        message = 0
                };
                side_of[me] = 0
        :: d_step { tail == head -> guard[GET] = 0 }
        fi
}

/* What a dead taker had not returned with. */
inline count_lost()
{
        if
        :: d_step { side_of[victim] == GET && taken[victim] ->
                kind = LOST;
                before[GET] = lost;
                outward = 0
           };
#ifndef NO_LOST_NOTE
                noted[GET] = victim;
#endif
                lost++;
                taken[victim] = false;
                side_of[victim] = 0;
                noted[GET] = 0
        :: d_step { side_of[victim] != GET || !taken[victim] ->
                taken[victim] = false;
                side_of[victim] = 0
           }
        fi
}

inline bury()
{
        d_step { !burial || dead[burial] -> burial = me };
        if
        :: !buried[victim] ->
                side = side_of[victim];
#ifdef BURY_BLINDLY /* without passing the guard first */
                if
                :: block_of[victim] -> free_block(victim)
                :: !block_of[victim]
                fi;
#endif
                if
                :: side ->
                        lock(side);
                        count_lost();
                        d_step { guard[side] = 0; side = 0 }
                :: !side
                fi;
                if
                :: block_of[victim] -> free_block(victim)
                :: !block_of[victim]
                fi;
                d_step {
                        side_of[victim] = 0;
                        taken[victim] = false;
                        buried[victim] = true;
                        victim = 0
                }
        :: d_step { buried[victim] -> victim = 0 }
        fi;
        burial = 0
}

proctype member(byte me)
{
        byte left = DIGIT(PUTS, me);
        byte message;
        byte who;
        byte side;
        byte victim;
        bool is_done;
        {
        do
        :: d_step { left -> message = 2 * me + 1 - left; left-- }; put()
        :: !left -> break
        od;
        if
        :: d_step { DIGIT(BURIES, me) && dead[1] -> victim = 1 }; bury()
        :: d_step { DIGIT(BURIES, me) && dead[2] -> victim = 2 }; bury()
        :: d_step { DIGIT(BURIES, me) && dead[3] -> victim = 3 }; bury()
        :: true
        fi;
        left = DIGIT(GETS, me);
        do
        :: d_step { left -> left-- }; get()
        :: !left -> break
        od;
        ended[me] = true
        } unless {
                d_step {
                        dead[me] ->
                        left = 0;
                        message = 0;
                        who = 0;
                        side = 0;
                        victim = 0;
                        is_done = false
                }
        }
}

#define IS_OVER(member) (dead[member] || ended[member])

init
{
        byte me = SURVIVOR;
        byte message;
        byte who;
        byte side;
        byte victim;
        byte missing;
        bool is_done;
        atomic {
                run member(1);
                run member(2);
                run member(3)
        };
        IS_OVER(1) && IS_OVER(2) && IS_OVER(3);
        atomic {
                if :: dead[1] -> victim = 1; bury() :: else fi;
                if :: dead[2] -> victim = 2; bury() :: else fi;
                if :: dead[3] -> victim = 3; bury() :: else fi;
                lock(PUT);
                lock(GET);
                do
                :: head != tail ->
                        message = ring[head];
                        assert(committed[message] && !returned[message]);
                        assert(live[message] == IS_BLOCK(message));
                        returned[message] = true;
                        live[message] = false;
                        head++
                :: head == tail -> break
                od;
                for (message : 1 .. MESSAGES - 1) {
                        assert(!live[message]);
                        assert(!accepted[message] || committed[message]);
                        missing = missing + (committed[message] && !returned[message])
                }
                assert(lost == missing && lost <= kills)
        }
}
