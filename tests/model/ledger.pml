/* A ledger: messages by reference, task_done and join, sending on, redelivery, burial and the sweep
 * (src/channel/queue_ledger.c, queue_lend.c, queue_message.c, queue_joinable.c, queue_sweep.c,
 * queue_note.c). KIND says which:
 *   JOINABLE  members get or take messages of a joinable queue, and call task_done; 3 joins.
 *   LENT      members take messages of a plain queue, and release them or send them on.
 *   MADE      members make messages in the region's ledger, and release them or send them on.
 * Members 1 to 3 do so as often as TAKES says (a digit each), and sweep, or bury in MADE. At the
 * end a survivor buries, sweeps, and deals with what is left.
 *
 * Checked: at any time a message is one living member's at most, and its block lives while one
 * reads it; it comes again only flagged, and after its taker was killed. No block leaks, is freed
 * twice, or while it is in a queue. JOINABLE: each message is dealt with, or there for the next
 * one, and join returns when all are, and not before. The others: what is in no queue was released,
 * or is counted as lost, with a kill for each.
 *
 * Left out: the guards' words (guard.pml: taken if free, or of a dead one, with repair then); the
 * heap and slots (heap.pml: a block and its note change in one step; slots are not given away
 * here); putting (queue_note.pml), and sleeping for a message (queue_wait.pml; here who finds
 * nothing goes on); messages that lie in the ring; the table's growth, and its head; several
 * threads in one process. */
#include "kill.inc"

#define JOINABLE 1
#define LENT 2
#define MADE 3
#ifndef KIND
#define KIND JOINABLE
#endif
#ifndef TAKES
#define TAKES 110
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#define DIGIT(number, member) (((number) / (member == 1 -> 100 : (member == 2 -> 10 : 1))) % 10)
#define SURVIVOR 4
#define JOINER 3

/* The queue, full from the start: message m lies behind m - 1 others, in block m. In MADE each
 * member makes the one of its number. */
#if KIND == MADE
#define LAST 3
#else
#define LAST MESSAGES
#endif
byte head;
bool live[LAST + 1];
bool there[LAST + 1]; /* in the queue that it is sent on to */
byte there_count;

/* The ledger. An entry is a message and bits; 0: none. */
#define ENTRIES (LAST + KILLS)
#define IS_LENT 16
#define IS_DONE 32
#define MESSAGE(value) ((value) & 15)
byte entry[ENTRIES + 1];
byte owner[ENTRIES + 1]; /* 0: an orphan */
byte last;
byte lost;
byte undone;  /* derived */
byte orphans; /* derived */

/* The sides, and the note of each. */
#define GET 1
#define PUT 2 /* of the queue that it is sent on to */
#define HEAD 0
byte guard[3];
byte noted[3]; /* note.owner */
bool drops;    /* note.kind, of the get side */
byte word;     /* HEAD, or an entry */
byte before;
byte inward;
byte outward;
byte kept;
byte new_entry;
byte put_before;

/* Intents, by member. */
byte side_of[N + 2];
byte block_of[N + 2];
byte sent[N + 2];
bool held[N + 2];
bool buried[N + 2];
byte burial;

/* Joining. */
bool attention;
byte join_signal;

/* In the members' view. */
byte holder[LAST + 1];
bool finished[LAST + 1];
bool made[LAST + 1];

#ifdef NO_OWNER /* the entry does not say whose it is */
#define OWNER_WORD SURVIVOR
#else
#define OWNER_WORD me
#endif
#define IS_UNDONE(e) (entry[e] && !(entry[e] & IS_DONE))
#define IS_DEALT (head == LAST && !undone)
#define HAS_DEAD(e) (entry[e] && owner[e] && dead[owner[e]])
#define IS_UNBURIED(member) (dead[member] && !buried[member])
#if KIND == MADE
#define HAS_WORK (IS_UNBURIED(1) || IS_UNBURIED(2) || IS_UNBURIED(3))
#elif ENTRIES == 2
#define HAS_WORK (HAS_DEAD(1) || HAS_DEAD(2))
#elif ENTRIES == 3
#define HAS_WORK (HAS_DEAD(1) || HAS_DEAD(2) || HAS_DEAD(3))
#elif ENTRIES == 4
#define HAS_WORK (HAS_DEAD(1) || HAS_DEAD(2) || HAS_DEAD(3) || HAS_DEAD(4))
#elif ENTRIES == 5
#define HAS_WORK (HAS_DEAD(1) || HAS_DEAD(2) || HAS_DEAD(3) || HAS_DEAD(4) || HAS_DEAD(5))
#endif
#ifdef NO_SLICE
#define LOOK_HELPS false
#else
#define LOOK_HELPS (IS_DEALT || HAS_WORK)
#endif

inline free_block(member)
{
        d_step {
                assert(live[block_of[member]] && !there[block_of[member]]);
                live[block_of[member]] = false;
                block_of[member] = 0
        }
}

inline recount()
{
        d_step {
                undone = 0;
                orphans = 0;
                for (i : 1 .. last) {
                        undone = undone + IS_UNDONE(i);
                        orphans = orphans + (IS_UNDONE(i) && !owner[i])
                }
                i = 0
        }
}

#define WRONG_BLOCK (is_done -> inward : outward)
#define WORD (word == HEAD -> head : entry[word])

/* Finish or take back the step that a dead member had noted. */
inline repair_get()
{
        if
        :: d_step { noted[GET] -> who = noted[GET]; is_done = (WORD != before) };
                if
                :: !is_done && new_entry -> entry[new_entry] = 0
                :: is_done && drops -> lost = kept
                :: (is_done || !new_entry) && !(is_done && drops)
                fi;
                if
                :: side_of[who] == GET ->
                        d_step {
                                if
                                :: WRONG_BLOCK && block_of[who] == WRONG_BLOCK -> block_of[who] = 0
                                :: else
                                fi
                        };
                        side_of[who] = 0
                :: side_of[who] != GET
                fi;
                d_step { noted[GET] = 0; who = 0; is_done = false }
        :: !noted[GET]
        fi;
        recount()
}

inline repair_put()
{
        if
        :: d_step { noted[PUT] -> who = noted[PUT]; is_done = (there_count != put_before) };
                if
                :: side_of[who] == PUT ->
                        if
                        :: !is_done -> sent[who] = 0
                        :: is_done
                        fi;
                        side_of[who] = 0
                :: side_of[who] != PUT
                fi;
                d_step { noted[PUT] = 0; who = 0; is_done = false }
        :: !noted[PUT]
        fi
}

inline lock(side)
{
        if
        :: d_step { !guard[side] -> guard[side] = me }
        :: d_step { guard[side] && dead[guard[side]] -> guard[side] = me };
#ifndef NO_REPAIR
                if
                :: side == GET -> repair_get()
                :: side == PUT -> repair_put()
                fi
#endif
        fi
}

inline unlock(side)
{
        guard[side] = 0
}

inline end_note()
{
        noted[GET] = 0;
        side_of[me] = 0
}

inline wake_joiners()
{
        if
        :: d_step { attention -> attention = false };
                join_signal++;
                asleep[JOINER] = false
        :: !attention
        fi
}

/* Take an entry out. */
inline drop(e, is_sent, number, is_finished)
{
        d_step {
                side_of[me] = GET;
                drops = true;
                word = e;
                before = entry[e];
                inward = 0;
                outward = (is_sent -> 0 : MESSAGE(entry[e]));
                kept = lost + number;
                new_entry = 0
        };
#ifndef NO_NOTE
        noted[GET] = me;
#endif
        if
        :: !is_sent -> block_of[me] = outward
        :: is_sent
        fi;
        d_step {
                if :: is_finished -> finished[MESSAGE(entry[e])] = true :: else fi;
                entry[e] = 0
        };
        lost = kept;
        d_step {
                undone = undone - !(before & IS_DONE);
                orphans = orphans - (!(before & IS_DONE) && !owner[e]);
                if :: owner[e] <= N -> held[owner[e]] = false :: else fi
        };
        end_note()
}

/* Under the get guard, noted: the next entry. */
inline append()
{
        d_step { last++; e = last; owner[e] = OWNER_WORD };
        entry[e] = message + IS_LENT;
        undone++
}

inline hand_new()
{
        d_step {
                message = head + 1;
                side_of[me] = GET;
                drops = false;
                word = HEAD;
                before = head;
                inward = 0;
                outward = 0;
                new_entry = last + 1
        };
#ifdef HEAD_FIRST
        d_step { head++; before++ };
#endif
#ifndef NO_NOTE
        noted[GET] = me;
#endif
        append();
#ifndef HEAD_FIRST
        head++;
#endif
        end_note()
}

inline find_orphan()
{
        d_step {
                for (i : 1 .. last) {
                        if
                        :: orphans && !e && IS_UNDONE(i) && !owner[i] -> e = i
                        :: else
                        fi
                }
                i = 0
        }
}

inline hand_orphan()
{
        d_step { owner[e] = OWNER_WORD; message = MESSAGE(entry[e]); is_again = true };
        entry[e] = message + IS_LENT;
        orphans--
}

inline read()
{
        assert(live[message])
}

/* With the end of a call, the message is the caller's. */
inline come()
{
        d_step {
                assert(!holder[message] || (dead[holder[message]] && is_again));
                assert(!is_again || kills);
                assert(!finished[message]);
                holder[message] = me;
                is_again = false
        }
}

/* Nobody reads the block any more. */
inline release()
{
        lock(GET);
        assert(MESSAGE(entry[e]) == message);
        if
        :: KIND != JOINABLE || (entry[e] & IS_DONE) ->
                drop(e, false, 0, true);
                unlock(GET);
                free_block(me)
        :: KIND == JOINABLE && !(entry[e] & IS_DONE) ->
                entry[e] = message;
                unlock(GET)
        fi
}

inline task_done()
{
#ifdef WAKE_FIRST
        wake_joiners();
#endif
        lock(GET);
        assert(MESSAGE(entry[e]) == message && holder[message] == me && !finished[message]);
        if
        :: d_step { entry[e] & IS_LENT -> entry[e] = entry[e] + IS_DONE; finished[message] = true };
                undone--;
                unlock(GET)
        :: !(entry[e] & IS_LENT) ->
                drop(e, false, 0, true);
                unlock(GET);
                free_block(me)
        fi;
#ifndef WAKE_FIRST
        if
        :: !undone -> wake_joiners()
        :: undone
        fi
#endif
}

#if KIND != JOINABLE
inline send()
{
        lock(PUT);
        d_step { side_of[me] = PUT; put_before = there_count };
        noted[PUT] = me;
#ifndef NO_SENT
        sent[me] = e;
#endif
        d_step {
                assert(live[message] && !there[message]);
                there[message] = true;
                there_count++
        };
        noted[PUT] = 0;
        side_of[me] = 0;
        unlock(PUT);
        lock(GET);
        assert(MESSAGE(entry[e]) == message);
        drop(e, true, 0, false);
        unlock(GET);
        sent[me] = 0
}

inline release_or_send()
{
        if
        :: release()
        :: send()
        fi
}

/* The dead member's entry for what it had sent. */
inline forget_sent()
{
        lock(GET);
        x = sent[victim];
        if
        :: entry[x] && owner[x] == victim -> drop(x, true, 0, false)
        :: !entry[x] || owner[x] != victim
        fi;
        x = 0;
        unlock(GET);
        sent[victim] = 0
}

#endif
inline find_of_victim()
{
        d_step {
                for (i : 1 .. last) {
                        if :: !x && entry[i] && owner[i] == victim -> x = i :: else fi
                }
                i = 0
        }
}

/* Settle all entries of the dead member. */
inline reap()
{
        do
        :: lock(GET);
                find_of_victim();
                if
                :: d_step { !x -> guard[GET] = 0 };
                        break
#if KIND == JOINABLE
                :: x && !(entry[x] & IS_DONE) ->
                        entry[x] = MESSAGE(entry[x]);
                        owner[x] = 0;
                        orphans++;
                        x = 0;
                        unlock(GET)
                :: x && (entry[x] & IS_DONE) ->
                        drop(x, false, 0, true);
#else
                :: x ->
                        drop(x, false, 1, false);
#endif
                        x = 0;
                        unlock(GET);
                        free_block(me)
                fi
        od
}

inline bury()
{
        d_step { !burial || dead[burial] -> burial = me };
        if
        :: !buried[victim] ->
                side = side_of[victim];
                if
                :: side ->
                        lock(side);
                        side_of[victim] = 0;
                        unlock(side);
                        side = 0
                :: !side
                fi;
#if KIND != JOINABLE
                if
                :: sent[victim] -> forget_sent()
                :: !sent[victim]
                fi;
#endif
#if KIND == MADE
                if
                :: held[victim] -> reap()
                :: !held[victim]
                fi;
#endif
                if
                :: block_of[victim] -> free_block(victim)
                :: !block_of[victim]
                fi;
                buried[victim] = true
        :: buried[victim]
        fi;
        burial = 0
}

#if KIND != MADE
/* What a dead owner left: buried first, for it may have sent a message on. */
inline sweep()
{
        lock(GET);
        d_step {
                for (i : 1 .. last) {
                        if :: !victim && HAS_DEAD(i) -> victim = owner[i] :: else fi
                }
                i = 0;
                guard[GET] = 0
        };
        if
        :: victim ->
#ifndef REAP_FIRST
                bury();
#endif
                reap();
                victim = 0
        :: !victim
        fi
}

#else
inline sweep()
{
        victim = (dead[1] && !buried[1] -> 1 : (dead[2] && !buried[2] -> 2 : 3));
        if
        :: dead[victim] -> bury()
        :: !dead[victim]
        fi;
        victim = 0
}

#endif

inline get()
{
        lock(GET);
        find_orphan();
        if
        :: e -> hand_orphan()
        :: !e && head < LAST -> hand_new()
        :: !e && head == LAST -> unlock(GET)
        fi;
        if
#if KIND == JOINABLE
        :: e && (message & 1) -> /* a copy, made outside of the guard */
                unlock(GET);
                read();
                release();
                come();
                task_done()
        :: e && !(message & 1) -> /* by reference */
                unlock(GET);
                come();
                read();
                task_done();
                read();
                release()
#else
        :: e -> /* by reference */
                unlock(GET);
                come();
                read();
                release_or_send()
#endif
        :: !e
        fi;
        d_step { e = 0; message = 0 }
}

inline make()
{
        d_step { message = me; live[message] = true; block_of[me] = message };
        lock(GET);
        d_step {
                side_of[me] = GET;
                drops = false;
                word = last + 1;
                before = 0;
                inward = message;
                outward = 0;
                new_entry = last + 1
        };
#ifndef NO_NOTE
        noted[GET] = me;
#endif
        held[me] = true;
        d_step { last++; e = last; owner[e] = OWNER_WORD };
        d_step { entry[e] = message + IS_LENT; made[message] = true };
        undone++;
        block_of[me] = 0;
        end_note();
        unlock(GET);
        come();
        read();
        release_or_send();
        d_step { e = 0; message = 0 }
}

inline look()
{
        lock(GET);
        d_step {
                is_done = IS_DEALT;
                for (i : 1 .. LAST) {
                        assert(!is_done || finished[i])
                }
                i = 0;
                guard[GET] = 0
        }
}

/* One round of it; is_done: all is dealt with. */
inline join()
{
        seen = join_signal;
        attention = true;
        look();
        if
        :: is_done
        :: !is_done ->
                if
                :: d_step { join_signal == seen -> asleep[me] = true };
                        if
                        :: !asleep[me]
                        :: d_step { asleep[me] && LOOK_HELPS -> asleep[me] = false }
                        fi
                :: join_signal != seen
                fi
        fi;
        seen = 0
}

proctype member(byte me)
{
        byte left = DIGIT(TAKES, me);
        byte message;
        byte e;
        byte x;
        byte i;
        byte who;
        byte side;
        byte victim;
        byte seen;
        bool is_done;
        bool is_again;
        {
        do
        :: HAS_WORK -> sweep()
#if KIND == MADE
        :: left -> make(); left--
#else
        :: left -> get(); left--
#endif
#if KIND == JOINABLE
        :: !left && me == JOINER ->
                join();
                if
                :: is_done -> is_done = false; break
                :: !is_done
                fi
        :: !left && me != JOINER -> break
#else
        :: !left -> break
#endif
        od;
        ended[me] = true
        } unless {
                d_step {
                        dead[me] ->
                        left = 0;
                        message = 0;
                        e = 0;
                        x = 0;
                        i = 0;
                        who = 0;
                        side = 0;
                        victim = 0;
                        seen = 0;
                        is_done = false;
                        is_again = false
                }
        }
}

#define IS_OVER(member) (dead[member] || ended[member])
#define IS_QUIET(member) (IS_OVER(member) || (asleep[member] && !IS_DEALT))

/* In how many places a message is. */
inline check_message()
{
        places = (KIND != MADE && message > head) + there[message];
        for (i : 1 .. last) {
                assert(!entry[i] || (KIND == JOINABLE && !owner[i] && !(entry[i] & IS_DONE)));
                places = places + (MESSAGE(entry[i]) == message)
        }
        assert(places <= 1);
        assert(live[message] == (places == 1));
        assert(!finished[message] || !places);
        missing = missing + ((KIND != MADE || made[message]) && !finished[message] && !places);
        places = 0;
        i = 0
}

init
{
        byte me = SURVIVOR;
        byte message;
        byte e;
        byte x;
        byte i;
        byte who;
        byte side;
        byte victim;
        byte places;
        byte missing;
        bool is_done;
        bool is_again;
        atomic {
                for (message : 1 .. LAST) {
                        live[message] = KIND != MADE
                }
                message = 0;
                run member(1);
                run member(2);
                run member(3)
        };
        atomic {
                IS_QUIET(1) && IS_QUIET(2) && IS_QUIET(3);
                for (victim : 1 .. N) {
                        if :: dead[victim] -> bury() :: else fi
                }
                victim = 0;
#if KIND != MADE
                do
                :: HAS_WORK -> sweep()
                :: !HAS_WORK -> break
                od;
#endif
                lock(PUT);
                unlock(PUT);
                lock(GET);
                unlock(GET);
                for (message : 1 .. LAST) {
                        check_message()
                }
                message = 0;
                assert(lost == missing && lost <= kills);
                assert(KIND != JOINABLE || !lost);
                x = undone;
                recount();
                assert(undone == x);
                x = 0
        };
#if KIND == JOINABLE
        do
        :: !IS_DEALT -> get()
        :: IS_DEALT -> break
        od;
        IS_OVER(1) && IS_OVER(2) && IS_OVER(3);
        assert(!live[1] && !live[LAST])
#endif
}
