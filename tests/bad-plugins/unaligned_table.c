/* Hands out a core table at an odd address. */
#include "plugin.h"

static const union {
	struct ioasid_be_core_ops core;
	char bytes[sizeof(struct ioasid_be_core_ops) + 8];
} shifted = { .core = { GOOD_CORE } };

PLUGIN_ENTRY("unaligned_table", (const void *)&shifted.bytes[1], (void)0)
