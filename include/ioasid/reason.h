/*
 * Why a call failed, in words: an errno says what kind of failure it was, a reason what to look at.
 *
 * A caller that wants the words gives room for them, one that does not gives NULL. They are for people and
 * logs: programs decide by the errno. Backends are not trusted to write text, so what comes from one is made
 * valid UTF-8 without control characters first.
 */
#ifndef IOASID_REASON_H
#define IOASID_REASON_H

#include <stdint.h>

#define IOASID_REASON_SIZE UINT32_C(512)

/* text: UTF-8 with its NUL, cut to fit; "" after a success and where there is nothing to add to the errno. */
struct ioasid_reason {
	char text[512];
};

#endif
