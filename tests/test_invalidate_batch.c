/* Targets that are not there, address spaces, batches and their failures (S17.2 to S17.4). */
#include <string.h>

#include "tests/faults.h"
#include "tests/harness.h"
#include "tests/invalidate_rig.h"

#define NONE IOASID_SPID_NONE

/* ---- targets ---- */

/* By every scope that can name an ID, or the number that was its SPID: a success, and the backend is not
 * asked, which would fail. */
static void check_nothing(struct drig *r, struct ioasid_set *set, ioasid_t id, uint32_t spid)
{
	static const uint32_t scopes[] = {
		IOASID_INVALIDATE_BINDING, IOASID_INVALIDATE_IOASID, IOASID_INVALIDATE_SPID,
		IOASID_INVALIDATE_DOMAIN,  IOASID_INVALIDATE_DEVICE, IOASID_INVALIDATE_SET,
	};

	drig_fail(r, IOASID_MOCK_OP_INVALIDATE, 1, UINT64_MAX, IOASID_BE_EIO);
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct ioasid_invalidation item = inv_all(scopes[i]);

		item.device = r->device[0];
		item.id = id;
		item.spid = ioasid_spid_make(spid);
		CHECK_EQ(inv_one(set, item), 0);
	}
	drig_heal(r);
}

static void what_is_not_there_is_a_success(void)
{
	struct ioasid_set *other;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	other = set_make(r.pool, 10);
	id = id_make(r.set);
	/* No record, no leaf of SPIDs, no such number. */
	check_nothing(&r, r.set, id, 9);
	check_nothing(&r, r.set, id + 1, 9);
	check_nothing(&r, r.set, IOASID_INVALID, IOASID_SPID_MAX);
	CHECK_EQ(drig_bind(&r, 0, id, 9, 1, 0), 0);
	/* Bound, but not by this set. */
	check_nothing(&r, other, id, 9);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	check_nothing(&r, r.set, id, 9);
	/* Parked. */
	CHECK_EQ(drig_bind(&r, 0, id, 9, 1, 0), 0);
	CHECK_EQ(ioasid_get(r.set, id), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	check_nothing(&r, r.set, id, 9);
	CHECK_EQ(ioasid_put(r.set, id) >= 0, 1);
	drig_settle(&r, id);
	check_nothing(&r, r.set, id, 9);
	set_end(other);
	drig_close(&r);
}

/* S9.8: in quarantine it is parked, and the hardware does not answer anyway. */
static void what_is_quarantined_is_a_success(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, 9, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -EIO);
	check_nothing(&r, r.set, id, 9);
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	CHECK_EQ(drig_bind(&r, 0, id, 9, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), -EIO);
	check_nothing(&r, r.set, id, 9);
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	drig_settle(&r, id);
	drig_close(&r);
}

/* S17.2: a set that only notifies returns from free before anything is blocked; until it is, there are
 * caches. */
static void what_waits_for_its_teardown_is_still_invalidated(void)
{
	struct ioasid_invalidation item;
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	id = drig_bound(&r, 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_move(&r, 1, 5);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	item = inv_id(id);
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(inv_calls(&r), 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(5));
	drig_settle(&r, id);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	drig_close(&r);
}

static uint32_t cached(struct drig *r, unsigned int device, ioasid_t id)
{
	struct ioasid_mock_slot slot = { .struct_size = sizeof(slot) };

	CHECK_EQ(r->on.control->slot(r->on.mock, device, id, &slot), 0);
	return slot.iotlb;
}

/* S17.2, S2.6: who is alone on it with its IOASID does not touch what others have cached of it. */
static void an_address_space_is_invalidated_once(void)
{
	struct ioasid_address_space *space;
	struct ioasid_invalidation item;
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
	};
	struct ioasid_set *other;
	ioasid_t id, theirs;
	struct drig r;

	drig_open(&r, "devices=3", 3);
	other = set_make(r.pool, 10);
	id = id_make(r.set);
	theirs = id_make(other);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID);
	map.address = r.memory;
	CHECK_EQ(ioasid_address_space_map(space, &map), 0);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], other, theirs, space, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(0));
	CHECK_EQ(drig_read(&r, 0, theirs), DRIG_BYTE(0));
	item = inv_id(id);
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(inv_calls(&r), 1);
	CHECK_EQ(cached(&r, 0, id), 0);
	CHECK_EQ(cached(&r, 0, theirs), 1);
	for (unsigned int i = 1; i < 3; i++) {
		CHECK_EQ(ioasid_bind_ioas(r.device[i], r.set, id, space, 0), 0);
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(0));
	}
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(inv_calls(&r), 2);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(cached(&r, i, id), 0);
		CHECK_EQ(drig_unbind(&r, i, id, 0), 0);
	}
	CHECK_EQ(ioasid_unbind(r.device[0], other, theirs, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	set_end(other);
	drig_close(&r);
}

static void a_backend_without_invalidation_is_said_where_it_matters(void)
{
	struct ioasid_invalidation item;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1 without=invalidate", 1);
	id = id_make(r.set);
	item = inv_id(id);
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 0), 0);
	CHECK_EQ(inv_one(r.set, item), -EOPNOTSUPP);
	drig_close(&r);
}

/* ---- batches ---- */

/* Which call of the backend fails, and how many items are then surely done: items 0 and 2 are two tables
 * each, item 1 is none. */
static void a_batch_stops_at_the_first_failure_and_says_how_far_it_came(void)
{
	static const size_t done_at[] = { 0, 0, 2, 2, 3 };
	struct ioasid_invalidation items[4];
	ioasid_t a, b;
	struct drig r;
	size_t done;

	drig_open(&r, "devices=2 shares_tables=off", 2);
	a = drig_bound(&r, 2);
	b = drig_bound(&r, 2);
	items[0] = inv_id(a);
	items[1] = inv_id(IOASID_INVALID);
	items[2] = inv_id(b);
	items[3] = inv_id(a);
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t before = inv_calls(&r);

		drig_fail(&r, IOASID_MOCK_OP_INVALIDATE, i + 1, 1, IOASID_BE_EIO);
		done = 77;
		CHECK_EQ(ioasid_invalidate(r.set, items, 4, &done), -EIO);
		CHECK_EQ(done, done_at[i]);
		CHECK_EQ(inv_calls(&r), before + i + 1);
	}
	drig_heal(&r);
	CHECK_EQ(ioasid_invalidate(r.set, items, 4, &done), 0);
	CHECK_EQ(done, 4);
	CHECK_EQ(ioasid_invalidate(r.set, items, 4, NULL), 0);
	drig_close(&r);
}

/* More than goes at once, in pieces that suit the backend. */
static void many_targets_and_items_are_all_done_once(void)
{
	enum { IDS = 77, ITEMS = 100 };
	struct ioasid_invalidation items[ITEMS];
	ioasid_t ids[IDS];
	struct drig r;
	size_t done;

	drig_open(&r, "devices=2 max_batch=7", 2);
	for (unsigned int i = 0; i < IDS; i++) {
		ids[i] = drig_bound(&r, 2);
		CHECK_EQ(drig_read(&r, i % 2, ids[i]), DRIG_BYTE(1));
	}
	drig_move(&r, 1, 5);
	items[0] = inv_set();
	CHECK_EQ(inv_one(r.set, items[0]), 0);
	CHECK_EQ(inv_calls(&r), IDS);
	for (unsigned int i = 0; i < IDS; i++)
		CHECK_EQ(drig_read(&r, i % 2, ids[i]), DRIG_BYTE(5));
	for (unsigned int i = 0; i < ITEMS; i++)
		items[i] = inv_id(ids[i % IDS]);
	CHECK_EQ(ioasid_invalidate(r.set, items, ITEMS, &done), 0);
	CHECK_EQ(done, ITEMS);
	CHECK_EQ(inv_calls(&r), IDS + ITEMS);
	for (unsigned int i = 1; i <= ITEMS; i++) {
		drig_fail(&r, IOASID_MOCK_OP_INVALIDATE, i, 1, IOASID_BE_ENODEV);
		CHECK_EQ(ioasid_invalidate(r.set, items, ITEMS, &done), -ENODEV);
		CHECK_EQ(done, i - 1);
	}
	drig_close(&r);
}

/* Items keep their order across contexts. */
static void contexts_take_turns_in_the_order_of_the_items(void)
{
	struct ioasid_device *device;
	struct ioasid_device_spec spec = drig_spec("mock0");
	struct ioasid_address_space *parent;
	struct ioasid_invalidation items[3];
	struct drig_context second;
	struct ioasid_bind_data data;
	uint64_t count, ignored;
	ioasid_t here, there;
	struct drig r;
	size_t done;

	drig_open(&r, "devices=1", 1);
	drig_context_open(&second, "devices=1", 0);
	parent = drig_space(&r, second.context, IOASID_USE_PARENT);
	REQUIRE_EQ(ioasid_device_attach(second.context, r.pool, &spec, NULL, &device, NULL), 0);
	here = drig_bound(&r, 1);
	there = drig_bound(&r, 1);
	data = drig_data(&r, there, NONE, 1, 0);
	data.parent = parent;
	CHECK_EQ(ioasid_bind_gpasid(device, r.set, &data), 0);
	CHECK_EQ(drig_unbind(&r, 0, there, 0), 0);
	items[0] = items[2] = inv_id(here);
	items[1] = inv_id(there);
	CHECK_EQ(ioasid_invalidate(r.set, items, 3, &done), 0);
	CHECK_EQ(inv_calls(&r), 2);
	CHECK_EQ(second.control->count(second.mock, IOASID_MOCK_OP_INVALIDATE, &ignored, &count), 0);
	CHECK_EQ(count, 1);
	drig_fail(&r, IOASID_MOCK_OP_INVALIDATE, 2, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_invalidate(r.set, items, 3, &done), -EIO);
	CHECK_EQ(done, 2);
	/* Not on device 0's context any more: the first item fails, the others are not tried. */
	drig_fail(&r, IOASID_MOCK_OP_INVALIDATE, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_invalidate(r.set, items, 3, &done), -EIO);
	CHECK_EQ(done, 0);
	CHECK_EQ(second.control->count(second.mock, IOASID_MOCK_OP_INVALIDATE, &ignored, &count), 0);
	CHECK_EQ(count, 2);
	/* An IOASID in both contexts: each has a table of its own. */
	CHECK_EQ(drig_bind(&r, 0, there, NONE, 1, 0), 0);
	CHECK_EQ(ioasid_invalidate(r.set, &items[1], 1, &done), 0);
	CHECK_EQ(second.control->count(second.mock, IOASID_MOCK_OP_INVALIDATE, &ignored, &count), 0);
	CHECK_EQ(count, 3);
	CHECK_EQ(ioasid_device_close(device), 0);
	CHECK_EQ(ioasid_address_space_destroy(parent), 0);
	drig_context_close(&second);
	drig_close(&r);
}

/* S9.15 */
static void hardware_that_does_not_answer_is_waited_for_until_the_deadline(void)
{
	struct ioasid_invalidation item;
	uint64_t before;
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, 0, 20 * DRIG_MS);
	id = drig_bound(&r, 1);
	item = inv_id(id);
	drig_hang(&r, IOASID_MOCK_OP_INVALIDATE, 1);
	before = drig_now();
	CHECK_EQ(inv_one(r.set, item), -ETIMEDOUT);
	CHECK(drig_now() - before >= 20 * DRIG_MS);
	CHECK_EQ(inv_one(r.set, item), 0);
	/* Nothing was kept: what ends the table does not wait. */
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_live(&r).tables, 0);
	drig_close(&r);
}

/* S17.4 */
static void no_scope_takes_memory(void)
{
	static const uint32_t scopes[] = {
		IOASID_INVALIDATE_BINDING, IOASID_INVALIDATE_IOASID, IOASID_INVALIDATE_SPID,
		IOASID_INVALIDATE_DOMAIN,  IOASID_INVALIDATE_DEVICE, IOASID_INVALIDATE_SET,
	};
	enum { IDS = 50 };
	struct ioasid_bind_data data;
	ioasid_t ids[IDS];
	struct drig r;

	REQUIRE_EQ(faults_begin(), 0);
	drig_open(&r, "devices=1", 1);
	for (unsigned int i = 0; i < IDS; i++) {
		ids[i] = id_make(r.set);
		data = drig_data(&r, ids[i], i, 1, 0);
		data.flags |= IOASID_BIND_DOMAIN;
		data.domain = 5;
		CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	}
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		struct ioasid_invalidation item = inv_all(scopes[i]);
		uint64_t before = inv_calls(&r);

		item.device = r.device[0];
		item.id = ids[3];
		item.spid = ioasid_spid_make(3);
		item.domain = 5;
		faults_arm(1, true);
		CHECK_EQ(inv_one(r.set, item), 0);
		CHECK_EQ(faults_disarm(), 0);
		CHECK(inv_calls(&r) > before);
	}
	drig_close(&r);
	faults_check("invalidations");
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "what is unknown, parked, freed or another's is a success without effect (S17.3, S2.6)",
		  what_is_not_there_is_a_success },
		{ "what is quarantined is a success (S17.3, S9.8)", what_is_quarantined_is_a_success },
		{ "what waits for its teardown is still invalidated (S17.2)",
		  what_waits_for_its_teardown_is_still_invalidated },
		{ "an address space is invalidated once, and only a slot of it where that is all (S17.2, S2.6)",
		  an_address_space_is_invalidated_once },
		{ "a backend without invalidation is said where it matters (S17.3)",
		  a_backend_without_invalidation_is_said_where_it_matters },
		{ "a batch stops at the first failure and says how far it came (S17.4)",
		  a_batch_stops_at_the_first_failure_and_says_how_far_it_came },
		{ "many targets and items are all done once (S17.2, S17.4)", many_targets_and_items_are_all_done_once },
		{ "contexts take turns in the order of the items (S17.4)",
		  contexts_take_turns_in_the_order_of_the_items },
		{ "hardware that does not answer is waited for until the deadline (S9.15, S17.2)",
		  hardware_that_does_not_answer_is_waited_for_until_the_deadline },
		{ "no scope takes memory (S17.4)", no_scope_takes_memory },
	};

	return TEST_MAIN("invalidate_batch", cases, argc, argv);
}
