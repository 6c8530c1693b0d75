/*
 * Loads and opens well, then lies: each setting "lie" of a context is one way to answer what cannot be.
 */
#include "plugin.h"

static char lie[32];

static int lies(const char *what)
{
	return !strcmp(lie, what);
}

static int32_t liar_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
			 struct ioasid_be_text *why)
{
	const struct ioasid_be_pair *pair = args->config.items;

	if (args->config.count != 1 || strcmp(pair->key, "lie")) {
		say(why, "tell me how to lie");
		return IOASID_BE_EINVAL;
	}
	snprintf(lie, sizeof(lie), "%s", pair->value);
	if (lies("open-positive"))
		return 1;
	one_ctx.host = args->host;
	*ctx = &one_ctx;
	return 0;
}

static int32_t liar_close(struct ioasid_be_ctx *ctx)
{
	(void)ctx;
	return lies("close-fails") ? IOASID_BE_EIO : 0;
}

static int32_t liar_device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
				  struct ioasid_be_dev **dev, struct ioasid_be_text *why)
{
	(void)ctx;
	(void)spec;
	if (lies("device-null")) {
		*dev = NULL;
		return 0;
	}
	if (lies("device-positive"))
		return 17;
	if (lies("device-unknown"))
		return -4000;
	if (lies("device-text")) {
		memset(why->buffer, '\n', why->capacity);
		return IOASID_BE_ENOSPC;
	}
	*dev = &one_dev;
	return 0;
}

static int32_t liar_device_caps(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps)
{
	struct ioasid_be_device_caps mine = {
		.struct_size = caps->struct_size, .iova_bits = 48, .page_sizes = 4096, .pasid_bits = 20,
		.flags = UINT64_C(1) << IOASID_BE_CAP_PASID, .table_owner = IOASID_BE_OWNER_HOST,
	};

	(void)dev;
	if (lies("caps-width"))
		mine.pasid_bits = 21;
	else if (lies("caps-no-width"))
		mine.pasid_bits = 0;
	else if (lies("caps-owner"))
		mine.table_owner = 9;
	else if (lies("caps-reserved"))
		mine.reserved[3] = 1;
	else if (lies("caps-unknown"))
		mine.flags |= UINT64_C(1) << 50;
	else if (lies("caps-claims"))
		mine.flags |= UINT64_C(1) << IOASID_BE_CAP_FAULT;
	else if (lies("caps-size"))
		mine.struct_size = 8;
	else if (lies("caps-iova"))
		mine.iova_bits = 0;
	*caps = mine;
	return 0;
}

static int32_t liar_registers(struct ioasid_be_dev *dev, struct ioasid_be_record *registers)
{
	(void)dev;
	registers->type = IOASID_BE_REGS_MOCK;
	registers->length = lies("record-long") ? 257 : 4;
	if (lies("record-garbage"))
		registers->bytes[200] = 1;
	return 0;
}

static int32_t liar_report(struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
			   struct ioasid_be_text *text)
{
	(void)dev;
	if (index)
		return IOASID_BE_ENOENT;
	line->capability = lies("report-number") ? 77 : IOASID_BE_CAP_ATS;
	line->usable = 1;
	line->why = lies("report-why") ? IOASID_BE_WHY_KERNEL : IOASID_BE_WHY_NONE;
	say(text, "fine\a");
	return 0;
}

static int32_t liar_unmap(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	(void)as;
	(void)iova;
	*unmapped = lies("unmap-more") ? length + 1 : length;
	return 0;
}

static int32_t liar_ranges(struct ioasid_be_as *as, struct ioasid_be_batch *ranges, uint32_t *total)
{
	struct ioasid_be_range *first = ranges->items;

	(void)as;
	*first = (struct ioasid_be_range) { .first = 1, .last = 2, .kind = IOASID_BE_RANGE_USABLE };
	ranges->done = 1;
	*total = 1;
	if (lies("ranges-done"))
		ranges->done = ranges->count + 1;
	else if (lies("ranges-total"))
		*total = 5;
	else if (lies("ranges-order"))
		first->first = 3;
	else if (lies("ranges-kind"))
		first->kind = 0;
	return 0;
}

/* Puts all items on a table, or says so. */
static int32_t count_items(struct ioasid_be_batch *binds)
{
	binds->done = binds->count;
	if (lies("batch-beyond"))
		binds->done = binds->count + 1;
	else if (lies("batch-short"))
		binds->done = binds->count - 1;
	else if (lies("batch-all-failed"))
		return IOASID_BE_EIO;
	else if (lies("batch-positive"))
		return 110;
	else if (lies("batch-middle")) {
		binds->done = binds->count / 2;
		return IOASID_BE_ENOSPC;
	}
	return 0;
}

static int32_t liar_attach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			   struct ioasid_be_text *why)
{
	(void)ctx;
	if (lies("batch-middle"))
		say(why, "out of bindings");
	return count_items(binds);
}

static int32_t liar_park(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	(void)ctx;
	return count_items(binds);
}

static int32_t liar_id_alloc(struct ioasid_be_ctx *ctx, uint32_t min, uint32_t max, uint32_t *id)
{
	(void)ctx;
	*id = lies("id-outside") ? max + 1 : min;
	return 0;
}

/* The one that was handed out wrongly has to come back. */
static int32_t liar_id_free(struct ioasid_be_ctx *ctx, uint32_t id)
{
	char text[64];

	snprintf(text, sizeof(text), "given back %u", id);
	ctx->host->log(ctx->host->host, IOASID_BE_LOG_INFO, text);
	return 0;
}

static const struct ioasid_be_paging_ops paging = { GOOD_PAGING, .unmap = liar_unmap, .ranges = liar_ranges };
static const struct ioasid_be_pasid_ops pasid = { GOOD_PASID, .attach = liar_attach, .park = liar_park };
static const struct ioasid_be_id_ops id = {
	.struct_size = sizeof(id), .alloc = liar_id_alloc, .free = liar_id_free,
};

static int32_t liar_get_interface(struct ioasid_be_ctx *ctx, const char *name, const void **table)
{
	(void)ctx;
	if (!strcmp(name, IOASID_BE_ID_PAGING))
		*table = &paging;
	else if (!strcmp(name, IOASID_BE_ID_PASID))
		*table = &pasid;
	else if (!strcmp(name, IOASID_BE_ID_ID))
		*table = &id;
	else
		return IOASID_BE_ENOENT;
	return 0;
}

PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_ID)

static const struct ioasid_be_core_ops core = {
	GOOD_CORE,
	.open = liar_open,
	.close = liar_close,
	.caps = caps,
	.get_interface = liar_get_interface,
	.device_attach = liar_device_attach,
	.device_caps = liar_device_caps,
	.device_registers = liar_registers,
	.device_report = liar_report,
};

PLUGIN_ENTRY("liar", &core, (void)0)
