/* Opens with success and hands out no context. */
#include "plugin.h"

static int32_t null_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
			 struct ioasid_be_text *why)
{
	(void)args;
	(void)why;
	*ctx = NULL;
	return 0;
}

static const struct ioasid_be_core_ops core = { GOOD_CORE, .open = null_open };

PLUGIN_ENTRY("no_context", &core, (void)0)
