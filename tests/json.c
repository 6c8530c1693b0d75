/*
 * A reader of JSON that looks at form only, and a writer that collects; see json.h.
 */
#include "json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool json_value(const char **p);

static void json_blanks(const char **p)
{
	*p += strspn(*p, " \t\r\n");
}

static bool json_string(const char **p)
{
	if (*(*p)++ != '"')
		return false;
	for (;; (*p)++) {
		unsigned char c = (unsigned char)**p;

		if (c == '"')
			return (*p)++, true;
		if (c < 0x20)
			return false;
		if (c == '\\') {
			c = (unsigned char)*++*p;
			if (c == 'u') {
				for (int i = 0; i < 4; i++)
					if (!isxdigit((unsigned char)*++*p))
						return false;
			} else if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
				return false;
			}
		}
	}
}

static bool json_number(const char **p)
{
	const char *begin = *p;

	*p += **p == '-';
	if (!isdigit((unsigned char)**p))
		return false;
	if (**p == '0' && isdigit((unsigned char)(*p)[1]))
		return false;
	*p += strspn(*p, "0123456789");
	if (**p == '.' && strspn(++*p, "0123456789") == 0)
		return false;
	*p += strspn(*p, "0123456789");
	return *p > begin;
}

static bool json_members(const char **p, char close, bool named)
{
	(*p)++;
	json_blanks(p);
	if (**p == close)
		return (*p)++, true;
	for (;;) {
		json_blanks(p);
		if (named) {
			if (!json_string(p))
				return false;
			json_blanks(p);
			if (*(*p)++ != ':')
				return false;
		}
		if (!json_value(p))
			return false;
		json_blanks(p);
		if (**p == close)
			return (*p)++, true;
		if (*(*p)++ != ',')
			return false;
	}
}

static bool json_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

static bool json_value(const char **p)
{
	json_blanks(p);
	switch (**p) {
	case '{':
		return json_members(p, '}', true);
	case '[':
		return json_members(p, ']', false);
	case '"':
		return json_string(p);
	case 't':
		return json_word(p, "true");
	case 'f':
		return json_word(p, "false");
	case 'n':
		return json_word(p, "null");
	default:
		return json_number(p);
	}
}

bool is_json(const char *text)
{
	const char *p = text;

	if (!json_value(&p))
		return false;
	json_blanks(&p);
	return *p == '\0';
}

int write_down(void *written, const char *piece, size_t length)
{
	struct written *w = written;

	if (w->stop_after != 0 && ++w->pieces == w->stop_after)
		return 77;
	w->at = realloc(w->at, w->length + length + 1);
	if (w->at == NULL)
		abort();
	memcpy(w->at + w->length, piece, length);
	w->length += length;
	w->at[w->length] = '\0';
	return 0;
}
