/*
 * Calls into a backend: what a guest owns, page requests, events and IDs; see be_call.h.
 */
#include <errno.h>

#include "libioasid/be_batch.h"
#include "libioasid/be_call.h"

/* ---- viommu, vdevice ---- */

int ioasid__be_viommu_create(struct be_context *be, const struct ioasid_be_viommu_args *args,
			     struct ioasid_be_viommu **viommu, struct ioasid_be_record *out,
			     struct ioasid_reason *why)
{
	struct ioasid_be_viommu_args sized = *args;
	struct ioasid_be_viommu *made = NULL;
	struct ioasid_be_record got = { 0 };
	struct ioasid_be_text text;
	int32_t answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.viommu.create(be->ctx, &sized, &made, &got, ioasid__text_begin(&text, why));
	rc = ioasid__be_finish(be, "viommu.create", answer, made, why);
	if (rc)
		return rc;
	rc = ioasid__be_check_record(be, "viommu.create", &got);
	if (rc) {
		ioasid__be_viommu_destroy(be, made);
		return rc;
	}
	*viommu = made;
	*out = got;
	return 0;
}

int ioasid__be_viommu_destroy(struct be_context *be, struct ioasid_be_viommu *viommu)
{
	return ioasid__be_answer(be, "viommu.destroy", be->ops.viommu.destroy(viommu));
}

int ioasid__be_viommu_region(struct be_context *be, struct ioasid_be_viommu *viommu, uint32_t index,
			     struct ioasid_be_region *region)
{
	struct ioasid_be_region got = { .struct_size = sizeof(got) };
	int rc = ioasid__be_answer(be, "viommu.region", be->ops.viommu.region(viommu, index, &got));

	if (!rc && (got.fd < 0 || !got.length))
		rc = ioasid__be_violation(be, "viommu.region", "gave a region that cannot be mapped");
	if (!rc)
		*region = got;
	return rc;
}

int ioasid__be_vdevice_create(struct be_context *be, struct ioasid_be_viommu *viommu,
			      struct ioasid_be_dev *dev, uint64_t virtual_id,
			      struct ioasid_be_vdevice **vdevice, struct ioasid_reason *why)
{
	struct ioasid_be_vdevice *made = NULL;
	struct ioasid_be_text text;
	int32_t answer =
		be->ops.vdevice.create(viommu, dev, virtual_id, &made, ioasid__text_begin(&text, why));
	int rc = ioasid__be_finish(be, "vdevice.create", answer, made, why);

	if (!rc)
		*vdevice = made;
	return rc;
}

int ioasid__be_vdevice_destroy(struct be_context *be, struct ioasid_be_vdevice *vdevice)
{
	return ioasid__be_answer(be, "vdevice.destroy", be->ops.vdevice.destroy(vdevice));
}

/* ---- table, hwqueue ---- */

int ioasid__be_entry_attach(struct be_context *be, struct ioasid_be_dev *dev, struct ioasid_be_viommu *viommu,
			    const struct ioasid_be_record *entry, struct ioasid_be_faultq *faultq,
			    uint64_t deadline, struct ioasid_reason *why)
{
	struct ioasid_be_text text;
	int32_t answer =
		be->ops.table.attach(dev, viommu, entry, faultq, deadline, ioasid__text_begin(&text, why));

	return ioasid__be_finish(be, "table.attach", answer, dev, why);
}

int ioasid__be_entry_set(struct be_context *be, struct ioasid_be_dev *dev, uint32_t entry, uint64_t deadline)
{
	return ioasid__be_answer(be, "table.set", be->ops.table.set(dev, entry, deadline));
}

int ioasid__be_entry_detach(struct be_context *be, struct ioasid_be_dev *dev, uint64_t deadline)
{
	return ioasid__be_answer(be, "table.detach", be->ops.table.detach(dev, deadline));
}

int ioasid__be_hwqueue_create(struct be_context *be, struct ioasid_be_viommu *viommu,
			      const struct ioasid_be_hwqueue_args *args, struct ioasid_be_hwqueue **queue,
			      struct ioasid_reason *why)
{
	struct ioasid_be_hwqueue_args sized = *args;
	struct ioasid_be_hwqueue *made = NULL;
	struct ioasid_be_text text;
	int32_t answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.hwqueue.create(viommu, &sized, &made, ioasid__text_begin(&text, why));
	rc = ioasid__be_finish(be, "hwqueue.create", answer, made, why);
	if (!rc)
		*queue = made;
	return rc;
}

int ioasid__be_hwqueue_destroy(struct be_context *be, struct ioasid_be_hwqueue *queue)
{
	return ioasid__be_answer(be, "hwqueue.destroy", be->ops.hwqueue.destroy(queue));
}

/* ---- fault, event ---- */

int ioasid__be_faultq_create(struct be_context *be, const struct ioasid_be_queue_args *args,
			     struct ioasid_be_faultq **queue, int32_t *fd)
{
	struct ioasid_be_queue_args sized = *args;
	struct ioasid_be_faultq *made = NULL;
	int32_t got = -1, answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.fault.create(be->ctx, &sized, &made, &got);
	rc = ioasid__be_finish(be, "fault.create", answer, made, NULL);
	if (!rc && got < -1) {
		rc = ioasid__be_violation(be, "fault.create", "gave a descriptor that cannot be");
		ioasid__be_faultq_destroy(be, made);
	}
	if (rc)
		return rc;
	*queue = made;
	*fd = got;
	return 0;
}

int ioasid__be_faultq_destroy(struct be_context *be, struct ioasid_be_faultq *queue)
{
	return ioasid__be_answer(be, "fault.destroy", be->ops.fault.destroy(queue));
}

int ioasid__be_fault_read(struct be_context *be, struct ioasid_be_faultq *queue,
			  struct ioasid_be_page_request *requests, uint32_t count, uint32_t *done)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*requests), .count = count, .items = requests,
	};
	int rc = ioasid__be_answer(be, "fault.read", be->ops.fault.read(queue, &batch));

	*done = 0;
	if (batch.done > count)
		return ioasid__be_violation(be, "fault.read", "counted what was read wrongly");
	*done = batch.done;
	return rc;
}

struct respond_call {
	struct be_context *be;
	struct ioasid_be_faultq *queue;
};

static int32_t respond_piece(void *arg, struct ioasid_be_batch *piece)
{
	const struct respond_call *call = arg;

	return call->be->ops.fault.respond(call->queue, piece);
}

int ioasid__be_fault_respond(struct be_context *be, struct ioasid_be_faultq *queue,
			     struct ioasid_be_page_response *responses, uint32_t count, uint32_t *done)
{
	struct ioasid_be_batch batch = { .stride = sizeof(*responses), .count = count, .items = responses };
	struct respond_call call = { .be = be, .queue = queue };
	int rc = ioasid__be_batch_run(be, "fault.respond", &batch, respond_piece, &call);

	*done = batch.done;
	return rc;
}

int ioasid__be_eventq_create(struct be_context *be, struct ioasid_be_viommu *viommu,
			     const struct ioasid_be_queue_args *args, struct ioasid_be_eventq **queue,
			     int32_t *fd)
{
	struct ioasid_be_queue_args sized = *args;
	struct ioasid_be_eventq *made = NULL;
	int32_t got = -1, answer;
	int rc;

	sized.struct_size = sizeof(sized);
	answer = be->ops.event.create(viommu, &sized, &made, &got);
	rc = ioasid__be_finish(be, "event.create", answer, made, NULL);
	if (!rc && got < -1) {
		rc = ioasid__be_violation(be, "event.create", "gave a descriptor that cannot be");
		ioasid__be_eventq_destroy(be, made);
	}
	if (rc)
		return rc;
	*queue = made;
	*fd = got;
	return 0;
}

int ioasid__be_eventq_destroy(struct be_context *be, struct ioasid_be_eventq *queue)
{
	return ioasid__be_answer(be, "event.destroy", be->ops.event.destroy(queue));
}

int ioasid__be_event_read(struct be_context *be, struct ioasid_be_eventq *queue,
			  struct ioasid_be_event_record *events, uint32_t count, uint32_t *done)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*events), .count = count, .items = events,
	};
	int rc = ioasid__be_answer(be, "event.read", be->ops.event.read(queue, &batch));

	*done = 0;
	if (batch.done > count)
		return ioasid__be_violation(be, "event.read", "counted what was read wrongly");
	/* The good ones before a bad one are not lost. */
	for (; *done < batch.done; ++*done)
		if (ioasid__be_check_record(be, "event.read", &events[*done].data))
			return -EIO;
	return rc;
}

/* ---- id ---- */

int ioasid__be_id_alloc(struct be_context *be, uint32_t min, uint32_t max, uint32_t *id)
{
	uint32_t got = 0;
	int rc = ioasid__be_answer(be, "id.alloc", be->ops.id.alloc(be->ctx, min, max, &got));

	if (!rc && (got < min || got > max))
		(void)ioasid__be_violation(be, "id.alloc", "gave an ID outside the window");
	if (!rc)
		*id = got;
	return rc;
}

int ioasid__be_id_free(struct be_context *be, uint32_t id)
{
	return ioasid__be_answer(be, "id.free", be->ops.id.free(be->ctx, id));
}
