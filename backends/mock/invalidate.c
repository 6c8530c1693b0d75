/* The interface ioasid.be.invalidate/1. */
#include "flight.h"
#include "structs.h"
#include "viommu.h"

/* What an item means. EINVAL: nothing that there is. */
static int32_t scope_of(const struct ioasid_be_ctx *ctx, const struct ioasid_be_inv *inv, struct scope *scope)
{
	const uint32_t known = IOASID_BE_INV_LEAF | IOASID_BE_INV_DEVTLB;

	if (inv->flags & ~known || inv->reserved0 || inv->reserved1)
		return IOASID_BE_EINVAL;
	*scope = (struct scope){ .first = inv->address };
	switch (inv->scope) {
	case IOASID_BE_SCOPE_PASID:
		scope->kind = SCOPE_SLOT;
		scope->pasid = inv->pasid;
		break;
	case IOASID_BE_SCOPE_DEVICE:
		scope->kind = SCOPE_DEVICE;
		break;
	case IOASID_BE_SCOPE_TABLE:
		if (!inv->table || inv->table->ctx != ctx)
			return IOASID_BE_EINVAL;
		scope->kind = SCOPE_TABLE;
		scope->id = inv->table->id;
		break;
	case IOASID_BE_SCOPE_AS:
		if (!inv->as || inv->as->ctx != ctx)
			return IOASID_BE_EINVAL;
		scope->kind = SCOPE_SPACE;
		scope->id = inv->as->space->id;
		break;
	default:
		return IOASID_BE_EINVAL;
	}
	if (scope->kind == SCOPE_SLOT || scope->kind == SCOPE_DEVICE) {
		if (!inv->dev || inv->dev->ctx != ctx)
			return IOASID_BE_EINVAL;
		scope->device = inv->dev->device;
	}
	if (scope->kind == SCOPE_DEVICE)
		return 0;
	if (!inv->length)
		return IOASID_BE_EINVAL;
	scope->last =
		inv->length - 1 > UINT64_MAX - inv->address ? UINT64_MAX : inv->address + (inv->length - 1);
	return 0;
}

/* Old DMA still goes where the dropped translation led, so it has to end too. */
static int32_t invalidate(struct ioasid_mock *mock, const struct ioasid_be_inv *inv,
			  const struct scope *scope, uint64_t deadline)
{
	int32_t rc;

	turnstile_enter(&mock->lock);
	if (scope->device && scope->device->gone) {
		turnstile_leave(&mock->lock);
		return IOASID_BE_ENODEV;
	}
	if (inv->flags & IOASID_BE_INV_DEVTLB)
		tlb_flush(mock, scope, TLB_DEVICE);
	else
		tlb_flush(mock, scope, inv->flags & IOASID_BE_INV_LEAF ? TLB_LEAF : TLB_EVERY);
	rc = flight_drain(mock, scope, mock->last_flight, deadline);
	turnstile_leave(&mock->lock);
	return rc;
}

static int32_t do_item(struct ioasid_be_ctx *ctx, const struct ioasid_be_batch *batch, uint32_t index)
{
	const struct ioasid_be_array array = { batch->items, batch->stride, batch->count };
	struct inject_call call = { .inject = &ctx->mock->inject,
				    .op = IOASID_MOCK_OP_INVALIDATE,
				    .device = IOASID_MOCK_NO_DEVICE,
				    .deadline = batch->deadline };
	struct ioasid_be_inv inv;
	struct scope scope;
	int32_t injected, rc = wire_item(&inv, sizeof(inv), &array, index);

	if (!rc)
		rc = scope_of(ctx, &inv, &scope);
	if (!rc && scope.device) {
		call.device = scope.device->number;
		call.pasid = scope.pasid;
	}
	injected = inject_begin(&call);
	if (injected)
		rc = injected;
	if (!rc)
		rc = invalidate(ctx->mock, &inv, &scope, batch->deadline);
	return inject_end(&call, rc);
}

static int32_t invalidate_scopes(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *scopes)
{
	const uint64_t most = ctx->mock->setup->max_batch;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, scopes);

	inject_batch(&ctx->mock->inject, IOASID_MOCK_OP_INVALIDATE);
	if (!rc && most && batch.count > most)
		rc = IOASID_BE_EINVAL;
	for (uint32_t i = 0; !rc && i < batch.count; i++) {
		rc = do_item(ctx, &batch, i);
		if (!rc)
			wire_batch_done(scopes, i + 1);
	}
	return rc;
}

/* ---- Raw commands of a guest ---- */

/* What a guest's command means. EIO: nothing. */
static int32_t command_scope(struct ioasid_be_viommu *viommu, const struct ioasid_mock_command *command,
			     struct scope *scope)
{
	const bool whole = command->op == IOASID_MOCK_COMMAND_DEVICE;

	if (command->op > IOASID_MOCK_COMMAND_DEVICE || command->flags & ~IOASID_BE_INV_LEAF ||
	    command->reserved || (!whole && !command->length))
		return IOASID_BE_EIO;
	*scope = (struct scope){ .kind = whole ? SCOPE_DEVICE : SCOPE_SLOT,
				 .device = viommu_device(viommu->ctx->mock, viommu, command->virtual_id),
				 .pasid = command->pasid,
				 .first = command->address };
	scope->last = command->length - 1 > UINT64_MAX - command->address
			      ? UINT64_MAX
			      : command->address + (command->length - 1);
	return scope->device ? 0 : IOASID_BE_EIO;
}

static int32_t do_command(struct ioasid_be_viommu *viommu, const struct ioasid_be_batch *batch,
			  uint32_t index)
{
	const struct ioasid_be_array array = { batch->items, batch->stride, batch->count };
	struct ioasid_mock *mock = viommu->ctx->mock;
	const struct inject_call call = { .inject = &mock->inject,
					  .op = IOASID_MOCK_OP_INVALIDATE_RAW,
					  .device = IOASID_MOCK_NO_DEVICE,
					  .deadline = batch->deadline };
	struct ioasid_mock_command command;
	struct scope scope;
	int32_t injected, rc = wire_item(&command, sizeof(command), &array, index);

	injected = inject_begin(&call);
	if (injected)
		rc = injected;
	if (!rc) {
		turnstile_enter(&mock->lock);
		rc = command_scope(viommu, &command, &scope);
		if (!rc) {
			tlb_flush(mock, &scope, command.flags & IOASID_BE_INV_LEAF ? TLB_LEAF : TLB_EVERY);
			rc = flight_drain(mock, &scope, mock->last_flight, batch->deadline);
		}
		turnstile_leave(&mock->lock);
	}
	return inject_end(&call, rc);
}

static int32_t invalidate_raw(struct ioasid_be_viommu *viommu, uint32_t type,
			      struct ioasid_be_batch *commands)
{
	const uint64_t most = viommu->ctx->mock->setup->max_batch;
	struct ioasid_be_batch batch;
	int32_t rc = wire_batch_in(&batch, commands);

	inject_batch(&viommu->ctx->mock->inject, IOASID_MOCK_OP_INVALIDATE_RAW);
	if (!rc && type != IOASID_BE_INV_MOCK)
		rc = IOASID_BE_EOPNOTSUPP;
	if (!rc && most && batch.count > most)
		rc = IOASID_BE_EINVAL;
	for (uint32_t i = 0; !rc && i < batch.count; i++) {
		rc = do_command(viommu, &batch, i);
		if (!rc)
			wire_batch_done(commands, i + 1);
	}
	return rc;
}

const struct ioasid_be_invalidate_ops mock_invalidate_ops = {
	.struct_size = sizeof(mock_invalidate_ops),
	.scopes = invalidate_scopes,
	.raw = invalidate_raw,
};
