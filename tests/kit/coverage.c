/* In a build that measures coverage: what a process has counted is kept also when it ends by _exit(),
 * as most of the tests' children do. */
#include <unistd.h>

void __gcov_dump(void);
void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));

void __wrap__exit(int code)
{
        __gcov_dump();
        __real__exit(code);
}
