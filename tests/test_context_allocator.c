/* IDs that a backend hands out, as a custom allocator of a pool: who is asked, and what is believed (S8). */
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

enum { IDS = 64 };

/* A rig whose IOMMU hands out the IDs below 64, to the rig's pool; the pool's log goes to the journal. */
static void begin(struct drig *r)
{
	drig_open(r, "devices=1 ids=64", 1);
	CHECK_EQ(ioasid_pool_set_log(r->pool, journal_log, &r->journal), 0);
	REQUIRE_EQ(ioasid_register_context_allocator(r->pool, r->on.context), 0);
}

static void end(struct drig *r)
{
	CHECK_EQ(drig_live(r).ids, 0);
	CHECK_EQ(ioasid_unregister_context_allocator(r->pool, r->on.context), 0);
	CHECK_EQ(ioasid_pool_set_log(r->pool, NULL, NULL), 0);
	drig_close(r);
}

static int alloc_in(struct drig *r, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	return ioasid_alloc(r->set, min, max, NULL, id);
}

static void force(struct drig *r, ioasid_t id)
{
	CHECK_EQ(r->on.control->id_force(r->on.mock, id, 1), 0);
}

/* S8.1 */
static void numbers_come_from_the_iommu_and_go_back(void)
{
	ioasid_t ids[IDS], id;
	unsigned int count = 0;
	struct drig r;

	begin(&r);
	while (count < IDS && alloc_in(&r, 1, IOASID_INVALID, &ids[count]) == 0) {
		CHECK(ids[count] > 0 && ids[count] < IDS);
		count++;
	}
	CHECK_EQ(count, IDS - 1);
	CHECK_EQ(drig_live(&r).ids, IDS - 1);
	CHECK_EQ(alloc_in(&r, 1, IOASID_INVALID, &id), -ENOSPC);
	/* Kept while somebody has a reference, as any ID. */
	CHECK_EQ(ioasid_get(r.set, ids[0]), 0);
	CHECK_EQ(ioasid_free(r.set, ids[0]), 0);
	CHECK_EQ(drig_live(&r).ids, IDS - 1);
	CHECK_EQ(ioasid_put(r.set, ids[0]), 1);
	CHECK_EQ(drig_live(&r).ids, IDS - 2);
	CHECK_EQ(alloc_in(&r, 7, 7, &id), ids[6] == 7 ? -ENOSPC : 0);
	CHECK_EQ(ioasid_set_reset(r.set), 0);
	end(&r);
}

/* S8.4 */
static void its_errno_is_the_answer(void)
{
	static const int errors[] = { IOASID_BE_ENOSPC, IOASID_BE_ENODEV, IOASID_BE_ETIMEDOUT, IOASID_BE_ENOMEM };
	ioasid_t id;
	struct drig r;

	begin(&r);
	for (unsigned int i = 0; i < 4; i++) {
		drig_fail(&r, IOASID_MOCK_OP_ID_ALLOC, 1, 1, errors[i]);
		CHECK_EQ(alloc_in(&r, 1, 60, &id), errors[i]);
		CHECK_EQ(id, IOASID_INVALID);
	}
	CHECK_EQ(stats_of(r.set).allocated, 0);
	CHECK_EQ(alloc_in(&r, 1, 60, &id), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	/* What it does not take back is out of the pool's hands. */
	CHECK_EQ(alloc_in(&r, 1, 60, &id), 0);
	drig_fail(&r, IOASID_MOCK_OP_ID_FREE, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(drig_live(&r).ids, 1);
	CHECK_EQ(stats_of(r.set).allocated, 0);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), 0);
	CHECK_EQ(ioasid_pool_set_log(r.pool, NULL, NULL), 0);
	drig_close(&r);
}

/* Refused, reported, and given back or not. */
static void refuse(struct drig *r, ioasid_t answer, ioasid_t min, ioasid_t max, unsigned int given_back)
{
	uint64_t freed = drig_calls(r, IOASID_MOCK_OP_ID_FREE);
	unsigned int lines = journal_count(&r->journal);
	uint32_t held = stats_of(r->set).allocated;
	ioasid_t id = 3;

	force(r, answer);
	CHECK_EQ(alloc_in(r, min, max, &id), -EIO);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(drig_calls(r, IOASID_MOCK_OP_ID_FREE), freed + given_back);
	CHECK_EQ(stats_of(r->set).allocated, held);
	CHECK(journal_count(&r->journal) > lines);
}

/* S8.4, S3.4: what is out is somebody's, and giving it back would give it to somebody else as well. */
static void an_iommu_that_hands_out_nonsense_is_not_believed(void)
{
	ioasid_t mine, other;
	struct drig r;

	begin(&r);
	CHECK_EQ(ioasid_pool_reserve(r.pool, 50, 55), 0);
	CHECK_EQ(alloc_in(&r, 1, 40, &mine), 0);
	refuse(&r, 0, 1, 40, 1);
	refuse(&r, IOASID_CAPACITY_MAX, 1, 40, 1);
	refuse(&r, IOASID_INVALID, 1, 40, 1);
	refuse(&r, 45, 1, 40, 1);
	refuse(&r, 52, 1, 60, 1);
	/* Out already, in the window and beyond it. */
	refuse(&r, mine, 1, 40, 0);
	refuse(&r, mine, 41, 49, 0);
	CHECK_EQ(id_refs(r.set, mine), 1);
	/* Pending is out, too. */
	CHECK_EQ(ioasid_get(r.set, mine), 0);
	CHECK_EQ(ioasid_free(r.set, mine), 0);
	refuse(&r, mine, 1, 40, 0);
	CHECK_EQ(ioasid_put(r.set, mine), 1);
	CHECK_EQ(alloc_in(&r, 1, 40, &other), 0);
	CHECK_EQ(ioasid_free(r.set, other), 0);
	CHECK_EQ(ioasid_pool_unreserve(r.pool, 50, 55), 0);
	/* Numbers out of the window are the contract's business as well. */
	r.on.violations = 5;
	CHECK_EQ(drig_live(&r).ids, 0);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), 0);
	CHECK_EQ(ioasid_pool_set_log(r.pool, NULL, NULL), 0);
	drig_close(&r);
}

/* S8.2, S8.3 */
static void a_context_serves_one_pool_and_stays_open_meanwhile(void)
{
	struct ioasid_pool *second = pool_make(0);
	struct drig_context without;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1 ids=64", 0);
	drig_context_open(&without, "devices=1", 0);
	CHECK_EQ(ioasid_register_context_allocator(NULL, r.on.context), -EINVAL);
	CHECK_EQ(ioasid_register_context_allocator(r.pool, NULL), -EINVAL);
	CHECK_EQ(ioasid_register_context_allocator(r.pool, without.context), -EOPNOTSUPP);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), -ENOENT);
	/* The built-in allocator's IDs come home first. */
	id = id_make(r.set);
	CHECK_EQ(ioasid_register_context_allocator(r.pool, r.on.context), -EAGAIN);
	CHECK_EQ(ioasid_register_context_allocator(r.pool, r.on.context), -EEXIST);
	CHECK_EQ(ioasid_register_context_allocator(second, r.on.context), -EBUSY);
	CHECK_EQ(ioasid_unregister_context_allocator(second, r.on.context), -ENOENT);
	CHECK_EQ(ioasid_context_close(r.on.context), -EBUSY);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(alloc_in(&r, 1, IOASID_INVALID, &id), 0);
	CHECK_EQ(drig_live(&r).ids, 1);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), -EBUSY);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), 0);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), -ENOENT);
	CHECK_EQ(ioasid_register_context_allocator(second, r.on.context), 0);
	CHECK_EQ(ioasid_unregister_context_allocator(second, r.on.context), 0);
	pool_end(second);
	drig_context_close(&without);
	drig_close(&r);
}

/* S8.1: bound like any other. */
static void what_the_iommu_hands_out_is_bound_like_any_other(void)
{
	ioasid_t id;
	struct drig r;

	begin(&r);
	id = drig_bound(&r, 1);
	CHECK(id < IDS);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_settle(&r, id);
	/* It is FREE before it is given back. */
	drig_quiet(&r);
	end(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "numbers come from the IOMMU and go back (S8.1)", numbers_come_from_the_iommu_and_go_back },
		{ "its errno is the answer (S8.4)", its_errno_is_the_answer },
		{ "an IOMMU that hands out nonsense is not believed (S8.4, S3.4)",
		  an_iommu_that_hands_out_nonsense_is_not_believed },
		{ "a context serves one pool, and stays open meanwhile (S8.2, S8.3)",
		  a_context_serves_one_pool_and_stays_open_meanwhile },
		{ "what the IOMMU hands out is bound like any other (S8.1)",
		  what_the_iommu_hands_out_is_bound_like_any_other },
	};

	return TEST_MAIN("context_allocator", cases, argc, argv);
}
