/*
 * The machine of the life cycles (examples/lifecycle.h) on the kernel's mock devices: a bind is a nested
 * table on a PASID. Mock devices do no DMA; whether it would reach memory is whether the kernel has the PASID
 * on a table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/ioasid_backend.h"
#include "examples/lifecycle.h"
#include "tests/kernel-mock/bridge.h"

static struct bridge *bridge;

static int map_memory(struct machine *m)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.iova = MACHINE_IOVA, .length = MACHINE_PAGES * MACHINE_PAGE, .address = m->pages,
	};
	int rc = ioasid_address_space_create(m->context, IOASID_USE_PASID | IOASID_USE_PARENT, &m->memory, NULL);

	return rc != 0 ? rc : ioasid_address_space_map(m->memory, &map);
}

int machine_open(struct machine *m, struct run *run, uint32_t flags)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .flags = flags, .name = "mock devices" };
	struct ioasid_context_args args = { .struct_size = sizeof(args) };
	const uint64_t root = MACHINE_IOVA;

	memset(m, 0, sizeof(*m));
	m->pages = aligned_alloc(MACHINE_PAGE, MACHINE_PAGES * MACHINE_PAGE);
	if (m->pages == NULL)
		return -ENOMEM;
	bridge = bridge_create();
	args.system = bridge_host(bridge);
	m->table = (struct ioasid_record){ .type = IOASID_BE_PT_VTD_S1, .length = 24, .bytes[16] = 48 };
	memcpy(m->table.bytes + 8, &root, sizeof(root));
	if (!run_expect(run, "open VT-d", ioasid_context_open_any(0, &args, &m->context, NULL), 0))
		goto free_pages;
	if (!run_expect(run, "create a pool", ioasid_pool_create(&attr, &m->pool), 0))
		goto close_context;
	if (!run_expect(run, "map memory", map_memory(m), 0))
		goto destroy_space;
	return 0;

destroy_space:
	if (m->memory != NULL)
		ioasid_address_space_destroy(m->memory);
	ioasid_pool_destroy(m->pool);
close_context:
	ioasid_context_close(m->context);
free_pages:
	bridge_destroy(bridge);
	free(m->pages);
	return -EPROTO;
}

int machine_attach(struct machine *m)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "vfio0", .mode = IOASID_DEVICE_MEDIATED,
	};

	return ioasid_device_attach(m->context, m->pool, &spec, NULL, &m->device, NULL);
}

void machine_close(struct machine *m, struct run *run)
{
	if (m->device != NULL)
		run_expect(run, "close the device", ioasid_device_close(m->device), 0);
	run_expect(run, "destroy the pool", ioasid_pool_destroy(m->pool), 0);
	run_expect(run, "destroy the address space", ioasid_address_space_destroy(m->memory), 0);
	run_expect(run, "close the context", ioasid_context_close(m->context), 0);
	run_expect(run, "leave no descriptor", bridge_destroy(bridge), true);
	free(m->pages);
}

bool machine_dma(struct machine *m, ioasid_t pasid, unsigned char byte)
{
	(void)m;
	(void)byte;
	return bridge_on(bridge, 0, pasid) > 0;
}

int machine_bind(struct machine *m, struct ioasid_set *set, ioasid_t id, uint32_t guest_pasid)
{
	const struct ioasid_bind_data data = {
		.struct_size = sizeof(data), .flags = IOASID_BIND_SPID, .id = id, .spid = ioasid_spid_make(guest_pasid),
		.entry = &m->table, .parent = m->memory,
	};

	return ioasid_bind_gpasid(m->device, set, &data);
}

int machine_unbind(struct machine *m, struct ioasid_set *set, ioasid_t id)
{
	return ioasid_unbind(m->device, set, id, IOASID_COOKIE_NONE);
}
