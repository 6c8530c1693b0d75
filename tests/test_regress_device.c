/*
 * Races between lives of one IOASID, where one of them is bound to a device: each case stops a thread inside
 * the library, where it has looked and not yet taken the lock.
 */
#include "tests/device_rig.h"
#include "tests/stops.h"

#include "libioasid/device.h"

static struct drig r;
static struct ioasid_set *next; /* who has the number after r.set */

/* The last reference goes; the number goes to another set, which binds it. */
static void number_gets_a_new_owner(void)
{
	struct ioasid_bind_data data = drig_data(&r, 7, IOASID_SPID_NONE, 2, 0);
	ioasid_t id;

	CHECK_EQ(ioasid_put(r.set, 7), 1);
	CHECK_EQ(ioasid_alloc(next, 7, 7, NULL, &id), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], next, &data), 0);
	CHECK_EQ(drig_read(&r, 0, 7), DRIG_BYTE(2));
}

static void go_on_elsewhere(void)
{
	elsewhere(number_gets_a_new_owner);
}

/* S2.6, S4.2: a second free that was late to see that there is nothing left to block. */
static void second_free_leaves_the_next_owner_alone(void)
{
	other_begin();
	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	next = set_make(r.pool, 10);
	id_make_at(r.set, 7);
	CHECK_EQ(ioasid_get(r.set, 7), 0);
	CHECK_EQ(drig_bind(&r, 0, 7, IOASID_SPID_NONE, 1, 0), 0);
	CHECK_EQ(ioasid_free(r.set, 7), 0);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK_EQ(id_refs(r.set, 7), 1);
	stops = 0;
	which_mutex = &r.pool->devices->lock.mutex;
	at_mutex = go_on_elsewhere;
	CHECK_EQ(ioasid_free(r.set, 7), 0);
	which_mutex = NULL;
	CHECK_EQ(stops, 1);
	CHECK_EQ(drig_read(&r, 0, 7), DRIG_BYTE(2));
	CHECK_EQ(ioasid_unbind(r.device[0], next, 7, 0), 0);
	set_end(next);
	drig_close(&r);
	other_end();
}

/* S2.6, S10.3: nor does a listing show what belongs to it. */
static void listing_shows_one_life(void)
{
	struct drig_listing listing;

	other_begin();
	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	next = set_make(r.pool, 10);
	id_make_at(r.set, 7);
	CHECK_EQ(ioasid_get(r.set, 7), 0);
	CHECK_EQ(ioasid_free(r.set, 7), 0);
	CHECK_EQ(drig_list(r.set).count, 1);
	stops = 0;
	which_mutex = &r.pool->devices->lock.mutex;
	at_mutex = go_on_elsewhere;
	listing = drig_list(r.set);
	which_mutex = NULL;
	CHECK_EQ(stops, 1);
	CHECK_EQ(listing.count, 0);
	CHECK_EQ(ioasid_unbind(r.device[0], next, 7, 0), 0);
	set_end(next);
	drig_close(&r);
	other_end();
}

static const struct test_case cases[] = {
	{ "S2.6 a second free does not block what the number's next owner binds",
	  second_free_leaves_the_next_owner_alone },
	{ "S2.6 a listing of parked IOASIDs shows nothing of a number's next owner", listing_shows_one_life },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("regress_device", cases, argc, argv);
}
