/*
 * Cases that run in a sandbox: in a child, under the filter of docs/sandbox.md.
 */
#ifndef IOASID_TESTS_SANDBOXED_H
#define IOASID_TESTS_SANDBOXED_H

#include <ioasid/ioasid.h>

/*
 * sandboxed() - run a function in a child. What fails there fails the case, and so does a system call that is
 * not allowed, with its number. Before it the process must not have had a pool.
 *
 * Return: the number of the call that was refused, or SANDBOXED_WELL, _BADLY: something else failed,
 * _UNNAMED: a call was refused in a thread that blocks signals.
 */
#define SANDBOXED_WELL (-1L)
#define SANDBOXED_BADLY (-2L)
#define SANDBOXED_UNNAMED (-3L)
long sandboxed(void (*play)(void));

/* sandbox_needed() - end the program as skipped where no process can have a filter: under valgrind. */
void sandbox_needed(void);

/*
 * sandbox_close() - from here on the calling child is allowed what docs/sandbox.md lists, and what the test
 * itself needs: to end, to return from a signal handler, to sleep. The threads of a pool say what they were
 * refused, too.
 */
void sandbox_close(void);

#endif
