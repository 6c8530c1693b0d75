/* The machine of the life cycles: one device behind the software IOMMU; see lifecycle.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/ioasid_backend.h"
#include "backends/mock/mock_control.h"
#include "examples/lifecycle.h"

/* A software IOMMU is used only when it is asked for by its name (S9.16). */
static int open_context(struct machine *m)
{
	struct ioasid_backend *backend;
	const void *control;
	int rc = ioasid_backend_load("mock", 0, &backend, NULL);

	if (rc != 0)
		return rc;
	rc = ioasid_context_open(backend, NULL, &m->context, NULL);
	ioasid_backend_put(backend);
	if (rc != 0)
		return rc;
	rc = ioasid_context_interface(m->context, IOASID_MOCK_CONTROL_ID, &control);
	if (rc != 0) {
		ioasid_context_close(m->context);
		return rc;
	}
	m->control = control;
	return 0;
}

static void put_entry(struct machine *m, unsigned int page, unsigned int index, unsigned int to)
{
	uint64_t word = (uint64_t)to * MACHINE_PAGE | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;

	memcpy(m->pages + page * MACHINE_PAGE + index * sizeof(word), &word, sizeof(word));
}

/* The guest's page table is in pages 0 to 3, and maps MACHINE_IOVA (index 1 in the third level) to the last
 * page. */
static void make_table(struct machine *m)
{
	const struct ioasid_mock_table root = { .root = 0, .width = IOASID_MOCK_TABLE_WIDTH };

	put_entry(m, 0, 0, 1);
	put_entry(m, 1, 1, 2);
	put_entry(m, 2, 0, 3);
	put_entry(m, 3, 0, MACHINE_PAGES - 1);
	m->table.type = IOASID_BE_PT_MOCK;
	m->table.length = sizeof(root);
	memcpy(m->table.bytes, &root, sizeof(root));
}

/* All of memory at 0, as a guest's physical memory; the last page at MACHINE_IOVA too, as a process has it. */
static int map_memory(struct machine *m)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.length = MACHINE_PAGES * MACHINE_PAGE, .address = m->pages,
	};
	int rc = ioasid_address_space_create(m->context, IOASID_USE_PARENT | IOASID_USE_PASID, &m->memory,
					     NULL);

	if (rc == 0)
		rc = ioasid_address_space_map(m->memory, &map);
	map.iova = MACHINE_IOVA;
	map.length = MACHINE_PAGE;
	map.address = m->pages + (MACHINE_PAGES - 1) * MACHINE_PAGE;
	return rc != 0 ? rc : ioasid_address_space_map(m->memory, &map);
}

int machine_attach(struct machine *m)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "mock0",
		.mode = IOASID_DEVICE_MEDIATED,
	};

	return ioasid_device_attach(m->context, m->pool, &spec, NULL, &m->device, NULL);
}

int machine_open(struct machine *m, struct run *run, uint32_t flags)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .flags = flags, .name = "example" };

	memset(m, 0, sizeof(*m));
	m->pages = aligned_alloc(MACHINE_PAGE, MACHINE_PAGES * MACHINE_PAGE);
	if (m->pages == NULL)
		return -ENOMEM;
	memset(m->pages, 0, MACHINE_PAGES * MACHINE_PAGE);
	make_table(m);
	if (!run_expect(run, "open the software IOMMU", open_context(m), 0))
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
	free(m->pages);
	return -EPROTO;
}

void machine_close(struct machine *m, struct run *run)
{
	if (m->device != NULL)
		run_expect(run, "close the device", ioasid_device_close(m->device), 0);
	run_expect(run, "destroy the pool", ioasid_pool_destroy(m->pool), 0);
	run_expect(run, "destroy the address space", ioasid_address_space_destroy(m->memory), 0);
	run_expect(run, "close the context", ioasid_context_close(m->context), 0);
	free(m->pages);
}

bool machine_dma(struct machine *m, ioasid_t pasid, unsigned char byte)
{
	unsigned char *canary = m->pages + (MACHINE_PAGES - 1) * MACHINE_PAGE;
	struct ioasid_mock_dma dma = {
		.struct_size = sizeof(dma), .pasid = pasid, .flags = IOASID_MOCK_DMA_WRITE,
		.iova = MACHINE_IOVA, .length = 1, .buffer = &byte,
	};

	*canary = (unsigned char)~byte;
	return m->control->dma(m->control->mock,
			       &dma) == 0 && dma.fault == IOASID_MOCK_FAULT_NONE && *canary == byte;
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
