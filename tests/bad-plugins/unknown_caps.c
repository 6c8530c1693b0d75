/* Capability bits that nobody has defined. */
#include "plugin.h"

PLUGIN_CAPS(.interfaces = UINT64_C(1) << 40)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps };

PLUGIN_ENTRY("unknown_caps", &core, (void)0)
