/* The contract suite: structs that are shorter and longer than the backend knows, and what is reserved in
 * them. R27 - R30. */
#include "tests/contract.h"

#include <string.h>

/* Room for any struct of the contract and a tail that a later version might have added. */
union room {
	uint64_t words[64];
	uint32_t size;
	unsigned char bytes[512];
};

/* Something that takes a struct; it undoes what it did when it succeeded. */
typedef int32_t (*taker)(struct contract_world *w, void *from);

/* A struct with a tail of zeros is taken like the plain one, one with anything in its tail is too big. */
static void check_in(struct contract_world *w, taker fn, const void *plain, uint32_t size)
{
	union room room = { { 0 } };

	memcpy(room.bytes, plain, size);
	CHECK_EQ(fn(w, &room), 0);
	room.size = size + 16;
	CHECK_EQ(fn(w, &room), 0);
	room.bytes[size + 15] = 1;
	CHECK_EQ(fn(w, &room), IOASID_BE_E2BIG);
	room.bytes[size + 15] = 0;
	room.size = 0;
	CHECK_EQ(fn(w, &room), IOASID_BE_EINVAL);
}

/* What is reserved, or a flag nobody knows, at this offset. */
static void check_word(struct contract_world *w, taker fn, const void *plain, uint32_t size, size_t offset, uint32_t value)
{
	union room room = { { 0 } };

	memcpy(room.bytes, plain, size);
	memcpy(room.bytes + offset, &value, sizeof(value));
	CHECK_EQ(fn(w, &room), IOASID_BE_EINVAL);
}

#define AT(type, member) offsetof(struct ioasid_be_##type, member)

static int32_t take_open(struct contract_world *w, void *from)
{
	struct ioasid_be_ctx *ctx = NULL;
	int32_t rc = w->core->open(from, &ctx, &w->why);

	CHECK_EQ(rc == 0, ctx != NULL);
	if (!rc)
		CHECK_EQ(w->core->close(ctx), 0);
	return rc;
}

static void open_takes_later_arguments(void)
{
	struct contract_world w;

	contract_machine(&w);
	check_in(&w, take_open, &w.args, sizeof(w.args));
	check_word(&w, take_open, &w.args, sizeof(w.args), AT(open, flags), 1);
	check_word(&w, take_open, &w.args, sizeof(w.args), AT(open, reserved), 1);
	contract_machine_end(&w);
}

static int32_t take_device(struct contract_world *w, void *from)
{
	struct ioasid_be_dev *dev = NULL;
	int32_t rc = w->core->device_attach(w->ctx, from, &dev, &w->why);

	CHECK_EQ(rc == 0, dev != NULL);
	if (!rc)
		CHECK_EQ(w->core->device_detach(dev), 0);
	return rc;
}

static void devices_take_later_arguments(void)
{
	struct contract_world w;
	struct ioasid_be_device spec;

	contract_up(&w, 0);
	spec = contract_spec(&w, 0);
	check_in(&w, take_device, &spec, sizeof(spec));
	check_word(&w, take_device, &spec, sizeof(spec), AT(device, flags), 1);
	check_word(&w, take_device, &spec, sizeof(spec), AT(device, reserved) + 8, 1);
	check_word(&w, take_device, &spec, sizeof(spec), AT(device, kind), 0);
	check_word(&w, take_device, &spec, sizeof(spec), AT(device, kind), 4);
	contract_down(&w);
}

static int32_t take_space(struct contract_world *w, void *from)
{
	struct ioasid_be_as *as = NULL;
	int32_t rc = w->paging->create(w->ctx, from, &as, &w->why);

	CHECK_EQ(rc == 0, as != NULL);
	if (!rc)
		CHECK_EQ(w->paging->destroy(as), 0);
	return rc;
}

static struct ioasid_be_as *map_into;

static int32_t take_map(struct contract_world *w, void *from)
{
	uint64_t bytes = 0;
	int32_t rc = w->paging->map(map_into, from);

	CHECK_EQ(contract_unmap(w, map_into, 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, rc ? 0 : CONTRACT_PAGE);
	return rc;
}

static void spaces_take_later_arguments(void)
{
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args) };
	struct contract_world w;
	struct ioasid_be_map map;

	contract_up(&w, 0);
	check_in(&w, take_space, &args, sizeof(args));
	check_word(&w, take_space, &args, sizeof(args), AT(as_args, reserved), 1);
	check_word(&w, take_space, &args, sizeof(args), AT(as_args, uses), 1u << 31);
	map_into = contract_space(&w, 0, NULL);
	map = contract_map_args(&w, CONTRACT_IOVA, 0, 1);
	check_in(&w, take_map, &map, sizeof(map));
	check_word(&w, take_map, &map, sizeof(map), AT(map, flags), 1);
	check_word(&w, take_map, &map, sizeof(map), AT(map, reserved), 1);
	check_word(&w, take_map, &map, sizeof(map), AT(map, access), 0);
	check_word(&w, take_map, &map, sizeof(map), AT(map, access), 8 | IOASID_BE_MAP_READ);
	contract_destroy(&w, map_into);
	contract_down(&w);
}

static struct ioasid_be_as *bind_to;

/* A batch of one, which is to be taken off again. */
static int32_t take_batch(struct contract_world *w, void *from)
{
	int32_t rc = w->pasid->attach(w->ctx, from, &w->why);

	if (!rc)
		contract_end(w, 0, 1);
	return rc;
}

static void batches_take_later_arguments(void)
{
	struct contract_world w;
	struct ioasid_be_bind bind;
	struct ioasid_be_batch batch;

	contract_up(&w, 1);
	bind_to = contract_page_space(&w, 0);
	bind = contract_bind(&w, 0, 1, bind_to, NULL);
	batch = contract_batch(&bind, sizeof(bind), 1);
	check_in(&w, take_batch, &batch, sizeof(batch));
	check_word(&w, take_batch, &batch, sizeof(batch), AT(batch, reserved), 1);
	check_word(&w, take_batch, &batch, sizeof(batch), AT(batch, stride), 12);
	bind.flags = UINT32_C(1) << 31;
	CHECK_EQ(take_batch(&w, &batch), IOASID_BE_EINVAL);
	bind.flags = 0;
	bind.reserved[1] = 1;
	CHECK_EQ(take_batch(&w, &batch), IOASID_BE_EINVAL);
	contract_destroy(&w, bind_to);
	contract_down(&w);
}

static void items_are_walked_by_their_stride(void)
{
	struct wide {
		struct ioasid_be_bind bind;
		uint64_t later;
	} items[3];
	struct contract_world w;
	struct ioasid_be_batch batch = contract_batch(items, sizeof(items[0]), 3);
	struct ioasid_be_as *as;

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	memset(items, 0, sizeof(items));
	for (uint32_t i = 0; i < 3; i++)
		items[i].bind = contract_bind(&w, 0, i + 1, as, NULL);
	items[2].later = 1;
	CHECK_EQ(w.pasid->attach(w.ctx, &batch, &w.why), IOASID_BE_E2BIG);
	CHECK_EQ(batch.done, 2);
	items[2].later = 0;
	batch = contract_batch(&items[2], sizeof(items[0]), 1);
	CHECK_EQ(w.pasid->attach(w.ctx, &batch, &w.why), 0);
	for (uint32_t i = 1; i <= 3; i++) {
		CHECK(contract_reaches(&w, 0, i, 0));
		contract_end(&w, 0, i);
	}
	contract_destroy(&w, as);
	contract_down(&w);
}

/* ---- Out ---- */

typedef int32_t (*giver)(struct contract_world *w, void *to);

static int32_t give_ctx_caps(struct contract_world *w, void *to)
{
	return w->core->caps(w->ctx, to);
}

static int32_t give_device_caps(struct contract_world *w, void *to)
{
	return w->core->device_caps(w->dev[0], to);
}

static int32_t give_line(struct contract_world *w, void *to)
{
	return w->core->device_report(w->dev[0], 0, to, NULL);
}

/* Whatever size the caller knows: it stays, no more is written, and what the backend does not know is zeroed. */
static void check_out(struct contract_world *w, giver fn, uint32_t size)
{
	union room whole = { { 0 } };

	whole.size = size;
	REQUIRE_EQ(fn(w, &whole), 0);
	for (uint32_t room = 8; room <= size + 32; room += 8) {
		union room out;

		memset(&out, 0xa5, sizeof(out));
		out.size = room;
		CHECK_EQ(fn(w, &out), 0);
		CHECK_EQ(out.size, room);
		CHECK(!memcmp(out.bytes + 4, whole.bytes + 4, (room < size ? room : size) - 4));
		for (uint32_t i = size; i < room; i++)
			CHECK_EQ(out.bytes[i], 0);
		CHECK_EQ(out.bytes[room], 0xa5);
	}
	whole.size = 0;
	CHECK_EQ(fn(w, &whole), IOASID_BE_EINVAL);
}

static void structs_are_written_as_far_as_known(void)
{
	struct contract_world w;

	contract_up(&w, 1);
	check_out(&w, give_ctx_caps, sizeof(struct ioasid_be_ctx_caps));
	check_out(&w, give_device_caps, sizeof(struct ioasid_be_device_caps));
	check_out(&w, give_line, sizeof(struct ioasid_be_report_line));
	contract_down(&w);
}

static void registers_are_a_record(void)
{
	struct contract_world w;
	struct ioasid_be_record record;

	contract_up(&w, 1);
	memset(&record, 0xa5, sizeof(record));
	if (!w.core->device_registers || w.core->device_registers(w.dev[0], &record) == IOASID_BE_EOPNOTSUPP) {
		contract_down(&w);
		return;
	}
	CHECK(record.type != IOASID_BE_REGS_NONE);
	CHECK(record.type >= IOASID_BE_TYPE_VENDOR || record.type <= IOASID_BE_REGS_ARM_SMMUV3);
	REQUIRE(record.length > 0 && record.length <= IOASID_BE_RECORD_MAX);
	for (uint32_t i = record.length; i < IOASID_BE_RECORD_MAX; i++)
		CHECK_EQ(record.bytes[i], 0);
	contract_down(&w);
}

/* A type of the kernel's numbers that is not given out, and one of a vendor who does not exist. */
static void unknown_tables_are_not_guessed_at(void)
{
	static const uint32_t types[] = { IOASID_BE_PT_NONE, UINT32_C(0x7fffffff), UINT32_C(0xfffffffe) };
	struct contract_world w;
	struct ioasid_be_record entry = { .length = 16 };
	struct ioasid_be_table_args args = { .struct_size = sizeof(args), .entry = &entry };
	struct ioasid_be_table *table = NULL;

	contract_up(&w, 1);
	args.dev = w.dev[0];
	args.parent = contract_parent(&w, 0);
	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		entry.type = types[i];
		CHECK_EQ(w.nested->create(w.ctx, &args, &table, &w.why), IOASID_BE_EOPNOTSUPP);
	}
	CHECK(table == NULL);
	contract_destroy(&w, args.parent);
	contract_down(&w);
}

static const struct contract_case cases[] = {
	{ "open takes later arguments while what they add is zero, and nothing reserved (R27)", open_takes_later_arguments, 0, 0 },
	{ "a device takes later arguments while what they add is zero, and nothing reserved (R27)", devices_take_later_arguments,
	  0, 0 },
	{ "address spaces and maps take later arguments while what they add is zero (R27)", spaces_take_later_arguments,
	  IOASID_BE_IF_PAGING, 0 },
	{ "a batch takes later arguments while what they add is zero, and nothing reserved (R27)", batches_take_later_arguments,
	  IOASID_BE_IF_PASID, 0 },
	{ "items of a batch are walked by their stride, and looked at behind what is known (R27, R34)",
	  items_are_walked_by_their_stride, IOASID_BE_IF_PASID, 0 },
	{ "a struct keeps its size, is written as far as it is known, and zeroed behind (R28)", structs_are_written_as_far_as_known,
	  0, 0 },
	{ "raw registers have a type that was given out, and zeros behind their length (R29, R30)", registers_are_a_record, 0, 0 },
	{ "a table of a type that nobody gave out is refused (R30)", unknown_tables_are_not_guessed_at, IOASID_BE_IF_NESTED, 0 },
};

CONTRACT_SUITE(contract_sizes, cases);
