/* Says that parking does not drain, and has no drain. */
#include "plugin.h"

static const struct ioasid_be_paging_ops paging = { GOOD_PAGING };
static const struct ioasid_be_pasid_ops pasid = { GOOD_PASID };

PLUGIN_INTERFACES(&paging, &pasid)
PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID, .flags = IOASID_BE_CTX_SEPARATE_DRAIN)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps, .get_interface = get_interface };

PLUGIN_ENTRY("missing_drain", &core, (void)0)
