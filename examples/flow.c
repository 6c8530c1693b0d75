/* What the flows share; see flow.h. */
#include "examples/flow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/ioasid_backend.h"
#include "backends/mock/mock_control.h"

/* ---- Steps ---- */

void flow_title(const char *text)
{
	printf("\n%s\n", text);
}

void flow_is(const char *what, long long answer, long long wanted)
{
	printf("  %-76s %lld\n", what, answer);
	fflush(stdout);
	if (answer != wanted) {
		fprintf(stderr, "%s: the answer is %lld, but should be %lld\n", what, answer, wanted);
		exit(EXIT_FAILURE);
	}
}

void flow_true(const char *what, bool so)
{
	printf("  %-76s %s\n", what, so ? "yes" : "no");
	fflush(stdout);
	if (!so) {
		fprintf(stderr, "%s: this is not so\n", what);
		exit(EXIT_FAILURE);
	}
}

/* What a flow cannot do without. */
static void need(const char *what, int rc)
{
	if (rc != 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(EXIT_FAILURE);
	}
}

/* ---- The machine ---- */

/* A software IOMMU is used only when it is asked for by its name (S9.16). */
void flow_open_with(struct flow *f, const struct ioasid_context_args *args, unsigned int pages)
{
	struct ioasid_reason why = { "" };
	struct ioasid_backend *backend;
	const void *control;
	int rc = ioasid_backend_load("mock", 0, &backend, &why);

	if (rc == 0) {
		rc = ioasid_context_open(backend, args, &f->context, &why);
		ioasid_backend_put(backend);
	}
	if (rc != 0)
		fprintf(stderr, "%s\n", why.text);
	need("the software IOMMU", rc);
	need("its controls", ioasid_context_interface(f->context, IOASID_MOCK_CONTROL_ID, &control));
	f->control = control;
	f->pages = pages;
	f->memory = aligned_alloc(FLOW_PAGE, (size_t)pages * FLOW_PAGE);
	need("memory", f->memory != NULL ? 0 : -ENOMEM);
	memset(f->memory, 0, (size_t)pages * FLOW_PAGE);
}

void flow_open(struct flow *f, const struct ioasid_context_setting *settings, size_t count, unsigned int pages)
{
	const struct ioasid_context_args args = { .struct_size = sizeof(args), .settings = settings, .setting_count = count };

	flow_open_with(f, &args, pages);
}

void flow_close(struct flow *f)
{
	struct ioasid_mock_live live = { .struct_size = sizeof(live) };

	need("what is left", f->control->live(f->control->mock, &live));
	flow_true("of devices, address spaces, tables and bindings nothing is left",
		  live.devices + live.spaces + live.tables + live.bindings == 0);
	flow_is("ioasid_context_close", ioasid_context_close(f->context), 0);
	free(f->memory);
}

unsigned char *flow_page(const struct flow *f, unsigned int page)
{
	return f->memory + (size_t)page * FLOW_PAGE;
}

static struct ioasid_address_space *map_into(struct flow *f, uint32_t uses, uint64_t iova, unsigned int page, unsigned int pages)
{
	const struct ioasid_mapping mapping = {
		.struct_size = sizeof(mapping), .access = IOASID_MAP_READ | IOASID_MAP_WRITE, .iova = iova,
		.length = (uint64_t)pages * FLOW_PAGE, .address = flow_page(f, page),
	};
	struct ioasid_address_space *space;

	need("an address space", ioasid_address_space_create(f->context, uses, &space, NULL));
	need("a mapping", ioasid_address_space_map(space, &mapping));
	return space;
}

struct ioasid_address_space *flow_space(struct flow *f, unsigned int page)
{
	return map_into(f, IOASID_USE_PASID, FLOW_IOVA, page, 1);
}

struct ioasid_address_space *flow_memory(struct flow *f)
{
	return map_into(f, IOASID_USE_PASID | IOASID_USE_PARENT, 0, 0, f->pages);
}

static void put_entry(struct flow *f, unsigned int page, unsigned int index, unsigned int to)
{
	uint64_t word = (uint64_t)to * FLOW_PAGE | IOASID_MOCK_PTE_P | IOASID_MOCK_PTE_W | IOASID_MOCK_PTE_U;

	memcpy(flow_page(f, page) + index * sizeof(word), &word, sizeof(word));
}

/* FLOW_IOVA is index 1 in the third level from below, 0 in the others. */
struct ioasid_record flow_table(struct flow *f, unsigned int first, unsigned int page)
{
	const struct ioasid_mock_table root = { .root = (uint64_t)first * FLOW_PAGE, .width = IOASID_MOCK_TABLE_WIDTH };
	struct ioasid_record record = { .type = IOASID_BE_PT_MOCK, .length = sizeof(root) };

	put_entry(f, first, 0, first + 1);
	put_entry(f, first + 1, 1, first + 2);
	put_entry(f, first + 2, 0, first + 3);
	put_entry(f, first + 3, 0, page);
	memcpy(record.bytes, &root, sizeof(root));
	return record;
}

struct ioasid_device *flow_attach(struct flow *f, struct ioasid_pool *pool, const char *name, uint32_t mode)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = name, .mode = mode,
	};
	struct ioasid_reason why = { "" };
	struct ioasid_device *device;
	int rc = ioasid_device_attach(f->context, pool, &spec, NULL, &device, &why);

	if (rc != 0)
		fprintf(stderr, "%s\n", why.text);
	need("ioasid_device_attach", rc);
	return device;
}

/* ---- DMA ---- */

static struct ioasid_mock_dma dma_of(uint32_t device, ioasid_t pasid, uint32_t flags, unsigned char *byte)
{
	return (struct ioasid_mock_dma){
		.struct_size = sizeof(struct ioasid_mock_dma), .device = device, .pasid = pasid, .flags = flags,
		.iova = FLOW_IOVA, .length = 1, .buffer = byte,
	};
}

int flow_read(struct flow *f, uint32_t device, ioasid_t pasid)
{
	unsigned char byte = 0;
	struct ioasid_mock_dma dma = dma_of(device, pasid, IOASID_MOCK_DMA_READ, &byte);

	need("DMA", f->control->dma(f->control->mock, &dma));
	return dma.fault == IOASID_MOCK_FAULT_NONE ? byte : FLOW_BLOCKED;
}

bool flow_write(struct flow *f, uint32_t device, ioasid_t pasid, unsigned char byte)
{
	struct ioasid_mock_dma dma = dma_of(device, pasid, IOASID_MOCK_DMA_WRITE, &byte);

	need("DMA", f->control->dma(f->control->mock, &dma));
	return dma.fault == IOASID_MOCK_FAULT_NONE;
}

uint64_t flow_begin(struct flow *f, uint32_t device, ioasid_t pasid, unsigned char *byte)
{
	struct ioasid_mock_dma dma = dma_of(device, pasid, IOASID_MOCK_DMA_WRITE, byte);
	uint64_t token = 0;

	need("DMA", f->control->dma_begin(f->control->mock, &dma, &token));
	return token;
}

bool flow_arrives(struct flow *f, uint64_t token)
{
	struct ioasid_mock_dma dma = { .struct_size = sizeof(dma) };

	need("DMA", f->control->dma_finish(f->control->mock, token, &dma));
	return dma.fault == IOASID_MOCK_FAULT_NONE;
}

void flow_ask(struct flow *f, uint32_t device, ioasid_t pasid, uint32_t group)
{
	const struct ioasid_mock_page_request request = {
		.struct_size = sizeof(request), .device = device, .pasid = pasid, .group = group, .address = FLOW_IOVA,
		.flags = IOASID_BE_FAULT_LAST | IOASID_BE_FAULT_WRITE,
	};

	need("a page request", f->control->page_request(f->control->mock, &request));
}

int flow_told(struct flow *f, uint32_t device, ioasid_t pasid, uint32_t group)
{
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
	int rc = f->control->page_response(f->control->mock, device, pasid, group, 0, &answer);

	return rc != 0 ? -1 : (int)answer.code;
}
