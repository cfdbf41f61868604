/* What crash safety costs is measured against a build without it (-Dcrash_safety=false, ./dev bench
 * safety; never installed). Where HF_SAFE is 0, a lock names no owner, a queue notes nothing, a chunk is
 * claimed by the cursor alone, and sleepers sleep until they are woken: the same code, less what it does
 * for the case of a death. */
#ifndef HF_BASE_SAFE_H
#define HF_BASE_SAFE_H

#ifdef HF_WITHOUT_CRASH_SAFETY
#define HF_SAFE 0
#else
#define HF_SAFE 1
#endif

#endif
