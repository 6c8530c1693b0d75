/* Parking: what DMA can do from the mark on, and how it can be seen (S10). */
#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* S10.1 */
static void a_set_that_only_blocks_delivers_no_free(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	drig_listen(&r);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_BLOCK), 0);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	CHECK_EQ(ioasid_get(r.set, id), 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	/* Holders drop theirs in their own time. */
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_put(r.set, id), 1);
	drig_close(&r);
}

/* S6.4: from the mark on, however long the device takes. */
static void a_number_does_not_wait_for_the_device(void)
{
	struct drig_stop stop;
	struct drig_call freeing;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_BLOCK), 0);
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 9), 4, 1, 0), 0);
	id_make_at(r.set, 10);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_PARK, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&freeing, &r, drig_call_free, 0, 9, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_attach_spid(r.set, 10, ioasid_spid_make(4)), 0);
	drig_stop_end(&stop);
	CHECK_EQ(drig_finish(&freeing), 0);
	drig_settle(&r, 9);
	CHECK_EQ(ioasid_free(r.set, 10), 0);
	drig_close(&r);
}

/* Frees 9 when 11 is born, and gives 9's number to 10. */
static int free_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	struct drig *r = self->context;

	if (event->event != IOASID_EVENT_ALLOC || event->id != 11)
		return 0;
	CHECK_EQ(ioasid_free(r->set, 9), -EINPROGRESS);
	gate_pass(self->gate);
	return 0;
}

static void alloc_11(void *rig)
{
	id_make_at(((struct drig *)rig)->set, 11);
}

/* S6.4, S7.6: nor for a free that is deferred. */
static void a_number_does_not_wait_for_a_deferred_free(void)
{
	struct gate gate = GATE_CLOSED;
	struct task task;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_BLOCK), 0);
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 9), 4, 1, 0), 0);
	id_make_at(r.set, 10);
	r.kvm.hook = free_in_handler;
	r.kvm.context = &r;
	r.kvm.gate = &gate;
	r.kvm.gate_events = IOASID_EVENT_UNBIND; /* the hook passes it itself */
	task_start(&task, alloc_11, &r);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_attach_spid(r.set, 10, ioasid_spid_make(4)), 0);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BYTE(1));
	gate_open(&gate);
	task_join(&task);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BLOCKED);
	drig_settle(&r, 9);
	drig_close(&r);
}

/* S10.1: what the free of a handler has promised to block it does block, whatever the set is told meanwhile. */
static void a_deferred_free_blocks_as_it_began(void)
{
	struct gate gate = GATE_CLOSED;
	struct task task;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	drig_listen(&r);
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 9), NONE, 1, 0), 0);
	r.kvm.hook = free_in_handler;
	r.kvm.context = &r;
	r.kvm.gate = &gate;
	r.kvm.gate_events = IOASID_EVENT_UNBIND; /* the hook passes it itself */
	task_start(&task, alloc_11, &r);
	gate_await(&gate, 1);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	gate_open(&gate);
	task_join(&task);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BLOCKED);
	drig_settle(&r, 9);
	drig_close(&r);
}

/* S10.1, S9.7: a set that only notifies is torn down too, later. */
static void a_set_that_only_notifies_does_not_wait_for_hardware(void)
{
	ioasid_t id;
	struct drig r;

	drig_open_with(&r, "devices=1", 1, IOASID_POOL_NO_WORKER, 0);
	drig_listen(&r);
	CHECK_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	drig_fail(&r, IOASID_MOCK_OP_PARK, 1, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:FREE 9/4");
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(1));
	drig_heal(&r);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

static int blocked_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_FREE)
		CHECK_EQ(drig_read(self->context, 0, event->id), DRIG_BLOCKED);
	return 0;
}

/* S10.1: mark, block, FREE, drop. */
static void dma_is_blocked_when_free_is_delivered(void)
{
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	r.kvm.hook = blocked_in_handler;
	r.kvm.context = &r;
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 9), NONE, 1, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BYTE(1));
	CHECK_EQ(ioasid_free(r.set, 9), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:FREE 9");
	drig_settle(&r, 9);
	drig_close(&r);
}

/* S10.1: new, in flight, cached in an IOTLB or a device TLB. */
static void after_free_no_dma_of_any_kind_reaches_memory(void)
{
	unsigned char canary = 0xee;
	struct ioasid_mock_dma dma = {
		.struct_size = sizeof(dma), .flags = IOASID_MOCK_DMA_WRITE, .iova = DRIG_IOVA, .length = 1,
		.buffer = &canary,
	};
	uint64_t token = 0;
	struct drig r;

	drig_open_with(&r, "devices=2 iommus=2 ats=on", 2, IOASID_POOL_NO_WORKER, 0);
	dma.pasid = drig_bound(&r, 2);
	/* Warm every TLB, then leave a write in flight. */
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_read(&r, i, dma.pasid), DRIG_BYTE(1));
	CHECK_EQ(r.on.control->dma_begin(r.on.mock, &dma, &token), 0);
	REQUIRE(token != 0);
	CHECK_EQ(ioasid_free(r.set, dma.pasid), 0);
	CHECK_EQ(r.on.control->dma_finish(r.on.mock, token, &dma), 0);
	CHECK_EQ(dma.fault, IOASID_MOCK_FAULT_CUT);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_read(&r, i, dma.pasid), DRIG_BLOCKED);
	CHECK_EQ(r.memory[DRIG_PAGE], DRIG_BYTE(1));
	drig_settle(&r, dma.pasid);
	drig_close(&r);
}

/* S1, S3.4, S9.8: the next owner of the number sees nothing of the last one, whose data nobody reaches. */
static void a_reused_ioasid_reaches_the_new_owners_memory_only(void)
{
	struct ioasid_set *other;
	struct ioasid_bind_data data;
	ioasid_t id = IOASID_INVALID;
	struct drig r;

	drig_open(&r, "devices=1 ats=on", 1);
	other = set_make(r.pool, 5);
	id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, 9, NONE, 1, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BYTE(1));
	CHECK_EQ(ioasid_get(r.set, 9), 0);
	CHECK_EQ(ioasid_free(r.set, 9), 0);
	CHECK_EQ(ioasid_alloc(other, 9, 9, NULL, &id), -EBUSY);
	CHECK(ioasid_put(r.set, 9) >= 0);
	drig_settle(&r, 9);
	CHECK_EQ(ioasid_alloc(other, 9, 9, NULL, &id), 0);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BLOCKED);
	data = drig_data(&r, 9, NONE, 2, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), 0);
	CHECK_EQ(drig_read(&r, 0, 9), DRIG_BYTE(2));
	set_end(other);
	drig_settle(&r, 9);
	drig_close(&r);
}

/* S10.3, S13.1 */
static void parked_ioasids_are_listed_with_age_and_references(void)
{
	struct ioasid_stats stats;
	struct drig_listing seen;
	ioasid_t id, unbound;
	struct drig r;

	drig_open_with(&r, "devices=2", 2, IOASID_POOL_NO_WORKER, 0);
	id = drig_bound(&r, 2);
	unbound = id_make(r.set);
	CHECK_EQ(drig_list(r.set).count, 0);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	seen = drig_list(r.set);
	CHECK_EQ(seen.count, 1);
	CHECK_EQ(seen.last.id, id);
	CHECK_EQ(seen.last.refs, 2);
	CHECK_EQ(seen.last.bindings, 2);
	CHECK_EQ(seen.last.flags, IOASID_PARKED_PENDING);
	CHECK(seen.last.age > 0 && seen.last.age < 60000 * DRIG_MS);
	CHECK_EQ(drig_list(ioasid_pool_root(r.pool)).count, 1);
	stats = stats_of(r.set);
	CHECK_EQ(stats.pending, 1);
	CHECK_EQ(stats.parked, 1);
	CHECK_EQ(stats.quarantined, 0);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK_EQ(drig_list(r.set).count, 0);
	/* Without hardware context left, and without a device: parked is every ID until its reclaim (S10.2). */
	CHECK_EQ(ioasid_get(r.set, unbound), 0);
	CHECK_EQ(ioasid_free(r.set, unbound), 0);
	seen = drig_list(r.set);
	CHECK_EQ(seen.count, 1);
	CHECK_EQ(seen.last.refs, 1);
	CHECK_EQ(seen.last.bindings, 0);
	CHECK_EQ(ioasid_put(r.set, unbound), 1);
	CHECK_EQ(ioasid_parked_for_each(NULL, drig_list_one, &seen), -EINVAL);
	CHECK_EQ(ioasid_parked_for_each(r.set, NULL, &seen), -EINVAL);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a set that only blocks delivers no FREE (S10.1)",
		  a_set_that_only_blocks_delivers_no_free },
		{ "in a set that only blocks a SPID's number does not wait for the device (S6.4)",
		  a_number_does_not_wait_for_the_device },
		{ "nor does it for a deferred free (S6.4, S7.6)", a_number_does_not_wait_for_a_deferred_free },
		{ "a deferred free blocks, whatever mode its set has by then (S10.1, S7.6)",
		  a_deferred_free_blocks_as_it_began },
		{ "a set that only notifies does not wait for hardware (S10.1)",
		  a_set_that_only_notifies_does_not_wait_for_hardware },
		{ "DMA is blocked when FREE is delivered (S10.1)", dma_is_blocked_when_free_is_delivered },
		{ "after free no DMA of any kind reaches memory (S10.1)",
		  after_free_no_dma_of_any_kind_reaches_memory },
		{ "a reused IOASID reaches the new owner's memory only (S3.2, S4.6)",
		  a_reused_ioasid_reaches_the_new_owners_memory_only },
		{ "parked IOASIDs are listed with age and references (S10.3, S13.1)",
		  parked_ioasids_are_listed_with_age_and_references },
	};

	return TEST_MAIN("parking", cases, argc, argv);
}
