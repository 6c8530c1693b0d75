/* The contract suite: first-stage tables of a guest, and invalidation. R56, R58, R60, R61. */
#include "tests/contract.h"

#include <string.h>

/* ---- Nested tables ---- */

static struct ioasid_be_table *make_table(struct contract_world *w, unsigned int device, struct ioasid_be_as *parent,
					  unsigned int number, unsigned int page)
{
	struct ioasid_be_record entry = { 0 };
	const struct ioasid_be_table_args args = {
		.struct_size = sizeof(args), .dev = w->dev[device], .parent = parent, .entry = &entry,
	};
	struct ioasid_be_table *table = NULL;

	w->driver->guest_table(w->memory, number, page, &entry);
	REQUIRE_EQ(w->nested->create(w->ctx, &args, &table, &w->why), 0);
	/* The record was copied. */
	memset(&entry, 0xa5, sizeof(entry));
	REQUIRE(table != NULL);
	return table;
}

static void a_guest_table_translates(void)
{
	struct contract_world w;
	struct ioasid_be_as *parent;
	struct ioasid_be_table *one, *two;

	contract_up(&w, 1);
	parent = contract_parent(&w, 0);
	one = make_table(&w, 0, parent, 0, 2);
	two = make_table(&w, 0, parent, 1, 3);
	CHECK_EQ(contract_attach(&w, 0, 1, NULL, one), 0);
	CHECK_EQ(contract_attach(&w, 0, 2, NULL, two), 0);
	CHECK(contract_reaches(&w, 0, 1, 2) && contract_reaches(&w, 0, 2, 3));
	CHECK_EQ(contract_replace(&w, 0, 1, NULL, two, 0), 0);
	CHECK(contract_reaches(&w, 0, 1, 3));
	CHECK_EQ(w.nested->destroy(one), 0);
	CHECK_EQ(w.nested->destroy(two), IOASID_BE_EBUSY);
	CHECK_EQ(contract_park(&w, 0, 2), 0);
	contract_quiet(&w, 0, 2);
	CHECK(contract_blocked(&w, 0, 2));
	CHECK_EQ(w.nested->destroy(two), IOASID_BE_EBUSY);
	CHECK(contract_reaches(&w, 0, 1, 3));
	CHECK_EQ(w.paging->destroy(parent), IOASID_BE_EBUSY);
	contract_end(&w, 0, 1);
	CHECK_EQ(contract_detach(&w, 0, 2), 0);
	CHECK_EQ(w.paging->destroy(parent), IOASID_BE_EBUSY);
	CHECK_EQ(w.nested->destroy(two), 0);
	contract_destroy(&w, parent);
	contract_down(&w);
}

static void a_table_needs_a_parent(void)
{
	struct contract_world w;
	struct ioasid_be_record entry = { 0 };
	struct ioasid_be_table_args args = { .struct_size = sizeof(args), .entry = &entry };
	struct ioasid_be_table *table = NULL;
	struct ioasid_be_as *plain, *parent;

	contract_up(&w, 1);
	plain = contract_page_space(&w, 0);
	parent = contract_parent(&w, 0);
	w.driver->guest_table(w.memory, 0, 1, &entry);
	args.dev = w.dev[0];
	args.parent = plain;
	CHECK(w.nested->create(w.ctx, &args, &table, &w.why) != 0);
	args.parent = NULL;
	CHECK_EQ(w.nested->create(w.ctx, &args, &table, &w.why), IOASID_BE_EINVAL);
	args.parent = parent;
	args.flags = 1;
	CHECK_EQ(w.nested->create(w.ctx, &args, &table, &w.why), IOASID_BE_EINVAL);
	args.flags = 0;
	args.entry = NULL;
	CHECK_EQ(w.nested->create(w.ctx, &args, &table, &w.why), IOASID_BE_EINVAL);
	args.entry = &entry;
	entry.length = IOASID_BE_RECORD_MAX + 1;
	CHECK(w.nested->create(w.ctx, &args, &table, &w.why) != 0);
	w.driver->guest_table(w.memory, 0, 1, &entry);
	entry.length -= 1;
	CHECK(w.nested->create(w.ctx, &args, &table, &w.why) != 0);
	CHECK(table == NULL);
	contract_destroy(&w, plain);
	contract_destroy(&w, parent);
	contract_down(&w);
}

static const struct contract_case nested_cases[] = {
	{ "a guest's table translates, can be replaced, and ends before its parent and after its slots (R56, R60)",
	  a_guest_table_translates, IOASID_BE_IF_NESTED, CONTRACT_FORMAT | CONTRACT_SEEN },
	{ "a table that makes no sense is refused (R32)", a_table_needs_a_parent, IOASID_BE_IF_NESTED, CONTRACT_FORMAT },
};

CONTRACT_SUITE(contract_nested, nested_cases);

/* ---- Invalidation ---- */

static int32_t invalidate(struct contract_world *w, const struct ioasid_be_inv *inv)
{
	struct ioasid_be_inv copy = *inv;
	struct ioasid_be_batch batch = contract_batch(&copy, sizeof(copy), 1);
	int32_t rc = w->invalidate->scopes(w->ctx, &batch);

	CHECK_EQ(batch.done, rc ? 0 : 1);
	return rc;
}

struct invalidation {
	struct contract_world w;
	struct ioasid_be_as *parent;
	struct ioasid_be_table *table;
};

/* A guest's table on PASID 1 of as many devices as one table can serve, @most of them. Answers how many those
 * are. */
static unsigned int invalidation_up(struct invalidation *i, unsigned int most)
{
	unsigned int devices = 1;

	contract_up(&i->w, most);
	if (i->w.driver->iommus == 1 && i->w.caps.flags & IOASID_BE_CTX_SHARES_TABLES)
		devices = most;
	i->parent = contract_parent(&i->w, 0);
	i->table = make_table(&i->w, 0, i->parent, 0, 1);
	for (unsigned int k = 0; k < devices; k++)
		REQUIRE_EQ(contract_attach(&i->w, k, 1, NULL, i->table), 0);
	return devices;
}

static void invalidation_down(struct invalidation *i, unsigned int devices)
{
	for (unsigned int k = 0; k < devices; k++)
		contract_end(&i->w, k, 1);
	CHECK_EQ(i->w.nested->destroy(i->table), 0);
	contract_destroy(&i->w, i->parent);
	contract_down(&i->w);
}

/* The guest changes where its page is; whatever was cached, after an invalidation every device sees the new
 * one. */
static void change_and_invalidate(struct invalidation *i, unsigned int devices, const struct ioasid_be_inv *inv,
				  unsigned int page)
{
	struct ioasid_be_record entry;

	for (unsigned int k = 0; k < devices; k++)
		(void)contract_reaches(&i->w, k, 1, 0);
	i->w.driver->guest_table(i->w.memory, 0, page, &entry);
	CHECK_EQ(invalidate(&i->w, inv), 0);
	for (unsigned int k = 0; k < devices; k++)
		CHECK(contract_reaches(&i->w, k, 1, page));
}

static void a_table_is_a_scope(void)
{
	struct invalidation i;
	unsigned int devices = invalidation_up(&i, CONTRACT_DEVICES), page = 1;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_TABLE, .table = i.table, .length = UINT64_MAX };

	change_and_invalidate(&i, devices, &inv, ++page);
	inv.flags = IOASID_BE_INV_LEAF;
	change_and_invalidate(&i, devices, &inv, ++page);
	inv.address = CONTRACT_IOVA;
	inv.length = CONTRACT_PAGE;
	change_and_invalidate(&i, devices, &inv, ++page);
	inv.flags = 0;
	change_and_invalidate(&i, devices, &inv, ++page);
	invalidation_down(&i, devices);
}

static void a_device_and_a_pasid_are_scopes(void)
{
	struct invalidation i;
	unsigned int devices = invalidation_up(&i, 1);
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_PASID, .dev = i.w.dev[0], .pasid = 1, .length = UINT64_MAX };

	change_and_invalidate(&i, devices, &inv, 3);
	inv.address = CONTRACT_IOVA;
	inv.length = CONTRACT_PAGE;
	change_and_invalidate(&i, devices, &inv, 4);
	inv = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_DEVICE, .dev = i.w.dev[0], .length = UINT64_MAX };
	change_and_invalidate(&i, devices, &inv, 5);
	invalidation_down(&i, devices);
}

/* Guests invalidate after teardown (S17.3). */
static void what_is_not_attached_is_a_success(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_PASID, .pasid = 77, .length = UINT64_MAX };

	contract_up(&w, 1);
	as = contract_page_space(&w, 2);
	inv.dev = w.dev[0];
	CHECK_EQ(invalidate(&w, &inv), 0);
	inv.pasid = 0;
	CHECK_EQ(invalidate(&w, &inv), 0);
	inv.pasid = 77;
	REQUIRE_EQ(contract_attach(&w, 0, 77, as, NULL), 0);
	CHECK_EQ(invalidate(&w, &inv), 0);
	CHECK(contract_reaches(&w, 0, 77, 2));
	CHECK_EQ(contract_park(&w, 0, 77), 0);
	CHECK_EQ(invalidate(&w, &inv), 0);
	CHECK(contract_blocked(&w, 0, 77));
	contract_end(&w, 0, 77);
	inv = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_DEVICE, .dev = w.dev[0], .length = UINT64_MAX };
	CHECK_EQ(invalidate(&w, &inv), 0);
	inv = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_AS, .as = as, .length = UINT64_MAX };
	CHECK_EQ(invalidate(&w, &inv), 0);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void senseless_invalidations_are_refused(void)
{
	struct contract_world w;
	struct ioasid_be_inv inv[3], good = { .scope = IOASID_BE_SCOPE_DEVICE, .length = UINT64_MAX };
	struct ioasid_be_batch batch = contract_batch(inv, sizeof(inv[0]), 3);

	contract_up(&w, 1);
	good.dev = w.dev[0];
	for (int how = 0; how < 5; how++) {
		for (int k = 0; k < 3; k++)
			inv[k] = good;
		inv[1].scope = how == 0 ? 0 : how == 1 ? 5 : inv[1].scope;
		inv[1].dev = how == 2 ? NULL : inv[1].dev;
		inv[1].flags = how == 3 ? UINT32_C(1) << 31 : 0;
		inv[1].reserved1 = how == 4;
		CHECK_EQ(w.invalidate->scopes(w.ctx, &batch), IOASID_BE_EINVAL);
		CHECK_EQ(batch.done, 1);
	}
	batch.count = 0;
	batch.items = NULL;
	CHECK_EQ(w.invalidate->scopes(w.ctx, &batch), 0);
	CHECK_EQ(batch.done, 0);
	contract_down(&w);
}

#define INVALIDATE IOASID_BE_IF_INVALIDATE
#define BOTH (INVALIDATE | IOASID_BE_IF_NESTED)

static const struct contract_case invalidate_cases[] = {
	{ "after an invalidation of a table every device sees what the guest wrote, all of it or a range (R61)",
	  a_table_is_a_scope, BOTH, CONTRACT_FORMAT | CONTRACT_DMA },
	{ "a PASID and a device are scopes of an invalidation, too (R61)", a_device_and_a_pasid_are_scopes, BOTH,
	  CONTRACT_FORMAT | CONTRACT_DMA },
	{ "invalidating what is free or parked is a success (R61)", what_is_not_attached_is_a_success,
	  INVALIDATE | IOASID_BE_IF_PASID, CONTRACT_SEEN },
	{ "an invalidation that makes no sense ends its batch there (R32, R34)", senseless_invalidations_are_refused,
	  INVALIDATE, 0 },
};

CONTRACT_SUITE(contract_invalidate, invalidate_cases);
