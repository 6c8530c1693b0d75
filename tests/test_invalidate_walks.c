/* Invalidations whose targets go while they are on their way to them (S17.2, S17.3). */
#include "tests/harness.h"
#include "tests/invalidate_rig.h"

#define NONE IOASID_SPID_NONE

/* So many items that the frame is full, or has room for @room more calls. */
static void fill(struct invalidating *c, ioasid_t id, unsigned int room)
{
	for (unsigned int i = 0; i + room < INV_FRAME; i++)
		inv_add(c, inv_id(id));
}

/* The record dies while the walk holds it and nothing in it. */
static void an_ioasid_goes_while_its_record_is_about_to_be_walked(void)
{
	struct invalidating inv;
	ioasid_t first, id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	first = drig_bound(&r, 1);
	id = drig_bound(&r, 1);
	inv_begin(&inv, &r);
	fill(&inv, first, 0);
	inv_add(&inv, inv_id(id));
	inv_start(&inv, &r);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_settle(&r, id);
	/* The number has another life, in which nothing is bound. */
	CHECK_EQ(id_make_at(r.set, id), id);
	inv_finish(&inv);
	CHECK_EQ(inv_calls(&r), INV_FRAME);
	drig_close(&r);
}

/* Four tables, of which one fits into the frame: the walk goes on with what is left of the others. */
static void tables_come_and_go_in_the_middle_of_a_walk(void)
{
	struct invalidating inv;
	ioasid_t first, id;
	struct drig r;

	drig_open(&r, "devices=4 shares_tables=off", 4);
	first = drig_bound(&r, 1);
	id = drig_bound(&r, 4);
	inv_begin(&inv, &r);
	fill(&inv, first, 1);
	inv_add(&inv, inv_id(id));
	inv_start(&inv, &r);
	/* The walk begins with the last one that was made. The next two go, and one of them comes back. */
	CHECK_EQ(drig_unbind(&r, 1, id, 0), 0);
	CHECK_EQ(drig_unbind(&r, 2, id, 0), 0);
	CHECK_EQ(drig_bind(&r, 2, id, NONE, 1, 0), 0);
	drig_move(&r, 1, 5);
	inv_finish(&inv);
	CHECK_EQ(inv_calls(&r), INV_FRAME + 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(5));
	drig_close(&r);
}

/* The next device of the list is closed, and with it the record of its RID. */
static void a_device_goes_while_its_rid_is_about_to_be_looked_at(void)
{
	struct invalidating inv;
	struct ioasid_bind_data data;
	ioasid_t first;
	struct drig r;

	drig_open(&r, "devices=3", 3);
	first = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 1, first, NONE, 1, 0), 0);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(ioasid_device_assign(r.device[i], r.set), 0);
		data = drig_data(&r, IOASID_NO_PASID, NONE, 2, 0);
		CHECK_EQ(ioasid_bind_gpasid(r.device[i], r.set, &data), 0);
	}
	inv_begin(&inv, &r);
	fill(&inv, first, 2);
	inv_add(&inv, inv_set());
	inv_start(&inv, &r);
	for (unsigned int i = 0; i < 3; i += 2) {
		CHECK_EQ(ioasid_device_close(r.device[i]), 0);
		r.device[i] = NULL;
	}
	inv_finish(&inv);
	/* What is left: device 1's RID, and the IOASID that fills the frame. */
	CHECK_EQ(inv_calls(&r), INV_FRAME - 2 + 2);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "an IOASID goes while its record is about to be walked (S17.3)",
		  an_ioasid_goes_while_its_record_is_about_to_be_walked },
		{ "tables come and go in the middle of a walk (S17.2)",
		  tables_come_and_go_in_the_middle_of_a_walk },
		{ "a device goes while its RID is about to be looked at (S17.3, S9.11)",
		  a_device_goes_while_its_rid_is_about_to_be_looked_at },
	};

	return TEST_MAIN("invalidate_walks", cases, argc, argv);
}
