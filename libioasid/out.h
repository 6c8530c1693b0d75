/*
 * Writing text and JSON, piece by piece, to a caller's function: dumps and reports.
 */
#ifndef IOASID_OUT_H
#define IOASID_OUT_H

#include <stddef.h>

struct out {
	int (*write)(void *context, const char *text, size_t length);
	void *context;
	int ret; /* what the function ended it with; from then on nothing is written */
};

/* A piece of at most 511 bytes; what is longer is cut. */
void ioasid__out_put(struct out *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text as it is, however long. */
void ioasid__out_text(struct out *o, const char *s);

/* A text as a JSON string. */
void ioasid__out_json_string(struct out *o, const char *s);

#endif
