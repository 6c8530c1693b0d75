/* Calls of the mock as tests want them, one at a time; see mock_rig.h. */
#include "tests/mock_rig.h"

#include "tests/harness.h"

/* ---- Address spaces ---- */

struct ioasid_be_as *rig_space(struct rig *rig, uint32_t uses)
{
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses };
	struct ioasid_be_as *as = NULL;

	REQUIRE_EQ(rig->paging->create(rig->ctx, &args, &as, &rig->why), 0);
	return as;
}

struct ioasid_be_map rig_map_args(const struct rig *rig, uint64_t iova, unsigned int page, unsigned int pages)
{
	return (struct ioasid_be_map){
		.struct_size = sizeof(struct ioasid_be_map),
		.access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE,
		.iova = iova,
		.length = (uint64_t)pages * RIG_PAGE,
		.source = (uintptr_t)rig_page(rig, page),
		.fd = -1,
	};
}

void rig_map(struct rig *rig, struct ioasid_be_as *as, uint64_t iova, unsigned int page)
{
	const struct ioasid_be_map map = rig_map_args(rig, iova, page, 1);

	REQUIRE_EQ(rig->paging->map(as, &map), 0);
}

uint64_t rig_unmap(struct rig *rig, struct ioasid_be_as *as, uint64_t iova, uint64_t length)
{
	uint64_t unmapped = UINT64_MAX;

	CHECK_EQ(rig->paging->unmap(as, iova, length, &unmapped), 0);
	return unmapped;
}

int32_t rig_map_pages(struct rig *rig, struct ioasid_be_as *as, uint64_t iova, unsigned int page,
		      unsigned int pages)
{
	const struct ioasid_be_map map = rig_map_args(rig, iova, page, pages);

	return rig->paging->map(as, &map);
}

/* ---- Bindings ---- */

struct ioasid_be_bind rig_bind(struct rig *rig, uint32_t device, uint32_t pasid, struct ioasid_be_as *as,
			       struct ioasid_be_table *table)
{
	return (struct ioasid_be_bind){ .dev = rig->dev[device], .pasid = pasid, .as = as, .table = table };
}

struct ioasid_be_batch rig_batch(struct ioasid_be_bind *binds, uint32_t count)
{
	return (struct ioasid_be_batch){ .struct_size = sizeof(struct ioasid_be_batch),
					 .stride = sizeof(*binds),
					 .count = count,
					 .items = binds };
}

static struct ioasid_be_batch one(struct ioasid_be_bind *bind, uint64_t deadline)
{
	struct ioasid_be_batch batch = rig_batch(bind, 1);

	batch.deadline = deadline ? rig_now() + deadline : 0;
	return batch;
}

/* A batch of one is done if and only if it answers 0. */
static int32_t consistent(const struct ioasid_be_batch *batch, int32_t rc)
{
	CHECK_EQ(batch->done, rc == 0);
	return rc;
}

int32_t rig_attach(struct rig *rig, uint32_t device, uint32_t pasid, struct ioasid_be_as *as,
		   struct ioasid_be_table *table)
{
	struct ioasid_be_bind bind = rig_bind(rig, device, pasid, as, table);
	struct ioasid_be_batch batch = one(&bind, 0);

	return consistent(&batch, rig->pasid->attach(rig->ctx, &batch, &rig->why));
}

int32_t rig_replace(struct rig *rig, uint32_t device, uint32_t pasid, struct ioasid_be_as *as,
		    struct ioasid_be_table *table, uint64_t deadline)
{
	struct ioasid_be_bind bind = rig_bind(rig, device, pasid, as, table);
	struct ioasid_be_batch batch = one(&bind, deadline);

	return consistent(&batch, rig->pasid->replace(rig->ctx, &batch, &rig->why));
}

int32_t rig_park(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t deadline)
{
	struct ioasid_be_bind bind = rig_bind(rig, device, pasid, NULL, NULL);
	struct ioasid_be_batch batch = one(&bind, deadline);

	return consistent(&batch, rig->pasid->park(rig->ctx, &batch));
}

int32_t rig_detach(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t deadline)
{
	struct ioasid_be_bind bind = rig_bind(rig, device, pasid, NULL, NULL);
	struct ioasid_be_batch batch = one(&bind, deadline);

	return consistent(&batch, rig->pasid->detach(rig->ctx, &batch));
}

int32_t rig_drain(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t deadline)
{
	struct ioasid_be_bind bind = rig_bind(rig, device, pasid, NULL, NULL);
	struct ioasid_be_batch batch = one(&bind, deadline);

	return consistent(&batch, rig->pasid->drain(rig->ctx, &batch));
}

int32_t rig_invalidate(struct rig *rig, const struct ioasid_be_inv *inv)
{
	struct ioasid_be_inv copy = *inv;
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(copy), .count = 1, .items = &copy
	};

	return consistent(&batch, rig->invalidate->scopes(rig->ctx, &batch));
}

/* ---- DMA ---- */

struct ioasid_mock_dma rig_dma_args(uint32_t device, uint32_t pasid, uint32_t flags, uint64_t iova,
				    void *buffer, uint64_t length)
{
	return (struct ioasid_mock_dma){ .struct_size = sizeof(struct ioasid_mock_dma),
					 .device = device,
					 .pasid = pasid,
					 .flags = flags,
					 .iova = iova,
					 .length = length,
					 .buffer = buffer };
}

uint32_t rig_dma(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t flags, uint64_t iova,
		 void *buffer, uint64_t length)
{
	struct ioasid_mock_dma dma = rig_dma_args(device, pasid, flags, iova, buffer, length);

	CHECK_EQ(rig->control->dma(rig->mock, &dma), 0);
	CHECK_EQ(dma.done == length, dma.fault == IOASID_MOCK_FAULT_NONE);
	return dma.fault;
}

uint32_t rig_read_fault(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t iova)
{
	unsigned char byte;

	return rig_dma(rig, device, pasid, IOASID_MOCK_DMA_READ, iova, &byte, 1);
}

bool rig_reads(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t iova, unsigned char byte)
{
	unsigned char got = (unsigned char)~byte;

	return !rig_dma(rig, device, pasid, IOASID_MOCK_DMA_READ, iova, &got, 1) && got == byte;
}

uint64_t rig_begin(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t flags, uint64_t iova,
		   void *buffer, uint64_t length)
{
	struct ioasid_mock_dma dma = rig_dma_args(device, pasid, flags, iova, buffer, length);
	uint64_t token = 0;

	CHECK_EQ(rig->control->dma_begin(rig->mock, &dma, &token), 0);
	CHECK_EQ(token != 0, dma.fault == IOASID_MOCK_FAULT_NONE);
	return token;
}

uint32_t rig_finish(struct rig *rig, uint64_t token)
{
	struct ioasid_mock_dma dma = { .struct_size = sizeof(dma) };

	CHECK_EQ(rig->control->dma_finish(rig->mock, token, &dma), 0);
	CHECK_EQ(dma.done, dma.fault ? 0 : dma.length);
	return dma.fault;
}

/* ---- Inspection, faults ---- */

/* What the report says of a capability; the text goes to rig->text. */
uint32_t rig_why_not(struct rig *rig, uint32_t capability)
{
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };

	CHECK_EQ(rig->core->device_report(rig->dev[0], capability, &line, &rig->why), 0);
	CHECK_EQ(line.capability, capability);
	CHECK_EQ(line.usable, line.why == IOASID_BE_WHY_NONE);
	CHECK(line.usable || rig->why.length);
	return line.why;
}

struct ioasid_mock_slot rig_slot(struct rig *rig, uint32_t device, uint32_t pasid)
{
	struct ioasid_mock_slot slot = { .struct_size = sizeof(slot) };

	CHECK_EQ(rig->control->slot(rig->mock, device, pasid, &slot), 0);
	return slot;
}

struct ioasid_mock_live rig_live(struct rig *rig)
{
	struct ioasid_mock_live live = { .struct_size = sizeof(live) };

	CHECK_EQ(rig->control->live(rig->mock, &live), 0);
	return live;
}

uint64_t rig_calls(struct rig *rig, uint32_t op)
{
	uint64_t calls = 0, items = 0;

	CHECK_EQ(rig->control->count(rig->mock, op, &calls, &items), 0);
	return calls;
}

uint64_t rig_items(struct rig *rig, uint32_t op)
{
	uint64_t calls = 0, items = 0;

	CHECK_EQ(rig->control->count(rig->mock, op, &calls, &items), 0);
	return items;
}

void rig_rule(struct rig *rig, const struct ioasid_mock_rule *rule)
{
	CHECK_EQ(rig->control->inject(rig->mock, rule), 0);
}

void rig_fail(struct rig *rig, uint32_t op, uint64_t nth, int32_t error)
{
	const struct ioasid_mock_rule rule = {
		.struct_size = sizeof(rule), .op = op, .error = error, .nth = nth, .times = 1
	};

	rig_rule(rig, &rule);
}
