/* An interface without one that it needs: PASIDs, but nothing to attach them to. */
#include "plugin.h"

static const struct ioasid_be_pasid_ops pasid = { GOOD_PASID };

PLUGIN_INTERFACES(NULL, &pasid)
PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PASID)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps, .get_interface = get_interface };

PLUGIN_ENTRY("lonely_interface", &core, (void)0)
