/*
 * Answers for operations that a backend does not have: every one says that it is not supported.
 *
 * A table copied from a backend begins as one of these, so that no caller tests for NULL.
 */
#ifndef IOASID_BE_STUBS_H
#define IOASID_BE_STUBS_H

#include "libioasid/loader.h"

extern const struct be_ops ioasid__be_stubs;

#endif
