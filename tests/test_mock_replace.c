/*
 * Replacing tables while DMA is in flight, fails, or somebody blocks the device meanwhile. S9.3.
 *
 * Hooks do the other side at the one moment that matters: the slot is changed, and the old DMA is not gone.
 */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_scene.h"

#define READ  IOASID_MOCK_DMA_READ
#define WRITE IOASID_MOCK_DMA_WRITE

static int32_t replace(struct mock_scene *s)
{
	return rig_replace(&s->rig, 0, 1, s->b, NULL, RIG_MS);
}

/* S9.3: on failure the old one stays. */
static void a_replace_that_timed_out_leaves_the_old_table(void)
{
	static const char *const configs[] = { "drain=wait hitless=on", "drain=wait hitless=off" };

	for (int i = 0; i < 2; i++) {
		struct mock_scene s;

		mock_scene_open(&s, configs[i]);
		mock_scene_begin(&s, WRITE);
		CHECK_EQ(replace(&s), IOASID_BE_ETIMEDOUT);
		CHECK(rig_slot(&s.rig, 0, 1).as == s.a);
		CHECK(rig_reads(&s.rig, 0, 1, SCENE_IOVA, 1));
		CHECK_EQ(rig_finish(&s.rig, s.token), 0);
		CHECK_EQ(replace(&s), 0);
		CHECK(rig_reads(&s.rig, 0, 1, SCENE_IOVA, 2));
		CHECK_EQ(s.rig.paging->destroy(s.a), 0);
		s.a = rig_space(&s.rig, 0);
		mock_scene_close(&s);
	}
}

static void a_parked_slot_whose_replace_timed_out_stays_parked(void)
{
	struct mock_scene s;

	mock_scene_open(&s, "drain=wait hitless=on");
	mock_scene_begin(&s, WRITE);
	CHECK_EQ(rig_park(&s.rig, 0, 1, RIG_MS), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(replace(&s), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(rig_slot(&s.rig, 0, 1).state, IOASID_MOCK_SLOT_PARKED);
	CHECK_EQ(rig_read_fault(&s.rig, 0, 1, SCENE_IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_finish(&s.rig, s.token), 0);
	mock_scene_close(&s);
}

struct look {
	struct mock_scene *scene;
	uint32_t fault;
	unsigned char byte;
};

/* What new DMA meets while a replace is on its way. */
static int32_t look_when_blocked(void *cookie, const struct ioasid_mock_call *call)
{
	struct look *look = cookie;

	if (call->phase == IOASID_MOCK_PHASE_BLOCKED)
		look->fault = rig_dma(&look->scene->rig, 0, 1, READ, SCENE_IOVA, &look->byte, 1);
	return 0;
}

static void a_hitless_replace_has_no_gap_and_another_one_has(void)
{
	for (int hitless = 0; hitless < 2; hitless++) {
		struct mock_scene s;
		struct look look = { .scene = &s };
		struct ioasid_be_bind bind;
		struct ioasid_be_batch batch = rig_batch(&bind, 1);

		mock_scene_open(&s, hitless ? "hitless=on" : "hitless=off");
		CHECK(rig_reads(&s.rig, 0, 1, SCENE_IOVA, 1));
		CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, look_when_blocked, &look),
			 0);
		bind = rig_bind(&s.rig, 0, 1, s.b, NULL);
		bind.flags = IOASID_BE_BIND_HITLESS;
		CHECK_EQ(s.rig.pasid->replace(s.rig.ctx, &batch, &s.rig.why),
			 hitless ? 0 : IOASID_BE_EOPNOTSUPP);
		CHECK(hitless || strstr(s.rig.text, "hitless"));
		bind.flags = 0;
		CHECK_EQ(s.rig.pasid->replace(s.rig.ctx, &batch, NULL), 0);
		CHECK_EQ(look.fault, hitless ? IOASID_MOCK_FAULT_NONE : IOASID_MOCK_FAULT_BLOCKED);
		CHECK(!hitless || look.byte == 2);
		CHECK(rig_reads(&s.rig, 0, 1, SCENE_IOVA, 2));
		CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, NULL, NULL), 0);
		mock_scene_close(&s);
	}
}

/* DMA that began by the new table of a replace that fails is cut: that table is not in use any more. */
static int32_t begin_when_blocked(void *cookie, const struct ioasid_mock_call *call)
{
	struct mock_scene *s = cookie;

	if (call->phase == IOASID_MOCK_PHASE_BLOCKED)
		s->token = rig_begin(&s->rig, 0, 1, WRITE, SCENE_IOVA, s->buffer, sizeof(s->buffer));
	return 0;
}

static void dma_by_the_new_table_of_a_failed_replace_is_cut(void)
{
	struct mock_scene s;
	uint64_t old;

	mock_scene_open(&s, "drain=wait hitless=on");
	mock_scene_begin(&s, WRITE);
	old = s.token;
	CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, begin_when_blocked, &s), 0);
	CHECK_EQ(replace(&s), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, NULL, NULL), 0);
	CHECK_EQ(rig_finish(&s.rig, s.token), IOASID_MOCK_FAULT_CUT);
	CHECK_EQ(rig_page(&s.rig, 1)[0], 2);
	/* Nor is what it left in the TLB. */
	CHECK(rig_reads(&s.rig, 0, 1, SCENE_IOVA, 1));
	CHECK_EQ(rig_finish(&s.rig, old), IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(s.rig.paging->destroy(s.b), 0);
	s.b = rig_space(&s.rig, 0);
	mock_scene_close(&s);
}

/* The old DMA ends and another one begins by the new table, which nobody has to wait for. */
static int32_t change_when_blocked(void *cookie, const struct ioasid_mock_call *call)
{
	struct mock_scene *s = cookie;

	if (call->phase != IOASID_MOCK_PHASE_BLOCKED)
		return 0;
	CHECK_EQ(rig_finish(&s->rig, s->token), 0);
	mock_scene_begin(s, WRITE);
	return 0;
}

static void a_replace_does_not_wait_for_dma_by_the_new_table(void)
{
	struct mock_scene s;

	mock_scene_open(&s, "drain=wait hitless=on");
	mock_scene_begin(&s, WRITE);
	CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, change_when_blocked, &s), 0);
	CHECK_EQ(replace(&s), 0);
	CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, NULL, NULL), 0);
	CHECK_EQ(rig_page(&s.rig, 0)[0], 0xdd);
	CHECK_EQ(rig_page(&s.rig, 1)[0], 2);
	CHECK_EQ(rig_finish(&s.rig, s.token), IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(rig_page(&s.rig, 1)[0], 0xdd);
	mock_scene_close(&s);
}

/* What blocks the device while a replace waits has promised that nothing gets through, old or new. */
static int32_t block_when_blocked(void *cookie, const struct ioasid_mock_call *call)
{
	struct mock_scene *s = cookie;

	if (call->phase == IOASID_MOCK_PHASE_BLOCKED)
		CHECK_EQ(s->rig.pasid->device_block(s->rig.dev[0], 0), 0);
	return 0;
}

static void a_device_blocked_during_a_replace_stays_blocked(void)
{
	static const char *const configs[] = { "hitless=on", "hitless=off" };

	for (int i = 0; i < 2; i++) {
		struct mock_scene s;

		mock_scene_open(&s, configs[i]);
		CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, block_when_blocked, &s), 0);
		CHECK_EQ(replace(&s), 0);
		CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, NULL, NULL), 0);
		CHECK_EQ(rig_slot(&s.rig, 0, 1).state, IOASID_MOCK_SLOT_PARKED);
		CHECK(rig_slot(&s.rig, 0, 1).as == s.b);
		CHECK_EQ(rig_read_fault(&s.rig, 0, 1, SCENE_IOVA), IOASID_MOCK_FAULT_BLOCKED);
		mock_scene_close(&s);
	}
}

static const struct test_case cases[] = {
	{ "a replace that timed out leaves the old table (S9.3)",
	  a_replace_that_timed_out_leaves_the_old_table },
	{ "a parked slot whose replace timed out stays parked",
	  a_parked_slot_whose_replace_timed_out_stays_parked },
	{ "a hitless replace has no gap and another one has",
	  a_hitless_replace_has_no_gap_and_another_one_has },
	{ "DMA by the new table of a failed replace is cut",
	  dma_by_the_new_table_of_a_failed_replace_is_cut },
	{ "a replace does not wait for DMA by the new table",
	  a_replace_does_not_wait_for_dma_by_the_new_table },
	{ "a device blocked during a replace stays blocked",
	  a_device_blocked_during_a_replace_stays_blocked },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_replace", cases, argc, argv);
}
