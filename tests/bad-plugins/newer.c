/* Good, and from the future: its table is longer than the host knows, full of operations of a later minor. */
#include "plugin.h"

static const struct {
	struct ioasid_be_core_ops core;
	int32_t (*later[8])(struct ioasid_be_ctx *ctx);
} longer = {
	.core = { GOOD_CORE, .struct_size = sizeof(longer) },
	.later = { good_close, good_close, good_close, good_close, good_close, good_close, good_close,
		   good_close },
};

PLUGIN_ENTRY("newer", &longer.core, (void)0)
