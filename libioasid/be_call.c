/*
 * Calls into a backend: core, address spaces, nested tables, slots and invalidation; see be_call.h.
 */
#include "libioasid/be_call.h"

#include <errno.h>
#include <string.h>

#include "libioasid/be_batch.h"

int ioasid__be_violation(struct be_context *be, const char *what, const char *how)
{
	atomic_fetch_add_explicit(&be->violations, 1, memory_order_relaxed);
	ioasid__be_log(be, IOASID_BE_LOG_ERROR, "%s: contract broken: %s %s", be->backend->name, what, how);
	return -EIO;
}

int ioasid__be_answer(struct be_context *be, const char *what, int32_t answer)
{
	switch (answer) {
	case 0:
	case IOASID_BE_EPERM:
	case IOASID_BE_ENOENT:
	case IOASID_BE_EIO:
	case IOASID_BE_E2BIG:
	case IOASID_BE_EBADF:
	case IOASID_BE_EAGAIN:
	case IOASID_BE_ENOMEM:
	case IOASID_BE_EACCES:
	case IOASID_BE_EFAULT:
	case IOASID_BE_EBUSY:
	case IOASID_BE_EEXIST:
	case IOASID_BE_ENODEV:
	case IOASID_BE_EINVAL:
	case IOASID_BE_ENOTTY:
	case IOASID_BE_ENOSPC:
	case IOASID_BE_ERANGE:
	case IOASID_BE_EDEADLK:
	case IOASID_BE_EOVERFLOW:
	case IOASID_BE_EPROTONOSUPPORT:
	case IOASID_BE_EOPNOTSUPP:
	case IOASID_BE_ETIMEDOUT:
		return answer;
	default:
		return ioasid__be_violation(be, what, "answered what is no error of the contract");
	}
}

int ioasid__be_finish(struct be_context *be, const char *what, int32_t answer, const void *object,
		      struct ioasid_reason *why)
{
	int rc = ioasid__be_answer(be, what, answer);

	if (!rc && !object)
		rc = ioasid__be_violation(be, what, "succeeded without an object");
	if (why && rc)
		ioasid__text_clean(why->text, sizeof(why->text));
	else if (why)
		why->text[0] = '\0';
	return rc;
}

int ioasid__be_batch_run(struct be_context *be, const char *what, struct ioasid_be_batch *batch,
			 int32_t (*one)(void *call, struct ioasid_be_batch *piece), void *call)
{
	uint32_t most = be->caps.max_batch ? be->caps.max_batch : UINT32_MAX;
	int rc = 0;

	batch->done = 0;
	while (!rc && batch->done < batch->count) {
		uint32_t left = batch->count - batch->done;
		struct ioasid_be_batch piece = {
			.struct_size = sizeof(piece),
			.stride = batch->stride,
			.count = left < most ? left : most,
			.items = (char *)batch->items + (size_t)batch->done * batch->stride,
			.deadline = batch->deadline,
		};
		const uint32_t count = piece.count;
		int32_t answer = one(call, &piece);

		rc = ioasid__be_answer(be, what, answer);
		/* Who does not know what to answer does not know what was done. */
		if (rc != answer)
			break;
		if (piece.done > count || (!rc && piece.done != count) ||
		    (rc && piece.done == count)) {
			rc = ioasid__be_violation(be, what, "counted what was done wrongly");
			break;
		}
		batch->done += piece.done;
	}
	return rc;
}

/* ---- core ---- */

int ioasid__be_device_attach(struct be_context *be, const struct ioasid_be_device *spec,
			     struct ioasid_be_dev **dev, struct ioasid_reason *why)
{
	struct ioasid_be_device sized = *spec;
	struct ioasid_be_dev *made = NULL;
	struct ioasid_be_text text;
	int32_t answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.core.device_attach(be->ctx, &sized, &made, ioasid__text_begin(&text, why));
	rc = ioasid__be_finish(be, "core.device_attach", answer, made, why);
	if (!rc)
		*dev = made;
	return rc;
}

int ioasid__be_device_detach(struct be_context *be, struct ioasid_be_dev *dev)
{
	return ioasid__be_answer(be, "core.device_detach", be->ops.core.device_detach(dev));
}

/* What is wrong with a device's capabilities in this context, NULL if nothing is. */
static const char *caps_fault(const struct be_context *be, const struct ioasid_be_device_caps *caps)
{
	static const struct {
		uint32_t cap;
		uint64_t any;  /* one of these interfaces must be there */
	} needs[] = {
		{ IOASID_BE_CAP_PASID, IOASID_BE_IF_PASID | IOASID_BE_IF_TABLE },
		{ IOASID_BE_CAP_NESTING, IOASID_BE_IF_NESTED | IOASID_BE_IF_TABLE },
		{ IOASID_BE_CAP_DIRTY, IOASID_BE_IF_DIRTY },
		{ IOASID_BE_CAP_FAULT, IOASID_BE_IF_FAULT },
		{ IOASID_BE_CAP_VIOMMU, IOASID_BE_IF_VIOMMU },
		{ IOASID_BE_CAP_EVENT, IOASID_BE_IF_EVENT },
		{ IOASID_BE_CAP_HWQUEUE, IOASID_BE_IF_HWQUEUE },
	};
	const uint64_t known =
		((UINT64_C(1) << IOASID_BE_CAP_COUNT) - 1) & ~(UINT64_C(1) << IOASID_BE_CAP_MAPPING);

	if (caps->struct_size != sizeof(*caps))
		return "changed struct_size";
	if (caps->flags & ~known || caps->reserved[0] || caps->reserved[1] || caps->reserved[2] ||
	    caps->reserved[3])
		return "set unknown bits";
	if (caps->pasid_bits > 20 || (caps->pasid_bits != 0) != (caps->flags >> IOASID_BE_CAP_PASID & 1))
		return "gave a PASID width that cannot be";
	if (caps->table_owner > IOASID_BE_OWNER_EITHER || caps->iova_bits - 1 > 63 || !caps->page_sizes)
		return "gave an owner, width or page size that cannot be";
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (caps->flags >> needs[i].cap & 1 && !(be->caps.interfaces & needs[i].any))
			return "claims what the context has no interface for";
	return NULL;
}

int ioasid__be_device_caps(struct be_context *be, struct ioasid_be_dev *dev,
			   struct ioasid_be_device_caps *caps)
{
	struct ioasid_be_device_caps got = { .struct_size = sizeof(got) };
	int rc = ioasid__be_answer(be, "core.device_caps", be->ops.core.device_caps(dev, &got));
	const char *fault = rc ? NULL : caps_fault(be, &got);

	if (fault)
		rc = ioasid__be_violation(be, "core.device_caps", fault);
	if (!rc)
		*caps = got;
	return rc;
}

int ioasid__be_check_record(struct be_context *be, const char *what, const struct ioasid_be_record *record)
{
	if (record->length > IOASID_BE_RECORD_MAX)
		return ioasid__be_violation(be, what, "gave a record longer than 256 bytes");
	for (uint32_t i = record->length; i < IOASID_BE_RECORD_MAX; i++)
		if (record->bytes[i])
			return ioasid__be_violation(be, what, "gave a record with garbage behind its end");
	return 0;
}

int ioasid__be_device_registers(struct be_context *be, struct ioasid_be_dev *dev,
				struct ioasid_be_record *registers)
{
	struct ioasid_be_record got = { 0 };
	int rc = ioasid__be_answer(be, "core.device_registers", be->ops.core.device_registers(dev, &got));

	if (!rc)
		rc = ioasid__be_check_record(be, "core.device_registers", &got);
	if (!rc)
		*registers = got;
	return rc;
}

int ioasid__be_device_report(struct be_context *be, struct ioasid_be_dev *dev, uint32_t index,
			     struct ioasid_be_report_line *line, struct ioasid_reason *text)
{
	struct ioasid_be_report_line got = { .struct_size = sizeof(got) };
	struct ioasid_be_text room;
	int rc = ioasid__be_answer(be, "core.device_report",
				   be->ops.core.device_report(dev, index, &got,
							      ioasid__text_begin(&room, text)));

	if (text)
		ioasid__text_clean(text->text, sizeof(text->text));
	if (!rc && (got.capability >= IOASID_BE_CAP_COUNT || got.usable > 1 ||
		    got.why > IOASID_BE_WHY_OTHER || got.usable != (got.why == IOASID_BE_WHY_NONE)))
		rc = ioasid__be_violation(be, "core.device_report", "gave a line that contradicts itself");
	if (!rc)
		*line = got;
	return rc;
}

int ioasid__be_device_reset(struct be_context *be, struct ioasid_be_dev *dev)
{
	return ioasid__be_answer(be, "core.device_reset", be->ops.core.device_reset(dev));
}

/* ---- pasid ---- */

struct slots_call {
	struct ioasid_be_ctx *ctx;
	int32_t (*explained)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds,
			     struct ioasid_be_text *why);
	int32_t (*plain)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds);
	struct ioasid_be_text *why;
};

static int32_t slots_piece(void *arg, struct ioasid_be_batch *piece)
{
	const struct slots_call *call = arg;

	return call->explained ? call->explained(call->ctx, piece, call->why) : call->plain(call->ctx, piece);
}

static int slots_run(struct be_context *be, const char *what, struct slots_call *call,
		     const struct ioasid_be_batch *items, uint32_t *done)
{
	struct ioasid_be_batch batch = *items;
	int rc;

	call->ctx = be->ctx;
	rc = ioasid__be_batch_run(be, what, &batch, slots_piece, call);
	*done = batch.done;
	return rc;
}

static struct ioasid_be_batch bind_batch(struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline)
{
	return (struct ioasid_be_batch) {
		.stride = sizeof(*binds), .count = count, .items = binds, .deadline = deadline,
	};
}

int ioasid__be_attach(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		      uint32_t *done, struct ioasid_reason *why)
{
	const struct ioasid_be_batch items = bind_batch(binds, count, deadline);
	struct ioasid_be_text text;
	struct slots_call call = { .explained = be->ops.pasid.attach, .why = ioasid__text_begin(&text, why) };
	int rc = slots_run(be, "pasid.attach", &call, &items, done);

	return ioasid__be_finish(be, "pasid.attach", rc, be, why);
}

int ioasid__be_replace(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		       uint32_t *done, struct ioasid_reason *why)
{
	const struct ioasid_be_batch items = bind_batch(binds, count, deadline);
	struct ioasid_be_text text;
	struct slots_call call = { .explained = be->ops.pasid.replace,
				   .why = ioasid__text_begin(&text, why) };
	int rc = slots_run(be, "pasid.replace", &call, &items, done);

	return ioasid__be_finish(be, "pasid.replace", rc, be, why);
}

int ioasid__be_detach(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		      uint32_t *done)
{
	const struct ioasid_be_batch items = bind_batch(binds, count, deadline);
	struct slots_call call = { .plain = be->ops.pasid.detach };

	return slots_run(be, "pasid.detach", &call, &items, done);
}

int ioasid__be_park(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		    uint32_t *done)
{
	const struct ioasid_be_batch items = bind_batch(binds, count, deadline);
	struct slots_call call = { .plain = be->ops.pasid.park };

	return slots_run(be, "pasid.park", &call, &items, done);
}

int ioasid__be_device_block(struct be_context *be, struct ioasid_be_dev *dev, uint64_t deadline)
{
	return ioasid__be_answer(be, "pasid.device_block", be->ops.pasid.device_block(dev, deadline));
}

int ioasid__be_drain(struct be_context *be, struct ioasid_be_bind *binds, uint32_t count, uint64_t deadline,
		     uint32_t *done)
{
	const struct ioasid_be_batch items = bind_batch(binds, count, deadline);
	struct slots_call call = { .plain = be->ops.pasid.drain };

	return slots_run(be, "pasid.drain", &call, &items, done);
}

/* ---- nested ---- */

int ioasid__be_table_create(struct be_context *be, const struct ioasid_be_table_args *args,
			    struct ioasid_be_table **table, struct ioasid_reason *why)
{
	struct ioasid_be_table_args sized = *args;
	struct ioasid_be_table *made = NULL;
	struct ioasid_be_text text;
	int32_t answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.nested.create(be->ctx, &sized, &made, ioasid__text_begin(&text, why));
	rc = ioasid__be_finish(be, "nested.create", answer, made, why);
	if (!rc)
		*table = made;
	return rc;
}

int ioasid__be_table_destroy(struct be_context *be, struct ioasid_be_table *table)
{
	return ioasid__be_answer(be, "nested.destroy", be->ops.nested.destroy(table));
}

/* ---- invalidate ---- */

int ioasid__be_invalidate(struct be_context *be, struct ioasid_be_inv *scopes, uint32_t count,
			  uint64_t deadline, uint32_t *done)
{
	const struct ioasid_be_batch items = {
		.stride = sizeof(*scopes), .count = count, .items = scopes, .deadline = deadline,
	};
	struct slots_call call = { .plain = be->ops.invalidate.scopes };

	return slots_run(be, "invalidate.scopes", &call, &items, done);
}

struct raw_call {
	struct be_context *be;
	struct ioasid_be_viommu *viommu;
	uint32_t type;
};

static int32_t raw_piece(void *arg, struct ioasid_be_batch *piece)
{
	const struct raw_call *call = arg;

	return call->be->ops.invalidate.raw(call->viommu, call->type, piece);
}

int ioasid__be_invalidate_raw(struct be_context *be, struct ioasid_be_viommu *viommu, uint32_t type,
			      struct ioasid_be_batch *commands)
{
	struct raw_call call = { .be = be, .viommu = viommu, .type = type };

	return ioasid__be_batch_run(be, "invalidate.raw", commands, raw_piece, &call);
}
