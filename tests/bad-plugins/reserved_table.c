/* Leaves garbage in the reserved word of the core table. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE, .reserved = 0xbad };

PLUGIN_ENTRY("reserved_table", &core, (void)0)
