/* The contract suite: slots of one device, attach, replace, park, detach. R36, R47, R56 - R60. */
#include "tests/contract.h"

#include <string.h>

#include "tests/support.h"

/* Whether all four operations say that of a free slot which is right. */
static void check_free(struct contract_world *w, unsigned int device, uint32_t pasid, struct ioasid_be_as *as)
{
	CHECK_EQ(contract_replace(w, device, pasid, as, NULL, 0), IOASID_BE_ENOENT);
	CHECK_EQ(contract_park(w, device, pasid), IOASID_BE_ENOENT);
	CHECK_EQ(contract_detach(w, device, pasid), IOASID_BE_ENOENT);
	CHECK(contract_blocked(w, device, pasid));
}

static void go_through_life(struct contract_world *w, uint32_t pasid)
{
	struct ioasid_be_as *a = contract_page_space(w, 0), *b = contract_page_space(w, 1);

	check_free(w, 0, pasid, a);
	CHECK_EQ(contract_attach(w, 0, pasid, a, NULL), 0);
	CHECK(contract_reaches(w, 0, pasid, 0));
	CHECK_EQ(contract_attach(w, 0, pasid, b, NULL), IOASID_BE_EBUSY);
	CHECK(contract_reaches(w, 0, pasid, 0));
	CHECK_EQ(contract_replace(w, 0, pasid, b, NULL, 0), 0);
	CHECK(contract_reaches(w, 0, pasid, 1));
	CHECK_EQ(w->paging->destroy(b), IOASID_BE_EBUSY);
	/* Park again and again; the slot stays taken. */
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(contract_park(w, 0, pasid), 0);
		contract_quiet(w, 0, pasid);
		CHECK(contract_blocked(w, 0, pasid));
		CHECK_EQ(contract_attach(w, 0, pasid, a, NULL), IOASID_BE_EBUSY);
	}
	/* Replace takes a parked slot up again. */
	CHECK_EQ(contract_replace(w, 0, pasid, a, NULL, 0), 0);
	CHECK(contract_reaches(w, 0, pasid, 0));
	contract_end(w, 0, pasid);
	check_free(w, 0, pasid, a);
	CHECK_EQ(contract_attach(w, 0, pasid, b, NULL), 0);
	CHECK(contract_reaches(w, 0, pasid, 1));
	contract_end(w, 0, pasid);
	contract_destroy(w, a);
	contract_destroy(w, b);
}

static void a_slot_lives(void)
{
	struct contract_world w;

	contract_up(&w, 1);
	go_through_life(&w, 1);
	go_through_life(&w, (UINT32_C(1) << contract_caps(&w, 0).pasid_bits) - 1);
	contract_down(&w);
}

static void the_rid_is_a_slot(void)
{
	struct contract_world w;

	contract_up(&w, 1);
	if (contract_has(&w, 0, IOASID_BE_CAP_RID)) {
		go_through_life(&w, 0);
	} else {
		struct ioasid_be_as *as = contract_page_space(&w, 0);

		CHECK(contract_attach(&w, 0, 0, as, NULL) != 0);
		contract_destroy(&w, as);
	}
	contract_down(&w);
}

static void slots_are_apart(void)
{
	struct contract_world w;
	struct ioasid_be_as *as[4];

	contract_up(&w, CONTRACT_DEVICES);
	for (unsigned int i = 0; i < 4; i++) {
		as[i] = contract_page_space(&w, i);
		CHECK_EQ(contract_attach(&w, i % 2, i / 2 + 5, as[i], NULL), 0);
	}
	for (unsigned int i = 0; i < 4; i++)
		CHECK(contract_reaches(&w, i % 2, i / 2 + 5, i));
	CHECK_EQ(contract_park(&w, 0, 5), 0);
	contract_quiet(&w, 0, 5);
	for (unsigned int i = 1; i < 4; i++)
		CHECK(contract_reaches(&w, i % 2, i / 2 + 5, i));
	CHECK_EQ(contract_detach(&w, 0, 5), 0);
	CHECK_EQ(contract_replace(&w, 1, 5, as[0], NULL, 0), 0);
	CHECK(contract_reaches(&w, 1, 5, 0));
	CHECK(contract_reaches(&w, 0, 6, 2) && contract_reaches(&w, 1, 6, 3));
	contract_end(&w, 1, 5);
	contract_end(&w, 0, 6);
	contract_end(&w, 1, 6);
	for (unsigned int i = 0; i < 4; i++)
		contract_destroy(&w, as[i]);
	contract_down(&w);
}

/* What is in flight when a slot is parked, detached, replaced, or its device blocked. */
static void nothing_arrives_afterwards(void)
{
	struct contract_world w;
	struct ioasid_be_as *a, *b;

	contract_up(&w, 1);
	a = contract_page_space(&w, 2);
	b = contract_page_space(&w, 3);
	for (int way = 0; way < 4; way++) {
		unsigned char byte = 0xee;
		uint64_t token;

		REQUIRE_EQ(contract_attach(&w, 0, 1, a, NULL), 0);
		CHECK(contract_reaches(&w, 0, 1, 2));
		token = w.driver->dma_begin(w.machine, 0, 1, CONTRACT_IOVA, &byte);
		if (way == 0)
			CHECK_EQ(contract_park(&w, 0, 1), 0);
		else if (way == 1)
			contract_end(&w, 0, 1);
		else if (way == 2)
			CHECK_EQ(w.pasid->device_block(w.dev[0], 0), 0);
		else
			CHECK_EQ(contract_replace(&w, 0, 1, b, NULL, 0), 0);
		if (way == 0 || way == 2)
			contract_quiet(&w, 0, 1);
		CHECK(!w.driver->dma_arrives(w.machine, token));
		CHECK_EQ(w.memory[2 * CONTRACT_PAGE], 3);
		CHECK(way == 3 ? contract_reaches(&w, 0, 1, 3) : contract_blocked(&w, 0, 1));
		if (way != 1)
			contract_end(&w, 0, 1);
	}
	contract_destroy(&w, a);
	contract_destroy(&w, b);
	contract_down(&w);
}

static void a_device_is_blocked_at_once(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, CONTRACT_DEVICES);
	as = contract_page_space(&w, 2);
	CHECK_EQ(w.pasid->device_block(w.dev[0], 0), 0);
	for (uint32_t pasid = contract_has(&w, 0, IOASID_BE_CAP_RID) ? 0 : 1; pasid < 4; pasid++)
		for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
			REQUIRE_EQ(contract_attach(&w, i, pasid, as, NULL), 0);
	for (int again = 0; again < 2; again++) {
		CHECK_EQ(w.pasid->device_block(w.dev[0], contract_now() + UINT64_C(600000000000)), 0);
		for (uint32_t pasid = 1; pasid < 4; pasid++) {
			contract_quiet(&w, 0, pasid);
			CHECK(contract_blocked(&w, 0, pasid));
			CHECK_EQ(contract_attach(&w, 0, pasid, as, NULL), IOASID_BE_EBUSY);
			CHECK(contract_reaches(&w, 1, pasid, 2));
		}
	}
	/* A slot is taken up again by itself. */
	CHECK_EQ(contract_replace(&w, 0, 2, as, NULL, 0), 0);
	CHECK(contract_reaches(&w, 0, 2, 2));
	CHECK(contract_blocked(&w, 0, 3));
	for (uint32_t pasid = contract_has(&w, 0, IOASID_BE_CAP_RID) ? 0 : 1; pasid < 4; pasid++)
		for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
			contract_end(&w, i, pasid);
	contract_destroy(&w, as);
	contract_down(&w);
}

/* ---- Failures ---- */

static void a_failed_replace_changes_nothing(void)
{
	struct contract_world w;
	struct ioasid_be_as *as, *other, *plain;
	bool hitless;
	int32_t rc;

	contract_up(&w, 1);
	as = contract_page_space(&w, 2);
	other = contract_page_space(&w, 3);
	plain = contract_space(&w, 0, NULL);
	hitless = contract_has(&w, 0, IOASID_BE_CAP_HITLESS);
	REQUIRE_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
	CHECK_EQ(contract_replace(&w, 0, 1, plain, NULL, 0), IOASID_BE_EOPNOTSUPP);
	CHECK(contract_reaches(&w, 0, 1, 2));
	CHECK_EQ(w.paging->destroy(plain), 0);
	CHECK_EQ(contract_replace(&w, 0, 1, NULL, NULL, 0), IOASID_BE_EINVAL);
	CHECK(contract_reaches(&w, 0, 1, 2));
	rc = contract_replace(&w, 0, 1, other, NULL, IOASID_BE_BIND_HITLESS);
	CHECK_EQ(rc, hitless ? 0 : IOASID_BE_EOPNOTSUPP);
	CHECK(contract_reaches(&w, 0, 1, hitless ? 3 : 2));
	/* A parked slot whose replace fails stays parked. */
	CHECK_EQ(contract_park(&w, 0, 1), 0);
	contract_quiet(&w, 0, 1);
	CHECK(contract_replace(&w, 0, 1, NULL, NULL, 0) != 0);
	CHECK(contract_blocked(&w, 0, 1));
	contract_end(&w, 0, 1);
	contract_destroy(&w, as);
	contract_destroy(&w, other);
	contract_down(&w);
}

static void wide_pasids_are_out_of_range(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	uint32_t wide[3];

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	wide[0] = UINT32_C(1) << contract_caps(&w, 0).pasid_bits;
	wide[1] = UINT32_C(1) << 31;
	wide[2] = UINT32_MAX;
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(contract_attach(&w, 0, wide[i], as, NULL), IOASID_BE_ERANGE);
		CHECK_EQ(contract_replace(&w, 0, wide[i], as, NULL, 0), IOASID_BE_ERANGE);
		CHECK_EQ(contract_park(&w, 0, wide[i]), IOASID_BE_ERANGE);
		CHECK_EQ(contract_detach(&w, 0, wide[i]), IOASID_BE_ERANGE);
	}
	/* Nothing of it landed in a slot that is there. */
	CHECK_EQ(contract_detach(&w, 0, 0), IOASID_BE_ENOENT);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void permissions_are_there_or_refused(void)
{
	static const struct {
		uint32_t flag, capability;
	} flags[] = { { IOASID_BE_BIND_EXEC, IOASID_BE_CAP_EXEC }, { IOASID_BE_BIND_PRIV, IOASID_BE_CAP_PRIV } };
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	for (int i = 0; i < 2; i++) {
		struct ioasid_be_bind bind = contract_bind(&w, 0, 1, as, NULL);
		struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);
		bool has = contract_has(&w, 0, flags[i].capability);
		int32_t rc;

		bind.flags = flags[i].flag;
		rc = w.pasid->attach(w.ctx, &batch, &w.why);
		CHECK_EQ(rc, has ? 0 : IOASID_BE_EOPNOTSUPP);
		if (!rc)
			contract_end(&w, 0, 1);
		bind.flags = IOASID_BE_BIND_HITLESS;
		CHECK_EQ(w.pasid->attach(w.ctx, &batch, &w.why), IOASID_BE_EINVAL);
	}
	contract_destroy(&w, as);
	contract_down(&w);
}

/* A deadline that is over: done all the same, or said to be late and done by the next call. Was there no wait
 * for hardware? */
static bool parks_in_time(struct contract_world *w, struct ioasid_be_as *as)
{
	bool in_time = true;

	REQUIRE_EQ(contract_attach(w, 0, 1, as, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct ioasid_be_bind bind = contract_bind(w, 0, 1, NULL, NULL);
		struct ioasid_be_batch batch = contract_batch(&bind, sizeof(bind), 1);
		uint64_t begun = contract_now();
		int32_t rc;

		batch.deadline = i ? 1 : begun + UINT64_C(1000000);
		rc = w->pasid->park(w->ctx, &batch);
		CHECK(rc == 0 || rc == IOASID_BE_ETIMEDOUT);
		CHECK_EQ(batch.done, rc ? 0 : 1);
		/* Far from any wait for hardware. */
		in_time = in_time && contract_now() - begun < UINT64_C(3000000000);
	}
	CHECK_EQ(contract_park(w, 0, 1), 0);
	contract_quiet(w, 0, 1);
	CHECK(contract_blocked(w, 0, 1));
	CHECK_EQ(contract_detach(w, 0, 1), 0);
	return in_time;
}

static void a_deadline_is_kept(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	unsigned int tries = 0;

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	/* A busy machine can take the processor away for as long, but not each time. */
	while (!parks_in_time(&w, as) && CHECK(++tries < 10))
		;
	contract_destroy(&w, as);
	contract_down(&w);
}

/* ---- Threads ---- */

enum { THREADS = 4 };

struct crowd_of_slots {
	struct contract_world *w;
	struct ioasid_be_as *as[2];
};

/* Each thread has slots of its own on the shared devices, as the turn of the host wants it. */
static void work_on_slots(void *arg, unsigned int index)
{
	struct crowd_of_slots *c = arg;
	struct contract_world mine = *c->w;
	uint32_t pasid = 20 + index;

	mine.why.buffer = mine.text;
	for (unsigned int i = 0; i < 60; i++) {
		unsigned int device = (i + index) % CONTRACT_DEVICES;

		CHECK_EQ(contract_attach(&mine, device, pasid, c->as[i % 2], NULL), 0);
		CHECK_EQ(contract_replace(&mine, device, pasid, c->as[1 - i % 2], NULL, 0), 0);
		CHECK(contract_reaches(&mine, device, pasid, 1 - i % 2));
		contract_end(&mine, device, pasid);
		CHECK_EQ(contract_detach(&mine, device, pasid), IOASID_BE_ENOENT);
	}
}

static void slots_are_worked_on_at_once(void)
{
	struct contract_world w;
	struct crowd_of_slots c = { .w = &w };

	contract_up(&w, CONTRACT_DEVICES);
	c.as[0] = contract_page_space(&w, 0);
	c.as[1] = contract_page_space(&w, 1);
	crowd(THREADS, work_on_slots, &c);
	contract_destroy(&w, c.as[0]);
	contract_destroy(&w, c.as[1]);
	contract_down(&w);
}

#define PASID IOASID_BE_IF_PASID

static const struct contract_case cases[] = {
	{ "a slot goes from free over attached and parked to free, and says so (R56, R57)", a_slot_lives, PASID, CONTRACT_SEEN },
	{ "the RID is a slot, or cannot be attached (R57)", the_rid_is_a_slot, PASID, CONTRACT_SEEN },
	{ "slots of two devices and two PASIDs are apart (R56)", slots_are_apart, PASID, CONTRACT_SEEN },
	{ "after park, detach, replace and device_block nothing in flight arrives by the old table (R56)",
	  nothing_arrives_afterwards, PASID, CONTRACT_DMA | CONTRACT_FLIGHT },
	{ "blocking a device stops all its slots, which stay taken, and no other device (R56, R57)", a_device_is_blocked_at_once,
	  PASID, CONTRACT_SEEN },
	{ "a replace that fails leaves the old table, and a hitless one is refused where there is a gap (R58)",
	  a_failed_replace_changes_nothing, PASID, CONTRACT_SEEN },
	{ "a PASID wider than the device's is out of range (R59)", wide_pasids_are_out_of_range, PASID, 0 },
	{ "execute and privilege are there or refused, as the capabilities say (R53)", permissions_are_there_or_refused, PASID, 0 },
	{ "a deadline that is over is told, and the next call ends it (R36)", a_deadline_is_kept, PASID, CONTRACT_SEEN },
	{ "slots are worked on by several threads at once (R38)", slots_are_worked_on_at_once, PASID, CONTRACT_SEEN },
};

CONTRACT_SUITE(contract_slots, cases);
