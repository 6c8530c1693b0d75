/*
 * Calls the host from inside every operation: it logs, says that queues are ready and looks into a directory.
 */
#include "plugin.h"

static const struct ioasid_be_host *host;

static void call_host(const char *from)
{
	char names[4096];

	host->log(host->host, IOASID_BE_LOG_INFO, from);
	host->ready(host->host, 77);
	if (host->list(host->host, "/proc/self/fdinfo", names, sizeof(names)) <= 0)
		host->log(host->host, IOASID_BE_LOG_ERROR, "list failed");
}

static int32_t reentrant_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
			      struct ioasid_be_text *why)
{
	host = args->host;
	call_host("open");
	return good_open(args, ctx, why);
}

static int32_t reentrant_close(struct ioasid_be_ctx *ctx)
{
	call_host("close");
	return good_close(ctx);
}

static int32_t reentrant_device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
				       struct ioasid_be_dev **dev, struct ioasid_be_text *why)
{
	call_host("device_attach");
	return good_device_attach(ctx, spec, dev, why);
}

static const struct ioasid_be_core_ops core = {
	GOOD_CORE, .open = reentrant_open, .close = reentrant_close, .device_attach = reentrant_device_attach,
};

PLUGIN_ENTRY("reentrant", &core, (void)0)
