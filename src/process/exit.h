/* The end of a process that has children. */
#ifndef HF_PROCESS_EXIT_H
#define HF_PROCESS_EXIT_H

/* As Python does: terminate the daemonic children, and wait for the others. */
void hf_end_children(void);

/* Write out what stdio holds, of all streams. */
void hf_flush_stdio(void);

/* In a forked child: forget what its parent had not written out, the parent will. */
void hf_purge_stdio(void);

#endif
