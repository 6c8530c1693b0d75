/*
 * The least plugin that keeps the contract; each file beside it breaks one thing.
 *
 * A bad plugin includes this, changes what it is about, and says PLUGIN_ENTRY(...) with statements that fill
 * the reply in. What it does not use of the functions here is dropped.
 */
#ifndef IOASID_BAD_PLUGIN_H
#define IOASID_BAD_PLUGIN_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <ioasid_backend.h>

#define UNUSED __attribute__((unused))

/* A bad plugin is a good one in which one member is set again: that is the point of it. */
#pragma GCC diagnostic ignored "-Woverride-init"

struct ioasid_be_ctx {
	const struct ioasid_be_host *host;
};

struct ioasid_be_dev {
	uint32_t nothing;
};

struct ioasid_be_as {
	uint32_t nothing;
};

UNUSED static struct ioasid_be_ctx one_ctx;
UNUSED static struct ioasid_be_dev one_dev;
UNUSED static struct ioasid_be_as one_as;

UNUSED static void say(struct ioasid_be_text *text, const char *words)
{
	if (text)
		text->length = (uint32_t)snprintf(text->buffer, text->capacity, "%s", words);
}

UNUSED static int32_t good_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
				struct ioasid_be_text *why)
{
	(void)why;
	one_ctx.host = args->host;
	*ctx = &one_ctx;
	return 0;
}

UNUSED static int32_t good_close(struct ioasid_be_ctx *ctx)
{
	(void)ctx;
	return 0;
}

UNUSED static int32_t good_caps(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *caps)
{
	(void)ctx;
	memset((char *)caps + sizeof(caps->struct_size), 0, sizeof(*caps) - sizeof(caps->struct_size));
	return 0;
}

UNUSED static int32_t good_get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	(void)ctx;
	(void)id;
	(void)table;
	return IOASID_BE_ENOENT;
}

UNUSED static int32_t good_device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
					 struct ioasid_be_dev **dev, struct ioasid_be_text *why)
{
	(void)ctx;
	(void)spec;
	(void)why;
	*dev = &one_dev;
	return 0;
}

UNUSED static int32_t good_device_detach(struct ioasid_be_dev *dev)
{
	(void)dev;
	return 0;
}

UNUSED static int32_t good_device_caps(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps)
{
	const struct ioasid_be_device_caps mine = {
		.struct_size = caps->struct_size, .iova_bits = 48, .page_sizes = 4096,
	};

	(void)dev;
	*caps = mine;
	return 0;
}

UNUSED static int32_t good_device_report(struct ioasid_be_dev *dev, uint32_t index,
					 struct ioasid_be_report_line *line, struct ioasid_be_text *text)
{
	(void)dev;
	(void)index;
	(void)line;
	(void)text;
	return IOASID_BE_ENOENT;
}

#define GOOD_CORE \
	.struct_size = sizeof(struct ioasid_be_core_ops), .open = good_open, .close = good_close, \
	.caps = good_caps, .get_interface = good_get_interface, .device_attach = good_device_attach, \
	.device_detach = good_device_detach, .device_caps = good_device_caps, \
	.device_report = good_device_report

/* ---- A paging interface, for those that are about interfaces ---- */

UNUSED static int32_t good_as_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *args,
				     struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	(void)ctx;
	(void)args;
	(void)why;
	*as = &one_as;
	return 0;
}

UNUSED static int32_t good_as_destroy(struct ioasid_be_as *as)
{
	(void)as;
	return 0;
}

UNUSED static int32_t good_map(struct ioasid_be_as *as, const struct ioasid_be_map *map)
{
	(void)as;
	(void)map;
	return 0;
}

UNUSED static int32_t good_unmap(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	(void)as;
	(void)iova;
	(void)length;
	*unmapped = 0;
	return 0;
}

UNUSED static int32_t good_ranges(struct ioasid_be_as *as, struct ioasid_be_batch *ranges, uint32_t *total)
{
	(void)as;
	ranges->done = 0;
	*total = 0;
	return 0;
}

#define GOOD_PAGING \
	.struct_size = sizeof(struct ioasid_be_paging_ops), .create = good_as_create, \
	.destroy = good_as_destroy, .map = good_map, .unmap = good_unmap, .ranges = good_ranges

/* ---- A pasid interface ---- */

UNUSED static int32_t good_explained(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
				     struct ioasid_be_text *why)
{
	(void)ctx;
	(void)why;
	binds->done = binds->count;
	return 0;
}

UNUSED static int32_t good_slots(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	(void)ctx;
	binds->done = binds->count;
	return 0;
}

UNUSED static int32_t good_device_block(struct ioasid_be_dev *dev, uint64_t deadline)
{
	(void)dev;
	(void)deadline;
	return 0;
}

#define GOOD_PASID \
	.struct_size = sizeof(struct ioasid_be_pasid_ops), .attach = good_explained, \
	.replace = good_explained, .detach = good_slots, .park = good_slots, \
	.device_block = good_device_block

/* PLUGIN_ENTRY("name", &core, statements...) */
#define PLUGIN_ENTRY(plugin_name, core_table, ...) \
	int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *query, struct ioasid_be_reply *reply) \
	{ \
		if (query->minor_min > 0) \
			return IOASID_BE_EPROTONOSUPPORT; \
		reply->name = (plugin_name); \
		reply->core = (core_table); \
		reply->vendor = "the tests"; \
		__VA_ARGS__; \
		return 0; \
	}

/* get_interface for a plugin with one or two tables; a NULL table is one that is not there. */
#define PLUGIN_INTERFACES(paging_table, pasid_table) \
	static int32_t get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table) \
	{ \
		const void *found = NULL; \
		(void)ctx; \
		if (!strcmp(id, IOASID_BE_ID_PAGING)) \
			found = (paging_table); \
		else if (!strcmp(id, IOASID_BE_ID_PASID)) \
			found = (pasid_table); \
		if (!found) \
			return IOASID_BE_ENOENT; \
		*table = found; \
		return 0; \
	}

#define PLUGIN_CAPS(...) \
	static int32_t caps(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *out) \
	{ \
		const struct ioasid_be_ctx_caps mine = { .struct_size = out->struct_size, __VA_ARGS__ }; \
		(void)ctx; \
		*out = mine; \
		return 0; \
	}

#endif
