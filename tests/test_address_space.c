/* Address spaces: made, adopted, mapped, counted (S16.1 - S16.3, S9.4). */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

static struct ioasid_mapping mapping_of(struct drig *r, uint64_t iova, unsigned int page)
{
	return (struct ioasid_mapping){
		.struct_size = sizeof(struct ioasid_mapping), .access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.iova = iova,
		.length = DRIG_PAGE, .address = r->memory + (size_t)page * DRIG_PAGE,
	};
}

static void bad_arguments_have_their_own_codes(void)
{
	const struct ioasid_context_object wrong = { .type = IOASID_OBJECT_VIOMMU, .id = 1, .fd = -1 };
	const struct ioasid_context_object unknown = { .type = IOASID_OBJECT_IOAS, .id = 4711, .fd = -1 };
	struct ioasid_address_space *space = NULL;
	struct ioasid_mapping map;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	CHECK_EQ(ioasid_address_space_create(NULL, 0, &space, NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_create(r.on.context, 64, &space, NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_adopt(r.on.context, NULL, &space, NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_adopt(r.on.context, &wrong, &space, NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_adopt(r.on.context, &unknown, &space, NULL), -ENOENT);
	CHECK_EQ(ioasid_address_space_destroy(NULL), -EINVAL);
	map = mapping_of(&r, DRIG_IOVA, 0);
	map.access = 0;
	CHECK_EQ(ioasid_address_space_map(r.parent, &map), -EINVAL);
	map = mapping_of(&r, DRIG_IOVA, 0);
	map.length = 0;
	CHECK_EQ(ioasid_address_space_map(r.parent, &map), -EINVAL);
	map = mapping_of(&r, UINT64_MAX - DRIG_PAGE + 2, 0);
	CHECK_EQ(ioasid_address_space_map(r.parent, &map), -EINVAL);
	map = mapping_of(&r, 0, 0);
	CHECK_EQ(ioasid_address_space_map(r.parent, &map), -EEXIST);
	CHECK_EQ(ioasid_address_space_map_file(r.parent, &map), -EINVAL);
	map.struct_size = 8;
	CHECK_EQ(ioasid_address_space_map(r.parent, &map), -EINVAL);
	CHECK_EQ(ioasid_address_space_unmap(r.parent, 0, 0, NULL), -EINVAL);
	drig_close(&r);
}

/* S16.3, S9.4 */
static void what_is_mapped_can_be_reached_until_it_is_unmapped(void)
{
	struct ioasid_address_space *space;
	struct ioasid_mapping map;
	uint64_t unmapped = 77;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	REQUIRE_EQ(ioasid_address_space_create(r.on.context, IOASID_USE_PASID, &space, NULL), 0);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), -(int)IOASID_MOCK_FAULT_NOT_PRESENT);
	map = mapping_of(&r, DRIG_IOVA, 4);
	CHECK_EQ(ioasid_address_space_map(space, &map), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(4));
	CHECK_EQ(ioasid_address_space_unmap(space, DRIG_IOVA, DRIG_PAGE, &unmapped), 0);
	CHECK_EQ(unmapped, DRIG_PAGE);
	CHECK_EQ(drig_read(&r, 0, id), -(int)IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(ioasid_address_space_unmap(space, DRIG_IOVA, DRIG_PAGE, &unmapped), 0);
	CHECK_EQ(unmapped, 0);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_close(&r);
}

static void a_file_is_mapped_without_an_address(void)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
		.offset = DRIG_PAGE,
	};
	struct ioasid_address_space *space;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	map.fd = memfd_create("guest", MFD_CLOEXEC);
	REQUIRE(map.fd >= 0);
	REQUIRE_EQ(pwrite(map.fd, r.memory + 6 * DRIG_PAGE, DRIG_PAGE, DRIG_PAGE), DRIG_PAGE);
	id = id_make(r.set);
	REQUIRE_EQ(ioasid_address_space_create(r.on.context, IOASID_USE_PASID, &space, NULL), 0);
	CHECK_EQ(ioasid_address_space_map_file(space, &map), 0);
	CHECK_EQ(close(map.fd), 0);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(6));
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_close(&r);
}

/* S16.1 */
static void an_address_space_in_use_is_not_destroyed(void)
{
	struct ioasid_address_space *space;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), -EBUSY);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, id, IOASID_SPID_NONE, 0, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	CHECK_EQ(ioasid_address_space_destroy(r.parent), -EBUSY);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	drig_close(&r);
}

/* S9.9 */
static void an_adopted_address_space_lives_on(void)
{
	struct ioasid_context_object object = { .type = IOASID_OBJECT_IOAS, .fd = -1 };
	struct ioasid_be_map map = {
		.struct_size = sizeof(map), .access = IOASID_BE_MAP_READ, .iova = DRIG_IOVA,
		.length = DRIG_PAGE, .fd = -1,
	};
	struct ioasid_address_space *space;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	map.source = (uint64_t)(uintptr_t)(r.memory + 3 * DRIG_PAGE);
	id = id_make(r.set);
	CHECK_EQ(r.on.control->world_space_create(r.on.mock, IOASID_BE_OBJECT_IOAS, IOASID_BE_USE_PASID,
						  &object.id), 0);
	CHECK_EQ(r.on.control->world_space_map(r.on.mock, object.id, &map), 0);
	REQUIRE_EQ(ioasid_address_space_adopt(r.on.context, &object, &space, NULL), 0);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(3));
	CHECK_EQ(r.on.control->world_space_destroy(r.on.mock, object.id), IOASID_BE_EBUSY);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	CHECK_EQ(drig_live(&r).mappings, 2); /* the parent's and the adopted one's */
	CHECK_EQ(r.on.control->world_space_destroy(r.on.mock, object.id), 0);
	drig_close(&r);
}

/* S16.2 */
static void a_use_that_an_address_space_was_not_made_for_is_refused(void)
{
	struct ioasid_address_space *plain, *no_parent;
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	plain = drig_space(&r, r.on.context, 0);
	no_parent = drig_space(&r, r.on.context, IOASID_USE_PASID);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, plain, 0), -EOPNOTSUPP);
	data = drig_data(&r, id, IOASID_SPID_NONE, 0, 0);
	data.parent = no_parent;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(ioasid_address_space_destroy(plain), 0);
	CHECK_EQ(ioasid_address_space_destroy(no_parent), 0);
	drig_close(&r);
}

static void ranges_tell_how_many_there_are(void)
{
	struct ioasid_range ranges[8];
	uint32_t count = 0;
	struct drig r;

	drig_open(&r, "devices=1 mock0.reserved=0xfee00000-0xfeefffff", 1);
	CHECK_EQ(ioasid_address_space_ranges(r.parent, NULL, &count), -EOVERFLOW);
	REQUIRE(count >= 1 && count <= 8);
	CHECK_EQ(ioasid_address_space_ranges(r.parent, ranges, &count), 0);
	for (uint32_t i = 0; i < count; i++)
		CHECK(ranges[i].first <= ranges[i].last && ranges[i].kind >= IOASID_RANGE_USABLE);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "bad arguments have their own codes (S0.1)", bad_arguments_have_their_own_codes },
		{ "what is mapped can be reached until it is unmapped (S16.3, S9.4)",
		  what_is_mapped_can_be_reached_until_it_is_unmapped },
		{ "a file is mapped without an address (S16.3)", a_file_is_mapped_without_an_address },
		{ "an address space in use is not destroyed (S16.1)",
		  an_address_space_in_use_is_not_destroyed },
		{ "an adopted address space lives on (S9.9)", an_adopted_address_space_lives_on },
		{ "a use that an address space was not made for is refused (S16.2)",
		  a_use_that_an_address_space_was_not_made_for_is_refused },
		{ "ranges tell how many there are (S16.3)", ranges_tell_how_many_there_are },
	};

	return TEST_MAIN("address_space", cases, argc, argv);
}
