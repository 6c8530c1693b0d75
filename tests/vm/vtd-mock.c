/*
 * The VT-d backend on the kernel's mock devices, inside the test machine: the parts of iommufd that no
 * emulated unit has, driven by the plugin itself through a bridge (tests/kernel-mock/bridge.h). The witness
 * is the kernel's self-test: what a slot is on, where a table leads, what an IOTLB holds.
 *
 * usage: vtd-mock [case]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "tests/harness.h"
#include "tests/vm/mock-lab.h"

/* R18, S9.10 */
static void everything_is_there(void)
{
	const uint64_t all = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_DIRTY | IOASID_BE_IF_NESTED |
			     IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_FAULT;
	const uint32_t want[] = { IOASID_BE_CAP_PASID, IOASID_BE_CAP_NESTING, IOASID_BE_CAP_DIRTY, IOASID_BE_CAP_FAULT };
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct lab lab;

	lab_up(&lab);
	CHECK_EQ(lab.be.caps.interfaces, all);
	CHECK_EQ(ioasid__be_device_caps(&lab.be, lab.dev[0], &caps), 0);
	CHECK_EQ(caps.pasid_bits, 20);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		CHECK(caps.flags >> want[i] & 1);
	lab_down(&lab);
}

static void slots_reach_their_own(void)
{
	struct lab lab;

	lab_up(&lab);
	CHECK(blocked(&lab, 0, 3) && blocked(&lab, 0, 0));
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 0, 3, 0), 0);
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 0, 4, 1), 0);
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 1, 3, 1), 0);
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 0, 0, 1), 0);
	CHECK(reaches(&lab, 0, 3, 0) && reaches(&lab, 0, 4, 1) && reaches(&lab, 1, 3, 1) && reaches(&lab, 0, 0, 1));
	CHECK_EQ(onto_space(ioasid__be_replace, &lab, 0, 3, 1), 0);
	CHECK(reaches(&lab, 0, 3, 1));
	CHECK_EQ(off(ioasid__be_park, &lab, 0, 3), 0);
	CHECK_EQ(off(ioasid__be_park, &lab, 0, 3), 0);
	CHECK(blocked(&lab, 0, 3) && reaches(&lab, 1, 3, 1));
	CHECK_EQ(onto_space(ioasid__be_replace, &lab, 0, 3, 0), 0);
	CHECK(reaches(&lab, 0, 3, 0));
	CHECK_EQ(ioasid__be_device_block(&lab.be, lab.dev[0], 0), 0);
	CHECK(blocked(&lab, 0, 3) && blocked(&lab, 0, 4) && blocked(&lab, 0, 0) && reaches(&lab, 1, 3, 1));
	CHECK_EQ(ioasid__be_as_destroy(&lab.be, lab.as[1]), -EBUSY);
	lab_down(&lab);
}

/* S9.13, as the kernel has it. */
static void rid_in_the_way(void)
{
	struct lab lab;

	lab_up(&lab);
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 0, 0, 2), 0);
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 0, 3, 0), -EBUSY);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 3, 0), -EBUSY);
	CHECK(blocked(&lab, 0, 3) && reaches(&lab, 0, 0, 2));
	CHECK_EQ(onto_table(ioasid__be_replace, &lab, 0, 0, 0), 0);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 3, 0), 0);
	CHECK_EQ(onto_space(ioasid__be_replace, &lab, 0, 0, 2), -EBUSY);
	CHECK(nested_on(&lab, 0, 0) && nested_on(&lab, 0, 0) == nested_on(&lab, 0, 3));
	lab_down(&lab);
}

static void tables_nest(void)
{
	struct lab lab;
	uint32_t first, second;

	lab_up(&lab);
	REQUIRE_EQ(lab_table(&lab, 1, 0), 0);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 3, 0), 0);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 4, 1), 0);
	/* Behind one unit one table serves both. */
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 1, 3, 0), 0);
	first = nested_on(&lab, 0, 3);
	second = nested_on(&lab, 0, 4);
	CHECK(first && second && first != second && first == nested_on(&lab, 1, 3));
	CHECK_EQ(bridge_below(lab.bridge, first), bridge_below(lab.bridge, second));
	CHECK(bridge_maps(lab.bridge, bridge_below(lab.bridge, first), LAB_IOVA, lab.pages));
	CHECK_EQ(onto_table(ioasid__be_replace, &lab, 0, 3, 1), 0);
	CHECK_EQ(nested_on(&lab, 0, 3), second);
	CHECK_EQ(onto_space(ioasid__be_replace, &lab, 0, 3, 0), 0);
	CHECK(reaches(&lab, 0, 3, 0) && !nested_on(&lab, 0, 3));
	CHECK_EQ(onto_table(ioasid__be_replace, &lab, 0, 3, 0), 0);
	CHECK_EQ(nested_on(&lab, 0, 3), first);
	CHECK_EQ(ioasid__be_table_destroy(&lab.be, lab.table[0]), -EBUSY);
	CHECK_EQ(off(ioasid__be_park, &lab, 0, 3), 0);
	CHECK(blocked(&lab, 0, 3));
	CHECK_EQ(onto_table(ioasid__be_replace, &lab, 0, 3, 0), 0);
	CHECK_EQ(off(ioasid__be_detach, &lab, 0, 3), 0);
	CHECK_EQ(off(ioasid__be_detach, &lab, 1, 3), 0);
	CHECK_EQ(ioasid__be_as_destroy(&lab.be, lab.as[0]), -EBUSY);
	CHECK_EQ(ioasid__be_table_destroy(&lab.be, lab.table[0]), 0);
	lab.table[0] = NULL;
	CHECK_EQ(nested_on(&lab, 0, 4), second);
	lab_down(&lab);
}

static struct ioasid_be_inv of_table(struct lab *lab, uint64_t page, uint64_t pages)
{
	return (struct ioasid_be_inv){
		.scope = IOASID_BE_SCOPE_TABLE, .table = lab->table[0], .address = page * LAB_PAGE, .length = pages * LAB_PAGE,
	};
}

/* The pages that an IOTLB still holds, as bits. */
static unsigned int cached(struct lab *lab, uint32_t table)
{
	unsigned int bits = 0;

	for (uint32_t page = 0; page < 4; page++) {
		bool full = bridge_cached(lab->bridge, table, page, LAB_ROOT);

		CHECK(full || bridge_cached(lab->bridge, table, page, 0));
		bits |= full ? 1u << page : 0;
	}
	return bits;
}

/* R61, S17.4 */
static void invalidations_are_done(void)
{
	struct ioasid_be_inv items[4];
	uint32_t done, table;
	struct lab lab;

	lab_up(&lab);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 3, 0), 0);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 1, 3, 0), 0);
	table = nested_on(&lab, 0, 3);
	CHECK_EQ(cached(&lab, table), 15);
	items[0] = of_table(&lab, 1, 1);
	CHECK_EQ(ioasid__be_invalidate(&lab.be, items, 1, 0, &done), 0);
	CHECK_EQ(cached(&lab, table), 13);
	/* The third is a page that the mock has no entry for. */
	items[0] = of_table(&lab, 3, 1);
	items[1] = of_table(&lab, 1, 1);
	items[2] = of_table(&lab, 9, 1);
	items[3] = of_table(&lab, 0, 1);
	CHECK_EQ(ioasid__be_invalidate(&lab.be, items, 4, 0, &done), -EINVAL);
	CHECK_EQ(done, 2);
	CHECK_EQ(cached(&lab, table), 5);
	items[0] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_PASID, .dev = lab.dev[1], .pasid = 3, .length = LAB_PAGE };
	CHECK_EQ(ioasid__be_invalidate(&lab.be, items, 1, 0, &done), 0);
	CHECK_EQ(cached(&lab, table), 4);
	items[0] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_DEVICE, .dev = lab.dev[0] };
	CHECK_EQ(ioasid__be_invalidate(&lab.be, items, 1, 0, &done), 0);
	CHECK_EQ(cached(&lab, table), 0);
	CHECK_EQ(off(ioasid__be_detach, &lab, 0, 3), 0);
	CHECK_EQ(ioasid__be_invalidate(&lab.be, items, 1, 0, &done), 0);
	lab_down(&lab);
}

/* R62, R63 */
static void requests_are_answered(void)
{
	struct ioasid_be_page_request r[4], later;
	uint32_t got;
	struct lab lab;

	lab_up(&lab);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 3, 0), 0);
	CHECK_EQ(onto_space(ioasid__be_attach, &lab, 1, 4, 1), 0);
	CHECK_EQ(lab_get(&lab, r, 4, &got), 0);
	CHECK_EQ(got, 0);
	CHECK_EQ(bridge_ask(lab.bridge, 0, 3, 11, 0x5000), 0);
	CHECK(readable(&lab));
	CHECK_EQ(lab_get(&lab, r, 4, &got), 0);
	REQUIRE_EQ(got, 1);
	CHECK(r[0].pasid == 3 && r[0].group == 11 && r[0].address == 0x5000 && r[0].device_cookie == LAB_COOKIE);
	CHECK_EQ(r[0].flags, IOASID_BE_FAULT_PASID | IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST);
	CHECK_EQ(bridge_ask(lab.bridge, 1, 4, 12, 0x6000), 0);
	CHECK(readable(&lab));
	CHECK_EQ(lab_get(&lab, r + 1, 3, &got), 0);
	REQUIRE_EQ(got, 1);
	CHECK(r[1].pasid == 4 && r[1].device_cookie == LAB_COOKIE + 1);
	CHECK_EQ(lab_respond(&lab, r[0].handle, IOASID_BE_RESPOND_SUCCESS), 0);
	CHECK_EQ(lab_respond(&lab, r[0].handle, IOASID_BE_RESPOND_SUCCESS), -ENOENT);
	CHECK_EQ(lab_respond(&lab, r[1].handle, IOASID_BE_RESPOND_FAILURE), 0);
	/* What park has answered gives its number to the next one, which the late answer must not hit. */
	CHECK_EQ(bridge_ask(lab.bridge, 0, 3, 13, 0x7000), 0);
	CHECK(readable(&lab));
	CHECK_EQ(lab_get(&lab, r, 4, &got), 0);
	REQUIRE_EQ(got, 1);
	CHECK_EQ(off(ioasid__be_park, &lab, 0, 3), 0);
	CHECK_EQ(bridge_ask(lab.bridge, 1, 4, 14, 0x8000), 0);
	CHECK(readable(&lab));
	CHECK_EQ(lab_get(&lab, &later, 1, &got), 0);
	REQUIRE_EQ(got, 1);
	CHECK_EQ((uint32_t)later.handle, (uint32_t)r[0].handle);
	CHECK_EQ(lab_respond(&lab, r[0].handle, IOASID_BE_RESPOND_SUCCESS), -ENOENT);
	CHECK_EQ(lab_respond(&lab, later.handle, IOASID_BE_RESPOND_SUCCESS), 0);
	/* And what was not read yet is gone with its slot. */
	CHECK_EQ(bridge_ask(lab.bridge, 1, 4, 15, 0x9000), 0);
	CHECK(readable(&lab));
	CHECK_EQ(ioasid__be_faultq_destroy(&lab.be, lab.queue), -EBUSY);
	CHECK_EQ(onto_space(ioasid__be_replace, &lab, 1, 4, 0), 0);
	CHECK_EQ(lab_get(&lab, r, 4, &got), 0);
	CHECK_EQ(got, 0);
	lab_down(&lab);
}

static uint64_t dirty(struct lab *lab, bool clear)
{
	uint64_t bitmap = UINT64_C(1) << 63;
	const struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .iova = LAB_IOVA, .length = 8 * LAB_PAGE, .page_size = LAB_PAGE, .bitmap = &bitmap,
	};

	CHECK_EQ(clear ? ioasid__be_dirty_read_clear(&lab->be, lab->as[0], &args) :
			 ioasid__be_dirty_read(&lab->be, lab->as[0], &args), 0);
	CHECK_EQ(bitmap >> 63, 1);
	return bitmap << 1 >> 1;
}

/* S16.4 */
static void dirty_pages_are_told(void)
{
	struct lab lab;
	uint32_t below;

	lab_up(&lab);
	REQUIRE_EQ(lab_map(&lab, 0, 2), 0);
	CHECK_EQ(onto_table(ioasid__be_attach, &lab, 0, 3, 0), 0);
	below = bridge_below(lab.bridge, nested_on(&lab, 0, 3));
	CHECK_EQ(bridge_write(lab.bridge, below, LAB_IOVA), -EINVAL);
	CHECK_EQ(ioasid__be_dirty_start(&lab.be, lab.as[0]), 0);
	CHECK_EQ(dirty(&lab, false), 0);
	CHECK_EQ(bridge_write(lab.bridge, below, LAB_IOVA), 0);
	CHECK_EQ(bridge_write(lab.bridge, below, LAB_IOVA + 2 * LAB_PAGE), 0);
	CHECK_EQ(dirty(&lab, false), 5);
	CHECK_EQ(dirty(&lab, true), 5);
	CHECK_EQ(dirty(&lab, true), 0);
	/* A page that is mapped later. */
	REQUIRE_EQ(lab_map(&lab, 0, 1), 0);
	CHECK_EQ(bridge_write(lab.bridge, below, LAB_IOVA + LAB_PAGE), 0);
	CHECK_EQ(dirty(&lab, true), 2);
	CHECK_EQ(ioasid__be_dirty_stop(&lab.be, lab.as[0]), 0);
	CHECK_EQ(bridge_write(lab.bridge, below, LAB_IOVA), -EINVAL);
	lab_down(&lab);
}

/* ---- Allocations that fail in the kernel ---- */

#define TRY(step) \
	do { \
		int rc_ = (step); \
		if (rc_) \
			return rc_; \
	} while (0)

/* Once through everything. */
static int scenario(struct lab *lab)
{
	struct ioasid_be_page_request request;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_DEVICE };
	uint32_t got = 0, done;

	TRY(lab_open(lab));
	TRY(lab_device(lab, 0));
	TRY(lab_device(lab, 1));
	TRY(lab_queue(lab));
	TRY(lab_space(lab, 0, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT | IOASID_BE_USE_DIRTY));
	TRY(lab_space(lab, 1, IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT));
	TRY(lab_map(lab, 0, 0));
	TRY(lab_map(lab, 1, 0));
	TRY(onto_space(ioasid__be_attach, lab, 0, 0, 0));
	TRY(onto_space(ioasid__be_attach, lab, 0, 3, 0));
	TRY(ioasid__be_dirty_start(&lab->be, lab->as[0]));
	TRY(lab_table(lab, 0, 0));
	TRY(onto_table(ioasid__be_replace, lab, 0, 3, 0));
	TRY(onto_table(ioasid__be_attach, lab, 1, 4, 0));
	TRY(onto_space(ioasid__be_replace, lab, 1, 4, 1));
	TRY(bridge_ask(lab->bridge, 1, 4, 1, 0x5000));
	(void)readable_within(lab, 2000);
	TRY(lab_get(lab, &request, 1, &got));
	if (got)
		TRY(lab_respond(lab, request.handle, IOASID_BE_RESPOND_SUCCESS));
	inv.dev = lab->dev[0];
	TRY(ioasid__be_invalidate(&lab->be, &inv, 1, 0, &done));
	TRY(lab_map(lab, 0, 1));
	TRY(ioasid__be_dirty_stop(&lab->be, lab->as[0]));
	TRY(off(ioasid__be_park, lab, 0, 3));
	TRY(onto_space(ioasid__be_replace, lab, 0, 3, 1));
	TRY(ioasid__be_unmap(&lab->be, lab->as[0], 0, UINT64_MAX, NULL));
	TRY(ioasid__be_device_block(&lab->be, lab->dev[0], 0));
	TRY(off(ioasid__be_detach, lab, 0, 3));
	TRY(off(ioasid__be_detach, lab, 0, 0));
	return off(ioasid__be_detach, lab, 1, 4);
}

/* Whether what is left of a scenario that failed somewhere works still: a slot can be put on a table, and
 * blocked. */
static bool lab_again(struct lab *lab)
{
	bridge_fail(lab->bridge, 0);
	if (!lab->as[0] || !lab->dev[0])
		return true;
	if (onto_space(ioasid__be_attach, lab, 0, 9, 0) || bridge_on(lab->bridge, 0, 9) <= 0)
		return false;
	return !ioasid__be_device_block(&lab->be, lab->dev[0], 0) && blocked(lab, 0, 9) && blocked(lab, 0, 3) &&
	       blocked(lab, 0, 0);
}

static void each_allocation_of_the_kernel_fails(void)
{
	unsigned int failures = 0, n;

	for (n = 1;; n++) {
		struct lab lab;
		bool reached;
		int rc;

		lab_init(&lab);
		bridge_fail(lab.bridge, n);
		rc = scenario(&lab);
		reached = bridge_failed(lab.bridge);
		failures += rc != 0;
		/* The self-test lets more fail than memory, so any errno may come; the contract's calls look
		 * at it. */
		CHECK(rc <= 0);
		if (!CHECK(lab_again(&lab)))
			printf("# after allocation %u, which was answered %d\n", n, rc);
		lab_down(&lab);
		if (!reached) {
			CHECK_EQ(rc, 0);
			break;
		}
	}
	printf("# %u allocations, %u of them noticed\n", n - 1, failures);
	CHECK(n > 50 && failures > 40);
}

/* What the kernel thinks of all that. */
static void the_kernel_is_content(void)
{
	enum { READ_ALL = 3, LOG_SIZE = 1 << 18 };
	static const char *const bad[] = { "WARNING:", "BUG:", "Oops", "refcount_t" };
	char *log = calloc(1, LOG_SIZE);

	REQUIRE(log != NULL);
	CHECK(klogctl(READ_ALL, log, LOG_SIZE - 1) > 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!CHECK(strstr(log, bad[i]) == NULL))
			printf("# %.300s\n", strstr(log, bad[i]));
	free(log);
}

static const struct test_case cases[] = {
	{ "all that iommufd has is found and told (R18, S9.10)", everything_is_there },
	{ "PASIDs and RIDs reach each its own address space, are moved, parked and blocked (R56, R57)", slots_reach_their_own },
	{ "an RID on a table without PASIDs is in the way, and is left alone (S9.13)", rid_in_the_way },
	{ "guests' tables nest on PASIDs of two devices, are replaced, parked and end in order (R52, R56, R60)", tables_nest },
	{ "an invalidation is done in the table and says how far it came (R61, S17.4)", invalidations_are_done },
	{ "page requests are read and answered once, by park too (R62, R63)", requests_are_answered },
	{ "dirty pages are told, also below a guest's table and of later mappings (S16.4)", dirty_pages_are_told },
	{ "a virtual IOMMU's events come in order, and what is lost shows; its objects end in order", events_come_in_order },
	{ "each allocation of the kernel's may fail, and all of it can be ended (R32)", each_allocation_of_the_kernel_fails },
	{ "the kernel has warned of nothing", the_kernel_is_content },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd-mock", cases, argc, argv);
}
