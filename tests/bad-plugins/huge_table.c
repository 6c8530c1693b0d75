/* The core table claims a size that no table has. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE, .struct_size = UINT32_C(0xfffffff8) };

PLUGIN_ENTRY("huge_table", &core, (void)0)
