/* The contract suite: virtual IOMMUs, the devices in them, their events. R60, R62, R64. */
#include "tests/contract.h"

#include <string.h>

#define VIRTUAL_ID UINT64_C(0x123)

struct guest {
	struct contract_world w;
	struct ioasid_be_as *parent;
	struct ioasid_be_viommu *viommu;
};

static void guest_up(struct guest *g)
{
	struct ioasid_be_viommu_args args = { .struct_size = sizeof(args) };
	struct ioasid_be_record out;

	contract_up(&g->w, CONTRACT_DEVICES);
	g->parent = contract_parent(&g->w, 0);
	g->viommu = NULL;
	args.type = g->w.driver->viommu_type;
	args.data = g->w.driver->viommu_data;
	args.dev = g->w.dev[0];
	args.parent = g->parent;
	REQUIRE_EQ(g->w.viommu->create(g->w.ctx, &args, &g->viommu, &out, &g->w.why), 0);
	REQUIRE(g->viommu != NULL);
}

static void guest_down(struct guest *g)
{
	CHECK_EQ(g->w.viommu->destroy(g->viommu), 0);
	contract_destroy(&g->w, g->parent);
	contract_down(&g->w);
}

static void a_viommu_ends_after_what_is_in_it(void)
{
	struct guest g;
	struct ioasid_be_vdevice *one = NULL, *two = NULL;

	guest_up(&g);
	CHECK_EQ(g.w.paging->destroy(g.parent), IOASID_BE_EBUSY);
	REQUIRE_EQ(g.w.vdevice->create(g.viommu, g.w.dev[0], VIRTUAL_ID, &one, &g.w.why), 0);
	CHECK_EQ(g.w.vdevice->create(g.viommu, g.w.dev[0], VIRTUAL_ID + 1, &two, &g.w.why), IOASID_BE_EEXIST);
	if (g.w.driver->iommus == 1)
		CHECK_EQ(g.w.vdevice->create(g.viommu, g.w.dev[1], VIRTUAL_ID, &two, &g.w.why), IOASID_BE_EEXIST);
	else
		CHECK_EQ(g.w.vdevice->create(g.viommu, g.w.dev[1], VIRTUAL_ID, &two, &g.w.why), IOASID_BE_EINVAL);
	CHECK(two == NULL);
	CHECK_EQ(g.w.viommu->destroy(g.viommu), IOASID_BE_EBUSY);
	CHECK_EQ(g.w.vdevice->destroy(one), 0);
	REQUIRE_EQ(g.w.vdevice->create(g.viommu, g.w.dev[0], VIRTUAL_ID + 1, &one, &g.w.why), 0);
	CHECK_EQ(g.w.vdevice->destroy(one), 0);
	guest_down(&g);
}

static void an_unknown_viommu_is_refused(void)
{
	struct contract_world w;
	struct ioasid_be_viommu_args args = { .struct_size = sizeof(args), .type = UINT32_C(0x7ffffffe) };
	struct ioasid_be_viommu *viommu = NULL;
	struct ioasid_be_record out;

	contract_up(&w, 1);
	args.dev = w.dev[0];
	args.parent = contract_parent(&w, 0);
	CHECK_EQ(w.viommu->create(w.ctx, &args, &viommu, &out, &w.why), IOASID_BE_EOPNOTSUPP);
	args.type = w.driver->viommu_type;
	args.data = w.driver->viommu_data;
	args.flags = 1;
	CHECK_EQ(w.viommu->create(w.ctx, &args, &viommu, &out, &w.why), IOASID_BE_EINVAL);
	CHECK(viommu == NULL);
	contract_destroy(&w, args.parent);
	contract_down(&w);
}

/* ---- The guest's own PASID table ---- */

static void an_entry_needs_its_virtual_device(void)
{
	struct guest g;
	struct ioasid_be_vdevice *vdevice = NULL;
	struct ioasid_be_record entry = { 0 };

	guest_up(&g);
	g.w.driver->guest_entry(g.w.memory, &entry);
	CHECK_EQ(g.w.table->detach(g.w.dev[0], 0), IOASID_BE_ENOENT);
	CHECK_EQ(g.w.table->attach(g.w.dev[0], g.viommu, &entry, NULL, 0, &g.w.why), IOASID_BE_ENOENT);
	REQUIRE_EQ(g.w.vdevice->create(g.viommu, g.w.dev[0], VIRTUAL_ID, &vdevice, &g.w.why), 0);
	REQUIRE_EQ(g.w.table->attach(g.w.dev[0], g.viommu, &entry, NULL, 0, &g.w.why), 0);
	CHECK_EQ(g.w.vdevice->destroy(vdevice), IOASID_BE_EBUSY);
	CHECK_EQ(g.w.viommu->destroy(g.viommu), IOASID_BE_EBUSY);
	CHECK_EQ(g.w.core->device_detach(g.w.dev[0]), IOASID_BE_EBUSY);
	CHECK_EQ(g.w.table->set(g.w.dev[0], IOASID_BE_ENTRY_ABORT, 0), 0);
	CHECK_EQ(g.w.table->set(g.w.dev[0], IOASID_BE_ENTRY_ABORT, 0), 0);
	CHECK(contract_blocked(&g.w, 0, 1) && contract_blocked(&g.w, 0, 0));
	CHECK_EQ(g.w.table->set(g.w.dev[0], IOASID_BE_ENTRY_BYPASS, 0), 0);
	CHECK_EQ(g.w.table->set(g.w.dev[0], 2, 0), IOASID_BE_EINVAL);
	CHECK_EQ(g.w.table->detach(g.w.dev[0], 0), 0);
	CHECK(contract_blocked(&g.w, 0, 0));
	CHECK_EQ(g.w.vdevice->destroy(vdevice), 0);
	guest_down(&g);
}

/* ---- Events ---- */

struct events {
	struct guest g;
	struct ioasid_be_vdevice *vdevice;
	struct ioasid_be_eventq *queue;
};

static void events_up(struct events *e, uint32_t depth)
{
	struct ioasid_be_queue_args args = { .struct_size = sizeof(args), .depth = depth, .cookie = 3 };
	struct ioasid_be_record entry = { 0 };
	struct contract_world *w = &e->g.w;
	int32_t fd = -2;

	guest_up(&e->g);
	args.type = w->driver->event_type;
	e->vdevice = NULL;
	e->queue = NULL;
	REQUIRE_EQ(w->vdevice->create(e->g.viommu, w->dev[0], VIRTUAL_ID, &e->vdevice, &w->why), 0);
	REQUIRE_EQ(w->event->create(e->g.viommu, &args, &e->queue, &fd), 0);
	CHECK(fd >= -1);
	w->driver->guest_entry(w->memory, &entry);
	if (w->table)
		REQUIRE_EQ(w->table->attach(w->dev[0], e->g.viommu, &entry, NULL, 0, &w->why), 0);
}

static void events_down(struct events *e)
{
	struct contract_world *w = &e->g.w;

	if (w->table)
		CHECK_EQ(w->table->detach(w->dev[0], 0), 0);
	CHECK_EQ(w->event->destroy(e->queue), 0);
	CHECK_EQ(w->vdevice->destroy(e->vdevice), 0);
	guest_down(&e->g);
}

static uint32_t read_events(struct events *e, struct ioasid_be_event_record *records, uint32_t room)
{
	struct ioasid_be_batch batch = contract_batch(records, sizeof(*records), room);

	CHECK_EQ(e->g.w.event->read(e->queue, &batch), 0);
	REQUIRE(batch.done <= room);
	return batch.done;
}

static void events_come_in_order(void)
{
	struct events e;
	struct ioasid_be_event_record r[8];
	struct ioasid_be_queue_args args = { .struct_size = sizeof(args) };
	struct ioasid_be_eventq *second = NULL;
	int32_t fd = -2;

	events_up(&e, 16);
	args.type = e.g.w.driver->event_type;
	CHECK_EQ(e.g.w.event->create(e.g.viommu, &args, &second, &fd), IOASID_BE_EEXIST);
	CHECK_EQ(e.g.w.viommu->destroy(e.g.viommu), IOASID_BE_EBUSY);
	CHECK_EQ(read_events(&e, r, 8), 0);
	for (uint8_t tag = 1; tag <= 3; tag++)
		REQUIRE_EQ(e.g.w.driver->event(e.g.w.machine, 0, tag), 0);
	CHECK_EQ(read_events(&e, r, 2), 2);
	CHECK_EQ(read_events(&e, r + 2, 6), 1);
	for (uint8_t i = 0; i < 3; i++) {
		CHECK_EQ(r[i].flags, 0);
		CHECK_EQ(r[i].sequence, r[0].sequence + i);
		CHECK(e.g.w.driver->event_is(&r[i].data, VIRTUAL_ID, (uint8_t)(i + 1)));
	}
	events_down(&e);
}

/* More than there is room for: what is missing shows as a mark, or as a gap. */
static void lost_events_show(void)
{
	enum { SENT = 32 };
	struct events e;
	struct ioasid_be_event_record r[SENT + 8];
	uint32_t count, good = 0, lost = 0;
	bool gap = false;

	events_up(&e, 4);
	for (uint8_t tag = 1; tag <= SENT; tag++)
		(void)e.g.w.driver->event(e.g.w.machine, 0, tag);
	count = read_events(&e, r, SENT + 8);
	for (uint32_t i = 0; i < count; i++) {
		if (r[i].flags & IOASID_BE_EVENT_LOST)
			lost++;
		else
			good++;
		gap = gap || (i > 0 && r[i].sequence != r[i - 1].sequence + 1);
	}
	CHECK(good > 0 && good < SENT);
	CHECK(lost > 0 || gap);
	/* And it goes on. */
	REQUIRE_EQ(e.g.w.driver->event(e.g.w.machine, 0, 77), 0);
	count = read_events(&e, r, SENT + 8);
	REQUIRE(count >= 1);
	CHECK(e.g.w.driver->event_is(&r[count - 1].data, VIRTUAL_ID, 77));
	events_down(&e);
}

#define VIOMMU IOASID_BE_IF_VIOMMU
#define VDEVICE (VIOMMU | IOASID_BE_IF_VDEVICE)

static const struct contract_case cases[] = {
	{ "a virtual IOMMU ends after what is in it and before its parent (R60)", a_viommu_ends_after_what_is_in_it, VDEVICE, 0 },
	{ "a virtual IOMMU of a type that nobody gave out is refused (R30)", an_unknown_viommu_is_refused, VIOMMU, 0 },
	{ "a translating entry needs a virtual device, and abort stops all of a device (R56, R60)",
	  an_entry_needs_its_virtual_device, VDEVICE | IOASID_BE_IF_TABLE, CONTRACT_SEEN },
	{ "events come in order, each with its virtual device (R64)", events_come_in_order, VDEVICE | IOASID_BE_IF_EVENT,
	  CONTRACT_EVENTS },
	{ "events that are lost show (R64)", lost_events_show, VDEVICE | IOASID_BE_IF_EVENT, CONTRACT_EVENTS },
};

CONTRACT_SUITE(contract_viommu, cases);
