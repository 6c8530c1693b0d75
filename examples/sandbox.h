/*
 * The seccomp filter of a sealed pool: docs/sandbox.md as a table and as a program for the kernel.
 *
 * A program adds what it needs for itself and puts the filter in force when its pools are sealed (S14.5). The
 * test of that document compares the two and runs the library under nothing else.
 */
#ifndef IOASID_EXAMPLES_SANDBOX_H
#define IOASID_EXAMPLES_SANDBOX_H

#include <stdint.h>

enum sandbox_how {
	SANDBOX_ANY,     /* with any arguments */
	SANDBOX_EQUALS,  /* where the argument is the value */
	SANDBOX_WITHOUT, /* where the argument has no bit of the value */
};

struct sandbox_rule {
	const char *name;     /* as in the first column of the document */
	long number;          /* of the system call; -1: this machine has none of that name */
	const char *only;     /* as in the second column */
	enum sandbox_how how;
	unsigned int arg;     /* which argument `how` is about; only its low 32 bits are looked at */
	uint32_t value;
};

extern const struct sandbox_rule sandbox_rules[];
extern const unsigned int sandbox_rule_count;

/*
 * Puts the filter in force for every thread of the process, for good. @refused: what becomes of other calls,
 * SECCOMP_RET_*; @more: numbers of @count further system calls, the caller's own. 0; -ENOSYS: not for this
 * kind of machine; -E2BIG: too many; or the errno of the kernel.
 */
int sandbox_enter(uint32_t refused, const long *more, unsigned int count);

#endif
