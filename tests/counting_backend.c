/*
 * A backend that is linked into a test and counts every call; see counting_backend.h.
 */
#include "counting_backend.h"

#include <stdlib.h>
#include <string.h>

struct ioasid_be_ctx {
	const struct ioasid_be_host *host;
};

struct ioasid_be_dev {
	uint64_t cookie;
};

struct ioasid_be_as {
	uint32_t uses;
};

struct ioasid_be_table {
	struct ioasid_be_record entry;
};

static void *make(enum counting_object kind, size_t size)
{
	void *object = calloc(1, size);

	if (object)
		counting_count_live(kind, 1);
	return object;
}

static void end(enum counting_object kind, void *object)
{
	counting_count_live(kind, -1);
	free(object);
}

static int32_t as_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_as_args *args,
			 struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	int32_t rc = counting_enter(COUNTING_AS_CREATE, args);

	(void)ctx;
	(void)why;
	if (rc)
		return rc;
	*as = make(COUNTING_ADDRESS_SPACES, sizeof(**as));
	if (!*as)
		return IOASID_BE_ENOMEM;
	(*as)->uses = args->uses;
	return 0;
}

static int32_t as_adopt(struct ioasid_be_ctx *ctx, const struct ioasid_be_object *object,
			struct ioasid_be_as **as, struct ioasid_be_text *why)
{
	int32_t rc = counting_enter(COUNTING_AS_ADOPT, object);

	(void)ctx;
	(void)why;
	if (rc)
		return rc;
	*as = make(COUNTING_ADDRESS_SPACES, sizeof(**as));
	return *as ? 0 : IOASID_BE_ENOMEM;
}

static int32_t as_destroy(struct ioasid_be_as *as)
{
	int32_t rc = counting_enter(COUNTING_AS_DESTROY, as);

	if (!rc)
		end(COUNTING_ADDRESS_SPACES, as);
	return rc;
}

static int32_t map(struct ioasid_be_as *as, const struct ioasid_be_map *args)
{
	(void)as;
	return counting_enter(COUNTING_MAP, args);
}

static int32_t unmap(struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *unmapped)
{
	int32_t rc = counting_enter(COUNTING_UNMAP, as);

	(void)iova;
	(void)length;
	if (!rc)
		*unmapped = 0;
	return rc;
}

static int32_t ranges(struct ioasid_be_as *as, struct ioasid_be_batch *batch, uint32_t *total)
{
	int32_t rc = counting_enter(COUNTING_RANGES, as);

	if (rc)
		return rc;
	*total = 1;
	batch->done = 0;
	if (!batch->count)
		return IOASID_BE_EOVERFLOW;
	*(struct ioasid_be_range *)batch->items = (struct ioasid_be_range) {
		.last = (UINT64_C(1) << 48) - 1, .kind = IOASID_BE_RANGE_USABLE,
	};
	batch->done = 1;
	return 0;
}

static const struct ioasid_be_paging_ops paging = {
	.struct_size = sizeof(paging),
	.create = as_create,
	.adopt = as_adopt,
	.destroy = as_destroy,
	.map = map,
	.unmap = unmap,
	.ranges = ranges,
};

/* All items or, if the call is to fail, none. */
static int32_t slots(enum counting_op op, struct ioasid_be_batch *batch)
{
	int32_t rc;

	counting_note(batch->count ? (const char *)batch->items + (size_t)(batch->count - 1) * batch->stride
				   : NULL,
		      batch->deadline);
	rc = counting_enter(op, batch);
	batch->done = rc ? 0 : batch->count;
	for (uint32_t i = 0; !rc && op != COUNTING_ATTACH && i < batch->count; i++) {
		const struct ioasid_be_bind *bind =
			(const void *)((const char *)batch->items + (size_t)i * batch->stride);

		counting_faults_slot(bind->dev->cookie, bind->pasid);
	}
	return rc;
}

static int32_t attach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds, struct ioasid_be_text *why)
{
	(void)ctx;
	(void)why;
	return slots(COUNTING_ATTACH, binds);
}

static int32_t replace(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds, struct ioasid_be_text *why)
{
	(void)ctx;
	(void)why;
	return slots(COUNTING_REPLACE, binds);
}

static int32_t detach(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	(void)ctx;
	return slots(COUNTING_DETACH, binds);
}

static int32_t park(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	(void)ctx;
	return slots(COUNTING_PARK, binds);
}

static int32_t device_block(struct ioasid_be_dev *dev, uint64_t deadline)
{
	counting_note(NULL, deadline);
	return counting_enter(COUNTING_DEVICE_BLOCK, dev);
}

static const struct ioasid_be_pasid_ops pasid = {
	.struct_size = sizeof(pasid),
	.attach = attach,
	.replace = replace,
	.detach = detach,
	.park = park,
	.device_block = device_block,
};

static int32_t table_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *args,
			    struct ioasid_be_table **table, struct ioasid_be_text *why)
{
	int32_t rc = counting_enter(COUNTING_TABLE_CREATE, args);

	(void)ctx;
	(void)why;
	if (rc)
		return rc;
	*table = make(COUNTING_TABLES, sizeof(**table));
	if (!*table)
		return IOASID_BE_ENOMEM;
	(*table)->entry = *args->entry;
	return 0;
}

static int32_t table_destroy(struct ioasid_be_table *table)
{
	int32_t rc = counting_enter(COUNTING_TABLE_DESTROY, table);

	if (!rc)
		end(COUNTING_TABLES, table);
	return rc;
}

static const struct ioasid_be_nested_ops nested = {
	.struct_size = sizeof(nested),
	.create = table_create,
	.destroy = table_destroy,
};

static int32_t scopes(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *batch)
{
	int32_t rc = counting_enter(COUNTING_INVALIDATE, batch);

	(void)ctx;
	batch->done = rc ? 0 : batch->count;
	return rc;
}

static const struct ioasid_be_invalidate_ops invalidate = {
	.struct_size = sizeof(invalidate),
	.scopes = scopes,
};

static int32_t ctx_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
			struct ioasid_be_text *why)
{
	int32_t rc = counting_enter(COUNTING_OPEN, args);

	(void)why;
	if (rc)
		return rc;
	*ctx = make(COUNTING_CONTEXTS, sizeof(**ctx));
	if (!*ctx)
		return IOASID_BE_ENOMEM;
	(*ctx)->host = args->host;
	counting_faults_begin(args->host);
	return 0;
}

static int32_t ctx_close(struct ioasid_be_ctx *ctx)
{
	int32_t rc = counting_enter(COUNTING_CLOSE, ctx);

	if (!rc)
		end(COUNTING_CONTEXTS, ctx);
	return rc;
}

static int32_t ctx_caps(struct ioasid_be_ctx *ctx, struct ioasid_be_ctx_caps *caps)
{
	int32_t rc = counting_enter(COUNTING_CAPS, ctx);

	if (!rc)
		*caps = counting_setup.ctx_caps;
	return rc;
}

static int32_t get_interface(struct ioasid_be_ctx *ctx, const char *id, const void **table)
{
	static const struct {
		const char *id;
		uint64_t bit;
		const void *table;
	} known[] = {
		{ IOASID_BE_ID_PAGING, IOASID_BE_IF_PAGING, &paging },
		{ IOASID_BE_ID_PASID, IOASID_BE_IF_PASID, &pasid },
		{ IOASID_BE_ID_NESTED, IOASID_BE_IF_NESTED, &nested },
		{ IOASID_BE_ID_INVALIDATE, IOASID_BE_IF_INVALIDATE, &invalidate },
		{ IOASID_BE_ID_FAULT, IOASID_BE_IF_FAULT, &counting_fault_ops },
	};
	int32_t rc = counting_enter(COUNTING_GET_INTERFACE, id);

	(void)ctx;
	for (size_t i = 0; !rc && i < sizeof(known) / sizeof(known[0]); i++) {
		if (!strcmp(id, known[i].id) && counting_setup.ctx_caps.interfaces & known[i].bit) {
			*table = known[i].table;
			return 0;
		}
	}
	return rc ? rc : IOASID_BE_ENOENT;
}

static int32_t device_attach(struct ioasid_be_ctx *ctx, const struct ioasid_be_device *spec,
			     struct ioasid_be_dev **dev, struct ioasid_be_text *why)
{
	int32_t rc = counting_enter(COUNTING_DEVICE_ATTACH, spec);

	(void)ctx;
	(void)why;
	if (rc)
		return rc;
	*dev = make(COUNTING_DEVICES, sizeof(**dev));
	if (!*dev)
		return IOASID_BE_ENOMEM;
	(*dev)->cookie = spec->cookie;
	return 0;
}

static int32_t device_detach(struct ioasid_be_dev *dev)
{
	int32_t rc = counting_enter(COUNTING_DEVICE_DETACH, dev);

	if (!rc)
		end(COUNTING_DEVICES, dev);
	return rc;
}

static int32_t device_caps(struct ioasid_be_dev *dev, struct ioasid_be_device_caps *caps)
{
	int32_t rc = counting_enter(COUNTING_DEVICE_CAPS, dev);

	if (!rc)
		*caps = counting_setup.device_caps;
	return rc;
}

static int32_t device_registers(struct ioasid_be_dev *dev, struct ioasid_be_record *registers)
{
	int32_t rc = counting_enter(COUNTING_DEVICE_REGISTERS, dev);

	if (!rc)
		*registers = (struct ioasid_be_record){ .type = IOASID_BE_REGS_MOCK,
							.length = 1,
							.bytes = { 42 } };
	return rc;
}

static int32_t device_report(struct ioasid_be_dev *dev, uint32_t index, struct ioasid_be_report_line *line,
			     struct ioasid_be_text *text)
{
	int32_t rc = counting_enter(COUNTING_DEVICE_REPORT, dev);

	if (rc)
		return rc;
	if (index)
		return IOASID_BE_ENOENT;
	line->capability = IOASID_BE_CAP_ATS;
	line->usable = 0;
	line->why = IOASID_BE_WHY_HARDWARE;
	if (text)
		text->length =
			(uint32_t)(stpcpy(text->buffer, "it counts, it does not cache") - text->buffer);
	return 0;
}

static int32_t device_reset(struct ioasid_be_dev *dev)
{
	return counting_enter(COUNTING_DEVICE_RESET, dev);
}

static const struct ioasid_be_core_ops core = {
	.struct_size = sizeof(core),
	.open = ctx_open,
	.close = ctx_close,
	.caps = ctx_caps,
	.get_interface = get_interface,
	.device_attach = device_attach,
	.device_detach = device_detach,
	.device_caps = device_caps,
	.device_registers = device_registers,
	.device_report = device_report,
	.device_reset = device_reset,
};

int32_t counting_entry(const struct ioasid_be_query *query, struct ioasid_be_reply *reply)
{
	int32_t rc = counting_enter(COUNTING_ENTRY, query);

	if (rc)
		return rc;
	if (query->major != 1 || query->minor_min > 0)
		return IOASID_BE_EPROTONOSUPPORT;
	reply->minor = 0;
	reply->flags = IOASID_BE_REPLY_SOFTWARE;
	reply->core = &core;
	reply->name = "counting";
	reply->vendor = "the tests";
	return 0;
}
