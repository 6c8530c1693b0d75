/* The contract suite: work of many items, and binds that make no sense. R32, R34, R35. */
#include "tests/contract.h"

#include <string.h>

enum { MANY = 5 };

static void a_batch_ends_at_its_first_failure(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_bind binds[MANY];
	struct ioasid_be_batch batch = contract_batch(binds, sizeof(binds[0]), MANY);

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	for (uint32_t i = 0; i < MANY; i++)
		binds[i] = contract_bind(&w, 0, i + 1, as, NULL);
	binds[3].pasid = 2;
	batch.done = 99;
	CHECK_EQ(w.pasid->attach(w.ctx, &batch, &w.why), IOASID_BE_EBUSY);
	CHECK_EQ(batch.done, 3);
	for (uint32_t i = 1; i <= 3; i++)
		CHECK(contract_reaches(&w, 0, i, 0));
	CHECK(contract_blocked(&w, 0, 5));
	for (uint32_t i = 0; i < MANY; i++)
		binds[i] = contract_bind(&w, 0, i + 1, as, NULL);
	CHECK_EQ(w.pasid->replace(w.ctx, &batch, &w.why), IOASID_BE_ENOENT);
	CHECK_EQ(batch.done, 3);
	for (uint32_t i = 0; i < MANY; i++)
		binds[i].as = NULL;
	CHECK_EQ(w.pasid->park(w.ctx, &batch), IOASID_BE_ENOENT);
	CHECK_EQ(batch.done, 3);
	for (uint32_t i = 1; i <= 3; i++)
		contract_quiet(&w, 0, i);
	CHECK_EQ(w.pasid->detach(w.ctx, &batch), IOASID_BE_ENOENT);
	CHECK_EQ(batch.done, 3);
	for (uint32_t i = 1; i <= 3; i++)
		CHECK(contract_blocked(&w, 0, i));
	contract_destroy(&w, as);
	contract_down(&w);
}

static void an_empty_batch_is_a_success(void)
{
	struct contract_world w;
	struct ioasid_be_batch none = contract_batch(NULL, sizeof(struct ioasid_be_bind), 0);

	contract_up(&w, 1);
	none.done = 7;
	CHECK_EQ(w.pasid->attach(w.ctx, &none, &w.why), 0);
	CHECK_EQ(none.done, 0);
	CHECK_EQ(w.pasid->replace(w.ctx, &none, NULL), 0);
	CHECK_EQ(w.pasid->park(w.ctx, &none), 0);
	CHECK_EQ(w.pasid->detach(w.ctx, &none), 0);
	if (w.pasid->drain)
		CHECK_EQ(w.pasid->drain(w.ctx, &none), 0);
	contract_down(&w);
}

/* One thing at a time is wrong with a bind that is good. */
static void spoil(struct ioasid_be_bind *bind, int how, struct ioasid_be_table *table)
{
	switch (how) {
	case 0:
		bind->dev = NULL;
		break;
	case 1:
		bind->as = NULL;
		break;
	case 2:
		bind->table = table;
		break;
	case 3:
		bind->flags = UINT32_C(1) << 20;
		break;
	default:
		bind->reserved[0] = 1;
		break;
	}
}

static void senseless_binds_are_refused(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	uint64_t not_a_table[8] = { 0 };

	contract_up(&w, 1);
	as = contract_page_space(&w, 2);
	for (int how = 0; how < 5; how++) {
		struct ioasid_be_bind bind = contract_bind(&w, 0, 1, as, NULL);
		struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);

		spoil(&bind, how, (struct ioasid_be_table *)(void *)not_a_table);
		CHECK_EQ(w.pasid->attach(w.ctx, &batch, &w.why), IOASID_BE_EINVAL);
		CHECK_EQ(batch.done, 0);
		CHECK(contract_blocked(&w, 0, 1));
	}
	REQUIRE_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
	for (int how = 0; how < 3; how++) {
		struct ioasid_be_bind bind = contract_bind(&w, 0, 1, how == 1 ? as : NULL, NULL);
		struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);

		bind.dev = how == 0 ? NULL : bind.dev;
		bind.flags = how == 2 ? IOASID_BE_BIND_EXEC : 0;
		CHECK_EQ(w.pasid->park(w.ctx, &batch), IOASID_BE_EINVAL);
		CHECK_EQ(w.pasid->detach(w.ctx, &batch), IOASID_BE_EINVAL);
	}
	CHECK(contract_reaches(&w, 0, 1, 2));
	contract_end(&w, 0, 1);
	contract_destroy(&w, as);
	contract_down(&w);
}

#define PASID IOASID_BE_IF_PASID

static const struct contract_case cases[] = {
	{ "a batch ends at its first failure and says how far it came (R34)", a_batch_ends_at_its_first_failure, PASID,
	  CONTRACT_SEEN },
	{ "a batch of nothing is a success without effect (R35)", an_empty_batch_is_a_success, PASID, 0 },
	{ "binds that make no sense are refused and change nothing (R32)", senseless_binds_are_refused, PASID, CONTRACT_SEEN },
};

CONTRACT_SUITE(contract_batches, cases);
