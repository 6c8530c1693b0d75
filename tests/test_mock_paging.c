/* Address spaces of the mock: maps, copies, files. S16. */
#include "tests/harness.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/mock_rig.h"

#define IOVA  UINT64_C(0x10000)
#define READ  IOASID_MOCK_DMA_READ
#define WRITE IOASID_MOCK_DMA_WRITE
#define RW    (IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE)

/* ---- Map, unmap ---- */

static void overlapping_maps_are_refused_and_leave_the_old_one(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA, 0, 4), 0);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA, 10, 1), IOASID_BE_EEXIST);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA + 3 * RIG_PAGE, 10, 2), IOASID_BE_EEXIST);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA - RIG_PAGE, 10, 2), IOASID_BE_EEXIST);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA - RIG_PAGE, 10, 8), IOASID_BE_EEXIST);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA - RIG_PAGE, 10, 1), 0);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA + 4 * RIG_PAGE, 11, 1), 0);
	CHECK_EQ(rig_live(&rig).mappings, 3);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA - 1, 11) && rig_reads(&rig, 0, 1, IOVA, 1));
	CHECK(rig_reads(&rig, 0, 1, IOVA + 3 * RIG_PAGE, 4) &&
	      rig_reads(&rig, 0, 1, IOVA + 4 * RIG_PAGE, 12));
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void maps_in_any_order_are_found(void)
{
	enum { COUNT = 61, STEP = 17 };
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	for (unsigned int i = 0; i < COUNT; i++) {
		unsigned int page = i * STEP % COUNT;

		CHECK_EQ(rig_map_pages(&rig, as, IOVA + 2u * page * RIG_PAGE, page, 1), 0);
	}
	for (unsigned int page = 0; page < COUNT; page++) {
		CHECK(rig_reads(&rig, 0, 1, IOVA + 2u * page * RIG_PAGE, (unsigned char)(page + 1)));
		CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA + (2u * page + 1) * RIG_PAGE),
			 IOASID_MOCK_FAULT_NOT_PRESENT);
	}
	CHECK_EQ(rig_unmap(&rig, as, IOVA + RIG_PAGE, 4 * RIG_PAGE), 2 * RIG_PAGE);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA + 2 * RIG_PAGE), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1) && rig_reads(&rig, 0, 1, IOVA + 6 * RIG_PAGE, 4));
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_unmap(&rig, as, 0, UINT64_MAX), (COUNT - 2) * RIG_PAGE);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* S16.3 */
static void unmap_takes_whole_mappings_and_nothing_is_a_success(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	uint64_t unmapped = 7;

	rig_open(&rig, "", 0);
	as = rig_space(&rig, 0);
	CHECK_EQ(rig_unmap(&rig, as, IOVA, RIG_PAGE), 0);
	CHECK_EQ(rig_unmap(&rig, as, 0, UINT64_MAX), 0);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA, 0, 2), 0);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA + 2 * RIG_PAGE, 4, 2), 0);
	CHECK_EQ(rig.paging->unmap(as, IOVA, RIG_PAGE, &unmapped), IOASID_BE_ENOENT);
	CHECK_EQ(rig.paging->unmap(as, IOVA + RIG_PAGE, 3 * RIG_PAGE, &unmapped), IOASID_BE_ENOENT);
	CHECK_EQ(rig.paging->unmap(as, IOVA, 3 * RIG_PAGE, &unmapped), IOASID_BE_ENOENT);
	CHECK_EQ(rig.paging->unmap(as, IOVA, 0, &unmapped), IOASID_BE_EINVAL);
	CHECK_EQ(rig.paging->unmap(as, UINT64_MAX, 2, &unmapped), IOASID_BE_EINVAL);
	CHECK_EQ(unmapped, 7);
	CHECK_EQ(rig_live(&rig).mappings, 2);
	CHECK_EQ(rig_unmap(&rig, as, IOVA - RIG_PAGE, 100 * RIG_PAGE), 4 * RIG_PAGE);
	CHECK_EQ(rig_live(&rig).mappings, 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void maps_that_make_no_sense_are_refused(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_map good, map;
	void *hole;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	good = rig_map_args(&rig, IOVA, 0, 1);
	for (int i = 0; i < 9; i++) {
		map = good;
		switch (i) {
		case 0:
			map.access = 0;
			break;
		case 1:
			map.access = 4;
			break;
		case 2:
			map.iova++;
			break;
		case 3:
			map.length = 0;
			break;
		case 4:
			map.length++;
			break;
		case 5:
			map.source++;
			break;
		case 6:
			map.flags = 1;
			break;
		case 7:
			map.fd = 0;
			break;
		default:
			map.reserved[1] = 1;
			break;
		}
		CHECK_EQ(rig.paging->map(as, &map), IOASID_BE_EINVAL);
	}
	map = good;
	map.iova = UINT64_MAX - RIG_PAGE + 1;
	map.length = 2 * RIG_PAGE;
	CHECK_EQ(rig.paging->map(as, &map), IOASID_BE_ERANGE);
	/* Memory with a hole in its middle. */
	hole = mmap(NULL, 3 * RIG_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(hole != MAP_FAILED);
	munmap((char *)hole + RIG_PAGE, RIG_PAGE);
	map = good;
	map.source = (uintptr_t)hole;
	map.length = 3 * RIG_PAGE;
	CHECK_EQ(rig.paging->map(as, &map), IOASID_BE_EFAULT);
	map.source = 0;
	CHECK_EQ(rig.paging->map(as, &map), IOASID_BE_EFAULT);
	map.source = (uintptr_t)hole;
	map.length = RIG_PAGE;
	CHECK_EQ(rig.paging->map(as, &map), 0);
	CHECK_EQ(rig_unmap(&rig, as, IOVA, RIG_PAGE), RIG_PAGE);
	munmap(hole, RIG_PAGE);
	munmap((char *)hole + 2 * RIG_PAGE, RIG_PAGE);
	CHECK_EQ(rig_live(&rig).mappings, 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void an_address_space_is_made_only_with_uses_that_are_there(void)
{
	static const struct {
		const char *config;
		uint32_t uses;
		int32_t answer;
	} tries[] = {
		{ "", IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT, 0 },
		{ "without=dirty", IOASID_BE_USE_DIRTY, IOASID_BE_EOPNOTSUPP },
		{ "", IOASID_BE_USE_DIRTY, 0 },
		{ "without=fault", IOASID_BE_USE_FAULT, IOASID_BE_EOPNOTSUPP },
		{ "", 16, IOASID_BE_EINVAL },
		{ "without=nested", IOASID_BE_USE_PARENT, IOASID_BE_EOPNOTSUPP },
		{ "without=nested", IOASID_BE_USE_PASID, 0 },
		{ "without=pasid", IOASID_BE_USE_PASID, IOASID_BE_EOPNOTSUPP },
		{ "without=pasid", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct rig rig;
		struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = tries[i].uses };
		struct ioasid_be_as *as = NULL;

		rig_open(&rig, tries[i].config, 0);
		CHECK_EQ(rig.paging->create(rig.ctx, &args, &as, &rig.why), tries[i].answer);
		CHECK_EQ(as != NULL, tries[i].answer == 0);
		CHECK_EQ(rig.why.length > 0, tries[i].answer == IOASID_BE_EOPNOTSUPP);
		if (as)
			CHECK_EQ(rig.paging->destroy(as), 0);
		rig_close(&rig);
	}
}

/* ---- Copies ---- */

static void a_copy_leads_to_the_same_memory_and_outlives_the_original(void)
{
	struct rig rig;
	struct ioasid_be_as *a, *b;
	struct ioasid_be_map map;
	unsigned char byte = 0x77;

	rig_open(&rig, "", 1);
	a = rig_space(&rig, 0);
	b = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_map_pages(&rig, a, IOVA, 0, 2), 0);
	CHECK_EQ(rig_map_pages(&rig, a, IOVA + 2 * RIG_PAGE, 10, 2), 0);
	/* Pages 1, 10 of the memory: cuts both originals. */
	map = rig_map_args(&rig, 0, 0, 2);
	map.from = a;
	map.source = IOVA + RIG_PAGE;
	CHECK_EQ(rig.paging->copy(b, &map), 0);
	CHECK_EQ(rig_unmap(&rig, a, 0, UINT64_MAX), 4 * RIG_PAGE);
	CHECK_EQ(rig.paging->destroy(a), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, b, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, 0, 2) && rig_reads(&rig, 0, 1, RIG_PAGE, 11));
	CHECK_EQ(rig_dma(&rig, 0, 1, WRITE, RIG_PAGE, &byte, 1), 0);
	CHECK_EQ(rig_page(&rig, 10)[0], 0x77);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(b), 0);
	rig_close(&rig);
}

static void a_copy_needs_all_of_its_source_and_adds_no_right(void)
{
	struct rig rig;
	struct ioasid_be_as *a, *b;
	struct ioasid_be_map map;

	rig_open(&rig, "", 0);
	a = rig_space(&rig, 0);
	b = rig_space(&rig, 0);
	map = rig_map_args(&rig, IOVA, 0, 2);
	map.access = IOASID_BE_MAP_READ;
	CHECK_EQ(rig.paging->map(a, &map), 0);
	map = rig_map_args(&rig, 0, 0, 3);
	map.from = a;
	map.source = IOVA;
	map.access = IOASID_BE_MAP_READ;
	CHECK_EQ(rig.paging->copy(b, &map), IOASID_BE_ENOENT);
	map.source = IOVA - RIG_PAGE;
	map.length = RIG_PAGE;
	CHECK_EQ(rig.paging->copy(b, &map), IOASID_BE_ENOENT);
	map.source = IOVA;
	map.access = RW;
	CHECK_EQ(rig.paging->copy(b, &map), IOASID_BE_EPERM);
	map.access = IOASID_BE_MAP_READ;
	CHECK_EQ(rig.paging->copy(b, &map), 0);
	CHECK_EQ(rig.paging->copy(b, &map), IOASID_BE_EEXIST);
	CHECK_EQ(rig_live(&rig).mappings, 2);
	/* Into itself, beside the original. */
	map.iova = IOVA + 8 * RIG_PAGE;
	CHECK_EQ(rig.paging->copy(a, &map), 0);
	CHECK_EQ(rig.paging->destroy(a), 0);
	CHECK_EQ(rig.paging->destroy(b), 0);
	rig_close(&rig);
}

/* ---- Files ---- */

static int memory_file(unsigned int pages)
{
	unsigned char page[RIG_PAGE];
	int fd = memfd_create("mock", MFD_CLOEXEC);

	REQUIRE(fd >= 0);
	for (unsigned int i = 0; i < pages; i++) {
		memset(page, (int)(0x80 + i), sizeof(page));
		REQUIRE_EQ(write(fd, page, sizeof(page)), RIG_PAGE);
	}
	return fd;
}

static struct ioasid_be_map file_args(uint64_t iova, int fd, unsigned int page, unsigned int pages)
{
	return (struct ioasid_be_map){ .struct_size = sizeof(struct ioasid_be_map),
				       .access = RW,
				       .iova = iova,
				       .fd = fd,
				       .source = (uint64_t)page * RIG_PAGE,
				       .length = (uint64_t)pages * RIG_PAGE };
}

static void a_mapped_file_is_kept_until_its_last_mapping_goes_and_its_descriptor_is_borrowed(void)
{
	struct rig rig;
	struct ioasid_be_as *a, *b;
	struct ioasid_be_map map;
	unsigned char byte = 0x42;
	int fd = memory_file(3);

	rig_open(&rig, "", 1);
	a = rig_space(&rig, 0);
	b = rig_space(&rig, IOASID_BE_USE_PASID);
	map = file_args(IOVA, fd, 1, 2);
	CHECK_EQ(rig.paging->map_file(a, &map), 0);
	map = (struct ioasid_be_map){ .struct_size = sizeof(map),
				      .access = RW,
				      .length = RIG_PAGE,
				      .source = IOVA + RIG_PAGE,
				      .from = a,
				      .fd = -1 };
	CHECK_EQ(rig.paging->copy(b, &map), 0);
	CHECK_EQ(rig_live(&rig).files, 1);
	CHECK_EQ(rig.host.mapped, 1);
	CHECK_EQ(rig_unmap(&rig, a, 0, UINT64_MAX), 2 * RIG_PAGE);
	CHECK_EQ(rig.host.mapped, 1);
	CHECK_EQ(rig_attach(&rig, 0, 1, b, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, 0, 0x82));
	CHECK_EQ(rig_dma(&rig, 0, 1, WRITE, 5, &byte, 1), 0);
	byte = 0;
	CHECK_EQ(pread(fd, &byte, 1, 2 * RIG_PAGE + 5), 1);
	CHECK_EQ(byte, 0x42);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(b), 0);
	CHECK_EQ(rig.host.mapped, 0);
	CHECK_EQ(rig_live(&rig).files, 0);
	CHECK_EQ(rig.paging->destroy(a), 0);
	rig_close(&rig);
	CHECK_EQ(close(fd), 0);
}

static void what_is_no_file_or_too_short_is_not_mapped(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_map map;
	int fd = memory_file(1), ends[2];

	rig_open(&rig, "", 0);
	as = rig_space(&rig, 0);
	REQUIRE_EQ(pipe(ends), 0);
	map = file_args(IOVA, ends[0], 0, 1);
	CHECK_EQ(rig.paging->map_file(as, &map), IOASID_BE_EBADF);
	map = file_args(IOVA, -1, 0, 1);
	CHECK_EQ(rig.paging->map_file(as, &map), IOASID_BE_EBADF);
	map = file_args(IOVA, fd, 0, 2);
	CHECK_EQ(rig.paging->map_file(as, &map), IOASID_BE_EBADF);
	map = file_args(IOVA, fd, 0, 1);
	rig.host.fail_mmap = true;
	CHECK_EQ(rig.paging->map_file(as, &map), IOASID_BE_ENOMEM);
	rig.host.fail_mmap = false;
	CHECK_EQ(rig.paging->map_file(as, &map), 0);
	/* One that overlaps gives its file back. */
	CHECK_EQ(rig.paging->map_file(as, &map), IOASID_BE_EEXIST);
	CHECK_EQ(rig.host.mapped, 1);
	CHECK_EQ(rig_live(&rig).files, 1);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
	close(fd);
	close(ends[0]);
	close(ends[1]);
}

static const struct test_case cases[] = {
	{ "overlapping maps are refused and leave the old one",
	  overlapping_maps_are_refused_and_leave_the_old_one },
	{ "maps made in any order are found", maps_in_any_order_are_found },
	{ "unmap takes whole mappings, and nothing is a success (S16.3)",
	  unmap_takes_whole_mappings_and_nothing_is_a_success },
	{ "maps that make no sense are refused", maps_that_make_no_sense_are_refused },
	{ "an address space is made only with uses that are there (S16.2)",
	  an_address_space_is_made_only_with_uses_that_are_there },
	{ "a copy leads to the same memory and outlives the original",
	  a_copy_leads_to_the_same_memory_and_outlives_the_original },
	{ "a copy needs all of its source and adds no right",
	  a_copy_needs_all_of_its_source_and_adds_no_right },
	{ "a mapped file is kept until its last mapping goes, and its descriptor is borrowed",
	  a_mapped_file_is_kept_until_its_last_mapping_goes_and_its_descriptor_is_borrowed },
	{ "what is no file or too short is not mapped", what_is_no_file_or_too_short_is_not_mapped },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_paging", cases, argc, argv);
}
