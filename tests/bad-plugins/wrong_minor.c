/* Picks a version that it was not offered. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("wrong_minor", &core, reply->minor = 7)
