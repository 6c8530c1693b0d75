/* RIDs whose set ends while their device is being closed, or is closed and not let go (S2.3, S9.8, S9.14). */
#include <sched.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE
#define RID IOASID_NO_PASID
#define PAGE UINT64_C(0x100000) /* is not mapped */

/* An address space for an RID, in which DRIG_IOVA is page 5. */
static struct ioasid_address_space *make_space(struct drig *r, uint32_t uses)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
		.address = r->memory + 5 * DRIG_PAGE,
	};
	struct ioasid_address_space *space;

	REQUIRE_EQ(ioasid_address_space_create(r->on.context, uses, &space, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(space, &map), 0);
	return space;
}

/*
 * A device whose RID one set has bound, and a PASID another. Its close is stopped with the PASID gone and the
 * RID still bound.
 */
struct scene {
	struct drig r;
	struct ioasid_set *other;
	struct ioasid_address_space *space;
	struct drig_call closing;
	struct drig_stop stop;
};

static void begin(struct scene *s)
{
	struct ioasid_bind_data data;
	ioasid_t id;

	drig_open(&s->r, "devices=1 ats=on pri=on", 1);
	s->other = set_make(s->r.pool, 5);
	s->space = make_space(&s->r, IOASID_USE_PASID | IOASID_USE_FAULT);
	CHECK_EQ(ioasid_device_assign(s->r.device[0], s->r.set), 0);
	CHECK_EQ(ioasid_bind_ioas(s->r.device[0], s->r.set, RID, s->space, 0), 0);
	id = id_make(s->other);
	data = drig_data(&s->r, id, NONE, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid(s->r.device[0], s->other, &data), 0);
	drig_stop_begin(&s->stop, &s->r, IOASID_MOCK_OP_TABLE_DESTROY, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&s->closing, &s->r, drig_call_close, 0, 0, NONE);
	gate_await(&s->stop.gate, 1);
	CHECK_EQ(drig_read(&s->r, 0, RID), DRIG_BYTE(5));
}

static void finish(struct scene *s)
{
	gate_open(&s->stop.gate);
	CHECK_EQ(drig_finish(&s->closing), 0);
	drig_stop_end(&s->stop);
	s->r.device[0] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(s->space), 0);
	if (s->r.set != NULL)
		set_end(s->r.set);
	s->r.set = s->other;
	drig_close(&s->r);
}

/* Kills the set, and waits until its memory is gone. */
static void kill_set(struct drig *r, uint32_t left)
{
	CHECK_EQ(ioasid_set_put(r->set), 1);
	r->set = NULL;
	while (stats_of(ioasid_pool_root(r->pool)).sets != left)
		sched_yield();
}

static void a_death_beside_a_close_leaves_no_rid_bound(void)
{
	struct scene s;

	begin(&s);
	kill_set(&s.r, 1);
	CHECK_EQ(drig_read(&s.r, 0, RID), DRIG_BLOCKED);
	finish(&s);
}

static void a_reset_beside_a_close_leaves_no_rid_bound(void)
{
	struct scene s;

	begin(&s);
	CHECK_EQ(ioasid_set_reset(s.r.set), 0);
	CHECK_EQ(drig_read(&s.r, 0, RID), DRIG_BLOCKED);
	finish(&s);
}

struct asker {
	struct drig *r;
	struct ioasid_mock_dma dma;
	unsigned char byte;
};

static void ask(void *arg)
{
	struct asker *a = arg;

	CHECK_EQ(a->r->on.control->dma(a->r->on.mock, &a->dma), 0);
}

/* What the RID asks for is not told in the name of a set that is gone. */
static void a_page_request_beside_a_close_names_no_dead_set(void)
{
	struct ioasid_fault fault;
	struct asker asker;
	uint32_t count = 1;
	struct task task;
	struct scene s;

	begin(&s);
	kill_set(&s.r, 1);
	asker = (struct asker){ .r = &s.r };
	asker.dma = (struct ioasid_mock_dma){
		.struct_size = sizeof(asker.dma), .device = 0, .pasid = RID, .flags = IOASID_MOCK_DMA_READ | IOASID_MOCK_DMA_ASK,
		.iova = PAGE, .length = 1, .buffer = &asker.byte,
	};
	task_start(&task, ask, &asker);
	(void)task_blocked(&task);
	CHECK_EQ(ioasid_fault_read(s.r.on.context, &fault, sizeof(fault), &count), 0);
	CHECK_EQ(count, 0);
	finish(&s);
	task_join(&task);
	CHECK(asker.dma.fault != IOASID_MOCK_FAULT_NONE);
}

/* The RID of an abandoned device is not taken for that of a set that comes later, wherever it is in memory. */
static void an_abandoned_rid_is_of_no_later_set(void)
{
	struct ioasid_set *root, *later[64];
	struct drig r;

	drig_open(&r, "devices=1", 1);
	root = ioasid_pool_root(r.pool);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, RID, NONE, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, UINT64_MAX, IOASID_BE_EIO);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(drig_live(&r).devices, 1);
	(void)ioasid_set_put(r.set);
	r.set = NULL;
	while (stats_of(root).sets != 0)
		sched_yield();
	for (unsigned int i = 0; i < 64; i++) {
		later[i] = set_make(r.pool, 1);
		CHECK_EQ(ioasid_quarantine_retry(later[i], RID), -ENOENT);
	}
	for (unsigned int i = 0; i < 64; i++)
		set_end(later[i]);
	drig_heal(&r);
	CHECK_EQ(ioasid_quarantine_retry(root, IOASID_INVALID), 0);
	CHECK_EQ(drig_live(&r).devices, 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a death beside a close leaves no RID bound (S2.3, S9.14)",
		  a_death_beside_a_close_leaves_no_rid_bound },
		{ "a reset beside a close leaves no RID bound (S2.7, S9.14)",
		  a_reset_beside_a_close_leaves_no_rid_bound },
		{ "a page request beside a close names no dead set (S2.3)",
		  a_page_request_beside_a_close_names_no_dead_set },
		{ "an abandoned RID is of no later set (S9.8)", an_abandoned_rid_is_of_no_later_set },
	};

	return TEST_MAIN("rid_close", cases, argc, argv);
}
