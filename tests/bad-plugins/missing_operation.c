/* A mandatory operation is NULL. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE, .device_detach = NULL };

PLUGIN_ENTRY("missing_operation", &core, (void)0)
