/* This process's forkserver, as its client. */
#ifndef HF_PROCESS_FORKSERVER_H
#define HF_PROCESS_FORKSERVER_H

/* End it, if there is one; the next start makes a new one. Its children go on, and nobody will know
 * how they ended. */
void hf_forkserver_stop(void);

/* In the child of a fork: the server is the parent's. */
void hf_forkserver_forget(void);

#endif
