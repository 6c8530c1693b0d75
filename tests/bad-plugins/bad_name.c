/* Gives itself a name that is a path. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("../escape", &core, (void)0)
