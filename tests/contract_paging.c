/* The contract suite: address spaces. R17, R43, R52 - R54, R60. */
#include "tests/contract.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((uint64_t)CONTRACT_PAGE)

static void overlaps_are_refused(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_map map;
	uint64_t bytes = 0;

	contract_up(&w, 0);
	as = contract_space(&w, 0, NULL);
	map = contract_map_args(&w, CONTRACT_IOVA, 0, 2);
	CHECK_EQ(w.paging->map(as, &map), 0);
	CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA, 1), IOASID_BE_EEXIST);
	CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA + PAGE, 1), IOASID_BE_EEXIST);
	map = contract_map_args(&w, CONTRACT_IOVA - PAGE, 2, 4);
	CHECK_EQ(w.paging->map(as, &map), IOASID_BE_EEXIST);
	CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA + 2 * PAGE, 1), 0);
	CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA - PAGE, 1), 0);
	CHECK_EQ(contract_unmap(&w, as, 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, 4 * PAGE);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void unmap_takes_whole_mappings(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_map map;
	uint64_t bytes = 77;

	contract_up(&w, 0);
	as = contract_space(&w, 0, NULL);
	/* Nothing there is a success. */
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, PAGE, &bytes), 0);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(contract_unmap(&w, as, 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, 0);
	map = contract_map_args(&w, CONTRACT_IOVA, 0, 2);
	CHECK_EQ(w.paging->map(as, &map), 0);
	CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA + 4 * PAGE, 2), 0);
	/* A window that cuts a mapping takes nothing. */
	bytes = 77;
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, PAGE, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA + PAGE, 4 * PAGE, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(bytes, 77);
	/* One that has some, with holes around them, takes all of it and no more. */
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA - 2 * PAGE, 5 * PAGE, &bytes), 0);
	CHECK_EQ(bytes, 2 * PAGE);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA + 4 * PAGE, PAGE, &bytes), 0);
	CHECK_EQ(bytes, PAGE);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, 0, &bytes), IOASID_BE_EINVAL);
	contract_destroy(&w, as);
	contract_down(&w);
}

/* Wherever it is cut; what is whole beside that stays. */
static void a_window_that_cuts_takes_nothing(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_map map;
	uint64_t bytes = 77;

	contract_up(&w, 0);
	as = contract_space(&w, 0, NULL);
	for (unsigned int i = 0; i < 3; i++) {
		map = contract_map_args(&w, CONTRACT_IOVA + i * 3 * PAGE, 0, 2);
		CHECK_EQ(w.paging->map(as, &map), 0);
	}
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, 4 * PAGE, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA - PAGE, 8 * PAGE, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA + PAGE, 8 * PAGE, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA + PAGE, 6 * PAGE, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(bytes, 77);
	for (unsigned int i = 0; i < 9; i++)
		if (i % 3 < 2)
			CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA + i * PAGE, 1), IOASID_BE_EEXIST);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, 8 * PAGE, &bytes), 0);
	CHECK_EQ(bytes, 6 * PAGE);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void bad_maps_are_refused(void)
{
	static const struct {
		uint64_t iova, source, length; /* added to a good one; length instead of it */
		int32_t error;
	} maps[] = {
		{ 0, 0, 0, IOASID_BE_EINVAL },
		{ 1, 0, PAGE, IOASID_BE_EINVAL },
		{ 0, 1, PAGE, IOASID_BE_EINVAL },
		{ 0, 0, PAGE - 1, IOASID_BE_EINVAL },
		{ UINT64_MAX - PAGE + 1 - CONTRACT_IOVA, 0, 2 * PAGE, 0 }, /* the end beyond 2^64 */
	};
	struct contract_world w;
	struct ioasid_be_as *as;
	uint64_t bytes = 0;

	contract_up(&w, 0);
	as = contract_space(&w, 0, NULL);
	for (unsigned int i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct ioasid_be_map map = contract_map_args(&w, CONTRACT_IOVA, 0, 1);
		int32_t rc;

		map.iova += maps[i].iova;
		map.source += maps[i].source;
		map.length = maps[i].length;
		rc = w.paging->map(as, &map);
		CHECK(maps[i].error ? rc == maps[i].error : rc == IOASID_BE_EINVAL || rc == IOASID_BE_ERANGE);
	}
	CHECK_EQ(contract_unmap(&w, as, 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, 0);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void files_are_mapped(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_map map;
	uint64_t bytes = 0;
	int fd = memfd_create("contract", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && !ftruncate(fd, 2 * CONTRACT_PAGE));
	REQUIRE_EQ(pwrite(fd, "\x03", 1, CONTRACT_PAGE), 1);
	contract_up(&w, 0);
	as = contract_space(&w, w.pasid ? IOASID_BE_USE_PASID : 0, NULL);
	map = contract_map_args(&w, CONTRACT_IOVA, 0, 1);
	map.source = PAGE;
	map.fd = fd;
	if (w.paging->map_file) {
		int32_t rc = w.paging->map_file(as, &map);

		CHECK(rc == 0 || rc == IOASID_BE_EOPNOTSUPP);
		CHECK_EQ(contract_unmap(&w, as, 0, UINT64_MAX, &bytes), 0);
		CHECK_EQ(bytes, rc ? 0 : PAGE);
		/* It was borrowed for the call. */
		CHECK(ftruncate(fd, 2 * CONTRACT_PAGE) == 0);
	}
	contract_destroy(&w, as);
	contract_down(&w);
	CHECK_EQ(close(fd), 0);
}

static void copies_lead_to_the_same_memory(void)
{
	struct contract_world w;
	struct ioasid_be_as *from, *to;
	struct ioasid_be_map map;
	uint64_t bytes = 0;

	contract_up(&w, 1);
	from = contract_space(&w, 0, NULL);
	to = contract_space(&w, IOASID_BE_USE_PASID, NULL);
	REQUIRE_EQ(contract_map(&w, from, 2 * CONTRACT_IOVA, 3), 0);
	map = contract_map_args(&w, CONTRACT_IOVA, 0, 1);
	map.from = from;
	map.source = 4 * CONTRACT_IOVA;
	if (w.paging->copy) {
		CHECK_EQ(w.paging->copy(to, &map), IOASID_BE_ENOENT);
		map.source = 2 * CONTRACT_IOVA;
		CHECK_EQ(w.paging->copy(to, &map), 0);
		CHECK_EQ(w.paging->copy(to, &map), IOASID_BE_EEXIST);
		/* It outlives what it was made of. */
		CHECK_EQ(contract_unmap(&w, from, 0, UINT64_MAX, &bytes), 0);
		CHECK_EQ(contract_attach(&w, 0, 1, to, NULL), 0);
		CHECK(contract_reaches(&w, 0, 1, 3));
		contract_end(&w, 0, 1);
	}
	contract_destroy(&w, from);
	contract_destroy(&w, to);
	contract_down(&w);
}

/* ---- Uses ---- */

/* A use that no interface serves is refused, in words. */
static void uses_are_there_or_refused(void)
{
	static const struct {
		uint32_t use;
		uint64_t any_of;
	} uses[] = {
		{ IOASID_BE_USE_PASID, IOASID_BE_IF_PASID },
		{ IOASID_BE_USE_PARENT, IOASID_BE_IF_NESTED | IOASID_BE_IF_VIOMMU },
		{ IOASID_BE_USE_DIRTY, IOASID_BE_IF_DIRTY },
	};
	struct contract_world w;

	contract_up(&w, 0);
	for (unsigned int i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		const struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses[i].use };
		struct ioasid_be_as *as = NULL;
		int32_t rc;

		w.text[0] = '\0';
		rc = w.paging->create(w.ctx, &args, &as, &w.why);
		CHECK_EQ(rc == 0, as != NULL);
		if (w.caps.interfaces & uses[i].any_of)
			CHECK_EQ(rc, 0);
		else if (rc)
			CHECK(rc == IOASID_BE_EOPNOTSUPP && w.text[0]);
		if (!rc)
			contract_destroy(&w, as);
	}
	contract_down(&w);
}

static void a_missing_use_is_refused_at_attach(void)
{
	struct contract_world w;
	struct ioasid_be_as *plain;

	contract_up(&w, 1);
	plain = contract_space(&w, 0, NULL);
	w.text[0] = '\0';
	CHECK_EQ(contract_attach(&w, 0, 1, plain, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK(w.text[0] != '\0');
	CHECK(contract_blocked(&w, 0, 1));
	contract_destroy(&w, plain);
	contract_down(&w);
}

static void one_space_serves_every_device(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	uint64_t bytes = 0;

	contract_up(&w, CONTRACT_DEVICES);
	as = contract_page_space(&w, 4);
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++) {
		CHECK_EQ(contract_attach(&w, i, 9, as, NULL), 0);
		CHECK_EQ(contract_attach(&w, i, 10, as, NULL), 0);
		CHECK_EQ(w.paging->destroy(as), IOASID_BE_EBUSY);
	}
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		CHECK(contract_reaches(&w, i, 9, 4) && contract_reaches(&w, i, 10, 4));
	contract_end(&w, 0, 9);
	contract_end(&w, 0, 10);
	CHECK(contract_blocked(&w, 0, 9));
	CHECK(contract_reaches(&w, 1, 9, 4));
	/* What is mapped later is seen by all, what is unmapped by none. */
	CHECK_EQ(contract_attach(&w, 0, 9, as, NULL), 0);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, PAGE, &bytes), 0);
	if (w.driver->dma) {
		CHECK(contract_blocked(&w, 0, 9));
		CHECK(contract_blocked(&w, 1, 10));
	}
	CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA, 6), 0);
	CHECK(contract_reaches(&w, 0, 9, 6));
	CHECK(contract_reaches(&w, 1, 9, 6) && contract_reaches(&w, 1, 10, 6));
	CHECK_EQ(w.paging->destroy(as), IOASID_BE_EBUSY);
	contract_end(&w, 0, 9);
	contract_end(&w, 1, 9);
	contract_end(&w, 1, 10);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void an_unmap_ends_what_is_in_flight(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	unsigned char byte = 0xee;
	uint64_t token, bytes = 0;

	contract_up(&w, 1);
	as = contract_page_space(&w, 2);
	CHECK_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
	token = w.driver->dma_begin(w.machine, 0, 1, CONTRACT_IOVA, &byte);
	CHECK_EQ(contract_unmap(&w, as, CONTRACT_IOVA, PAGE, &bytes), 0);
	CHECK(!w.driver->dma_arrives(w.machine, token));
	CHECK_EQ(w.memory[2 * CONTRACT_PAGE], 3);
	CHECK(contract_blocked(&w, 0, 1));
	contract_end(&w, 0, 1);
	contract_destroy(&w, as);
	contract_down(&w);
}

static const struct contract_case cases[] = {
	{ "a mapping over another is refused and leaves it (R32)", overlaps_are_refused, IOASID_BE_IF_PAGING, 0 },
	{ "unmap takes whole mappings, all of a window, and nothing is a success (R54)", unmap_takes_whole_mappings,
	  IOASID_BE_IF_PAGING, 0 },
	{ "a window that cuts a mapping at its end takes nothing of what it has before that (R32, R54)",
	  a_window_that_cuts_takes_nothing, IOASID_BE_IF_PAGING, 0 },
	{ "maps that make no sense are refused and leave nothing (R32)", bad_maps_are_refused, IOASID_BE_IF_PAGING, 0 },
	{ "a file is mapped with a descriptor that is borrowed (R43)", files_are_mapped, IOASID_BE_IF_PAGING, 0 },
	{ "a copy leads to the same memory and outlives its original", copies_lead_to_the_same_memory,
	  IOASID_BE_IF_PASID, CONTRACT_SEEN },
	{ "an address space has the uses that there are interfaces for (R53)", uses_are_there_or_refused, IOASID_BE_IF_PAGING, 0 },
	{ "a PASID is refused an address space without that use, with the reason (R53)", a_missing_use_is_refused_at_attach,
	  IOASID_BE_IF_PASID, CONTRACT_SEEN },
	{ "one address space serves every device and slot, and cannot end before them (R52, R60)", one_space_serves_every_device,
	  IOASID_BE_IF_PASID, CONTRACT_SEEN },
	{ "what is in flight to memory that is unmapped does not arrive (R56)", an_unmap_ends_what_is_in_flight, IOASID_BE_IF_PASID,
	  CONTRACT_DMA | CONTRACT_FLIGHT },
};

CONTRACT_SUITE(contract_paging, cases);
