/* Steps of a life: dirty pages, IDs, page requests, guests' tables; see mock_life.h. */
#include <string.h>

#include "tests/harness.h"
#include "tests/mock_faults.h"
#include "tests/mock_life.h"

int32_t life_dirty_start(struct life *l)
{
	return l->rig.dirty->start(l->b);
}

int32_t life_dirty_stop(struct life *l)
{
	return l->rig.dirty->stop(l->b);
}

static struct ioasid_be_dirty_args dirty_args(uint64_t *bitmap)
{
	return (struct ioasid_be_dirty_args){ .struct_size = sizeof(struct ioasid_be_dirty_args),
					      .iova = LIFE_IOVA,
					      .length = RIG_PAGE,
					      .page_size = RIG_PAGE,
					      .bitmap = bitmap };
}

int32_t life_dirty_read(struct life *l)
{
	uint64_t bitmap = 0;
	const struct ioasid_be_dirty_args args = dirty_args(&bitmap);

	return l->rig.dirty->read(l->b, &args);
}

int32_t life_dirty_read_clear(struct life *l)
{
	uint64_t bitmap = 0;
	const struct ioasid_be_dirty_args args = dirty_args(&bitmap);

	return l->rig.dirty->read_clear(l->b, &args);
}

int32_t life_id_alloc(struct life *l)
{
	return l->rig.id->alloc(l->rig.ctx, 1, 63, &l->id);
}

int32_t life_id_free(struct life *l)
{
	return l->rig.id->free(l->rig.ctx, l->id);
}

int32_t life_queue_create(struct life *l)
{
	const struct ioasid_be_queue_args args = { .struct_size = sizeof(args) };
	int32_t fd;

	return l->rig.fault->create(l->rig.ctx, &args, &l->queue, &fd);
}

int32_t life_create_asking(struct life *l)
{
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args),
						.uses = IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT,
						.faultq = l->queue };

	return l->rig.paging->create(l->rig.ctx, &args, &l->asking, NULL);
}

int32_t life_attach_asking(struct life *l)
{
	return rig_attach(&l->rig, 0, 2, l->asking, NULL);
}

int32_t life_request(struct life *l)
{
	return faults_ask(&l->rig, 0, 2, 7, LIFE_IOVA, IOASID_BE_FAULT_LAST);
}

int32_t life_fault_read(struct life *l)
{
	struct ioasid_be_page_request record;
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(record), .count = 1, .items = &record
	};

	return l->rig.fault->read(l->queue, &batch);
}

int32_t life_respond(struct life *l)
{
	return faults_respond(&l->rig, l->queue, 1 << 8, IOASID_BE_RESPOND_INVALID);
}

int32_t life_detach_asking(struct life *l)
{
	return rig_detach(&l->rig, 0, 2, RIG_MS);
}

int32_t life_destroy_asking(struct life *l)
{
	return l->rig.paging->destroy(l->asking);
}

int32_t life_queue_destroy(struct life *l)
{
	return l->rig.fault->destroy(l->queue);
}

/* ---- A guest's own table ---- */

int32_t life_viommu_create(struct life *l)
{
	const struct ioasid_be_viommu_args args = { .struct_size = sizeof(args),
						    .type = IOASID_BE_VIOMMU_MOCK,
						    .dev = l->rig.dev[0],
						    .parent = l->a };
	struct ioasid_be_record out;

	return l->rig.viommu->create(l->rig.ctx, &args, &l->viommu, &out, NULL);
}

int32_t life_vdevice_create(struct life *l)
{
	return l->rig.vdevice->create(l->viommu, l->rig.dev[0], 5, &l->vdevice, NULL);
}

int32_t life_eventq_create(struct life *l)
{
	const struct ioasid_be_queue_args args = { .struct_size = sizeof(args),
						   .type = IOASID_BE_EVENT_MOCK };
	int32_t fd;

	return l->rig.event->create(l->viommu, &args, &l->events, &fd);
}

int32_t life_entry_attach(struct life *l)
{
	const struct ioasid_mock_entry raw = { .table = LIFE_IOVA, .config = IOASID_MOCK_ENTRY_TRANSLATE };
	struct ioasid_be_record record = { .type = IOASID_MOCK_PT_ENTRY, .length = sizeof(raw) };

	memcpy(record.bytes, &raw, sizeof(raw));
	return l->rig.table->attach(l->rig.dev[0], l->viommu, &record, NULL, rig_now() + RIG_MS, NULL);
}

int32_t life_event(struct life *l)
{
	const struct ioasid_mock_event event = { .struct_size = sizeof(event), .code = 77 };

	return l->rig.control->event(l->rig.mock, 0, &event, 0);
}

int32_t life_event_read(struct life *l)
{
	struct ioasid_be_event_record record;
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(record), .count = 1, .items = &record
	};

	return l->rig.event->read(l->events, &batch);
}

int32_t life_raw(struct life *l)
{
	struct ioasid_mock_command command = { .op = IOASID_MOCK_COMMAND_DEVICE, .virtual_id = 5 };
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(command), .count = 1, .items = &command
	};

	return l->rig.invalidate->raw(l->viommu, IOASID_BE_INV_MOCK, &batch);
}

int32_t life_entry_set(struct life *l)
{
	return l->rig.table->set(l->rig.dev[0], IOASID_BE_ENTRY_BYPASS, 0);
}

int32_t life_entry_detach(struct life *l)
{
	return l->rig.table->detach(l->rig.dev[0], 0);
}

int32_t life_eventq_destroy(struct life *l)
{
	return l->rig.event->destroy(l->events);
}

int32_t life_vdevice_destroy(struct life *l)
{
	return l->rig.vdevice->destroy(l->vdevice);
}

int32_t life_viommu_destroy(struct life *l)
{
	return l->rig.viommu->destroy(l->viommu);
}
