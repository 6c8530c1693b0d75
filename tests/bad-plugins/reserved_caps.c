/* Garbage in the reserved words of the capabilities. */
#include "plugin.h"

PLUGIN_CAPS(.reserved = { 0, 0, 0, 1 })

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps };

PLUGIN_ENTRY("reserved_caps", &core, (void)0)
