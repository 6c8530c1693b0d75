/* The interface ioasid.be.nested/1: a guest's page table over a parent address space. walk.c reads it. */
#include <string.h>

#include "fault.h"
#include "machine.h"
#include "structs.h"

static int32_t check_record(const struct ioasid_be_record *record, uint64_t *root, struct ioasid_be_text *why)
{
	struct ioasid_mock_table table;

	if (!record || record->length > IOASID_BE_RECORD_MAX)
		return IOASID_BE_EINVAL;
	if (record->type != IOASID_BE_PT_MOCK)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "page tables of type 0x%x are not the mock's",
				record->type);
	if (record->length != sizeof(table))
		return wire_why(why, IOASID_BE_EINVAL, "the record has %u bytes, not %u", record->length,
				(unsigned int)sizeof(table));
	memcpy(&table, record->bytes, sizeof(table));
	for (uint32_t i = record->length; i < IOASID_BE_RECORD_MAX; i++) {
		if (record->bytes[i])
			return IOASID_BE_EINVAL;
	}
	if (table.width != IOASID_MOCK_TABLE_WIDTH || table.flags || table.root & ~IOASID_MOCK_PTE_ADDRESS)
		return wire_why(why, IOASID_BE_EINVAL, "root 0x%llx, width %u or flags 0x%x cannot be",
				(unsigned long long)table.root, table.width, table.flags);
	*root = table.root;
	return 0;
}

static int32_t make_table(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *args, uint64_t root,
			  struct ioasid_be_table **table, struct ioasid_be_text *why)
{
	struct ioasid_mock *mock = ctx->mock;
	struct ioasid_be_table *made;

	if (mock->setup->max_tables && ctx->tables >= mock->setup->max_tables)
		return wire_why(why, IOASID_BE_ENOSPC, "nested tables");
	made = mock_mem_zalloc(&mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	made->ctx = ctx;
	made->parent = args->parent;
	made->device = args->dev->device;
	made->id = ++mock->last_id;
	made->root = root;
	made->faultq = args->faultq;
	faultq_use(made->faultq);
	args->parent->tables++;
	ctx->tables++;
	mock->tables++;
	*table = made;
	return 0;
}

static int32_t do_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *from,
			 struct ioasid_be_table **table, struct ioasid_be_text *why)
{
	struct ioasid_be_table_args args;
	uint64_t root = 0;
	int32_t rc = wire_struct_in(&args, sizeof(args), from);

	if (rc)
		return rc;
	if (!table || args.flags || args.reserved[0] || args.reserved[1] || !args.dev ||
	    args.dev->ctx != ctx || !args.parent || args.parent->ctx != ctx ||
	    !faultq_is_of(args.faultq, ctx))
		return IOASID_BE_EINVAL;
	rc = check_record(args.entry, &root, why);
	if (rc)
		return rc;
	if (!(args.parent->space->uses & IOASID_BE_USE_PARENT))
		return wire_why(why, IOASID_BE_EINVAL, "the parent was made without the use PARENT");
	if (!args.dev->device->setup->nesting)
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "%s lacks nested tables", args.dev->device->name);
	if (args.faultq && !setup_takes_requests(args.dev->device->setup))
		return wire_why(why, IOASID_BE_EOPNOTSUPP, "%s lacks page requests", args.dev->device->name);
	turnstile_enter(&ctx->mock->lock);
	rc = args.dev->device->gone ? IOASID_BE_ENODEV : make_table(ctx, &args, root, table, why);
	turnstile_leave(&ctx->mock->lock);
	return rc;
}

static int32_t nested_create(struct ioasid_be_ctx *ctx, const struct ioasid_be_table_args *args,
			     struct ioasid_be_table **table, struct ioasid_be_text *why)
{
	const struct inject_call call = { .inject = &ctx->mock->inject,
					  .op = IOASID_MOCK_OP_TABLE_CREATE,
					  .device = IOASID_MOCK_NO_DEVICE };
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_create(ctx, args, table, why));
}

static int32_t do_destroy(struct ioasid_be_table *table)
{
	struct ioasid_mock *mock = table->ctx->mock;
	int32_t rc = IOASID_BE_EBUSY;

	turnstile_enter(&mock->lock);
	if (!table->slots) {
		faultq_unuse(table->faultq);
		table->parent->tables--;
		table->ctx->tables--;
		mock->tables--;
		mock_mem_free(&mock->mem, table);
		rc = 0;
	}
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t nested_destroy(struct ioasid_be_table *table)
{
	const struct inject_call call = { .inject = &table->ctx->mock->inject,
					  .op = IOASID_MOCK_OP_TABLE_DESTROY,
					  .device = IOASID_MOCK_NO_DEVICE };
	int32_t rc = inject_begin(&call);

	return inject_end(&call, rc ? rc : do_destroy(table));
}

const struct ioasid_be_nested_ops mock_nested_ops = {
	.struct_size = sizeof(mock_nested_ops),
	.create = nested_create,
	.destroy = nested_destroy,
};
