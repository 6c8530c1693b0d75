/* Good, and says of itself that there is no hardware behind it. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("software", &core, reply->flags = IOASID_BE_REPLY_SOFTWARE)
