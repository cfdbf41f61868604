/* A trial of a peer that is written in C or C++, as a program:
 *   PROGRAM           names its scenes, one a line
 *   PROGRAM SCENE     within what the kill may come: "812 steps" or "30 ms"
 *   PROGRAM SCENE AT  plays it once with a victim that dies there ("never": that lives), and prints
 *                     what the survivors found as a line of JSON
 * Nothing here has a deadline: a program that does not end hangs, and the caller ends it. The Python
 * peers (trial.py) do the same. */
#ifndef SCENE_H
#define SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct scene {
        const char *name;        /* a row of the table, see run */
        void (*prepare)(void);   /* before anybody is forked */
        void (*victim)(void);    /* in a process of its own */
        void (*survive)(void);   /* when it is dead; fills scene_verdict */
        void (*before)(void);    /* what the victim has done before (it is led alone) */
        double span_ms;          /* 0: led to an instruction; else killed so late at most after */
        void (*begun)(void);     /* this has returned (NULL: after its start) */
        void (*let_go)(void);    /* what makes a victim that is not killed end */
        void (*play)(double ms); /* the whole scene instead of all these; below 0: nobody dies */
};

/* What was found, beside that they did not hang. */
struct scene_verdict {
        char torn[80]; /* what was neither as before nor as after; empty: nothing */
        long lost;     /* messages that are gone, and nobody was told */
        long reported; /* and those whose loss was told */
        long failed;   /* tasks */
        long tasks;
        bool told;     /* a survivor was told of the death */
        bool unusable; /* the object is of no use any more */
};
extern struct scene_verdict scene_verdict;

/* The rest of main(). */
int scene_main(int argc, char **argv, const struct scene *scenes, size_t count);

/* End the trial: it could not be played, or something is torn. */
void scene_broken(const char *why);
void scene_torn(const char *what);

/* A child of the stage that does something; wait for the end of one; kill one, after so many ms. */
pid_t scene_start(void (*body)(void));
void scene_join(pid_t pid);
void scene_kill(pid_t pid, double ms);

/* Memory that all of a scene see. */
void *scene_shared(size_t size);

#ifdef __cplusplus
}
#endif

#endif
