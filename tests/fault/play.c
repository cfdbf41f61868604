/* One position: the operation with a fault in it, done by a victim that lives on. If a public
 * function refuses, the victim does the operation again, without a fault, which must then succeed
 * and leave as much behind as an operation that met no fault. Then a survivor uses the object: as
 * soon as the victim is dead, or beside it where that is possible. */
#include "../kit/fds.h"
#include "fault.h"
#include "notes.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/wait.h>

#define STORM_US 50

static const struct kill_sweep *played;
static const struct fault_position *position;
static struct fault_run *run;
static jmp_buf objection;
static char objection_text[240];

/* What a function may say when the kernel refuses it something. Not EINTR, nor what tells of a
 * mistake of the caller's or of the engine's. */
static const short named[] = { EAGAIN, ECHILD, EMFILE, ENFILE, ENOMEM, EPERM };

static void on_objection(const char *message)
{
        snprintf(objection_text, sizeof(objection_text), "%s", message);
        longjmp(objection, 1);
}

static void forget_in_child(void)
{
        kill_objection = NULL;
        fault_noting = NULL;
}

/* Whether what the operation found was as it should be, by its own word. */
static bool perform(struct fault_run *notes, bool first)
{
        static volatile bool content;
        void (*sooner)(const char *message) = kill_objection;
        content = true;
        fault_noting = notes;
        kill_objection = on_objection;
        if (setjmp(objection))
                content = false;
        else {
                __atomic_store_n(&run->counting, first, __ATOMIC_SEQ_CST);
                played->operation();
        }
        __atomic_store_n(&run->counting, false, __ATOMIC_SEQ_CST);
        fault_noting = NULL;
        kill_objection = sooner;
        return content;
}

static bool has_note(const struct fault_run *notes, const struct fault_note *note)
{
        for (int i = 0; i < notes->notes; i++)
                if (notes->note[i].error == note->error &&
                    strcmp(notes->note[i].function, note->function) == 0)
                        return true;
        return false;
}

/* The first error that is not returned without faults too; NULL: there is none. */
static const struct fault_note *new_error(const struct fault_run *notes)
{
        for (int i = 0; i < notes->notes && position->normal; i++)
                if (!has_note(position->normal, &notes->note[i]))
                        return &notes->note[i];
        return NULL;
}

static void check_name(const struct fault_note *note)
{
        for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
                if (named[i] == note->error)
                        return;
        kill_torn("%s returned %s", note->function, strerrorname_np(note->error));
}

static void do_again(void)
{
        static struct fault_run again;
        run->retried = true;
        bool content = perform(&again, false);
        const struct fault_note *error = new_error(&again);
        kill_expect(!error, "again, without a fault: %s returned %s", error->function,
                    strerrorname_np(error->error));
        kill_expect(content, "again, without a fault: %s", objection_text);
}

static int count_lines(const char *path, const char *word)
{
        int count = 0;
        char line[512];
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof(line), file))
                count += strstr(line, word) != NULL;
        if (file)
                fclose(file);
        return count;
}

static int count_children(void)
{
        char path[64];
        char text[512] = "";
        int count = 0;
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        FILE *file = fopen(path, "re");
        if (file && fgets(text, sizeof(text), file))
                for (const char *at = text; *at; at++)
                        count += *at == ' ';
        if (file)
                fclose(file);
        return count;
}

static struct fault_shape shape(void)
{
        struct hay_audit sum;
        long heap = (long)mallinfo2().uordblks;
        int r = hay_audit(&sum);
        kill_expect(r == 0, "the audit says %d", r);
        return (struct fault_shape){
                .fds = kit_count_fds(),
                .children = count_children(),
                .mappings = count_lines("/proc/self/maps", "/memfd:"),
                .blocks = (long)sum.blocks,
                .heap = heap,
        };
}

static void check_shape(const struct fault_shape *now, const struct fault_shape *normal)
{
        /* Fewer are fine: a handle may do without its pidfd. */
        if (now->fds > normal->fds)
                kill_leak("%d fds, not %d", now->fds, normal->fds);
        if (now->children != normal->children)
                kill_leak("%d children, not %d", now->children, normal->children);
        if (now->mappings != normal->mappings)
                kill_leak("%d memory files mapped, not %d", now->mappings, normal->mappings);
        /* Beside others, how far they have come decides. */
        if (now->blocks != normal->blocks && !played->companion && !now->children)
                kill_leak("%ld blocks, not %ld", now->blocks, normal->blocks);
        if (now->heap != normal->heap)
                kill_leak("%ld bytes of malloc(), not %ld", now->heap, normal->heap);
}

static void on_signal(int signal)
{
        (void)signal;
        __atomic_fetch_add(&run->signals, 1, __ATOMIC_RELAXED);
}

static void storm(bool on)
{
        if (position->mode == FAULT_CALL)
                return;
        struct sigaction action = { .sa_handler = on_signal };
        action.sa_flags = position->mode == FAULT_STORM_RESTART ? SA_RESTART : 0;
        sigaction(SIGALRM, &action, NULL);
        struct itimerval timer = { .it_interval.tv_usec = on ? STORM_US : 0,
                                   .it_value.tv_usec = on ? STORM_US : 0 };
        setitimer(ITIMER_REAL, &timer, NULL);
}

/* The victim's operation. */
static void attempt(void)
{
        long heap = (long)mallinfo2().uordblks;
        pthread_atfork(NULL, NULL, forget_in_child);
        storm(true);
        bool content = perform(run, true);
        storm(false);
        const struct fault_note *error = new_error(run);
        run->refused = error;
        kill_expect(content || (run->refused && run->hit), "%s", objection_text);
        kill_expect(!error || run->hit, "%s returned %s", error->function,
                    strerrorname_np(error->error));
        if (error)
                check_name(error);
        if (run->refused && run->balance >= 0)
                do_again();
        run->shape = shape();
        run->shape.heap -= heap;
        if (position->normal && (!run->refused || run->retried))
                check_shape(&run->shape, &position->normal->shape);
        if (position->mode != FAULT_CALL) {
                __atomic_store_n(&run->hit, true, __ATOMIC_SEQ_CST);
                for (;;)
                        pause();
        }
}

/* Without a tracer, which would slow down what the signals are to meet. */
static void lead_through_storm(pid_t victim)
{
        ptrace(PTRACE_DETACH, victim, 0, 0);
        for (int i = 1; !__atomic_load_n(&run->hit, __ATOMIC_SEQ_CST); i++) {
                int status;
                usleep(1000);
                if (run->verdict.outcome != KILL_NOTHING ||
                    (waitpid(victim, &status, WNOHANG) == victim && !played->ends))
                        _exit(1);
                if (i % 50 == 20 && played->unblock)
                        played->unblock();
        }
}

static void lead(pid_t victim)
{
        if (position->mode != FAULT_CALL) {
                lead_through_storm(victim);
                return;
        }
        run->counting = played->adopt;
        fault_lead(victim, played, &position->fault, run);
        if (run->verdict.outcome != KILL_NOTHING)
                _exit(1);
        if (position->fault.number && !run->hit) {
                run->verdict.outcome = KILL_STRAYED;
                kill(victim, SIGKILL);
                _exit(0);
        }
}

static void end_victim(pid_t victim)
{
        kill(victim, SIGKILL);
        kill_reap(victim);
}

/* What was done after all has happened. */
static void check_found(void)
{
        const struct fault_run *normal = position->normal;
        if (normal && normal->verdict.found == KILL_AFTER && (!run->refused || run->retried))
                kill_expect(run->verdict.found == KILL_AFTER,
                            "no error was returned, and it did not happen");
}

/* In a stage without a region: what is wrong, or nothing. */
static void tell_alone(const char *message)
{
        snprintf(run->verdict.message, sizeof(run->verdict.message), "%s", message);
        run->verdict.outcome = run->crashed || !strstr(message, ", not ") ? KILL_TORN : KILL_LEAK;
        _exit(1);
}

/* The victim alone, which makes the region. */
static pid_t begin_alone(const struct kill_sweep *sweep)
{
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        kill_objection = tell_alone;
        return kill_victim(sweep, sweep->operation);
}

static void survive(const struct kill_sweep *sweep, pid_t victim)
{
        struct kill_verdict *verdict = &run->verdict;
        if (!sweep->patient)
                kill_end_companion(verdict->since);
        verdict->found = sweep->survive();
        kill_end_recovery();
        if (sweep->patient)
                kill_end_companion(hay_now());
        if (position->alive)
                end_victim(victim);
        kill_check_leaks();
        check_found();
}

void fault_play(const struct kill_sweep *sweep, const struct fault_position *at,
                struct fault_run *shared)
{
        struct kill_verdict *verdict = &shared->verdict;
        struct kill_sweep mine = *sweep;
        played = sweep;
        position = at;
        run = shared;
        mine.operation = attempt;
        pid_t victim = sweep->prepare ? kill_begin(&mine, verdict) : begin_alone(&mine);
        lead(victim);
        if (sweep->prepare)
                kill_begin_recovery();
        if (sweep->adopt)
                ptrace(PTRACE_DETACH, victim, 0, 0);
        else if (!at->alive || !sweep->prepare)
                end_victim(victim);
        if (sweep->prepare)
                survive(sweep, victim);
        if (verdict->outcome == KILL_NOTHING && verdict->recovery > KILL_LIMIT)
                kill_hang("the survivors took %ld ms", (long)(verdict->recovery / 1000000));
        if (verdict->outcome == KILL_NOTHING)
                verdict->outcome = KILL_FINE;
        _exit(0);
}
