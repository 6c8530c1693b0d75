/* Sets a flag of the reply that nobody has defined. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("unknown_flags", &core, reply->flags = UINT32_C(1) << 31)
