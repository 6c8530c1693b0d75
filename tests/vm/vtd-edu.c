/*
 * The VT-d backend on a real kernel, inside the test machine: an emulated unit, and a device that really does
 * DMA. Who tells translated, blocked and untranslated DMA apart is in vtd-lab.h.
 *
 * usage: vtd-edu [case]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/harness.h"
#include "tests/vm/vtd-cases.h"

static void dma_is_translated(void)
{
	struct machine m;
	struct target t;
	struct ioasid_be_as *as;

	machine_up(&m);
	target_up(&t);
	as = space_up(&m);
	CHECK_EQ(map_page(&m, as, t.iova, &t.page), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), 0);
	check_passes(&m.edu, &t);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), -EBUSY);
	CHECK_EQ(off(ioasid__be_detach, &m, 0), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	target_down(&t);
	machine_down(&m);
}

static void unmap_blocks(void)
{
	struct machine m;
	struct target t;
	struct ioasid_be_as *as;
	uint64_t bytes = 0;

	machine_up(&m);
	target_up(&t);
	as = space_up(&m);
	CHECK_EQ(map_page(&m, as, t.iova, &t.page), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), 0);
	check_passes(&m.edu, &t);
	CHECK_EQ(ioasid__be_unmap(&m.be, as, t.iova, EDU_PAGE, &bytes), 0);
	CHECK_EQ(bytes, EDU_PAGE);
	check_blocked(&m.edu, &t);
	CHECK_EQ(off(ioasid__be_detach, &m, 0), 0);
	check_device_knows_nothing(&m);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	target_down(&t);
	machine_down(&m);
}

static int block_device(struct machine *m)
{
	return ioasid__be_device_block(&m->be, m->dev, 0);
}

static int park_rid(struct machine *m)
{
	return off(ioasid__be_park, m, 0);
}

static int detach_rid(struct machine *m)
{
	return off(ioasid__be_detach, m, 0);
}

/* The mapping stays; what ends the DMA is @stop alone, also for what was begun before. */
static void stops_dma(int (*stop)(struct machine *m), bool taken)
{
	struct machine m;
	struct target t;
	struct ioasid_be_as *as;

	machine_up(&m);
	target_up(&t);
	as = space_up(&m);
	CHECK_EQ(map_page(&m, as, t.iova, &t.page), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), 0);
	check_passes(&m.edu, &t);
	page_fill(&t.page, 'p');
	edu_begin_write(&m.edu, t.iova);
	CHECK_EQ(stop(&m), 0);
	if (page_holds(&t.page, 'p', 'p')) {
		CHECK(edu_wait(&m.edu));
		CHECK(page_holds(&t.page, 'p', 'p'));
	}
	check_blocked(&m.edu, &t);
	if (taken) {
		CHECK_EQ(stop(&m), 0);
		CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), -EBUSY);
		CHECK_EQ(onto(ioasid__be_replace, &m, 0, as), 0);
		check_passes(&m.edu, &t);
		CHECK_EQ(detach_rid(&m), 0);
	}
	CHECK_EQ(detach_rid(&m), -ENOENT);
	check_device_knows_nothing(&m);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	target_down(&t);
	machine_down(&m);
}

static void park_blocks(void)
{
	stops_dma(park_rid, true);
}

static void device_block_blocks(void)
{
	stops_dma(block_device, true);
}

static void detach_blocks(void)
{
	stops_dma(detach_rid, false);
}

static void fresh_device_is_blocked(void)
{
	struct machine m;
	struct target t;

	machine_up(&m);
	target_up(&t);
	CHECK(!faulted_at(t.iova));
	check_blocked(&m.edu, &t);
	CHECK(faulted_at(t.iova));
	check_device_knows_nothing(&m);
	target_down(&t);
	machine_down(&m);
}

static void replace_moves(void)
{
	struct machine m;
	struct target t;
	struct page other;
	struct ioasid_be_as *first, *second;

	machine_up(&m);
	target_up(&t);
	REQUIRE_EQ(page_alloc(&other, 'o'), 0);
	first = space_up(&m);
	second = space_up(&m);
	CHECK_EQ(map_page(&m, first, t.iova, &other), 0);
	CHECK_EQ(map_page(&m, second, t.iova, &t.page), 0);
	CHECK_EQ(onto(ioasid__be_replace, &m, 0, second), -ENOENT);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, first), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, second), -EBUSY);
	CHECK_EQ(onto(ioasid__be_replace, &m, 0, second), 0);
	check_passes(&m.edu, &t);
	CHECK(page_holds(&other, 'o', 'o'));
	CHECK_EQ(ioasid__be_as_destroy(&m.be, first), 0);
	CHECK_EQ(detach_rid(&m), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, second), 0);
	page_free(&other);
	target_down(&t);
	machine_down(&m);
}

static void pasids_are_refused(void)
{
	struct machine m;
	struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = IOASID_BE_USE_PASID };
	struct ioasid_be_as *as;

	machine_up(&m);
	REQUIRE_EQ(ioasid__be_as_create(&m.be, &args, &as, NULL), 0);
	CHECK_EQ(onto(ioasid__be_attach, &m, 1, as), -ERANGE);
	CHECK_EQ(onto(ioasid__be_attach, &m, 1u << 20, as), -ERANGE);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), -EOPNOTSUPP);
	CHECK_EQ(off(ioasid__be_park, &m, 1), -ERANGE);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	machine_down(&m);
}

/* R53: what the emulated unit or the device lacks. The kernel says so of each. */
static void uses_are_refused(void)
{
	const struct ioasid_be_queue_args queue_args = { .struct_size = sizeof(queue_args) };
	static const uint32_t uses[] = { IOASID_BE_USE_PARENT, IOASID_BE_USE_DIRTY, IOASID_BE_USE_FAULT };
	struct ioasid_be_faultq *queue;
	struct ioasid_be_as *as;
	struct machine m;
	int32_t fd;

	machine_up(&m);
	REQUIRE_EQ(ioasid__be_faultq_create(&m.be, &queue_args, &queue, &fd), 0);
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses[i] };

		args.faultq = uses[i] == IOASID_BE_USE_FAULT ? queue : NULL;
		REQUIRE_EQ(ioasid__be_as_create(&m.be, &args, &as, NULL), 0);
		CHECK_EQ(onto(ioasid__be_attach, &m, 0, as), -EOPNOTSUPP);
		CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	}
	CHECK_EQ(ioasid__be_faultq_destroy(&m.be, queue), 0);
	machine_down(&m);
}

static void mappings_follow_the_rules(void)
{
	struct machine m;
	struct target t;
	struct ioasid_be_as *as, *copy;
	struct ioasid_be_map map;
	uint64_t bytes = 1;
	int fd = memfd_create("target", MFD_CLOEXEC);
	char *view;

	REQUIRE(fd >= 0 && !ftruncate(fd, 2 * EDU_PAGE));
	view = mmap(NULL, 2 * EDU_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(view != MAP_FAILED);
	machine_up(&m);
	target_up(&t);
	as = space_up(&m);
	copy = space_up(&m);
	CHECK_EQ(onto(ioasid__be_attach, &m, 0, copy), 0);
	map = map_of(t.iova, NULL);
	map.length = 2 * EDU_PAGE;
	map.fd = fd;
	CHECK_EQ(ioasid__be_map_file(&m.be, as, &map), 0);
	CHECK_EQ(map_page(&m, as, t.iova, &t.page), -EEXIST);
	CHECK_EQ(ioasid__be_unmap(&m.be, as, t.iova, EDU_PAGE, &bytes), -ENOENT);
	CHECK_EQ(ioasid__be_unmap(&m.be, as, t.iova + EDU_PAGE, EDU_PAGE, &bytes), -ENOENT);
	CHECK_EQ(ioasid__be_unmap(&m.be, as, t.iova + 2 * EDU_PAGE, EDU_PAGE, &bytes), 0);
	CHECK_EQ(bytes, 0);
	/* The second page of the file, through a copy. */
	map = map_of(t.iova, (const void *)(uintptr_t)(t.iova + EDU_PAGE));
	map.from = as;
	CHECK_EQ(ioasid__be_copy(&m.be, copy, &map), 0);
	map.source = t.iova + 2 * EDU_PAGE;
	map.iova += EDU_PAGE;
	CHECK_EQ(ioasid__be_copy(&m.be, copy, &map), -ENOENT);
	memset(view, 'f', 2 * EDU_PAGE);
	CHECK(edu_read(&m.edu, t.iova));
	memset(view, '-', 2 * EDU_PAGE);
	CHECK(edu_write(&m.edu, t.iova));
	CHECK(!memchr(view, 'f', EDU_PAGE) && !memchr(view + EDU_PAGE, '-', EDU_SPAN));
	CHECK_EQ(view[EDU_PAGE + EDU_SPAN], '-');
	CHECK(page_holds(&t.canary, 'c', 'c'));
	CHECK_EQ(ioasid__be_unmap(&m.be, as, 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, 2 * EDU_PAGE);
	CHECK_EQ(detach_rid(&m), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, copy), 0);
	CHECK_EQ(ioasid__be_as_destroy(&m.be, as), 0);
	munmap(view, 2 * EDU_PAGE);
	close(fd);
	target_down(&t);
	machine_down(&m);
}

static const struct test_case cases[] = {
	/* First, while the kernel still writes every fault into its log. */
	{ "a device that was just taken in is blocked, and the unit tells of it", fresh_device_is_blocked },
	{ "the library finds the unit by itself, binds a device and blocks it", core_binds_and_unbinds },
	{ "unbind returns the RID to its home, and the home's death waits", core_goes_home },
	{ "no DMA gets through when reset of the set or its death has returned", core_set_ends },
	{ "no DMA gets through when a device has been closed", core_device_is_closed },
	{ "no IOASID is bound on a device without PASIDs", core_knows_the_width },
	{ "a context and a device are reported as the kernel reports them", report_is_true },
	{ "DMA goes where the address space says, not to the page of that number", dma_is_translated },
	{ "no DMA gets through when unmap has returned", unmap_blocks },
	{ "no DMA gets through when park has returned, and replace ends it", park_blocks },
	{ "no DMA gets through when device_block has returned", device_block_blocks },
	{ "no DMA gets through when detach has returned", detach_blocks },
	{ "replace moves DMA to another address space", replace_moves },
	{ "a PASID is refused where the kernel would take any number and do nothing", pasids_are_refused },
	{ "nesting, dirty pages and page requests are refused where there are none (R53)", uses_are_refused },
	{ "files are mapped, mappings copied, and no unmap cuts one", mappings_follow_the_rules },
	{ "ranges tell what can be mapped, and that interrupts' window cannot",
		addresses_are_as_wide_as_told },
	{ "what is no device of ours is refused with the reason", no_device_no_attach },
	{ "an adopted device keeps its DMA, its RID and its address space", adopted_is_left_as_it_was },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd-edu", cases, argc, argv);
}
