/*
 * PASIDs on the kernel's VT-d driver, inside the test machine: a device that has the capability
 * (pasid-device.c), the library's public calls, and the unit's own tables in memory as the witness (walk.h).
 * After them the life cycles of S11 run on it.
 *
 * usage: vtd-pasid [case]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ioasid/ioasid.h>

#include "tests/harness.h"
#include "tests/vm/vtd-lab.h"
#include "tests/vm/walk.h"

#define IOVA UINT64_C(0x40000000)

enum { SPACES = 3 };

/* Address space n maps IOVA to page n. */
struct world {
	struct ioasid_pool *pool;
	struct ioasid_context *context;
	struct ioasid_set *set;
	struct ioasid_device *device;
	struct ioasid_address_space *space[SPACES];
	struct page page[SPACES];
};

static int map_at(struct ioasid_address_space *space, uint64_t iova, const struct page *page)
{
	struct ioasid_mapping mapping = {
		.struct_size = sizeof(mapping), .access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.iova = iova, .length = EDU_PAGE, .address = page->bytes,
	};

	return ioasid_address_space_map(space, &mapping);
}

static void device_up(struct world *w)
{
	const struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = lab_address(),
		.mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_reason why = { "" };

	if (!CHECK_EQ(ioasid_device_attach(w->context, w->pool, &spec, NULL, &w->device, &why), 0))
		printf("# %s\n", why.text);
	REQUIRE(w->device != NULL);
	REQUIRE_EQ(ioasid_device_assign(w->device, w->set), 0);
}

static void world_up(struct world *w)
{
	struct ioasid_reason why = { "" };

	memset(w, 0, sizeof(*w));
	REQUIRE_EQ(ioasid_pool_create(NULL, &w->pool), 0);
	if (!CHECK_EQ(ioasid_context_open_any(0, NULL, &w->context, &why), 0))
		printf("# %s\n", why.text);
	REQUIRE(w->context != NULL);
	REQUIRE_EQ(ioasid_set_alloc(w->pool, IOASID_SET_NONE, 0, 2000, &w->set), 0);
	for (unsigned int i = 0; i < SPACES; i++) {
		REQUIRE_EQ(ioasid_address_space_create(w->context, IOASID_USE_PASID, &w->space[i], &why), 0);
		REQUIRE_EQ(page_alloc(&w->page[i], 0), 0);
		REQUIRE_EQ(map_at(w->space[i], IOVA, &w->page[i]), 0);
	}
	device_up(w);
}

static void world_down(struct world *w)
{
	if (w->device != NULL)
		CHECK_EQ(ioasid_device_close(w->device), 0);
	if (w->set != NULL)
		CHECK(ioasid_set_put(w->set) >= 0);
	for (unsigned int i = 0; i < SPACES; i++) {
		CHECK_EQ(ioasid_address_space_destroy(w->space[i]), 0);
		page_free(&w->page[i]);
	}
	CHECK_EQ(ioasid_context_close(w->context), 0);
	CHECK_EQ(ioasid_pool_destroy(w->pool), 0);
}

static int bind(struct world *w, ioasid_t id, unsigned int space)
{
	return ioasid_bind_ioas(w->device, w->set, id, w->space[space], IOASID_COOKIE_NONE);
}

static int unbind(struct world *w, ioasid_t id)
{
	return ioasid_unbind(w->device, w->set, id, IOASID_COOKIE_NONE);
}

static void born(struct world *w, ioasid_t id)
{
	ioasid_t got;

	REQUIRE_EQ(ioasid_alloc(w->set, id, id, NULL, &got), 0);
}

/* Which of the pages a PASID reaches; -1: none, nor anything else. */
static int reaches(struct world *w, uint32_t pasid)
{
	uint64_t page = walk_page(lab_address(), pasid, IOVA);

	REQUIRE(page != WALK_ERROR);
	for (int i = 0; i < SPACES; i++)
		if (page == w->page[i].physical)
			return i;
	CHECK_EQ(walk_count(lab_address(), pasid), 0);
	return -1;
}

/* ---- The cases ---- */

/* S9.10 */
static void width_is_told(void)
{
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_report_line line = { .struct_size = sizeof(line) };
	struct ioasid_reason text = { "" };
	bool found = false;
	struct world w;

	world_up(&w);
	CHECK_EQ(ioasid_device_caps(w.device, &caps), 0);
	CHECK_EQ(caps.pasid_bits, 20);
	CHECK(caps.flags & UINT64_C(1) << IOASID_CAP_PASID);
	CHECK_EQ(caps.table_owner, IOASID_TABLE_OWNER_HOST);
	for (uint32_t i = 0; ioasid_device_report(w.device, i, &line, &text) == 0; i++) {
		printf("# %u %s: %s\n", line.capability, line.usable ? "usable" : "not usable", text.text);
		found = found || (line.capability == IOASID_CAP_PASID && line.usable == 1);
	}
	CHECK(found);
	world_down(&w);
}

/* S9.4, S9.5: each on its own address space, the first PASID, the last, and the RID beside them. */
static void slots_reach_their_own(void)
{
	struct world w;

	world_up(&w);
	born(&w, 1);
	born(&w, 2);
	born(&w, 0xfffff);
	CHECK_EQ(reaches(&w, 1), -1);
	CHECK_EQ(bind(&w, 1, 0), 0);
	CHECK_EQ(bind(&w, 2, 1), 0);
	CHECK_EQ(bind(&w, 0xfffff, 2), 0);
	CHECK_EQ(bind(&w, IOASID_NO_PASID, 1), 0);
	CHECK_EQ(reaches(&w, 1), 0);
	CHECK_EQ(reaches(&w, 2), 1);
	CHECK_EQ(reaches(&w, 0xfffff), 2);
	CHECK_EQ(reaches(&w, IOASID_NO_PASID), 1);
	CHECK_EQ(reaches(&w, 3), -1);
	CHECK_EQ(unbind(&w, 2), 0);
	CHECK_EQ(reaches(&w, 2), -1);
	CHECK_EQ(reaches(&w, 1), 0);
	CHECK_EQ(reaches(&w, IOASID_NO_PASID), 1);
	CHECK_EQ(unbind(&w, IOASID_NO_PASID), 0);
	CHECK_EQ(reaches(&w, 0xfffff), 2);
	CHECK_EQ(unbind(&w, 1), 0);
	CHECK_EQ(unbind(&w, 0xfffff), 0);
	CHECK_EQ(reaches(&w, 1), -1);
	CHECK_EQ(reaches(&w, 0xfffff), -1);
	world_down(&w);
}

/* S16.3: what is mapped and unmapped later is seen. */
static void mappings_follow(void)
{
	struct world w;

	world_up(&w);
	born(&w, 7);
	CHECK_EQ(bind(&w, 7, 0), 0);
	CHECK_EQ(walk_count(lab_address(), 7), 1);
	CHECK_EQ(map_at(w.space[0], IOVA + EDU_PAGE, &w.page[1]), 0);
	CHECK_EQ(walk_count(lab_address(), 7), 2);
	CHECK_EQ(walk_page(lab_address(), 7, IOVA + EDU_PAGE), w.page[1].physical);
	CHECK_EQ(ioasid_address_space_unmap(w.space[0], IOVA, EDU_PAGE, NULL), 0);
	CHECK_EQ(walk_page(lab_address(), 7, IOVA), WALK_NOTHING);
	CHECK_EQ(walk_count(lab_address(), 7), 1);
	CHECK_EQ(unbind(&w, 7), 0);
	world_down(&w);
}

/* S10.1: when free has returned, in a set that blocks; the reference that is left keeps the number parked. */
static void free_blocks(void)
{
	ioasid_t got;
	struct world w;

	world_up(&w);
	born(&w, 9);
	CHECK_EQ(bind(&w, 9, 0), 0);
	CHECK_EQ(ioasid_get(w.set, 9), 0);
	CHECK_EQ(reaches(&w, 9), 0);
	CHECK_EQ(ioasid_free(w.set, 9), 0);
	CHECK_EQ(reaches(&w, 9), -1);
	CHECK_EQ(ioasid_alloc(w.set, 9, 9, NULL, &got), -EBUSY);
	CHECK_EQ(ioasid_put(w.set, 9) >= 0, 1);
	CHECK_EQ(ioasid_wait_reclaimed(w.pool, 9, IOASID_FOREVER), 0);
	born(&w, 9);
	CHECK_EQ(reaches(&w, 9), -1);
	CHECK_EQ(bind(&w, 9, 2), 0);
	CHECK_EQ(reaches(&w, 9), 2);
	world_down(&w);
}

/* S9.13, the kernel's rule: beside PASIDs the RID is on a table for PASIDs, or on none. */
static void rid_in_the_way(void)
{
	struct ioasid_address_space *plain;
	struct world w;

	world_up(&w);
	born(&w, 5);
	REQUIRE_EQ(ioasid_address_space_create(w.context, 0, &plain, NULL), 0);
	CHECK_EQ(ioasid_bind_ioas(w.device, w.set, IOASID_NO_PASID, plain, IOASID_COOKIE_NONE), 0);
	CHECK_EQ(bind(&w, 5, 0), -EBUSY);
	CHECK_EQ(reaches(&w, 5), -1);
	CHECK_EQ(unbind(&w, IOASID_NO_PASID), 0);
	CHECK_EQ(bind(&w, 5, 0), 0);
	CHECK_EQ(ioasid_bind_ioas(w.device, w.set, IOASID_NO_PASID, plain, IOASID_COOKIE_NONE), -EBUSY);
	CHECK_EQ(reaches(&w, 5), 0);
	CHECK_EQ(unbind(&w, 5), 0);
	CHECK_EQ(ioasid_address_space_destroy(plain), 0);
	world_down(&w);
}

/* S9.14: the device's close leaves nothing behind, for whoever has it next. */
static void close_leaves_nothing(void)
{
	struct world w;

	world_up(&w);
	for (ioasid_t id = 1; id <= 20; id++) {
		born(&w, id);
		CHECK_EQ(bind(&w, id, id % SPACES), 0);
	}
	CHECK_EQ(bind(&w, IOASID_NO_PASID, 0), 0);
	CHECK_EQ(ioasid_device_close(w.device), 0);
	w.device = NULL;
	for (ioasid_t id = 0; id <= 20; id++)
		CHECK_EQ(reaches(&w, id), -1);
	device_up(&w);
	for (ioasid_t id = 0; id <= 20; id++)
		CHECK_EQ(reaches(&w, id), -1);
	CHECK_EQ(bind(&w, 3, 1), 0);
	CHECK_EQ(reaches(&w, 3), 1);
	CHECK_EQ(reaches(&w, 4), -1);
	world_down(&w);
}

/* S2.3, S9.7: a thousand tenants, gone with their set. */
static void death_of_a_thousand(void)
{
	enum { TENANTS = 1000 };
	unsigned int there = 0;
	struct world w;
	ioasid_t id;

	world_up(&w);
	for (unsigned int i = 0; i < TENANTS; i++) {
		REQUIRE_EQ(ioasid_alloc(w.set, 1, IOASID_INVALID, NULL, &id), 0);
		REQUIRE_EQ(bind(&w, id, i % SPACES), 0);
		there += reaches(&w, id) == (int)(i % SPACES);
	}
	CHECK_EQ(there, TENANTS);
	CHECK(ioasid_set_put(w.set) >= 0);
	w.set = NULL;
	there = 0;
	for (id = 1; id <= TENANTS; id++)
		there += reaches(&w, id) >= 0;
	CHECK_EQ(there, 0);
	CHECK_EQ(reaches(&w, 0xfffff), -1);
	world_down(&w);
}

/* Replacing, through the contract: the library has no call that moves an IOASID from one address space to
 * another. */
static void replace_moves(void)
{
	struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = IOASID_BE_USE_PASID };
	struct ioasid_be_as *as[2];
	struct page page[2];
	struct machine m;

	be_up(&m.be, -1);
	m.fd = open_cdev();
	REQUIRE(m.fd >= 0);
	REQUIRE_EQ(ioasid__be_device_attach(&m.be, &(struct ioasid_be_device){
		.struct_size = sizeof(struct ioasid_be_device), .kind = IOASID_BE_DEVICE_FD, .fd = m.fd, .iommufd = -1 },
		&m.dev, NULL), 0);
	for (int i = 0; i < 2; i++) {
		REQUIRE_EQ(page_alloc(&page[i], 0), 0);
		REQUIRE_EQ(ioasid__be_as_create(&m.be, &args, &as[i], NULL), 0);
		REQUIRE_EQ(map_page(&m, as[i], IOVA, &page[i]), 0);
	}
	CHECK_EQ(onto(ioasid__be_replace, &m, 6, as[0]), -ENOENT);
	CHECK_EQ(onto(ioasid__be_attach, &m, 6, as[0]), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), page[0].physical);
	CHECK_EQ(onto(ioasid__be_replace, &m, 6, as[1]), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), page[1].physical);
	CHECK_EQ(off(ioasid__be_park, &m, 6), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), WALK_NOTHING);
	CHECK_EQ(onto(ioasid__be_replace, &m, 6, as[0]), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), page[0].physical);
	CHECK_EQ(ioasid__be_device_block(&m.be, m.dev, 0), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), WALK_NOTHING);
	CHECK_EQ(off(ioasid__be_detach, &m, 6), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ioasid__be_as_destroy(&m.be, as[i]), 0);
		page_free(&page[i]);
	}
	CHECK_EQ(ioasid__be_device_detach(&m.be, m.dev), 0);
	close(m.fd);
	CHECK_EQ(ioasid__be_close(&m.be), 0);
}

/* S18.1 on the real driver: its unit takes page requests, and the device says that it can ask. None comes. */
static void tables_with_page_requests(void)
{
	const struct ioasid_be_queue_args queue_args = { .struct_size = sizeof(queue_args) };
	struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT };
	struct ioasid_be_page_request request;
	struct ioasid_be_faultq *queue;
	struct ioasid_be_as *as;
	struct page page;
	struct machine m;
	uint32_t got = 1;
	int32_t fd;

	be_up(&m.be, -1);
	m.fd = open_cdev();
	REQUIRE(m.fd >= 0);
	REQUIRE_EQ(ioasid__be_device_attach(&m.be, &(struct ioasid_be_device){
		.struct_size = sizeof(struct ioasid_be_device), .kind = IOASID_BE_DEVICE_FD, .fd = m.fd, .iommufd = -1 },
		&m.dev, NULL), 0);
	REQUIRE_EQ(ioasid__be_faultq_create(&m.be, &queue_args, &queue, &fd), 0);
	args.faultq = queue;
	REQUIRE_EQ(page_alloc(&page, 0), 0);
	REQUIRE_EQ(ioasid__be_as_create(&m.be, &args, &as, NULL), 0);
	REQUIRE_EQ(map_page(&m, as, IOVA, &page), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 6, as), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), page.physical);
	CHECK_EQ(ioasid__be_fault_read(&m.be, queue, &request, 1, &got), 0);
	CHECK_EQ(got, 0);
	CHECK_EQ(ioasid__be_faultq_destroy(&m.be, queue), -EBUSY);
	CHECK_EQ(off(ioasid__be_park, &m, 6), 0);
	CHECK_EQ(walk_page(lab_address(), 6, IOVA), WALK_NOTHING);
	CHECK_EQ(off(ioasid__be_detach, &m, 6), 0);
	CHECK_EQ(off(ioasid__be_detach, &m, 0), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	page_free(&page);
	CHECK_EQ(ioasid__be_faultq_destroy(&m.be, queue), 0);
	CHECK_EQ(ioasid__be_device_detach(&m.be, m.dev), 0);
	close(m.fd);
	CHECK_EQ(ioasid__be_close(&m.be), 0);
}

static const struct test_case cases[] = {
	{ "the device has PASIDs of 20 bits, and the report says so (S9.10)", width_is_told },
	{ "PASIDs and the RID reach each its own address space, and nothing after unbind (S9.4, S9.5)", slots_reach_their_own },
	{ "what is mapped and unmapped after the bind is in the tables (S16.3)", mappings_follow },
	{ "a PASID reaches nothing when its free has returned, and its next life is its own (S10.1)", free_blocks },
	{ "replace moves a PASID, park and device_block empty its entry", replace_moves },
	{ "tables with page requests are attached, parked and detached (S18.1)", tables_with_page_requests },
	{ "an RID on a table without PASIDs is in the way, and is left alone (S9.13)", rid_in_the_way },
	{ "a device's close leaves no entry behind (S9.14)", close_leaves_nothing },
	{ "a thousand tenants are gone when the last put of their set has returned (S2.3, S9.7)", death_of_a_thousand },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd-pasid", cases, argc, argv);
}
