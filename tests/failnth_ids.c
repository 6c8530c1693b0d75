/*
 * Scenarios of test_failnth.c: pools, sets and IDs.
 */
#include "failnth.h"

#include <sched.h>

/* --- Pools --- */

static const struct ioasid_pool_attr quiet = { .struct_size = sizeof(quiet), .flags = IOASID_POOL_NO_WORKER };

STEP(made_pool_ends, pool_end(g->made_pool))
STEP(make_pool, g->made_pool = pool_make(0))
CALL(pool_create, ioasid_pool_create(NULL, &g->made_pool))
CALL(pool_create_quiet, ioasid_pool_create(&quiet, &g->made_pool))
CALL(pool_destroy, ioasid_pool_destroy(g->made_pool))
CALL(install_capacity, ioasid_pool_install_capacity(g->made_pool, 1000))
CALL(reserve, ioasid_pool_reserve(g->pool, 900, 9000))
CALL(unreserve, ioasid_pool_unreserve(g->pool, 900, 9000))
STEP(reserved, CHECK_EQ(call_reserve(g), 0))
STEP(unreserved, CHECK_EQ(call_unreserve(g), 0))
CALL(set_log, ioasid_pool_set_log(g->pool, journal_log, &g->journal))
STEP(log_off, CHECK_EQ(ioasid_pool_set_log(g->pool, NULL, NULL), 0))

static int write_nothing(void *context, const char *text, size_t length)
{
	(void)context;
	return text && length ? 0 : -EIO;
}

CALL(dump, ioasid_pool_dump(g->pool, IOASID_DUMP_TEXT, write_nothing, NULL))
CALL(dump_json, ioasid_pool_dump(g->pool, IOASID_DUMP_JSON, write_nothing, NULL))
CALL(available, available(g->pool) == UINT32_MAX ? -EIO : 0)
CALL(stats, stats_of(g->root).allocated == 3 ? 0 : -EIO)

/* --- Sets --- */

void failnth_make_set(struct ground *g)
{
	g->made_set = set_make_token(g->pool, 2, 50);
}

void failnth_end_set(struct ground *g)
{
	set_end(g->made_set);
}

STEP(put_set_back, CHECK_EQ(ioasid_set_put(g->set), 0))
CALL(set_alloc, ioasid_set_alloc(g->pool, IOASID_SET_OPAQUE, 2, 50, &g->made_set))
/* Somebody waits for the set with this token. */
CALL(set_alloc_awaited, ioasid_set_alloc(g->pool, IOASID_SET_OPAQUE, 77, 50, &g->made_set))
CALL(set_get, ioasid_set_get(g->set))
CALL(set_find, ioasid_set_find(g->pool, IOASID_SET_OPAQUE, 1, &g->made_set))
CALL(set_put, ioasid_set_put(g->set))
CALL(set_reset, ioasid_set_reset(g->set))

/* What was freed in a read section by a thread without memory may be completed by a worker, or by dispatch. */
static void await_refs(struct ground *g, ioasid_t id, uint32_t refs)
{
	while (id_refs(g->root, id) != refs) {
		if (!g->has_workers)
			CHECK(ioasid_pool_dispatch(g->pool) >= 0);
		sched_yield();
	}
}

/* Of the ground's own IDs the set's death leaves two that are referenced. */
static void after_death(struct ground *g)
{
	await_refs(g, FULL, 1);
	await_refs(g, BLANK, 0);
	CHECK_EQ(ioasid_put(g->root, FULL), 1);
	CHECK_EQ(ioasid_put(g->root, PENDING), 1);
	ground_fill(g);
}

static void after_reset(struct ground *g)
{
	CHECK_EQ(ioasid_put(g->set, FULL), 1);
	ground_full(g);
	ground_blank(g);
}

static int visit(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)context;
	return ioasid_set_pool(set) && id ? 0 : -EIO;
}

static void near(void *context, struct ioasid_set *set, uint32_t held)
{
	(void)context;
	(void)set;
	(void)held;
}

CALL(for_each, ioasid_set_for_each(g->root, visit, NULL))
CALL(adjust, ioasid_set_adjust_quota(g->set, 1000))
CALL(adjust_unlimited, ioasid_set_adjust_quota(g->set, IOASID_QUOTA_UNLIMITED))
STEP(adjusted, CHECK_EQ(ioasid_set_adjust_quota(g->set, 100), 0))
CALL(mode, ioasid_set_teardown_mode(g->set, IOASID_TEARDOWN_BLOCK))
STEP(mode_both, CHECK_EQ(ioasid_set_teardown_mode(g->set, IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY), 0))
CALL(alarm, ioasid_set_quota_alarm(g->set, 90, near, NULL))
STEP(alarm_off, CHECK_EQ(ioasid_set_quota_alarm(g->set, 0, NULL, NULL), 0))
CALL(on_release, ioasid_set_on_release(g->made_set, NULL, NULL))

/* --- IDs --- */

void failnth_free_made(struct ground *g)
{
	CHECK_EQ(ioasid_free(g->root, g->made_id), 0);
}

static void made_range_goes(struct ground *g)
{
	for (ioasid_t i = 0; i < 70; i++)
		CHECK_EQ(ioasid_free(g->set, g->made_id + i), 0);
}

CALL(alloc, ioasid_alloc(g->set, 1, IOASID_INVALID, NULL, &g->made_id))
CALL(alloc_with_data, ioasid_alloc(g->set, 1, IOASID_INVALID, &g->data[2], &g->made_id))
/* Where the set has not been before. */
CALL(alloc_far, ioasid_alloc(g->set, 700000, IOASID_INVALID, NULL, &g->made_id))
CALL(alloc_range, ioasid_alloc_range(g->set, 70, 1, 10, IOASID_INVALID, &g->made_id))
CALL(alloc_range_far, ioasid_alloc_range(g->set, 70, 1, 700000, IOASID_INVALID, &g->made_id))
CALL(alloc_first, ioasid_alloc(g->made_set, 1, IOASID_INVALID, NULL, &g->made_id))
CALL(free, ioasid_free(g->set, BLANK))
CALL(free_handle, ioasid_free_handle(g->set, g->handle))
CALL(put, ioasid_put(g->set, FULL))
CALL(put_frees, ioasid_put(g->set, BLANK))
CALL(put_last, ioasid_put(g->set, PENDING))
CALL(get, ioasid_get(g->set, FULL))
CALL(handle_of, ioasid_handle_of(g->set, FULL, &g->handle))
STEP(got_back, CHECK_EQ(ioasid_get(g->set, FULL), 0))
STEP(put_back, CHECK_EQ(ioasid_put(g->set, FULL), 0))

static void pending_again(struct ground *g)
{
	REQUIRE_EQ(ioasid_alloc(g->set, PENDING, PENDING, &g->data[1], &g->made_id), 0);
	REQUIRE_EQ(ioasid_get(g->set, PENDING), 0);
	REQUIRE_EQ(ioasid_free(g->set, PENDING), 0);
}

static void full_again(struct ground *g)
{
	CHECK_EQ(ioasid_put(g->set, FULL), 1);
	ground_full(g);
}

/* Frees that cannot be completed where they are made: no memory is needed to remember them (S7.6). */
static int call_free_in_section(struct ground *g)
{
	int ret;

	ioasid_read_begin();
	ret = ioasid_free(g->set, BLANK);
	if (ret == 0)
		ret = ioasid_free(g->set, FULL);
	ioasid_read_end();
	return ret;
}

static int call_set_put_in_section(struct ground *g)
{
	int ret;

	ioasid_read_begin();
	ret = ioasid_set_put(g->set);
	ioasid_read_end();
	return ret;
}

static void both_again(struct ground *g)
{
	await_refs(g, FULL, 1);
	await_refs(g, BLANK, 0);
	full_again(g);
	ground_blank(g);
}

static void alone_in_made_set(struct ground *g)
{
	failnth_free_made(g);
	failnth_end_set(g);
}

const struct scenario scenarios_of_ids[] = {
	{ "pool_create", NULL, call_pool_create, made_pool_ends, false },
	{ "pool_create without workers", NULL, call_pool_create_quiet, made_pool_ends, false },
	{ "pool_destroy", make_pool, call_pool_destroy, NULL, true },
	{ "pool_install_capacity", make_pool, call_install_capacity, made_pool_ends, true },
	{ "pool_reserve", NULL, call_reserve, unreserved, true },
	{ "pool_unreserve", reserved, call_unreserve, NULL, true },
	{ "pool_set_log", NULL, call_set_log, log_off, false },
	{ "pool_dump as text", NULL, call_dump, NULL, false },
	{ "pool_dump as JSON", NULL, call_dump_json, NULL, false },
	{ "pool_available", NULL, call_available, NULL, true },
	{ "set_stats", NULL, call_stats, NULL, true },
	{ "set_alloc", NULL, call_set_alloc, failnth_end_set, false },
	{ "set_alloc of an awaited token", NULL, call_set_alloc_awaited, failnth_end_set, false },
	{ "set_get", NULL, call_set_get, put_set_back, true },
	{ "set_find", NULL, call_set_find, put_set_back, true },
	{ "set_put", NULL, call_set_put, after_death, true },
	{ "set_put in a read section", NULL, call_set_put_in_section, after_death, true },
	{ "set_reset", NULL, call_set_reset, after_reset, true },
	{ "set_for_each", NULL, call_for_each, NULL, true },
	{ "set_adjust_quota", NULL, call_adjust, adjusted, true },
	{ "set_adjust_quota to unlimited", NULL, call_adjust_unlimited, adjusted, true },
	{ "set_teardown_mode", NULL, call_mode, mode_both, true },
	{ "set_quota_alarm", NULL, call_alarm, alarm_off, true },
	{ "set_on_release", failnth_make_set, call_on_release, failnth_end_set, true },
	{ "alloc", NULL, call_alloc, failnth_free_made, false },
	{ "alloc with data", NULL, call_alloc_with_data, failnth_free_made, false },
	{ "alloc far away", NULL, call_alloc_far, failnth_free_made, false },
	{ "alloc as a set's first", failnth_make_set, call_alloc_first, alone_in_made_set, false },
	{ "alloc_range", NULL, call_alloc_range, made_range_goes, false },
	{ "alloc_range far away", NULL, call_alloc_range_far, made_range_goes, false },
	{ "free", NULL, call_free, ground_blank, true },
	{ "free_handle of a referenced ID", NULL, call_free_handle, full_again, true },
	{ "free in a read section", NULL, call_free_in_section, both_again, true },
	{ "get", NULL, call_get, put_back, true },
	{ "put", NULL, call_put, got_back, true },
	{ "put that frees", NULL, call_put_frees, ground_blank, true },
	{ "put that reclaims", NULL, call_put_last, pending_again, true },
	{ "handle_of", NULL, call_handle_of, NULL, true },
};
const size_t scenarios_of_ids_count = sizeof(scenarios_of_ids) / sizeof(scenarios_of_ids[0]);
