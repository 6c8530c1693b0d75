/* Breaks nothing: without it the refusals of the others would prove nothing. */
#include "plugin.h"

static const struct ioasid_be_core_ops core = { GOOD_CORE };

PLUGIN_ENTRY("good", &core, (void)0)
