/*
 * The mock under threads: DMA engines that never stop while slots, mappings and machines come and go. S10.1.
 *
 * IOASID_TEST_ROUNDS sets how many rounds.
 */
#include "tests/harness.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mock_rig.h"

#define IOVA UINT64_C(0x10000)

static unsigned int rounds(void)
{
	const char *text = getenv("IOASID_TEST_ROUNDS");
	long count = text ? strtol(text, NULL, 10) : 100;

	return count > 0 ? (unsigned int)count : 1;
}

/* A device that writes its byte to a page as long as it runs. */
struct engine {
	struct rig *rig;
	uint32_t device;
	uint32_t pasid;
	uint64_t iova;
	unsigned char byte;
	bool steps; /* begin and finish apart */
	_Atomic bool stop;
	_Atomic uint64_t moved;   /* DMAs that moved all */
	_Atomic uint64_t stopped; /* DMAs that faulted or were cut */
	pthread_t thread;
};

static void *run_engine(void *argument)
{
	struct engine *e = argument;
	unsigned char buffer[64];

	memset(buffer, e->byte, sizeof(buffer));
	while (!atomic_load_explicit(&e->stop, memory_order_relaxed)) {
		struct ioasid_mock_dma dma = rig_dma_args(e->device, e->pasid, IOASID_MOCK_DMA_WRITE, e->iova,
							  buffer, sizeof(buffer));
		uint64_t token = 0;
		int32_t rc;

		rc = e->steps ? e->rig->control->dma_begin(e->rig->mock, &dma, &token)
			      : e->rig->control->dma(e->rig->mock, &dma);
		if (!rc && token)
			rc = e->rig->control->dma_finish(e->rig->mock, token, &dma);
		CHECK_EQ(rc, 0);
		atomic_fetch_add(dma.fault ? &e->stopped : &e->moved, 1);
	}
	return NULL;
}

static void engine_start(struct engine *e)
{
	REQUIRE_EQ(pthread_create(&e->thread, NULL, run_engine, e), 0);
}

static void engine_stop(struct engine *e)
{
	atomic_store(&e->stop, true);
	pthread_join(e->thread, NULL);
}

/* Waits until the engine has got through, or not, once more. */
static void await(const _Atomic uint64_t *count)
{
	uint64_t was = atomic_load(count);

	while (atomic_load(count) == was)
		sched_yield();
}

/* What the CPU sees of a page that a device may be writing. */
static unsigned char peek(const unsigned char *at)
{
	return *(const volatile unsigned char *)at;
}

static bool is_untouched(const unsigned char *page, unsigned char byte)
{
	for (unsigned int i = 0; i < 64; i++) {
		if (peek(page + i) != byte)
			return false;
	}
	return true;
}

/* The promise of a park, against a device that never stops: what is reused afterwards is not written. */
static void park_holds_against(const char *config, bool steps)
{
	struct rig rig;
	struct engine e = { .rig = &rig, .pasid = 1, .iova = IOVA, .byte = 0xaa, .steps = steps };
	struct ioasid_be_as *as;

	rig_open(&rig, config, 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	engine_start(&e);
	for (unsigned int i = 0; i < rounds() && !CU_get_number_of_failure_records(); i++) {
		await(&e.moved);
		CHECK_EQ(rig_park(&rig, 0, 1, 60000 * RIG_MS), 0);
		memset(rig_page(&rig, 0), 0x11, 64);
		await(&e.stopped);
		CHECK(is_untouched(rig_page(&rig, 0), 0x11));
		CHECK_EQ(rig_replace(&rig, 0, 1, as, NULL, 0), 0);
	}
	engine_stop(&e);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void a_device_that_never_stops_writes_nothing_after_a_park(void)
{
	park_holds_against("ats=on", false);
	park_holds_against("drain=cut", true);
	park_holds_against("drain=wait", true);
}

static void memory_is_free_for_reuse_after_an_unmap(void)
{
	struct rig rig;
	struct engine e = { .rig = &rig, .pasid = 1, .iova = IOVA, .byte = 0xaa, .steps = true };
	struct ioasid_be_as *as;
	uint64_t unmapped;

	rig_open(&rig, "drain=wait ats=on", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	engine_start(&e);
	for (unsigned int i = 0; i < rounds() && !CU_get_number_of_failure_records(); i++) {
		await(&e.moved);
		CHECK_EQ(rig.paging->unmap(as, IOVA, RIG_PAGE, &unmapped), 0);
		memset(rig_page(&rig, i % 2), 0x22, 64);
		await(&e.stopped);
		CHECK(is_untouched(rig_page(&rig, i % 2), 0x22));
		rig_map(&rig, as, IOVA, (i + 1) % 2);
	}
	engine_stop(&e);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void after_a_replace_only_the_new_table_is_used(void)
{
	struct rig rig;
	struct engine e = { .rig = &rig, .pasid = 1, .iova = IOVA, .byte = 0xaa, .steps = true };
	struct ioasid_be_as *as[2];

	rig_open(&rig, "drain=wait", 1);
	for (unsigned int i = 0; i < 2; i++) {
		as[i] = rig_space(&rig, IOASID_BE_USE_PASID);
		rig_map(&rig, as[i], IOVA, i);
	}
	CHECK_EQ(rig_attach(&rig, 0, 1, as[0], NULL), 0);
	engine_start(&e);
	for (unsigned int i = 0; i < rounds() && !CU_get_number_of_failure_records(); i++) {
		await(&e.moved);
		CHECK_EQ(rig_replace(&rig, 0, 1, as[(i + 1) % 2], NULL, 60000 * RIG_MS), 0);
		memset(rig_page(&rig, i % 2), 0x33, 64);
		await(&e.moved);
		CHECK(is_untouched(rig_page(&rig, i % 2), 0x33));
	}
	engine_stop(&e);
	/* Hitless: not one DMA was stopped. */
	CHECK_EQ(atomic_load(&e.stopped), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as[0]), 0);
	CHECK_EQ(rig.paging->destroy(as[1]), 0);
	rig_close(&rig);
}

/* ---- Everything at once ---- */

/* One PASID through its life, again and again, with neighbours on the same device. */
struct churn {
	struct rig *rig;
	uint32_t pasid;
	pthread_t thread;
};

static void *run_churn(void *argument)
{
	struct churn *c = argument;
	struct rig *rig = c->rig;
	unsigned int page = c->pasid;
	const struct ioasid_be_inv inv = {
		.scope = IOASID_BE_SCOPE_PASID, .dev = rig->dev[0], .pasid = c->pasid, .length = UINT64_MAX
	};

	for (unsigned int i = 0; i < rounds(); i++) {
		const struct ioasid_be_as_args args = { .struct_size = sizeof(args),
							.uses = IOASID_BE_USE_PASID };
		const struct ioasid_be_map map = rig_map_args(rig, IOVA, page, 1);
		struct ioasid_be_as *as = NULL;

		CHECK_EQ(rig->paging->create(rig->ctx, &args, &as, NULL), 0);
		CHECK_EQ(rig->paging->map(as, &map), 0);
		CHECK_EQ(rig_attach(rig, 0, c->pasid, as, NULL), 0);
		/* The device may have been blocked in between. */
		if (rig_slot(rig, 0, c->pasid).state == IOASID_MOCK_SLOT_ATTACHED)
			rig_read_fault(rig, 0, c->pasid, IOVA);
		CHECK_EQ(rig_invalidate(rig, &inv), 0);
		CHECK_EQ(rig_park(rig, 0, c->pasid, 60000 * RIG_MS), 0);
		CHECK_EQ(rig_read_fault(rig, 0, c->pasid, IOVA), IOASID_MOCK_FAULT_BLOCKED);
		CHECK_EQ(rig_detach(rig, 0, c->pasid, 60000 * RIG_MS), 0);
		CHECK_EQ(rig->paging->destroy(as), 0);
	}
	return NULL;
}

static void slots_of_one_device_live_beside_each_other(void)
{
	enum { CHURNS = 3 };
	struct rig rig;
	struct churn churns[CHURNS];

	rig_open(&rig, "ats=on", 1);
	for (unsigned int i = 0; i < CHURNS; i++) {
		churns[i] = (struct churn){ .rig = &rig, .pasid = 1 + i };
		REQUIRE_EQ(pthread_create(&churns[i].thread, NULL, run_churn, &churns[i]), 0);
	}
	for (unsigned int i = 0; i < rounds(); i++) {
		CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), 0);
		CHECK_EQ(rig.core->device_reset(rig.dev[0]), 0);
		rig_live(&rig);
	}
	for (unsigned int i = 0; i < CHURNS; i++)
		pthread_join(churns[i].thread, NULL);
	rig_close(&rig);
}

/* ---- Machines ---- */

static void *open_and_close(void *argument)
{
	(void)argument;
	for (unsigned int i = 0; i < rounds(); i++) {
		struct rig rig;

		rig_core(&rig);
		if (CHECK_EQ(rig_try(&rig, "machine=contended"), 0))
			CHECK_EQ(rig.core->close(rig.ctx), 0);
	}
	return NULL;
}

static void a_machine_comes_and_goes_with_its_contexts(void)
{
	pthread_t threads[3];

	/* Load the plugin before there are threads. */
	rig_entry();
	for (int i = 0; i < 3; i++)
		REQUIRE_EQ(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static const struct test_case cases[] = {
	{ "a device that never stops writes nothing after a park (S10.1)",
	  a_device_that_never_stops_writes_nothing_after_a_park },
	{ "memory is free for reuse after an unmap", memory_is_free_for_reuse_after_an_unmap },
	{ "after a replace only the new table is used (S9.3)", after_a_replace_only_the_new_table_is_used },
	{ "slots of one device live beside each other", slots_of_one_device_live_beside_each_other },
	{ "a machine comes and goes with its contexts", a_machine_comes_and_goes_with_its_contexts },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_race", cases, argc, argv);
}
