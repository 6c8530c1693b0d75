/* An interface is there, its capability bit is not set. */
#include "plugin.h"

static const struct ioasid_be_paging_ops paging = { GOOD_PAGING };

PLUGIN_INTERFACES(&paging, NULL)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .get_interface = get_interface };

PLUGIN_ENTRY("interface_without_bit", &core, (void)0)
