/* The core table is too small to have a head. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE, .struct_size = 4 };

PLUGIN_ENTRY("tiny_table", &core, (void)0)
