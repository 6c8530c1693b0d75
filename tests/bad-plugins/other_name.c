/* Is not called like its file. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("vtd", &core, (void)0)
