/*
 * Texts that cross the boundary: a backend's bytes are made one line of UTF-8 before anybody sees them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libioasid/loader.h"

/* How many bytes the character at @s takes, 0 if it is not well-formed UTF-8 or is a control character. */
static uint32_t character_length(const unsigned char *s, uint32_t left)
{
	uint32_t length, value;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] < 0xe0)
		length = 2;
	else if (s[0] >= 0xe0 && s[0] < 0xf0)
		length = 3;
	else if (s[0] >= 0xf0 && s[0] < 0xf5)
		length = 4;
	else
		return 0;
	if (length > left)
		return 0;
	value = s[0] & (0x7fu >> length);
	for (uint32_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (s[i] & 0x3f);
	}
	/* Overlong forms, surrogates, beyond the last plane, and the second set of control characters. */
	if ((length == 3 && value < 0x800) || (length == 4 && (value < 0x10000 || value > 0x10ffff)) ||
	    (value >= 0xd800 && value < 0xe000) || value < 0xa0)
		return 0;
	return length;
}

void ioasid__text_clean(char *text, uint32_t size)
{
	unsigned char *s = (unsigned char *)text;
	uint32_t i = 0;

	s[size - 1] = '\0';
	while (s[i]) {
		uint32_t length = character_length(&s[i], size - 1 - i);

		if (length) {
			i += length;
			continue;
		}
		/* What a cut has left of the last character is no character at all. */
		if (s[i] >= 0xc2 && strlen((const char *)&s[i]) < 4 && i + 4 >= size) {
			s[i] = '\0';
			break;
		}
		s[i++] = '?';
	}
}

void ioasid__text_copy(char *to, uint32_t size, const char *from)
{
	size_t length = from ? strnlen(from, size - 1) : 0;

	if (length)
		memcpy(to, from, length);
	to[length] = '\0';
	ioasid__text_clean(to, size);
}

void ioasid__reason_set(struct ioasid_reason *why, const char *format, ...)
{
	va_list args;

	if (!why)
		return;
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	ioasid__text_clean(why->text, sizeof(why->text));
}

struct ioasid_be_text *ioasid__text_begin(struct ioasid_be_text *text, struct ioasid_reason *why)
{
	if (!why)
		return NULL;
	why->text[0] = '\0';
	*text = (struct ioasid_be_text) {
		.struct_size = sizeof(*text),
		.capacity = sizeof(why->text),
		.buffer = why->text,
	};
	return text;
}
