/* Failing kernel calls on purpose: a program that defines hf_fault() is asked before each call that
 * is written through HF_OS_CALL(), and makes it fail by setting errno and returning true. Where
 * nobody defines it, the linker resolves it to nothing. */
#ifndef HF_OS_FAULT_H
#define HF_OS_FAULT_H

#include <stdbool.h>

__attribute__((weak, visibility("hidden"))) bool hf_fault(const char *call);

#define HF_OS_CALL(name, call) (hf_fault && hf_fault(name) ? -1 : (call))

#endif
