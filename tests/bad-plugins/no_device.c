/* Good, but there is nothing for it to drive; the reason is in words. */
#include "plugin.h"

static int32_t no_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
		       struct ioasid_be_text *why)
{
	(void)args;
	(void)ctx;
	say(why, "no such IOMMU in this machine");
	return IOASID_BE_ENODEV;
}

static const struct ioasid_be_core_ops core = { GOOD_CORE, .open = no_open };

PLUGIN_ENTRY("no_device", &core, (void)0)
