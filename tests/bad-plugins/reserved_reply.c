/* Leaves garbage in the reserved words of the reply. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("reserved_reply", &core, reply->reserved1[1] = 0xdead)
