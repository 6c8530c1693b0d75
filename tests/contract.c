/* The contract suite: what its cases share, and the choice of those that a backend can be asked; see
 * contract.h. */
#include "tests/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_CASES = 256 };

static const struct contract_driver *current;

static const char *const interface_names[] = {
	IOASID_BE_ID_PAGING, IOASID_BE_ID_DIRTY, IOASID_BE_ID_PASID, IOASID_BE_ID_NESTED,
	IOASID_BE_ID_VIOMMU, IOASID_BE_ID_VDEVICE, IOASID_BE_ID_TABLE, IOASID_BE_ID_HWQUEUE,
	IOASID_BE_ID_INVALIDATE, IOASID_BE_ID_FAULT, IOASID_BE_ID_EVENT, IOASID_BE_ID_ID,
};

const struct contract_driver *contract_driver(void)
{
	return current;
}

const char *contract_interface_name(unsigned int bit)
{
	return bit < sizeof(interface_names) / sizeof(interface_names[0]) ? interface_names[bit] : NULL;
}

/* ---- Machine, context, devices ---- */

void contract_machine(struct contract_world *w)
{
	const struct ioasid_be_query query = { .struct_size = sizeof(query), .major = IOASID_BE_MAJOR };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };

	memset(w, 0, sizeof(*w));
	w->driver = current;
	w->why = (struct ioasid_be_text){ .struct_size = sizeof(w->why), .capacity = CONTRACT_TEXT, .buffer = w->text };
	REQUIRE_EQ(current->entry()(&query, &reply), 0);
	w->core = reply.core;
	w->args.struct_size = sizeof(w->args);
	w->machine = current->up(&w->args);
	w->memory = aligned_alloc(CONTRACT_PAGE, (size_t)CONTRACT_PAGES * CONTRACT_PAGE);
	REQUIRE(w->memory != NULL);
	for (unsigned int i = 0; i < CONTRACT_PAGES; i++)
		memset(w->memory + (size_t)i * CONTRACT_PAGE, (int)i + 1, CONTRACT_PAGE);
}

void contract_machine_end(struct contract_world *w)
{
	w->driver->down(w->machine);
	free(w->memory);
}

static const void *look_up(struct contract_world *w, const char *id)
{
	const void *table = NULL;
	int32_t rc = w->core->get_interface(w->ctx, id, &table);

	CHECK_EQ(rc, table ? 0 : IOASID_BE_ENOENT);
	return table;
}

void contract_up(struct contract_world *w, unsigned int devices)
{
	contract_machine(w);
	if (!CHECK_EQ(w->core->open(&w->args, &w->ctx, &w->why), 0)) {
		printf("# %s\n", w->text);
		test_abandon();
	}
	w->caps.struct_size = sizeof(w->caps);
	REQUIRE_EQ(w->core->caps(w->ctx, &w->caps), 0);
	w->paging = look_up(w, IOASID_BE_ID_PAGING);
	w->dirty = look_up(w, IOASID_BE_ID_DIRTY);
	w->pasid = look_up(w, IOASID_BE_ID_PASID);
	w->nested = look_up(w, IOASID_BE_ID_NESTED);
	w->viommu = look_up(w, IOASID_BE_ID_VIOMMU);
	w->vdevice = look_up(w, IOASID_BE_ID_VDEVICE);
	w->table = look_up(w, IOASID_BE_ID_TABLE);
	w->invalidate = look_up(w, IOASID_BE_ID_INVALIDATE);
	w->fault = look_up(w, IOASID_BE_ID_FAULT);
	w->event = look_up(w, IOASID_BE_ID_EVENT);
	w->id = look_up(w, IOASID_BE_ID_ID);
	for (unsigned int i = 0; i < devices; i++)
		REQUIRE_EQ(contract_take(w, i, &w->dev[i]), 0);
}

void contract_down(struct contract_world *w)
{
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		if (w->dev[i])
			CHECK_EQ(w->core->device_detach(w->dev[i]), 0);
	CHECK_EQ(w->core->close(w->ctx), 0);
	contract_machine_end(w);
}

struct ioasid_be_device contract_spec(struct contract_world *w, unsigned int device)
{
	return (struct ioasid_be_device){
		.struct_size = sizeof(struct ioasid_be_device), .kind = IOASID_BE_DEVICE_NAME,
		.name = w->driver->device(w->machine, device), .fd = -1, .iommufd = -1, .cookie = device + 1,
	};
}

int32_t contract_take(struct contract_world *w, unsigned int device, struct ioasid_be_dev **dev)
{
	const struct ioasid_be_device spec = contract_spec(w, device);

	return w->core->device_attach(w->ctx, &spec, dev, &w->why);
}

struct ioasid_be_device_caps contract_caps(struct contract_world *w, unsigned int device)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };

	CHECK_EQ(w->core->device_caps(w->dev[device], &caps), 0);
	return caps;
}

bool contract_has(struct contract_world *w, unsigned int device, uint32_t capability)
{
	return contract_caps(w, device).flags >> capability & 1;
}

/* ---- Address spaces ---- */

struct ioasid_be_as *contract_space(struct contract_world *w, uint32_t uses, struct ioasid_be_faultq *faultq)
{
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses, .faultq = faultq };
	struct ioasid_be_as *as = NULL;

	REQUIRE_EQ(w->paging->create(w->ctx, &args, &as, &w->why), 0);
	REQUIRE(as != NULL);
	return as;
}

struct ioasid_be_map contract_map_args(struct contract_world *w, uint64_t iova, unsigned int page, unsigned int pages)
{
	return (struct ioasid_be_map){
		.struct_size = sizeof(struct ioasid_be_map), .access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE,
		.iova = iova, .length = (uint64_t)pages * CONTRACT_PAGE,
		.source = (uint64_t)(uintptr_t)(w->memory + (size_t)page * CONTRACT_PAGE), .fd = -1,
	};
}

int32_t contract_map(struct contract_world *w, struct ioasid_be_as *as, uint64_t iova, unsigned int page)
{
	const struct ioasid_be_map map = contract_map_args(w, iova, page, 1);

	return w->paging->map(as, &map);
}

struct ioasid_be_as *contract_page_space(struct contract_world *w, unsigned int page)
{
	struct ioasid_be_as *as = contract_space(w, w->pasid ? IOASID_BE_USE_PASID : 0, NULL);

	REQUIRE_EQ(contract_map(w, as, CONTRACT_IOVA, page), 0);
	return as;
}

struct ioasid_be_as *contract_parent(struct contract_world *w, uint32_t uses)
{
	const struct ioasid_be_map map = contract_map_args(w, CONTRACT_GUEST, 0, CONTRACT_PAGES);
	struct ioasid_be_as *as = contract_space(w, IOASID_BE_USE_PARENT | uses, NULL);

	REQUIRE_EQ(w->paging->map(as, &map), 0);
	return as;
}

void contract_destroy(struct contract_world *w, struct ioasid_be_as *as)
{
	CHECK_EQ(w->paging->destroy(as), 0);
}

int32_t contract_unmap(struct contract_world *w, struct ioasid_be_as *as, uint64_t iova, uint64_t length, uint64_t *bytes)
{
	return w->paging->unmap(as, iova, length, bytes);
}

/* ---- Slots ---- */

struct ioasid_be_bind contract_bind(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as,
				    struct ioasid_be_table *table)
{
	return (struct ioasid_be_bind){ .dev = w->dev[device], .pasid = pasid, .as = as, .table = table };
}

struct ioasid_be_batch contract_batch(void *items, size_t size, uint32_t count)
{
	return (struct ioasid_be_batch){
		.struct_size = sizeof(struct ioasid_be_batch), .stride = (uint32_t)size, .count = count, .items = items,
	};
}

/* `done` of a batch of one says the same as the answer (R34). */
static int32_t told(const struct ioasid_be_batch *batch, int32_t rc)
{
	CHECK_EQ(batch->done, rc ? 0 : 1);
	return rc;
}

int32_t contract_attach(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as,
			struct ioasid_be_table *table)
{
	struct ioasid_be_bind bind = contract_bind(w, device, pasid, as, table);
	struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);

	return told(&batch, w->pasid->attach(w->ctx, &batch, &w->why));
}

int32_t contract_replace(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as,
			 struct ioasid_be_table *table, uint32_t flags)
{
	struct ioasid_be_bind bind = contract_bind(w, device, pasid, as, table);
	struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);

	bind.flags = flags;
	return told(&batch, w->pasid->replace(w->ctx, &batch, &w->why));
}

static int32_t take_off(struct contract_world *w, unsigned int device, uint32_t pasid,
			int32_t (*op)(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds))
{
	struct ioasid_be_bind bind = contract_bind(w, device, pasid, NULL, NULL);
	struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);

	return told(&batch, op(w->ctx, &batch));
}

int32_t contract_park(struct contract_world *w, unsigned int device, uint32_t pasid)
{
	return take_off(w, device, pasid, w->pasid->park);
}

int32_t contract_detach(struct contract_world *w, unsigned int device, uint32_t pasid)
{
	return take_off(w, device, pasid, w->pasid->detach);
}

void contract_quiet(struct contract_world *w, unsigned int device, uint32_t pasid)
{
	if (w->caps.flags & IOASID_BE_CTX_SEPARATE_DRAIN)
		CHECK_EQ(take_off(w, device, pasid, w->pasid->drain), 0);
	if (w->caps.flags & IOASID_BE_CTX_SEPARATE_INVALIDATE) {
		struct ioasid_be_inv inv = {
			.scope = IOASID_BE_SCOPE_PASID, .dev = w->dev[device], .pasid = pasid, .length = UINT64_MAX,
		};
		struct ioasid_be_batch batch = contract_batch(&inv, sizeof(inv), 1);

		CHECK_EQ(w->invalidate->scopes(w->ctx, &batch), 0);
	}
}

void contract_end(struct contract_world *w, unsigned int device, uint32_t pasid)
{
	if (w->caps.flags & (IOASID_BE_CTX_SEPARATE_DRAIN | IOASID_BE_CTX_SEPARATE_INVALIDATE)) {
		CHECK_EQ(contract_park(w, device, pasid), 0);
		contract_quiet(w, device, pasid);
	}
	CHECK_EQ(contract_detach(w, device, pasid), 0);
}

bool contract_reaches(struct contract_world *w, unsigned int device, uint32_t pasid, unsigned int page)
{
	unsigned char byte = 0;

	if (w->driver->dma)
		return !w->driver->dma(w->machine, device, pasid, CONTRACT_IOVA, false, &byte) && byte == page + 1;
	return !w->driver->attached || w->driver->attached(w->machine, device, pasid);
}

bool contract_blocked(struct contract_world *w, unsigned int device, uint32_t pasid)
{
	unsigned char byte = 0;

	if (w->driver->dma)
		return w->driver->dma(w->machine, device, pasid, CONTRACT_IOVA, false, &byte) == CONTRACT_BLOCKED && !byte;
	return !w->driver->attached || !w->driver->attached(w->machine, device, pasid);
}

uint64_t contract_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* ---- The choice of cases ---- */

static uint32_t abilities(const struct contract_driver *d)
{
	return (d->dma ? CONTRACT_DMA : 0) | (d->dma_begin ? CONTRACT_FLIGHT : 0) | (d->device_fd ? CONTRACT_FDS : 0) |
	       (d->owner ? CONTRACT_OWNER : 0) | (d->guest_table ? CONTRACT_FORMAT : 0) | (d->ask ? CONTRACT_ASKS : 0) |
	       (d->event ? CONTRACT_EVENTS : 0) | (d->unplug ? CONTRACT_UNPLUG : 0) |
	       (d->dma || d->attached ? CONTRACT_SEEN : 0);
}

/* Says what is missing for a case: the driver's list is what has to be there, whatever the backend offers. */
static bool wanted(const struct contract_case *c)
{
	static const char *const names[] = {
		"DMA", "DMA in flight", "devices by descriptor", "another owner", "a table format", "page requests",
		"events", "unplugging", "a look at slots",
	};
	uint64_t interfaces = c->interfaces & ~current->interfaces;
	uint32_t needs = c->needs & ~abilities(current);

	if (!interfaces && !needs)
		return true;
	printf("# left out, for want of");
	for (unsigned int bit = 0; bit < sizeof(interface_names) / sizeof(interface_names[0]); bit++)
		if (interfaces >> bit & 1)
			printf(" %s", interface_names[bit]);
	for (unsigned int bit = 0; bit < sizeof(names) / sizeof(names[0]); bit++)
		if (needs >> bit & 1)
			printf(" (%s)", names[bit]);
	printf(": %s\n", c->name);
	return false;
}

int contract_main(const struct contract_driver *driver, int argc, char **argv)
{
	static const struct contract_suite *const suites[] = {
		&contract_core, &contract_sizes, &contract_devices, &contract_paging, &contract_ranges, &contract_slots,
		&contract_batches, &contract_nested, &contract_invalidate, &contract_dirty, &contract_fault, &contract_viommu,
		&contract_id, &contract_public,
	};
	static struct test_case cases[MOST_CASES];
	unsigned int count = 0, all = 0;

	current = driver;
	for (unsigned int i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		for (size_t j = 0; j < suites[i]->count; j++) {
			const struct contract_case *c = &suites[i]->cases[j];

			if (all++ == MOST_CASES)
				abort();
			if (wanted(c))
				cases[count++] = (struct test_case){ c->name, c->fn };
		}
	}
	printf("# %s: %u of %u cases\n", driver->name, count, all);
	return test_main(driver->name, cases, count, argc, argv);
}
