/* Says that the reply, which is the host's, has another size. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("reply_size", &core, reply->struct_size = 4096)
