/*
 * DMA in flight while somebody takes its translation away: it is cut, or waited for. S10.1, S17.2.
 *
 * Waits are made certain by hooks: the mock calls a test back when a slot is blocked and what is in flight is
 * not gone.
 */
#include "tests/harness.h"

#include <pthread.h>

#include "tests/mock_scene.h"

#define READ  IOASID_MOCK_DMA_READ
#define WRITE IOASID_MOCK_DMA_WRITE

/* A hook that finishes the DMA in flight once new DMA is blocked: what waits for it can end then. */
static int32_t finish_when_blocked(void *cookie, const struct ioasid_mock_call *call)
{
	struct mock_scene *s = cookie;

	if (call->phase == IOASID_MOCK_PHASE_BLOCKED)
		s->fault = rig_finish(&s->rig, s->token);
	return 0;
}

/* ---- Nothing in between ---- */

static void dma_in_flight_ends_where_it_was_translated_to(void)
{
	struct mock_scene s;

	mock_scene_open(&s, "");
	mock_scene_begin(&s, WRITE);
	CHECK_EQ(rig_slot(&s.rig, 0, 1).in_flight, 1);
	CHECK_EQ(rig_page(&s.rig, 0)[0], 1);
	CHECK_EQ(rig_finish(&s.rig, s.token), 0);
	CHECK_EQ(rig_page(&s.rig, 0)[15], 0xdd);
	CHECK_EQ(rig_page(&s.rig, 0)[16], 1);
	CHECK_EQ(rig_slot(&s.rig, 0, 1).in_flight, 0);
	mock_scene_close(&s);
}

static void a_fault_at_the_begin_leaves_nothing_in_flight(void)
{
	struct mock_scene s;
	struct ioasid_mock_dma dma;
	uint64_t token = 1;

	mock_scene_open(&s, "");
	dma = rig_dma_args(0, 1, READ, SCENE_IOVA + RIG_PAGE - 8, s.buffer, sizeof(s.buffer));
	CHECK_EQ(s.rig.control->dma_begin(s.rig.mock, &dma, &token), 0);
	CHECK_EQ(dma.fault, IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(dma.done, 0);
	CHECK_EQ(token, 0);
	CHECK_EQ(rig_live(&s.rig).in_flight, 0);
	mock_scene_close(&s);
}

/* ---- Cut ---- */

static int32_t by_park(struct mock_scene *s)
{
	return rig_park(&s->rig, 0, 1, RIG_MS);
}

static int32_t by_detach(struct mock_scene *s)
{
	return rig_detach(&s->rig, 0, 1, RIG_MS);
}

static int32_t by_replace(struct mock_scene *s)
{
	return rig_replace(&s->rig, 0, 1, s->b, NULL, RIG_MS);
}

static int32_t by_device_block(struct mock_scene *s)
{
	return s->rig.pasid->device_block(s->rig.dev[0], rig_now() + RIG_MS);
}

static int32_t by_drain(struct mock_scene *s)
{
	return rig_drain(&s->rig, 0, 1, RIG_MS);
}

static int32_t by_unmap(struct mock_scene *s)
{
	uint64_t unmapped;

	return s->rig.paging->unmap(s->a, SCENE_IOVA, RIG_PAGE, &unmapped);
}

static int32_t by_invalidate(struct mock_scene *s, uint32_t scope)
{
	struct ioasid_be_inv inv = { .scope = scope,
				     .dev = s->rig.dev[0],
				     .as = s->a,
				     .pasid = 1,
				     .address = SCENE_IOVA,
				     .length = RIG_PAGE };
	struct ioasid_be_batch batch = { .struct_size = sizeof(batch),
					 .stride = sizeof(inv),
					 .count = 1,
					 .items = &inv,
					 .deadline = rig_now() + RIG_MS };

	return s->rig.invalidate->scopes(s->rig.ctx, &batch);
}

static int32_t by_invalidating_the_pasid(struct mock_scene *s)
{
	return by_invalidate(s, IOASID_BE_SCOPE_PASID);
}

static int32_t by_invalidating_the_space(struct mock_scene *s)
{
	return by_invalidate(s, IOASID_BE_SCOPE_AS);
}

static int32_t by_invalidating_the_device(struct mock_scene *s)
{
	return by_invalidate(s, IOASID_BE_SCOPE_DEVICE);
}

static int32_t by_reset(struct mock_scene *s)
{
	return s->rig.core->device_reset(s->rig.dev[0]);
}

typedef int32_t (*way)(struct mock_scene *s);
static const way ways[] = {
	by_park,
	by_detach,
	by_replace,
	by_device_block,
	by_drain,
	by_unmap,
	by_invalidating_the_pasid,
	by_invalidating_the_space,
	by_invalidating_the_device,
	by_reset,
};
#define WAYS               (sizeof(ways) / sizeof(ways[0]))
#define WAYS_WITH_DEADLINE 5u /* the first ones */

static void whatever_takes_a_translation_away_cuts_what_is_in_flight(void)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct mock_scene s;

		mock_scene_open(&s, "drain=cut");
		mock_scene_begin(&s, WRITE);
		CHECK_EQ(ways[i](&s), 0);
		CHECK_EQ(rig_live(&s.rig).in_flight, 0);
		CHECK_EQ(rig_finish(&s.rig, s.token), IOASID_MOCK_FAULT_CUT);
		CHECK_EQ(rig_page(&s.rig, 0)[0], 1);
		mock_scene_close(&s);
	}
}

static void what_concerns_others_is_not_cut(void)
{
	struct mock_scene s;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_PASID,
				     .pasid = 1,
				     .address = SCENE_IOVA + RIG_PAGE,
				     .length = RIG_PAGE };
	uint64_t unmapped;

	mock_scene_open(&s, "devices=2 drain=cut");
	CHECK_EQ(rig_attach(&s.rig, 0, 2, s.a, NULL), 0);
	rig_map(&s.rig, s.a, SCENE_IOVA + RIG_PAGE, 3);
	mock_scene_begin(&s, READ);
	inv.dev = s.rig.dev[0];
	CHECK_EQ(rig_invalidate(&s.rig, &inv), 0);
	CHECK_EQ(s.rig.paging->unmap(s.a, SCENE_IOVA + RIG_PAGE, RIG_PAGE, &unmapped), 0);
	CHECK_EQ(s.rig.paging->unmap(s.b, SCENE_IOVA, RIG_PAGE, &unmapped), 0);
	CHECK_EQ(rig_detach(&s.rig, 0, 2, 0), 0);
	CHECK_EQ(rig_finish(&s.rig, s.token), 0);
	CHECK_EQ(s.buffer[0], 1);
	mock_scene_close(&s);
}

/* ---- Wait ---- */

static void what_does_not_end_before_the_deadline_is_a_timeout_and_a_second_call_ends_it(void)
{
	for (size_t i = 0; i < WAYS_WITH_DEADLINE; i++) {
		struct mock_scene s;
		uint64_t begun;

		mock_scene_open(&s, "drain=wait");
		mock_scene_begin(&s, WRITE);
		begun = rig_now();
		CHECK_EQ(ways[i](&s), IOASID_BE_ETIMEDOUT);
		CHECK(rig_now() - begun >= RIG_MS);
		CHECK_EQ(rig_slot(&s.rig, 0, 1).in_flight, 1);
		CHECK_EQ(rig_finish(&s.rig, s.token), 0);
		CHECK_EQ(ways[i](&s), 0);
		CHECK_EQ(rig_live(&s.rig).in_flight, 0);
		mock_scene_close(&s);
	}
}

static void a_park_that_timed_out_blocks_new_dma_all_the_same(void)
{
	struct mock_scene s;

	mock_scene_open(&s, "drain=wait");
	mock_scene_begin(&s, WRITE);
	CHECK_EQ(by_park(&s), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(rig_read_fault(&s.rig, 0, 1, SCENE_IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_finish(&s.rig, s.token), 0);
	CHECK_EQ(by_park(&s), 0);
	mock_scene_close(&s);
}

static void a_wait_ends_when_the_dma_does(void)
{
	static const struct {
		way way;
		uint32_t op;
	} waits[] = {
		{ by_park, IOASID_MOCK_OP_PARK },
		{ by_detach, IOASID_MOCK_OP_DETACH },
		{ by_replace, IOASID_MOCK_OP_REPLACE },
	};

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct mock_scene s;

		mock_scene_open(&s, "drain=wait");
		mock_scene_begin(&s, WRITE);
		s.fault = IOASID_MOCK_FAULT_CUT;
		CHECK_EQ(s.rig.control->hook(s.rig.mock, waits[i].op, finish_when_blocked, &s), 0);
		CHECK_EQ(waits[i].way(&s), 0);
		CHECK_EQ(s.rig.control->hook(s.rig.mock, waits[i].op, NULL, NULL), 0);
		CHECK_EQ(s.fault, IOASID_MOCK_FAULT_NONE);
		CHECK_EQ(rig_page(&s.rig, 0)[0], 0xdd);
		mock_scene_close(&s);
	}
}

/* A thread in the middle of waiting is woken by the end of the DMA, long before its deadline. */
static void *finish_soon(void *argument)
{
	struct mock_scene *s = argument;
	uint64_t begun = rig_now();

	while (rig_slot(&s->rig, 0, 1).state != IOASID_MOCK_SLOT_PARKED && rig_now() - begun < 10000 * RIG_MS)
		sched_yield();
	s->fault = rig_finish(&s->rig, s->token);
	return NULL;
}

static void a_waiting_thread_is_woken_by_the_end_of_the_dma(void)
{
	struct mock_scene s;
	pthread_t thread;

	mock_scene_open(&s, "drain=wait");
	mock_scene_begin(&s, READ);
	REQUIRE_EQ(pthread_create(&thread, NULL, finish_soon, &s), 0);
	CHECK_EQ(rig_park(&s.rig, 0, 1, 60000 * RIG_MS), 0);
	pthread_join(thread, NULL);
	CHECK_EQ(s.fault, 0);
	mock_scene_close(&s);
}

static void what_has_no_deadline_waits_only_for_the_patience_of_the_machine(void)
{
	struct mock_scene s;
	uint64_t begun;

	mock_scene_open(&s, "drain=wait patience=2000000");
	mock_scene_begin(&s, WRITE);
	begun = rig_now();
	CHECK_EQ(by_unmap(&s), 0);
	CHECK(rig_now() - begun >= 2 * RIG_MS);
	CHECK_EQ(rig_finish(&s.rig, s.token), IOASID_MOCK_FAULT_CUT);
	CHECK_EQ(rig_page(&s.rig, 0)[0], 1);
	mock_scene_close(&s);
}

/* ---- Separate drain ---- */

static void where_drain_is_separate_park_leaves_dma_in_flight_until_drain(void)
{
	struct mock_scene s;
	struct ioasid_be_ctx_caps caps = { .struct_size = sizeof(caps) };

	mock_scene_open(&s, "separate_drain=on");
	CHECK_EQ(s.rig.core->caps(s.rig.ctx, &caps), 0);
	CHECK(caps.flags & IOASID_BE_CTX_SEPARATE_DRAIN);
	mock_scene_begin(&s, WRITE);
	CHECK_EQ(by_park(&s), 0);
	CHECK_EQ(rig_slot(&s.rig, 0, 1).in_flight, 1);
	CHECK_EQ(by_device_block(&s), 0);
	CHECK_EQ(rig_slot(&s.rig, 0, 1).in_flight, 1);
	CHECK_EQ(by_drain(&s), 0);
	CHECK_EQ(rig_slot(&s.rig, 0, 1).in_flight, 0);
	CHECK_EQ(rig_finish(&s.rig, s.token), IOASID_MOCK_FAULT_CUT);
	CHECK_EQ(by_detach(&s), 0);
	CHECK_EQ(by_drain(&s), IOASID_BE_ENOENT);
	mock_scene_close(&s);
}

static const struct test_case cases[] = {
	{ "DMA in flight ends where it was translated to", dma_in_flight_ends_where_it_was_translated_to },
	{ "a fault at the begin leaves nothing in flight", a_fault_at_the_begin_leaves_nothing_in_flight },
	{ "whatever takes a translation away cuts what is in flight (S10.1, S17.2)",
	  whatever_takes_a_translation_away_cuts_what_is_in_flight },
	{ "what concerns other pages, spaces or slots does not cut", what_concerns_others_is_not_cut },
	{ "what does not end before the deadline is a timeout, and a second call ends it",
	  what_does_not_end_before_the_deadline_is_a_timeout_and_a_second_call_ends_it },
	{ "a park that timed out blocks new DMA all the same",
	  a_park_that_timed_out_blocks_new_dma_all_the_same },
	{ "a wait ends when the DMA does", a_wait_ends_when_the_dma_does },
	{ "a waiting thread is woken by the end of the DMA",
	  a_waiting_thread_is_woken_by_the_end_of_the_dma },
	{ "what has no deadline waits only for the patience of the machine",
	  what_has_no_deadline_waits_only_for_the_patience_of_the_machine },
	{ "where drain is separate, park leaves DMA in flight until drain",
	  where_drain_is_separate_park_leaves_dma_in_flight_until_drain },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_flight", cases, argc, argv);
}
