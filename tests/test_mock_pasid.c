/* Slots of the mock: batches, the RID's rules, what a binding needs. S9.10, S9.11, S9.13. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_rig.h"

#define IOVA UINT64_C(0x10000)
#define READ IOASID_MOCK_DMA_READ

/* ---- Slots ---- */

static void a_slot_goes_from_free_over_attached_and_parked_to_free(void)
{
	struct rig rig;
	struct ioasid_be_as *a, *b;

	rig_open(&rig, "", 1);
	a = rig_space(&rig, IOASID_BE_USE_PASID);
	b = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, a, IOVA, 0);
	rig_map(&rig, b, IOVA, 1);
	CHECK_EQ(rig_replace(&rig, 0, 5, a, NULL, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_park(&rig, 0, 5, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_drain(&rig, 0, 5, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_detach(&rig, 0, 5, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_attach(&rig, 0, 5, a, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 5, b, NULL), IOASID_BE_EBUSY);
	CHECK(rig_slot(&rig, 0, 5).as == a);
	CHECK_EQ(rig_replace(&rig, 0, 5, b, NULL, 0), 0);
	CHECK(rig_reads(&rig, 0, 5, IOVA, 2));
	CHECK_EQ(rig.paging->destroy(b), IOASID_BE_EBUSY);
	CHECK_EQ(rig_park(&rig, 0, 5, 0), 0);
	/* A parked slot is taken up again by a replace. */
	CHECK_EQ(rig_replace(&rig, 0, 5, a, NULL, 0), 0);
	CHECK(rig_reads(&rig, 0, 5, IOVA, 1));
	CHECK_EQ(rig.paging->destroy(b), 0);
	CHECK_EQ(rig_detach(&rig, 0, 5, 0), 0);
	CHECK_EQ(rig_slot(&rig, 0, 5).state, IOASID_MOCK_SLOT_FREE);
	CHECK_EQ(rig_detach(&rig, 0, 5, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_attach(&rig, 0, 5, a, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 5, 0), 0);
	CHECK_EQ(rig.paging->destroy(a), 0);
	rig_close(&rig);
}

/* S9.10: an ID too wide for one device is ERANGE. */
static void a_pasid_wider_than_the_device_is_out_of_range(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "devices=3 mock0.pasid_bits=8 mock1.pasid_bits=0", 3);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 255, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 256, as, NULL), IOASID_BE_ERANGE);
	CHECK(strstr(rig.text, "8 bits"));
	CHECK_EQ(rig_replace(&rig, 0, 256, as, NULL, 0), IOASID_BE_ERANGE);
	CHECK_EQ(rig_park(&rig, 0, 256, 0), IOASID_BE_ERANGE);
	CHECK_EQ(rig_detach(&rig, 0, 256, 0), IOASID_BE_ERANGE);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), IOASID_BE_ERANGE);
	CHECK_EQ(rig_attach(&rig, 2, 1u << 20, as, NULL), IOASID_BE_ERANGE);
	CHECK_EQ(rig_attach(&rig, 2, UINT32_MAX, as, NULL), IOASID_BE_ERANGE);
	CHECK_EQ(rig_live(&rig).bindings, 1);
	CHECK_EQ(rig_detach(&rig, 0, 255, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* ---- Batches ---- */

static void a_batch_stops_at_the_first_failure_and_says_how_far_it_came(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_bind binds[5];
	struct ioasid_be_batch batch = rig_batch(binds, 5);

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	for (uint32_t i = 0; i < 5; i++)
		binds[i] = rig_bind(&rig, 0, i + 1, as, NULL);
	binds[3].pasid = 2;
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.why), IOASID_BE_EBUSY);
	CHECK_EQ(batch.done, 3);
	CHECK_EQ(rig_live(&rig).bindings, 3);
	CHECK_EQ(rig_slot(&rig, 0, 5).state, IOASID_MOCK_SLOT_FREE);
	CHECK_EQ(rig_calls(&rig, IOASID_MOCK_OP_ATTACH), 1);
	CHECK_EQ(rig_items(&rig, IOASID_MOCK_OP_ATTACH), 4);
	for (uint32_t i = 0; i < 5; i++)
		binds[i] = rig_bind(&rig, 0, i + 1, NULL, NULL);
	CHECK_EQ(rig.pasid->detach(rig.ctx, &batch), IOASID_BE_ENOENT);
	CHECK_EQ(batch.done, 3);
	CHECK_EQ(rig_live(&rig).bindings, 0);
	batch.count = 0;
	batch.items = NULL;
	CHECK_EQ(rig.pasid->park(rig.ctx, &batch), 0);
	CHECK_EQ(batch.done, 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void batches_of_longer_items_are_walked_by_their_stride(void)
{
	struct wide {
		struct ioasid_be_bind bind;
		uint64_t later;
	} wide[3];
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(wide[0]), .count = 3, .items = wide
	};

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	memset(wide, 0, sizeof(wide));
	for (uint32_t i = 0; i < 3; i++)
		wide[i].bind = rig_bind(&rig, 0, i + 1, as, NULL);
	wide[2].later = 1;
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.why), IOASID_BE_E2BIG);
	CHECK_EQ(batch.done, 2);
	CHECK_EQ(rig_slot(&rig, 0, 2).state, IOASID_MOCK_SLOT_ATTACHED);
	batch.count = 2;
	for (uint32_t i = 0; i < 2; i++)
		wide[i].bind.as = NULL;
	CHECK_EQ(rig.pasid->detach(rig.ctx, &batch), 0);
	batch.stride = 12;
	CHECK_EQ(rig.pasid->detach(rig.ctx, &batch), IOASID_BE_EINVAL);
	batch.stride = sizeof(wide[0]);
	batch.reserved[1] = 1;
	CHECK_EQ(rig.pasid->detach(rig.ctx, &batch), IOASID_BE_EINVAL);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void a_binding_that_makes_no_sense_is_refused(void)
{
	struct rig rig, other;
	struct ioasid_be_as *as, *foreign;
	struct ioasid_be_bind good, bind;
	struct ioasid_be_batch batch = rig_batch(&bind, 1);

	rig_open(&rig, "max_batch=2", 1);
	rig_open(&other, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	foreign = rig_space(&other, IOASID_BE_USE_PASID);
	good = rig_bind(&rig, 0, 1, as, NULL);
	for (int i = 0; i < 7; i++) {
		bind = good;
		switch (i) {
		case 0:
			bind.dev = NULL;
			break;
		case 1:
			bind.dev = other.dev[0];
			break;
		case 2:
			bind.as = NULL;
			break;
		case 3:
			bind.as = foreign;
			break;
		case 4:
			bind.flags = 8;
			break;
		case 5:
			bind.flags = IOASID_BE_BIND_HITLESS;
			break;
		default:
			bind.reserved[0] = 1;
			break;
		}
		CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.why), IOASID_BE_EINVAL);
	}
	bind = good;
	batch.count = 3;
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.why), IOASID_BE_EINVAL);
	batch.count = 1;
	CHECK_EQ(rig.pasid->park(rig.ctx, &batch), IOASID_BE_EINVAL);
	CHECK_EQ(rig.pasid->attach(rig.ctx, NULL, &rig.why), IOASID_BE_EINVAL);
	CHECK_EQ(rig_live(&rig).bindings, 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	CHECK_EQ(other.paging->destroy(foreign), 0);
	rig_close(&other);
	rig_close(&rig);
}

/* ---- What a binding needs ---- */

static void a_pasid_needs_an_address_space_with_that_use(void)
{
	struct rig rig;
	struct ioasid_be_as *plain;

	rig_open(&rig, "", 1);
	plain = rig_space(&rig, 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, plain, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(rig.text, "PASID"));
	CHECK_EQ(rig_attach(&rig, 0, 0, plain, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), 0);
	CHECK_EQ(rig.paging->destroy(plain), 0);
	rig_close(&rig);
}

static void what_a_device_lacks_is_refused_by_name(void)
{
	static const struct {
		const char *config;
		uint32_t pasid;
		uint32_t flags;
		const char *says;
	} tries[] = {
		{ "exec=off", 1, IOASID_BE_BIND_EXEC, "execute" },
		{ "priv=off", 1, IOASID_BE_BIND_PRIV, "privileged" },
		{ "rid=off", 0, 0, "RID" },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct rig rig;
		struct ioasid_be_as *as;
		struct ioasid_be_bind bind;
		struct ioasid_be_batch batch = rig_batch(&bind, 1);

		rig_open(&rig, tries[i].config, 1);
		as = rig_space(&rig, IOASID_BE_USE_PASID);
		bind = rig_bind(&rig, 0, tries[i].pasid, as, NULL);
		bind.flags = tries[i].flags;
		CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, &rig.why), IOASID_BE_EOPNOTSUPP);
		CHECK(strstr(rig.text, tries[i].says));
		CHECK_EQ(rig.paging->destroy(as), 0);
		rig_close(&rig);
	}
}

/* ---- The RID ---- */

static void the_rid_is_a_slot_of_its_own_and_blocked_when_detached(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, 0);
	rig_map(&rig, as, IOVA, 3);
	CHECK_EQ(rig_read_fault(&rig, 0, 0, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_attach(&rig, 0, 0, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 0, IOVA, 4));
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 0, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* S9.13: what a PASID needs of the RID is said, never done. */
static void beside_pasids_the_rid_is_free_or_on_a_space_with_that_use(void)
{
	struct rig rig;
	struct ioasid_be_as *plain, *able;

	rig_open(&rig, "rid_rule=strict", 1);
	plain = rig_space(&rig, 0);
	able = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 0, plain, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, able, NULL), IOASID_BE_EBUSY);
	CHECK(strstr(rig.text, "RID"));
	CHECK_EQ(rig_replace(&rig, 0, 0, able, NULL, 0), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, able, NULL), 0);
	CHECK_EQ(rig_replace(&rig, 0, 0, plain, NULL, 0), IOASID_BE_EBUSY);
	CHECK(rig_slot(&rig, 0, 0).as == able);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), 0);
	CHECK_EQ(rig_attach(&rig, 0, 0, plain, NULL), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_attach(&rig, 0, 0, plain, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), 0);
	CHECK_EQ(rig.paging->destroy(plain), 0);
	CHECK_EQ(rig.paging->destroy(able), 0);
	rig_close(&rig);
}

static void without_the_rule_the_rid_does_not_matter(void)
{
	struct rig rig;
	struct ioasid_be_as *plain, *able;

	rig_open(&rig, "rid_rule=free", 1);
	plain = rig_space(&rig, 0);
	able = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 0, plain, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, able, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(plain), 0);
	CHECK_EQ(rig.paging->destroy(able), 0);
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "a slot goes from free over attached and parked to free",
	  a_slot_goes_from_free_over_attached_and_parked_to_free },
	{ "a PASID wider than the device is out of range (S9.10)",
	  a_pasid_wider_than_the_device_is_out_of_range },
	{ "a batch stops at the first failure and says how far it came",
	  a_batch_stops_at_the_first_failure_and_says_how_far_it_came },
	{ "batches of longer items are walked by their stride",
	  batches_of_longer_items_are_walked_by_their_stride },
	{ "a binding that makes no sense is refused", a_binding_that_makes_no_sense_is_refused },
	{ "a PASID needs an address space with that use", a_pasid_needs_an_address_space_with_that_use },
	{ "what a device lacks is refused by name", what_a_device_lacks_is_refused_by_name },
	{ "the RID is a slot of its own and blocked when detached (S9.11)",
	  the_rid_is_a_slot_of_its_own_and_blocked_when_detached },
	{ "beside PASIDs the RID is free or on a space with that use (S9.13)",
	  beside_pasids_the_rid_is_free_or_on_a_space_with_that_use },
	{ "without the rule the RID does not matter", without_the_rule_the_rid_does_not_matter },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_pasid", cases, argc, argv);
}
