/* What each scope of an invalidation makes fresh, what it leaves alone, and how batches end (S17). */
#include <string.h>

#include "tests/harness.h"
#include "tests/invalidate_rig.h"

#define NONE IOASID_SPID_NONE

/* ---- arguments ---- */

static void bad_items_are_refused_before_anything_is_done(void)
{
	struct ioasid_invalidation items[2], *bad = &items[1];
	struct drig r, other;
	size_t done;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	drig_open(&other, "devices=1", 1);
	id = drig_bound(&r, 1);
#define REFUSED(set, error, change) \
	do { \
		items[0] = items[1] = inv_binding(r.device[0], id); \
		change; \
		done = 77; \
		CHECK_EQ(ioasid_invalidate(set, items, 2, &done), error); \
		CHECK_EQ(done, 0); \
	} while (0)
	REFUSED(NULL, -EINVAL, (void)0);
	REFUSED(r.set, -EINVAL, bad->scope = 0);
	REFUSED(r.set, -EINVAL, bad->scope = IOASID_INVALIDATE_SET + 1);
	REFUSED(r.set, -EINVAL, bad->flags = 4);
	REFUSED(r.set, -EINVAL, bad->reserved = 1);
	REFUSED(r.set, -EINVAL, bad->length = 0);
	REFUSED(r.set, -EINVAL, (bad->address = UINT64_MAX, bad->length = 2));
	REFUSED(r.set, -EINVAL, bad->device = NULL);
	REFUSED(r.set, -EINVAL, bad->device = other.device[0]);
	REFUSED(r.set, -EINVAL, bad->struct_size -= 8);
	REFUSED(r.set, -EINVAL, (bad->scope = IOASID_INVALIDATE_DEVICE, bad->device = NULL));
	REFUSED(r.set, -EINVAL, (bad->scope = IOASID_INVALIDATE_SPID, bad->spid.value = IOASID_SPID_MAX + 1));
	REFUSED(ioasid_pool_root(r.pool), -EINVAL, bad->scope = IOASID_INVALIDATE_SPID);
	REFUSED(ioasid_pool_root(r.pool), -EINVAL, bad->scope = IOASID_INVALIDATE_DOMAIN);
#undef REFUSED
	CHECK_EQ(ioasid_invalidate(r.set, NULL, 1, &done), -EINVAL);
	CHECK_EQ(ioasid_invalidate(r.set, NULL, 0, &done), 0);
	CHECK_EQ(inv_calls(&r), 0);
	drig_close(&other);
	drig_close(&r);
}

/* Items of a program that was built with a later, longer version. */
static void items_lie_as_far_apart_as_their_size_says(void)
{
	struct later {
		struct ioasid_invalidation item;
		uint64_t more[2];
	} later[3];
	size_t done;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	memset(later, 0, sizeof(later));
	for (unsigned int i = 0; i < 3; i++) {
		later[i].item = inv_binding(r.device[0], id);
		later[i].item.struct_size = sizeof(later[i]);
	}
	CHECK_EQ(ioasid_invalidate(r.set, &later[0].item, 3, &done), 0);
	CHECK_EQ(done, 3);
	CHECK_EQ(inv_calls(&r), 3);
	later[2].more[1] = 1;
	CHECK_EQ(ioasid_invalidate(r.set, &later[0].item, 3, &done), -E2BIG);
	later[2].more[1] = 0;
	later[1].item.struct_size = sizeof(later[1].item);
	CHECK_EQ(ioasid_invalidate(r.set, &later[0].item, 3, &done), -EINVAL);
	CHECK_EQ(done, 0);
	CHECK_EQ(inv_calls(&r), 3);
	drig_close(&r);
}

static int invalidate_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	struct drig *r = self->context;
	const struct ioasid_invalidation item = inv_id(event->id);

	CHECK_EQ(ioasid_invalidate(r->set, &item, 1, NULL), -EDEADLK);
	return 0;
}

static void a_handler_cannot_invalidate(void)
{
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	r.kvm.hook = invalidate_in_handler;
	r.kvm.context = &r;
	(void)id_make(r.set);
	drig_close(&r);
}

/* ---- scopes ---- */

static void one_binding_is_made_fresh_and_no_other(void)
{
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=2 ats=on", 2);
	id = drig_bound(&r, 2);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(1));
	drig_move(&r, 1, 5);
	CHECK(inv_is_stale(&r, 0, id, 1));
	CHECK_EQ(inv_one(r.set, inv_binding(r.device[0], id)), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(5));
	CHECK(inv_is_stale(&r, 1, id, 1));
	CHECK_EQ(inv_calls(&r), 1);
	drig_close(&r);
}

static void a_range_is_all_that_has_to_be_forgotten(void)
{
	struct ioasid_invalidation item;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	id = drig_bound(&r, 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	drig_move(&r, 1, 5);
	item = inv_id(id);
	item.address = DRIG_IOVA + DRIG_PAGE;
	item.length = DRIG_PAGE;
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK(inv_is_stale(&r, 0, id, 1));
	item.address = DRIG_IOVA;
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(5));
	/* Everything, wherever the address is. */
	drig_move(&r, 1, 6);
	item.address = DRIG_IOVA + DRIG_PAGE;
	item.length = IOASID_INVALIDATE_ALL;
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(6));
	drig_close(&r);
}

static void only_device_caches_can_be_meant(void)
{
	struct ioasid_invalidation item;
	struct ioasid_mock_slot slot = { .struct_size = sizeof(slot) };
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1 ats=on", 1);
	id = drig_bound(&r, 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	item = inv_id(id);
	item.flags = IOASID_INVALIDATE_DEVTLB;
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(r.on.control->slot(r.on.mock, 0, id, &slot), 0);
	CHECK_EQ(slot.device_tlb, 0);
	CHECK(slot.iotlb > 0 && slot.walks > 0);
	item.flags = IOASID_INVALIDATE_LEAF;
	CHECK_EQ(inv_one(r.set, item), 0);
	CHECK_EQ(r.on.control->slot(r.on.mock, 0, id, &slot), 0);
	CHECK_EQ(slot.iotlb, 0);
	CHECK(slot.walks > 0);
	drig_close(&r);
}

/* S17.1, S17.2: by IOASID and by SPID, on all devices, each table once. */
static void a_shared_table_is_invalidated_once(void)
{
	static const struct { const char *config; uint64_t tables; } cases[] = {
		{ "devices=3 ats=on iommus=1 shares_tables=on", 1 },
		{ "devices=3 ats=on iommus=1 shares_tables=off", 3 },
	};

	for (unsigned int c = 0; c < 2; c++) {
		struct drig r;
		ioasid_t id;

		drig_open(&r, cases[c].config, 3);
		id = id_make(r.set);
		for (unsigned int i = 0; i < 3; i++) {
			CHECK_EQ(drig_bind(&r, i, id, 9, 1, 0), 0);
			CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(1));
		}
		drig_move(&r, 1, 5);
		CHECK_EQ(inv_one(r.set, inv_spid(9)), 0);
		CHECK_EQ(inv_calls(&r), cases[c].tables);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(5));
		drig_move(&r, 1, 6);
		CHECK_EQ(inv_one(r.set, inv_id(id)), 0);
		CHECK_EQ(inv_calls(&r), 2 * cases[c].tables);
		for (unsigned int i = 0; i < 3; i++)
			CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(6));
		drig_close(&r);
	}
}

/* S17.1: several IOASIDs can have a domain, and one IOASID several. */
static void a_domain_is_what_was_bound_with_it(void)
{
	ioasid_t a, b, c;
	struct drig r;

	drig_open(&r, "devices=2 shares_tables=off", 2);
	a = id_make(r.set);
	b = id_make(r.set);
	c = id_make(r.set);
	CHECK_EQ(inv_bind_domain(&r, 0, a, 1, 0, 7), 0);
	CHECK_EQ(inv_bind_domain(&r, 1, a, 1, 0, 8), 0);
	CHECK_EQ(inv_bind_domain(&r, 0, b, 2, 0, 7), 0);
	CHECK_EQ(drig_bind(&r, 0, c, NONE, 3, 0), 0);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_read(&r, i, a), DRIG_BYTE(1));
	CHECK_EQ(drig_read(&r, 0, b), DRIG_BYTE(2));
	CHECK_EQ(drig_read(&r, 0, c), DRIG_BYTE(3));
	for (unsigned int t = 1; t < 4; t++)
		drig_move(&r, t, 4 + t);
	CHECK_EQ(inv_one(r.set, inv_domain(7)), 0);
	CHECK_EQ(inv_calls(&r), 2);
	CHECK_EQ(drig_read(&r, 0, a), DRIG_BYTE(5));
	CHECK_EQ(drig_read(&r, 0, b), DRIG_BYTE(6));
	CHECK(inv_is_stale(&r, 1, a, 1));
	/* 0 is a number like others, and not that of a bind that gave none. */
	CHECK_EQ(inv_one(r.set, inv_domain(0)), 0);
	CHECK(inv_is_stale(&r, 0, c, 3));
	CHECK_EQ(inv_one(r.set, inv_domain(8)), 0);
	CHECK_EQ(drig_read(&r, 1, a), DRIG_BYTE(5));
	CHECK_EQ(inv_calls(&r), 3);
	drig_close(&r);
}

/* Under another id, or quarantined: who shares a table with what is meant is done with it, once. */
static void a_table_is_meant_if_one_of_its_users_is(void)
{
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=3 iommus=1", 3);
	id = id_make(r.set);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(inv_bind_domain(&r, i, id, 1, 0, 7 + i), 0);
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(1));
	}
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(drig_unbind(&r, 2, id, 0), -EIO);
	drig_move(&r, 1, 5);
	CHECK_EQ(inv_one(r.set, inv_domain(9)), 0);
	CHECK_EQ(inv_calls(&r), 0);
	CHECK_EQ(inv_one(r.set, inv_domain(7)), 0);
	CHECK_EQ(inv_calls(&r), 1);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_read(&r, i, id), DRIG_BYTE(5));
	CHECK_EQ(inv_one(r.set, inv_id(id)), 0);
	CHECK_EQ(inv_calls(&r), 2);
	drig_close(&r);
}

/* S9.2, S9.3 */
static void a_domain_id_belongs_to_the_slot_and_changes_with_a_rebind(void)
{
	struct ioasid_bind_data data;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 1);
	id = id_make(r.set);
	CHECK_EQ(inv_bind_domain(&r, 0, id, 1, 10, 7), 0);
	CHECK_EQ(inv_bind_domain(&r, 0, id, 1, 11, 8), -EINVAL);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 1, 11), -EINVAL);
	CHECK_EQ(inv_bind_domain(&r, 0, id, 1, 11, 7), 0);
	data = drig_data(&r, id, NONE, 2, 10);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	CHECK_EQ(inv_one(r.set, inv_domain(7)), 0);
	CHECK_EQ(inv_calls(&r), 1);
	data = drig_data(&r, id, NONE, 3, 11);
	data.flags |= IOASID_BIND_DOMAIN;
	data.domain = UINT64_MAX;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	CHECK_EQ(inv_one(r.set, inv_domain(7)), 0);
	CHECK_EQ(inv_calls(&r), 1);
	CHECK_EQ(inv_one(r.set, inv_domain(UINT64_MAX)), 0);
	CHECK_EQ(inv_calls(&r), 2);
	/* One that fails changes nothing. */
	drig_fail(&r, IOASID_MOCK_OP_REPLACE, 1, 1, IOASID_BE_EIO);
	data.domain = 7;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EIO);
	CHECK_EQ(inv_one(r.set, inv_domain(UINT64_MAX)), 0);
	CHECK_EQ(inv_calls(&r), 3);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "bad items are refused before anything is done (S0.1)",
		  bad_items_are_refused_before_anything_is_done },
		{ "items lie as far apart as their size says (S17.4)",
		  items_lie_as_far_apart_as_their_size_says },
		{ "a handler cannot invalidate (S7.6)", a_handler_cannot_invalidate },
		{ "one binding is made fresh, and no other (S17.1, S17.2)", one_binding_is_made_fresh_and_no_other },
		{ "a range is all that has to be forgotten (S17.1)", a_range_is_all_that_has_to_be_forgotten },
		{ "only device caches, or only leaves, can be meant (S17.1)", only_device_caches_can_be_meant },
		{ "a shared table is invalidated once (S17.1, S17.2)", a_shared_table_is_invalidated_once },
		{ "a domain is what was bound with it (S17.1)", a_domain_is_what_was_bound_with_it },
		{ "a table is meant if one of its users is (S17.1, S17.2)", a_table_is_meant_if_one_of_its_users_is },
		{ "a domain id belongs to the slot, and changes with a rebind (S9.2, S9.3, S17.1)",
		  a_domain_id_belongs_to_the_slot_and_changes_with_a_rebind },
	};

	return TEST_MAIN("invalidate", cases, argc, argv);
}
