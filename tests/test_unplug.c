/* Devices that vanish, and that are closed whatever the backend says (S9.8, S9.14). */
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"
#include "tests/scene.h"

#define NONE IOASID_SPID_NONE

static void unplug(struct drig *r, unsigned int device)
{
	CHECK_EQ(r->on.control->unplug(r->on.mock, device, 1), 0);
}

static void plug(struct drig *r, unsigned int device)
{
	CHECK_EQ(r->on.control->unplug(r->on.mock, device, 0), 0);
}

static void check_nothing_of(struct drig *r, unsigned int device)
{
	struct ioasid_mock_pages pages = { .struct_size = sizeof(pages) };

	CHECK_EQ(r->on.control->pages(r->on.mock, device, &pages), 0);
	CHECK_EQ(pages.unread, 0);
	CHECK_EQ(pages.read, 0);
}

/* Bound on two devices of which one is pulled out: IOASIDs that are freed before its close wait for it. */
static void a_device_that_vanished_ends_with_its_close(void)
{
	ioasid_t kept, freed;
	struct drig r;

	drig_open(&r, "devices=2 iommus=2", 2);
	drig_listen(&r);
	kept = id_make_at(r.set, 8);
	freed = id_make_at(r.set, 9);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, kept, 4, 1, 0), 0);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_bind(&r, i, freed, 5, 2, 0), 0);
	unplug(&r, 0);
	/* What does not work any more, and what does. */
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 10), NONE, 1, 0), -ENODEV);
	CHECK_EQ(id_refs(r.set, 10), 1);
	CHECK_EQ(ioasid_free(r.set, freed), -EIO);
	CHECK_EQ(drig_read(&r, 1, freed), DRIG_BLOCKED);
	CHECK(!drig_free_id(&r, freed));
	CHECK_EQ(drig_list(r.set).last.flags & IOASID_PARKED_QUARANTINED, IOASID_PARKED_QUARANTINED);
	journal_clear(&r.journal);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	journal_expect(&r.journal, "kvm:UNBIND 8/4");
	CHECK_EQ(id_refs(r.set, kept), 1);
	drig_settle(&r, freed);
	CHECK_EQ(drig_list(r.set).count, 0);
	/* Back again it is a new device. */
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, NULL, &r.device[0]), -ENODEV);
	plug(&r, 0);
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_MEDIATED, NULL, &r.device[0]), 0);
	CHECK_EQ(drig_bind(&r, 0, kept, 4, 1, 0), 0);
	CHECK_EQ(drig_read(&r, 0, kept), DRIG_BYTE(1));
	drig_close(&r);
}

/* Unbind, reset of bindings, of the set, its death, a report of a reset: each with the device gone. */
static void unbinding_from_a_vanished_device_is_done(void)
{
	ioasid_t id[3];
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	for (unsigned int i = 0; i < 3; i++)
		id[i] = drig_bound(&r, 1);
	unplug(&r, 0);
	CHECK_EQ(ioasid_device_was_reset(r.device[0]), -EIO);
	CHECK_EQ(drig_unbind(&r, 0, id[0], 0), 0);
	CHECK_EQ(ioasid_free(r.set, id[0]), 0);
	CHECK(drig_free_id(&r, id[0]));
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	CHECK_EQ(id_refs(r.set, id[1]), 1);
	CHECK_EQ(ioasid_set_reset(r.set), 0);
	drig_settle(&r, id[2]);
	drig_close(&r);
}

/* Home is gone with the device. */
static void an_rid_leaves_a_vanished_device(void)
{
	struct ioasid_address_space *home;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	home = drig_space(&r, r.on.context, IOASID_USE_PASID);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, home, &r.device[0]), 0);
	r.devices = 1;
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	unplug(&r, 0);
	CHECK_EQ(drig_unbind(&r, 0, IOASID_NO_PASID, 0), 0);
	CHECK_EQ(ioasid_device_unassign(r.device[0]), 0);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

static void a_set_dies_with_its_vanished_device(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = drig_bound(&r, 2);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	unplug(&r, 0);
	CHECK_EQ(ioasid_set_put(r.set), -EIO);
	r.set = NULL;
	CHECK(!drig_free_id(&r, id));
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	drig_settle(&r, id);
	drig_close(&r);
}

/* S18.3: what it had asked for is answered, once, and nothing more comes. */
static void a_vanished_device_leaves_no_page_request(void)
{
	const struct ioasid_mock_page_request ask = {
		.struct_size = sizeof(ask), .device = 0, .pasid = 7, .group = 3, .address = 0x5000,
		.flags = IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST,
	};
	struct ioasid_bind_data data;
	struct ioasid_fault fault;
	uint32_t count = 1;
	struct drig r;

	drig_open(&r, "devices=1 ats=on pri=on", 1);
	data = drig_data(&r, id_make_at(r.set, 7), NONE, 1, 0);
	data.flags |= IOASID_BIND_FAULT;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK_EQ(r.on.control->page_request(r.on.mock, &ask), 0);
	CHECK_EQ(ioasid_fault_read(r.on.context, &fault, sizeof(fault), &count), 0);
	CHECK_EQ(count, 1);
	unplug(&r, 0);
	CHECK_EQ(ioasid_fault_respond_handle(r.on.context, fault.handle, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_fault_read(r.on.context, &fault, sizeof(fault), &count), 0);
	CHECK_EQ(count, 0);
	check_nothing_of(&r, 0);
	CHECK_EQ(stats_of(r.set).faults_open, 0);
	drig_close(&r);
}

/* ---- It goes while somebody has a call in hand ---- */

static void a_bind_that_loses_its_device_leaves_nothing(void)
{
	struct drig_call bind;
	struct drig_stop stop;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id_make_at(r.set, 9);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&bind, &r, drig_call_bind, 0, 9, 4);
	gate_await(&stop.gate, 1);
	unplug(&r, 0);
	drig_stop_end(&stop);
	CHECK_EQ(drig_finish(&bind), -ENODEV);
	journal_expect(&r.journal, "kvm:ALLOC 9");
	CHECK_EQ(id_refs(r.set, 9), 1);
	CHECK_EQ(find_spid(r.set, 4), -ENOENT);
	CHECK_EQ(ioasid_free(r.set, 9), 0);
	CHECK(drig_free_id(&r, 9));
	drig_close(&r);
}

/* A free that waits for DMA which is in flight comes back when the device goes. */
static void a_free_that_waits_for_a_device_comes_back_when_it_goes(void)
{
	struct ioasid_mock_dma dma = {
		.struct_size = sizeof(dma), .pasid = 9, .flags = IOASID_MOCK_DMA_READ, .iova = DRIG_IOVA, .length = 1,
	};
	unsigned char byte = 0;
	struct drig_call free;
	uint64_t token, begun;
	struct drig r;

	drig_open_with(&r, "devices=1 drain=wait", 1, 0, 60000 * DRIG_MS);
	id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, 9, NONE, 1, 0), 0);
	dma.buffer = &byte;
	CHECK_EQ(r.on.control->dma_begin(r.on.mock, &dma, &token), 0);
	begun = drig_now();
	drig_start(&free, &r, drig_call_free, 0, 9, 0);
	CHECK(task_blocked(&free.task));
	unplug(&r, 0);
	(void)drig_finish(&free);
	CHECK(drig_now() - begun < 30000 * DRIG_MS);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	drig_settle(&r, 9);
	drig_close(&r);
}

/* ---- Close never fails ---- */

/* Closes two devices while an operation fails, every time. When the backend works again nothing is left. */
static void close_while(uint32_t op, int32_t error)
{
	struct ioasid_address_space *home;
	struct drig r;
	ioasid_t id;
	int rc;

	drig_open(&r, "devices=2 separate_drain=on separate_invalidate=on", 1);
	home = drig_space(&r, r.on.context, IOASID_USE_PASID);
	REQUIRE_EQ(drig_attach(&r, "mock1", IOASID_DEVICE_DIRECT, home, &r.device[1]), 0);
	r.devices = 2;
	id = drig_bound(&r, 2);
	CHECK_EQ(ioasid_device_assign(r.device[1], r.set), 0);
	CHECK_EQ(drig_bind(&r, 1, IOASID_NO_PASID, NONE, 2, 0), 0);
	drig_fail(&r, op, 1, UINT64_MAX, error);
	for (unsigned int d = 0; d < 2; d++) {
		CHECK_EQ(ioasid_device_close(r.device[d]), 0);
		r.device[d] = NULL;
	}
	drig_heal(&r);
	rc = ioasid_quarantine_retry(ioasid_pool_root(r.pool), IOASID_INVALID);
	CHECK(rc == 0 || rc == -ENOENT);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_settle(&r, id);
	CHECK_EQ(drig_list(ioasid_pool_root(r.pool)).count, 0);
	CHECK_EQ(drig_live(&r).devices, 0);
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

static void close_never_fails(void)
{
	static const uint32_t ops[] = {
		IOASID_MOCK_OP_PARK, IOASID_MOCK_OP_DETACH, IOASID_MOCK_OP_DRAIN, IOASID_MOCK_OP_INVALIDATE,
	};
	static const int32_t errors[] = {
		IOASID_BE_EIO, IOASID_BE_ENODEV, IOASID_BE_ETIMEDOUT, IOASID_BE_EBUSY, IOASID_BE_ENOMEM,
	};

	for (unsigned int i = 0; i < 20; i++)
		close_while(ops[i / 5], errors[i % 5]);
	close_while(IOASID_MOCK_OP_DEVICE_DETACH, IOASID_BE_EBUSY);
}

/* S9.11: the RID goes home with the rest, and the home stays. */
static void reset_bindings_sends_the_rid_home(void)
{
	struct ioasid_address_space *home;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	home = drig_space(&r, r.on.context, IOASID_USE_PASID);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, home, &r.device[0]), 0);
	r.devices = 1;
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 1, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(1));
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
	CHECK_EQ(drig_slot(&r, 0, 0), IOASID_MOCK_SLOT_ATTACHED);
	CHECK_EQ(drig_read(&r, 0, 0), -(int)IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(drig_unbind(&r, 0, IOASID_NO_PASID, 0), -ENOENT);
	CHECK_EQ(drig_bind(&r, 0, IOASID_NO_PASID, NONE, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BYTE(2));
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

/* S9.10: what it could do is remembered, what there is to say about it is gone. */
static void a_vanished_device_has_no_report(void)
{
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_report_line line = { .struct_size = sizeof(line) };
	struct drig r;

	drig_open(&r, "devices=1", 1);
	unplug(&r, 0);
	CHECK_EQ(ioasid_device_report(r.device[0], 0, &line, NULL), -ENODEV);
	CHECK_EQ(ioasid_device_caps(r.device[0], &caps), 0);
	CHECK_EQ(caps.pasid_bits, 20);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a device that vanished ends with its close (S9.8, S9.14)",
		  a_device_that_vanished_ends_with_its_close },
		{ "unbinding from a vanished device is done (S9.14)", unbinding_from_a_vanished_device_is_done },
		{ "an RID leaves a vanished device (S9.11, S9.14)", an_rid_leaves_a_vanished_device },
		{ "a set dies with its vanished device (S2.3, S9.14)", a_set_dies_with_its_vanished_device },
		{ "a vanished device leaves no page request (S9.14, S18.3)",
		  a_vanished_device_leaves_no_page_request },
		{ "a bind that loses its device leaves nothing (S9.1, S9.14)",
		  a_bind_that_loses_its_device_leaves_nothing },
		{ "a free that waits for a device comes back when it goes (S9.14, S9.15)",
		  a_free_that_waits_for_a_device_comes_back_when_it_goes },
		{ "close never fails, whatever the backend answers (S9.8, S9.14)", close_never_fails },
		{ "reset_bindings sends the RID home (S9.11, S9.14)", reset_bindings_sends_the_rid_home },
		{ "a vanished device has no report (S9.10)", a_vanished_device_has_no_report },
	};

	return TEST_MAIN("unplug", cases, argc, argv);
}
