/* A capability bit is set, its interface is not there. */
#include "plugin.h"

PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PAGING)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps };

PLUGIN_ENTRY("bit_without_interface", &core, (void)0)
