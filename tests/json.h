/*
 * What the library writes: collected, and is it JSON?
 */
#ifndef IOASID_TESTS_JSON_H
#define IOASID_TESTS_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Is the text one value, as RFC 8259 has it, and nothing else? */
bool is_json(const char *text);

/* Collects what is written as one string, to be freed; fails to be written after `stop_after` pieces, unless 0. */
struct written {
	char *at;
	size_t length;
	unsigned int pieces;
	unsigned int stop_after;
};

/* For functions that write dumps and reports, with a struct written as context. 0, or 77 where it is to fail. */
int write_down(void *written, const char *piece, size_t length);

#endif
