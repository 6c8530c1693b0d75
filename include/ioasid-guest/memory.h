/*
 * How the decoders of libioasid-guest reach a guest's memory.
 *
 * The library has no state, no thread, no lock, allocates nothing and makes no system call: all it does is to
 * call this one function and to compute. What it reads is read once, into a copy, and only the copy is
 * decoded, so that a guest that writes at the same time gets either meaning, never a mixture that was not
 * checked.
 */
#ifndef IOASID_GUEST_MEMORY_H
#define IOASID_GUEST_MEMORY_H

#include <stdint.h>

struct ioasid_guest_memory {
	void *context;
	/*
	 * Copies @length bytes (at most 64, never over a page's end) at a guest physical address. Answers 0,
	 * or anything else if it cannot: then the structure counts as unreadable. It may block; it must not
	 * jump out.
	 */
	int (*read)(void *context, uint64_t address, void *buffer, uint32_t length);
};

#endif
