/* Settings that are lists. Each function answers whether the text can be. Any thread; nothing blocks. */
#ifndef MOCK_SETUP_LISTS_H
#define MOCK_SETUP_LISTS_H

#include "setup.h"

/* setup_number() - read a number, decimal or with 0x hexadecimal, and go behind it. */
bool setup_number(const char **text, uint64_t *number);

/* setup_char() - go behind this character. */
bool setup_char(const char **text, char c);

/* setup_reserved() - "first-last,first-last": whole pages. */
bool setup_reserved(struct setup_device *device, const char *text);

/* setup_without() - "nested,invalidate": interfaces. */
bool setup_without(struct setup *setup, const char *text);

/* setup_fail() - "open:1:5,map:3:12": operation, which call, errno. */
bool setup_fail(struct setup *setup, const char *text);

/* setup_deny() - "pasid:acs,dirty:kernel": capability, and why it is not there. */
bool setup_deny(struct setup_device *device, const char *text);

/* setup_apply_denied() - take away what is denied, after all settings are known. */
void setup_apply_denied(struct setup_device *device);

#endif
