/* Whose translations an invalidation reaches: devices, sets, the root handle, RIDs (S17.1, S2.6). */
#include "tests/harness.h"
#include "tests/invalidate_rig.h"

#define NONE IOASID_SPID_NONE

/* What two sets have on two devices, all of it cached and then changed. */
struct two_sets {
	struct drig r;
	struct ioasid_set *other;
	ioasid_t mine, theirs; /* bound on device 0, to tables 1 and 2 */
	ioasid_t away;         /* the set's, on device 1, to table 3 */
};

static void two_sets_open(struct two_sets *s)
{
	struct ioasid_bind_data data;

	drig_open(&s->r, "devices=2 ats=on", 2);
	s->other = set_make(s->r.pool, 100);
	s->mine = id_make(s->r.set);
	s->away = id_make(s->r.set);
	s->theirs = id_make(s->other);
	data = drig_data(&s->r, s->theirs, 9, 2, 0);
	CHECK_EQ(ioasid_bind_gpasid(s->r.device[0], s->other, &data), 0);
	CHECK_EQ(drig_bind(&s->r, 0, s->mine, 9, 1, 0), 0);
	CHECK_EQ(drig_bind(&s->r, 1, s->away, 10, 3, 0), 0);
	CHECK_EQ(drig_read(&s->r, 0, s->mine), DRIG_BYTE(1));
	CHECK_EQ(drig_read(&s->r, 0, s->theirs), DRIG_BYTE(2));
	CHECK_EQ(drig_read(&s->r, 1, s->away), DRIG_BYTE(3));
	for (unsigned int t = 1; t < 4; t++)
		drig_move(&s->r, t, 4 + t);
}

static void two_sets_close(struct two_sets *s)
{
	CHECK(inv_is_stale(&s->r, 0, s->theirs, 2));
	CHECK_EQ(ioasid_set_reset(s->other), 0);
	set_end(s->other);
	drig_close(&s->r);
}

static void a_device_is_made_fresh_where_the_set_is_on_it(void)
{
	struct ioasid_invalidation item;
	struct two_sets s;

	two_sets_open(&s);
	item = inv_device(s.r.device[0]);
	item.length = 0; /* not looked at */
	CHECK_EQ(inv_one(s.r.set, item), 0);
	CHECK_EQ(drig_read(&s.r, 0, s.mine), DRIG_BYTE(5));
	CHECK(inv_is_stale(&s.r, 1, s.away, 3));
	CHECK_EQ(inv_calls(&s.r), 1);
	/* Nobody else is on that one. */
	CHECK_EQ(inv_one(s.other, inv_device(s.r.device[1])), 0);
	CHECK_EQ(inv_calls(&s.r), 1);
	CHECK_EQ(inv_one(s.r.set, inv_device(s.r.device[1])), 0);
	CHECK_EQ(drig_read(&s.r, 1, s.away), DRIG_BYTE(7));
	CHECK_EQ(inv_calls(&s.r), 2);
	two_sets_close(&s);
}

/* The root handle means all that there is. */
static void root_means_every_set(void)
{
	struct two_sets s;

	two_sets_open(&s);
	CHECK_EQ(inv_one(ioasid_pool_root(s.r.pool), inv_device(s.r.device[0])), 0);
	CHECK_EQ(inv_calls(&s.r), 1);
	CHECK_EQ(drig_read(&s.r, 0, s.mine), DRIG_BYTE(5));
	CHECK_EQ(drig_read(&s.r, 0, s.theirs), DRIG_BYTE(6));
	CHECK(inv_is_stale(&s.r, 1, s.away, 3));
	drig_move(&s.r, 2, 0);
	CHECK_EQ(inv_one(ioasid_pool_root(s.r.pool), inv_set()), 0);
	CHECK_EQ(drig_read(&s.r, 0, s.theirs), DRIG_BYTE(0));
	CHECK_EQ(drig_read(&s.r, 1, s.away), DRIG_BYTE(7));
	drig_move(&s.r, 2, 2);
	CHECK_EQ(inv_one(ioasid_pool_root(s.r.pool), inv_binding(s.r.device[0], s.theirs)), 0);
	CHECK_EQ(drig_read(&s.r, 0, s.theirs), DRIG_BYTE(2));
	two_sets_close(&s);
}

/* S17.1, S2.6 */
static void a_set_is_made_fresh_and_no_other(void)
{
	struct ioasid_bind_data data;
	struct two_sets s;

	two_sets_open(&s);
	CHECK_EQ(ioasid_device_assign(s.r.device[1], s.r.set), 0);
	data = drig_data(&s.r, IOASID_NO_PASID, NONE, 4, 0);
	CHECK_EQ(ioasid_bind_gpasid(s.r.device[1], s.r.set, &data), 0);
	CHECK_EQ(drig_read(&s.r, 1, 0), DRIG_BYTE(4));
	drig_move(&s.r, 4, 0);
	CHECK_EQ(inv_one(s.r.set, inv_set()), 0);
	CHECK_EQ(drig_read(&s.r, 0, s.mine), DRIG_BYTE(5));
	CHECK_EQ(drig_read(&s.r, 1, s.away), DRIG_BYTE(7));
	CHECK_EQ(drig_read(&s.r, 1, 0), DRIG_BYTE(0));
	CHECK_EQ(inv_calls(&s.r), 3);
	two_sets_close(&s);
}

/* S9.11 */
static void the_rid_is_invalidated_like_an_ioasid(void)
{
	struct ioasid_bind_data data;
	struct ioasid_set *other;
	struct drig r;

	drig_open(&r, "devices=1 ats=on", 1);
	other = set_make(r.pool, 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	data = drig_data(&r, IOASID_NO_PASID, NONE, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(1));
	drig_move(&r, 1, 5);
	CHECK_EQ(inv_one(other, inv_binding(r.device[0], IOASID_NO_PASID)), 0);
	CHECK(inv_is_stale(&r, 0, 0, 1));
	CHECK_EQ(inv_one(r.set, inv_binding(r.device[0], IOASID_NO_PASID)), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(5));
	CHECK_EQ(inv_calls(&r), 1);
	/* It is not an IOASID: on all devices there is none. */
	CHECK_EQ(inv_one(r.set, inv_id(IOASID_NO_PASID)), 0);
	CHECK_EQ(inv_calls(&r), 1);
	set_end(other);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a device is made fresh where the set is on it (S17.1, S2.6)",
		  a_device_is_made_fresh_where_the_set_is_on_it },
		{ "the root handle means every set (S2.8, S17.1)", root_means_every_set },
		{ "a set is made fresh, and no other (S17.1, S2.6)", a_set_is_made_fresh_and_no_other },
		{ "the RID is invalidated like an IOASID (S9.11)", the_rid_is_invalidated_like_an_ioasid },
	};

	return TEST_MAIN("invalidate_sets", cases, argc, argv);
}
