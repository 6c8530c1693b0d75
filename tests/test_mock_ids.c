/* IDs that the mock's IOMMU hands out, rightly and wrongly. S8.1, S8.4. */
#include "tests/harness.h"

#include <pthread.h>

#include "tests/mock_rig.h"

static int32_t alloc(struct rig *rig, uint32_t min, uint32_t max, uint32_t *id)
{
	*id = UINT32_MAX;
	return rig->id->alloc(rig->ctx, min, max, id);
}

static void ids_come_from_the_window_and_come_back(void)
{
	struct rig rig;
	uint32_t id;

	rig_open(&rig, "ids=8", 0);
	for (uint32_t want = 1; want < 8; want++) {
		CHECK_EQ(alloc(&rig, 0, UINT32_MAX, &id), 0);
		CHECK_EQ(id, want);
	}
	CHECK_EQ(alloc(&rig, 0, UINT32_MAX, &id), IOASID_BE_ENOSPC);
	CHECK_EQ(id, UINT32_MAX);
	CHECK_EQ(rig_live(&rig).ids, 7);
	CHECK_EQ(rig.id->free(rig.ctx, 3), 0);
	CHECK_EQ(rig.id->free(rig.ctx, 6), 0);
	CHECK_EQ(rig.id->free(rig.ctx, 6), IOASID_BE_ENOENT);
	CHECK_EQ(alloc(&rig, 4, 5, &id), IOASID_BE_ENOSPC);
	CHECK_EQ(alloc(&rig, 4, 7, &id), 0);
	CHECK_EQ(id, 6);
	CHECK_EQ(alloc(&rig, 1, 7, &id), 0);
	CHECK_EQ(id, 3);
	CHECK_EQ(alloc(&rig, 5, 4, &id), IOASID_BE_EINVAL);
	CHECK_EQ(alloc(&rig, 8, 9, &id), IOASID_BE_ENOSPC);
	CHECK_EQ(rig.id->alloc(rig.ctx, 1, 7, NULL), IOASID_BE_EINVAL);
	CHECK_EQ(rig.id->free(rig.ctx, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig.id->free(rig.ctx, 8), IOASID_BE_ENOENT);
	for (id = 1; id < 8; id++)
		CHECK_EQ(rig.id->free(rig.ctx, id), 0);
	rig_close(&rig);
}

/* Contexts of one machine share its IDs, each gives back its own, and its end gives back the rest. */
static void an_id_is_its_contexts(void)
{
	struct rig a, b;
	uint32_t id, other;

	rig_open(&a, "machine=ids ids=64", 0);
	rig_core(&b);
	REQUIRE_EQ(rig_try(&b, "machine=ids"), 0);
	CHECK_EQ(alloc(&a, 1, 63, &id), 0);
	CHECK_EQ(alloc(&b, 1, 63, &other), 0);
	CHECK(id != other);
	CHECK_EQ(b.id->free(b.ctx, id), IOASID_BE_ENOENT);
	CHECK_EQ(a.id->free(a.ctx, id), 0);
	CHECK_EQ(b.core->close(b.ctx), 0);
	CHECK_EQ(rig_live(&a).ids, 0);
	rig_core(&b);
	REQUIRE_EQ(rig_try(&b, "machine=ids"), 0);
	CHECK_EQ(alloc(&b, other, other, &id), 0);
	CHECK_EQ(b.id->free(b.ctx, id), 0);
	CHECK_EQ(b.core->close(b.ctx), 0);
	rig_close(&a);
}

static void force(struct rig *rig, uint32_t id, uint64_t times)
{
	CHECK_EQ(rig->control->id_force(rig->mock, id, times), 0);
}

/* S8.4: what a host that checks has to give back, and what it must not. */
static void any_number_can_be_handed_out(void)
{
	static const uint32_t wrong[] = { 0, 64, 1u << 20, UINT32_MAX };
	struct rig rig;
	uint32_t id, mine;

	rig_open(&rig, "ids=64", 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		force(&rig, wrong[i], 1);
		CHECK_EQ(alloc(&rig, 10, 20, &id), 0);
		CHECK_EQ(id, wrong[i]);
		CHECK_EQ(rig_live(&rig).strays, 1);
		CHECK_EQ(rig_live(&rig).ids, 0);
		CHECK_EQ(rig.id->free(rig.ctx, wrong[i]), 0);
		CHECK_EQ(rig.id->free(rig.ctx, wrong[i]), IOASID_BE_ENOENT);
		CHECK_EQ(rig_live(&rig).strays, 0);
	}
	/* Out of the window, but an ID. */
	force(&rig, 30, 1);
	CHECK_EQ(alloc(&rig, 10, 20, &id), 0);
	CHECK_EQ(id, 30);
	CHECK_EQ(rig_live(&rig).ids, 1);
	CHECK_EQ(rig.id->free(rig.ctx, 30), 0);
	/* Out already: it is there once, and whoever gives it back takes it away. */
	CHECK_EQ(alloc(&rig, 10, 20, &mine), 0);
	force(&rig, mine, 2);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(alloc(&rig, 10, 20, &id), 0);
		CHECK_EQ(id, mine);
	}
	CHECK_EQ(rig_live(&rig).ids, 1);
	CHECK_EQ(alloc(&rig, 10, 20, &id), 0);
	CHECK(id != mine);
	CHECK_EQ(rig.id->free(rig.ctx, id), 0);
	CHECK_EQ(rig.id->free(rig.ctx, mine), 0);
	rig_close(&rig);
	rig_open(&rig, "", 0);
	CHECK(!rig.id);
	CHECK_EQ(rig.control->id_force(rig.mock, 1, 1), IOASID_BE_EOPNOTSUPP);
	rig_close(&rig);
}

enum { THREADS = 4, EACH = 64 };

struct taker {
	struct rig *rig;
	uint32_t ids[EACH];
};

static void *takes(void *arg)
{
	struct taker *t = arg;

	for (unsigned int i = 0; i < EACH; i++)
		CHECK_EQ(alloc(t->rig, 1, THREADS * EACH, &t->ids[i]), 0);
	return NULL;
}

/* All of them are out at the end, so each was handed out once. */
static void threads_never_get_the_same_id(void)
{
	struct rig rig;
	struct taker takers[THREADS];
	pthread_t threads[THREADS];
	uint32_t id;

	rig_open(&rig, "ids=257", 0);
	for (unsigned int i = 0; i < THREADS; i++) {
		takers[i].rig = &rig;
		REQUIRE_EQ(pthread_create(&threads[i], NULL, takes, &takers[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		REQUIRE_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(rig_live(&rig).ids, THREADS * EACH);
	CHECK_EQ(alloc(&rig, 1, UINT32_MAX, &id), IOASID_BE_ENOSPC);
	for (unsigned int i = 0; i < THREADS; i++) {
		for (unsigned int j = 0; j < EACH; j++)
			CHECK_EQ(rig.id->free(rig.ctx, takers[i].ids[j]), 0);
	}
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "IDs come from the window and come back (S8.1)", ids_come_from_the_window_and_come_back },
	{ "an ID is its context's", an_id_is_its_contexts },
	{ "any number can be handed out (S8.4)", any_number_can_be_handed_out },
	{ "threads never get the same ID (S3.4)", threads_never_get_the_same_id },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_ids", cases, argc, argv);
}
