/*
 * Sets (S2.1, S2.2, S2.7, S2.8): types, tokens, references, reset and the root handle.
 * Death, quotas and walks have files of their own.
 */
#include "support.h"

#include <stdlib.h>
#include <time.h>

#include "libioasid/set.h"

/* --- Types and tokens --- */

static void types_and_tokens(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = NULL, *mm, *opaque;

	CHECK_EQ(ioasid_set_alloc(NULL, IOASID_SET_NONE, 0, 1, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 7, 1, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_MM, 0, 1, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE, 0, 1, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE + 1, 7, 1, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 0, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE, 7, 0, &set), -EINVAL);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 100, &set), -ENOSPC);
	CHECK(set == NULL);
	CHECK_EQ(available(pool), 99);

	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_MM, UINT64_MAX, 1, &mm), 0);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE, UINT64_MAX, 98, &opaque), 0);
	CHECK(mm != opaque);
	CHECK_EQ(available(pool), 0);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_MM, UINT64_MAX, 1, &set), -EEXIST);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE, UINT64_MAX, IOASID_QUOTA_UNLIMITED, &set), -EEXIST);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_MM, UINT64_MAX, 0, &set), -EINVAL);
	CHECK(set == NULL);
	set_end(mm);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_MM, UINT64_MAX, 1, &mm), 0);
	set_end(mm);
	set_end(opaque);
	pool_end(pool);
}

static void one_owner_several_sets(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set[10];

	for (unsigned int i = 0; i < 10; i++) {
		set[i] = set_make(pool, IOASID_QUOTA_UNLIMITED);
		CHECK(ioasid_set_pool(set[i]) == pool);
		for (unsigned int n = 0; n < i; n++)
			CHECK(set[n] != set[i]);
	}
	CHECK_EQ(available(pool), 99);
	for (unsigned int i = 0; i < 10; i++)
		set_end(set[i]);
	CHECK(ioasid_set_pool(NULL) == NULL);
	pool_end(pool);
}

static void found_by_token(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set[500], *found = NULL;

	CHECK_EQ(ioasid_set_find(NULL, IOASID_SET_MM, 1, &found), -EINVAL);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_MM, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_MM, 0, &found), -EINVAL);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_NONE, 0, &found), -EINVAL);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_NONE, 1, &found), -EINVAL);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE + 1, 1, &found), -EINVAL);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_MM, 1, &found), -ENOENT);
	CHECK(found == NULL);
	for (unsigned int i = 0; i < 500; i++)
		REQUIRE_EQ(ioasid_set_alloc(pool, 1 + i % 2, 1 + i / 2, 1, &set[i]), 0);
	for (unsigned int i = 0; i < 500; i++) {
		CHECK_EQ(ioasid_set_find(pool, 1 + i % 2, 1 + i / 2, &found), 0);
		CHECK(found == set[i]);
		CHECK_EQ(ioasid_set_put(found), 0);
	}
	for (unsigned int i = 0; i < 500; i += 2)
		set_end(set[i]);
	found = NULL;
	for (unsigned int i = 0; i < 500; i++)
		CHECK_EQ(ioasid_set_find(pool, 1 + i % 2, 1 + i / 2, &found), i % 2 ? 0 : -ENOENT);
	for (unsigned int i = 1; i < 500; i += 2) {
		CHECK_EQ(ioasid_set_put(set[i]), 0);
		set_end(set[i]);
	}
	pool_end(pool);
}

/* --- References --- */

static void last_put_kills(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make_token(pool, 5, 10), *found;

	CHECK_EQ(ioasid_set_get(NULL), -EINVAL);
	CHECK_EQ(ioasid_set_put(NULL), -EINVAL);
	CHECK_EQ(ioasid_set_get(set), 0);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE, 5, &found), 0);
	CHECK_EQ(ioasid_set_put(set), 0);
	CHECK_EQ(ioasid_set_put(set), 0);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE, 5, &found), 0);
	CHECK_EQ(ioasid_set_put(set), 0);
	CHECK_EQ(ioasid_set_put(set), 1);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE, 5, &found), -ENOENT);
	pool_end(pool);
}

/* 2^31 calls would take too long: the count is moved to its end by hand. */
static void references_do_not_wrap(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make_token(pool, 5, 10), *found = NULL;

	atomic_store(&set->refs, IOASID_SET_REFS_MAX - 1);
	CHECK_EQ(ioasid_set_get(set), 0);
	CHECK_EQ(ioasid_set_get(set), -EOVERFLOW);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE, 5, &found), -EOVERFLOW);
	CHECK(found == NULL);
	CHECK_EQ(atomic_load(&set->refs), IOASID_SET_REFS_MAX);
	CHECK_EQ(ioasid_set_put(set), 0);
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE, 5, &found), 0);
	atomic_store(&set->refs, 1);
	set_end(set);
	pool_end(pool);
}

static void sets_end_at_their_limit(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set **set = calloc(IOASID_SETS_MAX, sizeof(struct ioasid_set *)), *more = NULL;
	uint32_t made = 0;
	ioasid_t id;

	REQUIRE(set != NULL);
	while (made < IOASID_SETS_MAX &&
	       CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE, made + 1, 1, &set[made]), 0))
		made++;
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 1, &more), -ENOSPC);
	CHECK(more == NULL);
	CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1 - IOASID_SETS_MAX);
	/* A dead set counts until its last ID is reclaimed. */
	id = id_make(set[0]);
	CHECK_EQ(ioasid_get(set[0], id), 0);
	set_end(set[0]);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 1, &more), -ENOSPC);
	CHECK_EQ(ioasid_put(set[0], id), 1);
	/* Its memory goes after a grace period, and its place with it. */
	while (ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 1, &more) == -ENOSPC)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	if (CHECK(more != NULL))
		set_end(more);
	for (uint32_t i = 1; i < made; i++)
		CHECK_EQ(ioasid_set_put(set[i]), 1);
	free(set);
	CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1);
	pool_end(pool);
}

/* --- Reset --- */

static void reset_empties_but_keeps(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_LOWEST, 0);
	struct ioasid_set *set = set_make_token(pool, 5, 10), *other = set_make(pool, 10), *found;
	struct subscriber s;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	for (ioasid_t id = 1; id <= 3; id++)
		id_make_at(set, id);
	id_make_at(other, 4);
	CHECK_EQ(ioasid_get(set, 2), 0);
	CHECK_EQ(ioasid_attach_spid(set, 3, ioasid_spid_make(8)), 0);
	journal_clear(&j);
	CHECK_EQ(ioasid_set_reset(set), 0);
	CHECK_EQ(journal_count(&j), 3);
	CHECK(journal_has(&j, "s:FREE 1"));
	CHECK(journal_has(&j, "s:FREE 2"));
	CHECK(journal_has(&j, "s:FREE 3/8"));
	CHECK_EQ(id_refs(set, 1), 0);
	CHECK_EQ(id_refs(set, 2), 1);
	CHECK_EQ(ioasid_get(set, 2), -ENOENT);
	CHECK_EQ(id_refs(set, 3), 0);
	CHECK_EQ(id_refs(other, 4), 1);
	CHECK_EQ(stats_of(set).allocated, 1);
	CHECK_EQ(stats_of(set).quota, 10);
	CHECK_EQ(available(pool), 79);
	CHECK_EQ(ioasid_put(set, 2), 1);

	/* Set, token, quota and subscribers are the same as before. */
	CHECK_EQ(ioasid_set_find(pool, IOASID_SET_OPAQUE, 5, &found), 0);
	CHECK(found == set);
	CHECK_EQ(ioasid_set_put(set), 0);
	journal_clear(&j);
	id_make_at(set, 1);
	CHECK_EQ(ioasid_attach_spid(set, 1, ioasid_spid_make(8)), 0);
	journal_expect(&j, "s:ALLOC 1, s:BIND 1/8");
	for (unsigned int i = 0; i < 9; i++)
		id_make(set);
	CHECK_EQ(ioasid_set_reset(set), 0);
	CHECK_EQ(ioasid_set_reset(set), 0);
	CHECK_EQ(stats_of(set).allocated, 0);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

/* --- The root handle, and none --- */

static void root_stands_for_any_set(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *root = ioasid_pool_root(pool), *set[2] = { set_make(pool, 10), set_make(pool, 10) };
	ioasid_handle_t handle;
	int number;
	void *data;

	CHECK(ioasid_pool_root(NULL) == NULL);
	CHECK(root == ioasid_pool_root(pool));
	CHECK(ioasid_set_pool(root) == pool);
	for (unsigned int i = 0; i < 2; i++) {
		id_make_at(set[i], 1 + i);
		CHECK_EQ(ioasid_get(root, 1 + i), 0);
		CHECK_EQ(ioasid_attach_data(root, 1 + i, &number), 0);
		CHECK_EQ(ioasid_find(root, 1 + i, NULL, &data), 0);
		CHECK(data == &number);
		CHECK_EQ(ioasid_detach_data(root, 1 + i, &data), 0);
		CHECK_EQ(id_refs(root, 1 + i), 2);
		CHECK_EQ(ioasid_handle_of(root, 1 + i, &handle), 0);
		CHECK_EQ(ioasid_get_handle(root, handle), 0);
		CHECK_EQ(ioasid_put_handle(root, handle), 0);
		CHECK_EQ(ioasid_free(root, 1 + i), 0);
		CHECK_EQ(ioasid_put(root, 1 + i), 1);
		set_end(set[i]);
	}
	CHECK_EQ(ioasid_set_get(root), 0);
	pool_end(pool);
}

static void root_has_nothing_of_its_own(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *root = ioasid_pool_root(pool), *set = set_make(pool, 10);
	ioasid_t id = 5;

	id_make_at(set, 1);
	CHECK_EQ(ioasid_alloc(root, 1, 99, NULL, &id), -EINVAL);
	CHECK_EQ(id, IOASID_INVALID);
	id = 5;
	CHECK_EQ(ioasid_alloc_range(root, 1, 1, 1, 99, &id), -EINVAL);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(ioasid_set_put(root), -EINVAL);
	CHECK_EQ(ioasid_set_adjust_quota(root, 10), -EINVAL);
	CHECK_EQ(ioasid_set_reset(root), -EINVAL);
	CHECK_EQ(ioasid_set_teardown_mode(root, IOASID_TEARDOWN_BLOCK), -EINVAL);
	CHECK_EQ(ioasid_set_on_release(root, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_quota_alarm(root, 0, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_attach_spid(root, 1, ioasid_spid_make(1)), -EINVAL);
	CHECK_EQ(ioasid_detach_spid(root, 1), -EINVAL);
	CHECK_EQ(ioasid_find_by_spid(root, ioasid_spid_make(1), &id), -EINVAL);
	set_end(set);
	pool_end(pool);
}

static int never(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)context;
	(void)set;
	(void)id;
	return 1;
}

static void null_is_no_privilege(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	ioasid_handle_t handle;
	uint32_t refs;
	ioasid_t id = 5;
	void *data;

	id_make_at(set, 1);
	CHECK_EQ(ioasid_handle_of(set, 1, &handle), 0);
	CHECK_EQ(ioasid_alloc(NULL, 1, 9, NULL, &id), -EINVAL);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(ioasid_alloc_range(NULL, 1, 1, 1, 9, &id), -EINVAL);
	CHECK_EQ(ioasid_free(NULL, 1), -EINVAL);
	CHECK_EQ(ioasid_get(NULL, 1), -EINVAL);
	CHECK_EQ(ioasid_put(NULL, 1), -EINVAL);
	CHECK_EQ(ioasid_refs(NULL, 1, &refs), -EINVAL);
	CHECK_EQ(ioasid_find(NULL, 1, NULL, &data), -EINVAL);
	CHECK_EQ(ioasid_attach_data(NULL, 1, &id), -EINVAL);
	CHECK_EQ(ioasid_detach_data(NULL, 1, &data), -EINVAL);
	CHECK_EQ(ioasid_handle_of(NULL, 1, &handle), -EINVAL);
	CHECK_EQ(ioasid_get_handle(NULL, handle), -EINVAL);
	CHECK_EQ(ioasid_put_handle(NULL, handle), -EINVAL);
	CHECK_EQ(ioasid_find_handle(NULL, handle, NULL, &data), -EINVAL);
	CHECK_EQ(ioasid_free_handle(NULL, handle), -EINVAL);
	CHECK_EQ(ioasid_set_adjust_quota(NULL, 10), -EINVAL);
	CHECK_EQ(ioasid_set_reset(NULL), -EINVAL);
	CHECK_EQ(ioasid_set_for_each(NULL, never, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_for_each(set, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_wait_reclaimed(NULL, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_reclaim_fd(NULL, 1), -EINVAL);
	CHECK_EQ(id_refs(set, 1), 1);
	set_end(set);
	pool_end(pool);
}

/* With its place in the pool's tables: sets by index, free indices, buckets of tokens. */
static void idle_sets_are_small(void)
{
	enum { SETS = 10000 };
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set **sets = calloc(SETS, sizeof(*sets));
	const uint64_t tables = sizeof(void *) + sizeof(uint32_t) + TOKEN_BUCKETS * sizeof(void *) / SETS + 1;
	uint64_t before, after;

	REQUIRE(sets != NULL);
	CHECK_EQ(ioasid_memory_used(&before, NULL), 0);
	for (uint64_t i = 0; i < SETS; i++)
		REQUIRE_EQ(ioasid_set_alloc(pool, IOASID_SET_OPAQUE, i + 1, 100, &sets[i]), 0);
	CHECK_EQ(ioasid_memory_used(&after, NULL), 0);
	CHECK((after - before) / SETS + tables <= 1024);
	for (unsigned int i = 0; i < SETS; i++)
		set_end(sets[i]);
	free(sets);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S2.1 ten thousand sets without IDs cost at most a kilobyte each", idle_sets_are_small },
	{ "S2.1 types, tokens and quotas are checked, and a token is unique in its type", types_and_tokens },
	{ "S2.1 an owner has as many sets without token as it likes", one_owner_several_sets },
	{ "S2.2 a set is found by its type and token while it lives", found_by_token },
	{ "S2.3 only the last put kills a set", last_put_kills },
	{ "S2.2 references to a set end with -EOVERFLOW, not with a wrap", references_do_not_wrap },
	{ "S0.2 the sets of a pool end at IOASID_SETS_MAX, dead ones with IDs included", sets_end_at_their_limit },
	{ "S2.7 reset frees the IDs and keeps set, token, quota and subscribers", reset_empties_but_keeps },
	{ "S2.8 the root handle stands for any set of its pool", root_stands_for_any_set },
	{ "S2.8 the root handle allocates nothing and has no SPID, quota or references", root_has_nothing_of_its_own },
	{ "S2.8 NULL is refused everywhere", null_is_no_privilege },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("set", cases, argc, argv);
}
