/*
 * The machine of the life cycles (examples/lifecycle.h) on a real kernel: a device with PASIDs behind an
 * emulated VT-d unit.
 *
 * No emulated unit nests translations, so that a bind is one to the address space, and the guest's number is
 * attached after it:
 * in the same order as a nested bind does it. No emulated device sends PASIDs either. Whether its DMA would
 * reach memory is what the tables say that the unit would walk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "examples/lifecycle.h"
#include "tests/vm/edu.h"
#include "tests/vm/walk.h"

static struct page memory;

static int map_memory(struct machine *m)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.iova = MACHINE_IOVA, .length = MACHINE_PAGE, .address = memory.bytes,
	};
	int rc = ioasid_address_space_create(m->context, IOASID_USE_PASID, &m->memory, NULL);

	return rc != 0 ? rc : ioasid_address_space_map(m->memory, &map);
}

int machine_open(struct machine *m, struct run *run, uint32_t flags)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .flags = flags, .name = "vtd" };

	memset(m, 0, sizeof(*m));
	if (!run_expect(run, "take a page", page_alloc(&memory, 0), 0))
		return -ENOMEM;
	if (!run_expect(run, "open VT-d", ioasid_context_open_any(0, NULL, &m->context, NULL), 0))
		goto free_page;
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
free_page:
	page_free(&memory);
	return -EPROTO;
}

int machine_attach(struct machine *m)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = lab_address(),
		.mode = IOASID_DEVICE_MEDIATED,
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
	page_free(&memory);
}

bool machine_dma(struct machine *m, ioasid_t pasid, unsigned char byte)
{
	(void)m;
	(void)byte;
	return walk_page(lab_address(), pasid, MACHINE_IOVA) == memory.physical;
}

int machine_bind(struct machine *m, struct ioasid_set *set, ioasid_t id, uint32_t guest_pasid)
{
	int rc = ioasid_bind_ioas(m->device, set, id, m->memory, IOASID_COOKIE_NONE);

	if (rc != 0)
		return rc;
	rc = ioasid_attach_spid(set, id, ioasid_spid_make(guest_pasid));
	if (rc != 0)
		(void)ioasid_unbind(m->device, set, id, IOASID_COOKIE_NONE);
	return rc;
}

int machine_unbind(struct machine *m, struct ioasid_set *set, ioasid_t id)
{
	/* An answer of -ENOENT: a free has taken the number away, and the binding too. */
	(void)ioasid_detach_spid(set, id);
	return ioasid_unbind(m->device, set, id, IOASID_COOKIE_NONE);
}
