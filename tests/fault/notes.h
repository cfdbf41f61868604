/* Included before each file of sweeps: what public functions return is noted on the way. */
#ifndef FAULT_NOTES_H
#define FAULT_NOTES_H

#include "memory/heap.h"

#include <hayfork.h>

#include <errno.h>

/* `made`: objects of the caller's that there are more if it succeeded (fewer: -1). */
void fault_note_result(const char *function, long result, int made);
void fault_note_free(void);

#define FAULT_INT(function, made, ...) \
        __extension__({ \
                __typeof__(function(__VA_ARGS__)) fault_r_ = function(__VA_ARGS__); \
                fault_note_result(#function, (long)fault_r_, made); \
                fault_r_; \
        })
#define FAULT_POINTER(function, ...) \
        __extension__({ \
                void *fault_p_ = function(__VA_ARGS__); \
                fault_note_result(#function, fault_p_ ? 0 : -errno, 1); \
                fault_p_; \
        })
#define FAULT_FREE(function, object) (fault_note_free(), function(object))

#define hay_array_read(...) FAULT_INT(hay_array_read, 0, __VA_ARGS__)
#define hay_array_write(...) FAULT_INT(hay_array_write, 0, __VA_ARGS__)
#define hay_barrier_wait(...) FAULT_INT(hay_barrier_wait, 0, __VA_ARGS__)
#define hay_barrier_abort(...) FAULT_INT(hay_barrier_abort, 0, __VA_ARGS__)
#define hay_barrier_reset(...) FAULT_INT(hay_barrier_reset, 0, __VA_ARGS__)
#define hay_barrier_init(...) FAULT_INT(hay_barrier_init, 0, __VA_ARGS__)
#define hay_condition_wait(...) FAULT_INT(hay_condition_wait, 0, __VA_ARGS__)
#define hay_condition_wait_rlock(...) FAULT_INT(hay_condition_wait_rlock, 0, __VA_ARGS__)
#define hay_condition_wait_for(...) FAULT_INT(hay_condition_wait_for, 0, __VA_ARGS__)
#define hay_condition_notify(...) FAULT_INT(hay_condition_notify, 0, __VA_ARGS__)
#define hay_condition_notify_all(...) FAULT_INT(hay_condition_notify_all, 0, __VA_ARGS__)
#define hay_event_set(...) FAULT_INT(hay_event_set, 0, __VA_ARGS__)
#define hay_event_clear(...) FAULT_INT(hay_event_clear, 0, __VA_ARGS__)
#define hay_event_is_set(...) FAULT_INT(hay_event_is_set, 0, __VA_ARGS__)
#define hay_event_wait(...) FAULT_INT(hay_event_wait, 0, __VA_ARGS__)
#define hay_lock_acquire(...) FAULT_INT(hay_lock_acquire, 0, __VA_ARGS__)
#define hay_lock_release(...) FAULT_INT(hay_lock_release, 0, __VA_ARGS__)
#define hay_lock_locked(...) FAULT_INT(hay_lock_locked, 0, __VA_ARGS__)
#define hay_region_open(...) FAULT_INT(hay_region_open, 0, __VA_ARGS__)
#define hay_audit(...) FAULT_INT(hay_audit, 0, __VA_ARGS__)
#define hay_connection_send(...) FAULT_INT(hay_connection_send, 0, __VA_ARGS__)
#define hay_connection_recv(...) FAULT_INT(hay_connection_recv, 0, __VA_ARGS__)
#define hay_connection_poll(...) FAULT_INT(hay_connection_poll, 0, __VA_ARGS__)
#define hay_pool_map(...) FAULT_INT(hay_pool_map, 0, __VA_ARGS__)
#define hay_pool_apply(...) FAULT_INT(hay_pool_apply, 0, __VA_ARGS__)
#define hay_pool_close(...) FAULT_INT(hay_pool_close, 0, __VA_ARGS__)
#define hay_pool_terminate(...) FAULT_INT(hay_pool_terminate, 0, __VA_ARGS__)
#define hay_pool_join(...) FAULT_INT(hay_pool_join, 0, __VA_ARGS__)
#define hay_process_join(...) FAULT_INT(hay_process_join, 0, __VA_ARGS__)
#define hay_process_is_alive(...) FAULT_INT(hay_process_is_alive, 0, __VA_ARGS__)
#define hay_process_terminate(...) FAULT_INT(hay_process_terminate, 0, __VA_ARGS__)
#define hay_process_kill(...) FAULT_INT(hay_process_kill, 0, __VA_ARGS__)
#define hay_process_interrupt(...) FAULT_INT(hay_process_interrupt, 0, __VA_ARGS__)
#define hay_active_children(...) FAULT_INT(hay_active_children, 0, __VA_ARGS__)
#define hay_queue_put(...) FAULT_INT(hay_queue_put, 0, __VA_ARGS__)
#define hay_queue_get(...) FAULT_INT(hay_queue_get, 0, __VA_ARGS__)
#define hay_queue_put_many(...) FAULT_INT(hay_queue_put_many, 0, __VA_ARGS__)
#define hay_queue_get_many(...) FAULT_INT(hay_queue_get_many, 0, __VA_ARGS__)
#define hay_queue_close(...) FAULT_INT(hay_queue_close, 0, __VA_ARGS__)
#define hay_queue_task_done(...) FAULT_INT(hay_queue_task_done, 0, __VA_ARGS__)
#define hay_queue_join(...) FAULT_INT(hay_queue_join, 0, __VA_ARGS__)
#define hay_queue_size(...) FAULT_INT(hay_queue_size, 0, __VA_ARGS__)
#define hay_rlock_acquire(...) FAULT_INT(hay_rlock_acquire, 0, __VA_ARGS__)
#define hay_rlock_release(...) FAULT_INT(hay_rlock_release, 0, __VA_ARGS__)
#define hay_rlock_locked(...) FAULT_INT(hay_rlock_locked, 0, __VA_ARGS__)
#define hay_semaphore_init(...) FAULT_INT(hay_semaphore_init, 0, __VA_ARGS__)
#define hay_semaphore_acquire(...) FAULT_INT(hay_semaphore_acquire, 0, __VA_ARGS__)
#define hay_semaphore_release(...) FAULT_INT(hay_semaphore_release, 0, __VA_ARGS__)
#define hay_wait(...) FAULT_INT(hay_wait, 0, __VA_ARGS__)
#define hay_array_new(...) FAULT_INT(hay_array_new, 1, __VA_ARGS__)
#define hay_pipe_new(...) FAULT_INT(hay_pipe_new, 1, __VA_ARGS__)
#define hay_pool_new(...) FAULT_INT(hay_pool_new, 1, __VA_ARGS__)
#define hay_process_start(...) FAULT_INT(hay_process_start, 1, __VA_ARGS__)
#define hay_queue_new(...) FAULT_INT(hay_queue_new, 1, __VA_ARGS__)
#define hay_message_new(...) FAULT_INT(hay_message_new, 1, __VA_ARGS__)
#define hay_queue_take(...) FAULT_INT(hay_queue_take, 1, __VA_ARGS__)
#define hay_process_close(...) FAULT_INT(hay_process_close, -1, __VA_ARGS__)
#define hay_queue_send(...) FAULT_INT(hay_queue_send, -1, __VA_ARGS__)
#define hay_message_release(...) FAULT_INT(hay_message_release, -1, __VA_ARGS__)
#define hf_heap_alloc(...) FAULT_INT(hf_heap_alloc, 1, __VA_ARGS__)
#define hay_alloc(...) FAULT_POINTER(hay_alloc, __VA_ARGS__)
#define hay_alloc_array(...) FAULT_POINTER(hay_alloc_array, __VA_ARGS__)
#define hay_free(object) FAULT_FREE(hay_free, object)
#define hay_array_free(object) FAULT_FREE(hay_array_free, object)
#define hay_barrier_fini(object) FAULT_FREE(hay_barrier_fini, object)
#define hay_connection_close(object) FAULT_FREE(hay_connection_close, object)
#define hay_pool_free(object) FAULT_FREE(hay_pool_free, object)
#define hay_queue_free(object) FAULT_FREE(hay_queue_free, object)
#define hay_semaphore_fini(object) FAULT_FREE(hay_semaphore_fini, object)

#endif
