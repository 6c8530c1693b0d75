/* The control interface: see mock_control.h. */
#include <string.h>

#include "dma.h"
#include "event.h"
#include "flight.h"
#include "ids.h"
#include "page.h"
#include "plug.h"
#include "slot.h"
#include "structs.h"
#include "world.h"

static int32_t control_device_find(struct ioasid_mock *mock, const char *name, uint32_t *number)
{
	const struct device *device = name && number ? machine_device_by_name(mock, name) : NULL;

	if (!name || !number)
		return IOASID_BE_EINVAL;
	if (!device)
		return IOASID_BE_ENODEV;
	*number = device->number;
	return 0;
}

static int32_t control_inject(struct ioasid_mock *mock, const struct ioasid_mock_rule *rule)
{
	return inject_rule(&mock->inject, rule);
}

static int32_t control_fail_memory(struct ioasid_mock *mock, uint64_t nth)
{
	atomic_store_explicit(&mock->mem.fail, nth, memory_order_relaxed);
	return 0;
}

static int32_t control_hook(struct ioasid_mock *mock, uint32_t op, ioasid_mock_hook fn, void *cookie)
{
	return inject_hook(&mock->inject, op, fn, cookie);
}

static int32_t control_count(struct ioasid_mock *mock, uint32_t op, uint64_t *calls, uint64_t *items)
{
	return inject_count(&mock->inject, op, calls, items);
}

static int32_t control_slot(struct ioasid_mock *mock, uint32_t number, uint32_t pasid,
			    struct ioasid_mock_slot *told)
{
	struct device *device = machine_device(mock, number);
	struct ioasid_mock_slot out = { .struct_size = sizeof(out) };
	struct scope scope;
	const struct slot *slot;

	if (!device)
		return IOASID_BE_ENODEV;
	if (!slot_in_range(device, pasid))
		return IOASID_BE_ERANGE;
	scope = scope_slot(device, pasid);
	turnstile_enter(&mock->lock);
	slot = slot_find(device, pasid);
	if (slot) {
		out.state = slot->state;
		out.flags = slot->flags;
		out.as = slot->as;
		out.table = slot->table;
	}
	out.in_flight = flight_count(mock, &scope);
	out.iotlb = tlb_count(&device->iommu->tlb, &scope);
	out.walks = tlb_count(&device->iommu->walks, &scope);
	out.device_tlb = tlb_count(&device->tlb, &scope);
	turnstile_leave(&mock->lock);
	return wire_struct_out(told, sizeof(out), &out);
}

static int32_t control_live(struct ioasid_mock *mock, struct ioasid_mock_live *told)
{
	struct ioasid_mock_live out = { .struct_size = sizeof(out) };

	out.contexts = machine_contexts(mock);
	turnstile_enter(&mock->lock);
	out.devices = mock->devices_used;
	out.spaces = mock->handles;
	out.tables = mock->tables;
	out.bindings = mock->bindings;
	for (const struct space *s = mock->spaces; s; s = s->next)
		out.mappings += s->count;
	out.files = mock->files;
	out.queues = mock->queues;
	out.viommus = mock->viommus;
	out.vdevices = mock->vdevices;
	out.entries = mock->entries;
	out.ids = mock->ids.out;
	out.strays = mock->ids.stray_count;
	for (uint64_t i = 0; i < mock->setup->devices; i++)
		out.requests += page_open_groups(&mock->devices[i]);
	out.in_flight = flight_count(mock, NULL);
	out.blocks = atomic_load_explicit(&mock->mem.blocks, memory_order_relaxed);
	turnstile_leave(&mock->lock);
	return wire_struct_out(told, sizeof(out), &out);
}

void control_init(struct ioasid_mock_control *control, struct ioasid_mock *mock)
{
	*control = (struct ioasid_mock_control){
		.struct_size = sizeof(*control),
		.mock = mock,
		.device_find = control_device_find,
		.dma = dma_do,
		.dma_begin = dma_begin,
		.dma_finish = dma_finish,
		.inject = control_inject,
		.fail_memory = control_fail_memory,
		.hook = control_hook,
		.count = control_count,
		.slot = control_slot,
		.live = control_live,
		.world_space_create = world_space_create,
		.world_space_map = world_space_map,
		.world_space_destroy = world_space_destroy,
		.world_device_bind = world_device_bind,
		.world_rid = world_rid,
		.page_request = page_request,
		.page_response = page_response,
		.pages = page_tell,
		.unplug = plug_unplug,
		.flr = plug_flr,
		.id_force = ids_force,
		.event = event_inject,
	};
}
