/* Wants a symbol that nobody has: the host library is static. */
#include "plugin.h"

extern int32_t ioasid_symbol_of_the_host(void);

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("unresolved", &core, reply->minor = (uint32_t)ioasid_symbol_of_the_host())
