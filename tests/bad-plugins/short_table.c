/* The core table ends before device_report. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = {
	GOOD_CORE,
	.struct_size = offsetof(struct ioasid_be_core_ops, device_report),
};

PLUGIN_ENTRY("short_table", &core, (void)0)
