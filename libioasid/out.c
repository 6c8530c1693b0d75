/*
 * Writing text and JSON; see out.h.
 */
#include "libioasid/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ioasid__out_put(struct out *o, const char *format, ...)
{
	char piece[512];
	va_list args;
	int n;

	if (o->ret != 0)
		return;
	va_start(args, format);
	n = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (n > 0)
		o->ret = o->write(o->context, piece, (size_t)n < sizeof(piece) ? (size_t)n : sizeof(piece) - 1);
}

void ioasid__out_text(struct out *o, const char *s)
{
	if (o->ret == 0 && *s != '\0')
		o->ret = o->write(o->context, s, strlen(s));
}

void ioasid__out_json_string(struct out *o, const char *s)
{
	ioasid__out_put(o, "\"");
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		/* From 0x80 on it is a byte of UTF-8, which stays. */
		if (c == '"' || c == '\\')
			ioasid__out_put(o, "\\%c", c);
		else if (c < 0x20)
			ioasid__out_put(o, "\\u%04x", c);
		else
			ioasid__out_put(o, "%c", c);
	}
	ioasid__out_put(o, "\"");
}
