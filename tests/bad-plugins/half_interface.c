/* An interface that is not whole: it attaches, but cannot park. */
#include "plugin.h"

static const struct ioasid_be_paging_ops paging = { GOOD_PAGING };
static const struct ioasid_be_pasid_ops pasid = { GOOD_PASID, .park = NULL };

PLUGIN_INTERFACES(&paging, &pasid)
PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps, .get_interface = get_interface };

PLUGIN_ENTRY("half_interface", &core, (void)0)
