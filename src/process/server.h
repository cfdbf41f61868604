/* The forkserver's own life. */
#ifndef HF_PROCESS_SERVER_H
#define HF_PROCESS_SERVER_H

/* In the spawned process: fork the server, answer the client, end. */
_Noreturn void hf_server_begin(int channel);

#endif
