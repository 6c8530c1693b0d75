/* An emulated VT-d unit for tests; see guest_viommu.h. */
#include "tests/guest_viommu.h"

#include <string.h>

static uint32_t fault_flag(const struct viommu *v)
{
	return v->pages.pqa ? IOASID_BIND_FAULT : 0;
}

/* ---- The guest ---- */

void viommu_open(struct viommu *v, struct drig *rig, unsigned int number, bool faults)
{
	char name[] = { 'm', 'o', 'c', 'k', (char)('0' + number), 0 };

	memset(v, 0, sizeof(*v));
	v->rig = rig;
	v->number = number;
	v->set = set_make(rig->pool, VIOMMU_PASIDS);
	REQUIRE_EQ(drig_attach(rig, name, IOASID_DEVICE_DIRECT, NULL, &v->device), 0);
	REQUIRE_EQ(ioasid_device_assign(v->device, v->set), 0);
	image_open(&v->image);
	image_word(&v->image, VIOMMU_ROOT, 0x101001);
	/* Device 1, function 0: entry 8 of 32 bytes. PDTS 0: 128 directory entries. */
	image_word(&v->image, 0x101100, VIOMMU_DIR | 0x1d);
	image_word(&v->image, VIOMMU_DIR, VIOMMU_TABLE | 1);
	v->queue = (struct ioasid_guest_vtd_queue){ .rtaddr = VIOMMU_ROOT | 0x400, .iqa = VIOMMU_QUEUE | 0x800 };
	v->pages.pqa = faults ? VIOMMU_PAGES : 0;
}

void viommu_close(struct viommu *v)
{
	CHECK_EQ(ioasid_device_close(v->device), 0);
	for (uint32_t p = 0; p < VIOMMU_PASIDS; p++) {
		if (v->pasid[p].known) {
			CHECK_EQ(ioasid_free(v->set, p), 0);
			drig_settle(v->rig, p);
		}
	}
	set_end(v->set);
	image_close(&v->image);
}

void viommu_set(struct viommu *v, uint32_t pasid, uint32_t domain, unsigned int t)
{
	/* The rig has the four levels of table t from page 8 + 4 * t on. */
	image_entry(&v->image, VIOMMU_TABLE, pasid, domain, (8 + 4 * (uint64_t)t) * DRIG_PAGE);
}

void viommu_clear(struct viommu *v, uint32_t pasid)
{
	memset(v->image.bytes + VIOMMU_TABLE + 64 * pasid, 0, 64);
}

void viommu_write(struct viommu *v, uint64_t word0, uint64_t word1)
{
	const uint64_t words[4] = { word0, word1 };

	image_put(&v->image, VIOMMU_QUEUE + v->queue.iqt, words, 4);
	v->queue.iqt = (v->queue.iqt + VIOMMU_WIDTH) % VIOMMU_QUEUE_BYTES;
}

uint32_t viommu_status(struct viommu *v)
{
	uint32_t status;

	memcpy(&status, v->image.bytes + VIOMMU_STATUS, sizeof(status));
	return status;
}

/* ---- The unit ---- */

/* The record of the mock's own tables. A backend of VT-d takes ioasid_guest_vtd_entry_record()'s as it is. */
static struct ioasid_record mock_record(const struct ioasid_guest_vtd_entry *entry)
{
	struct ioasid_mock_table table = { .width = IOASID_MOCK_TABLE_WIDTH };
	struct ioasid_record record, mock = { .type = IOASID_BE_PT_MOCK, .length = sizeof(table) };

	REQUIRE_EQ(ioasid_guest_vtd_entry_record(entry, &record), 0);
	REQUIRE_EQ(record.type, IOASID_BE_PT_VTD_S1);
	memcpy(&table.root, record.bytes + 8, sizeof(table.root));
	memcpy(mock.bytes, &table, sizeof(table));
	return mock;
}

/* PASIDs by their number, IOASID_GUEST_VTD_NO_PASID for requests without one. */
static struct viommu_slot *slot_of(struct viommu *v, uint32_t pasid)
{
	return pasid == IOASID_GUEST_VTD_NO_PASID ? &v->rid : &v->pasid[pasid];
}

/* A DIRECT device puts the guest's number on the wire, so the IOASID has the same. */
static ioasid_t id_of(uint32_t pasid)
{
	return pasid == IOASID_GUEST_VTD_NO_PASID ? IOASID_NO_PASID : pasid;
}

static void take_down(struct viommu *v, uint32_t pasid)
{
	struct viommu_slot *slot = slot_of(v, pasid);

	if (slot->bound)
		CHECK_EQ(ioasid_unbind(v->device, v->set, id_of(pasid), IOASID_COOKIE_NONE), 0);
	slot->bound = false;
}

/* The guest's entry is in force: bound afresh, or in the place of the one before. What cannot be is blocked. */
static void put_up(struct viommu *v, uint32_t pasid, const struct ioasid_guest_vtd_entry *entry)
{
	struct viommu_slot *slot = slot_of(v, pasid);
	struct ioasid_record record;
	struct ioasid_bind_data data = {
		.struct_size = sizeof(data), .flags = fault_flag(v) | IOASID_BIND_DOMAIN, .id = id_of(pasid), .entry = &record,
		.parent = v->rig->parent, .domain = entry->domain, .spid = ioasid_spid_make(pasid),
	};
	ioasid_t id = pasid;
	int rc;

	if (entry->type != IOASID_GUEST_VTD_FIRST) {
		take_down(v, pasid);
		return;
	}
	record = mock_record(entry);
	if (!slot->known && slot != &v->rid)
		REQUIRE_EQ(ioasid_alloc(v->set, id, id, NULL, &id), 0);
	slot->known = true;
	if (slot->bound && !memcmp(entry, &slot->entry, sizeof(*entry)))
		return;
	v->rebinds += slot->bound;
	/* The SPID is what an invalidation names it by that says no device. The RID has none. */
	data.flags |= slot->bound || slot == &v->rid ? 0 : IOASID_BIND_SPID;
	rc = slot->bound ? ioasid_rebind(v->device, v->set, &data) : ioasid_bind_gpasid(v->device, v->set, &data);
	if (rc) {
		/* Nothing that the backend could not take: then what was there must not stay. */
		take_down(v, pasid);
		return;
	}
	slot->bound = true;
	slot->entry = *entry;
}

/* The entry that is RID_PASID is that of requests without PASID, and of no others. */
static uint32_t request_of(const struct ioasid_guest_vtd_context *context, uint32_t pasid)
{
	return pasid == context->rid_pasid ? IOASID_GUEST_VTD_NO_PASID : pasid;
}

static void apply_item(struct viommu *v, const struct ioasid_guest_vtd_context *context,
		       const struct ioasid_guest_vtd_item *item)
{
	for (uint32_t p = item->pasid; p < item->pasid + item->count && p < VIOMMU_PASIDS; p++) {
		uint32_t pasid = request_of(context, p);

		slot_of(v, pasid)->seen = true;
		if (item->status)
			take_down(v, pasid);
		else
			put_up(v, pasid, &item->entry);
	}
}

/* Reads an entry by itself, in whatever domain it is now. */
static void look_again(struct viommu *v, const struct ioasid_guest_vtd_context *context, uint32_t pasid)
{
	struct ioasid_guest_vtd_entry entry;

	if (context && !ioasid_guest_vtd_entry_find(&v->image.unit, context, pasid, &entry, NULL))
		put_up(v, pasid, &entry);
	else
		take_down(v, pasid);
}

static bool in_domain(const struct viommu_slot *slot, uint32_t domain)
{
	return domain == IOASID_GUEST_VTD_ANY_DOMAIN || slot->entry.domain == domain;
}

/*
 * Brings bindings and table together, for one PASID or all, of a domain or any. The walk finds what is of the
 * domain now. What was bound under it may have gone to another one, by a new id in the same entry: hardware
 * forgets the old one and reads the entry again, so we do.
 */
static void pasid_cache(struct viommu *v, uint32_t first, uint32_t last, uint32_t domain)
{
	struct ioasid_guest_vtd_context context = { 0 };
	struct ioasid_guest_vtd_cursor cursor;
	struct ioasid_guest_vtd_item items[4];
	uint32_t count;
	bool found = !ioasid_guest_vtd_context_find(&v->image.unit, v->queue.rtaddr, VIOMMU_SOURCE, &context, NULL);
	int rc = found;

	v->rid.seen = false;
	for (uint32_t p = 0; p < VIOMMU_PASIDS; p++)
		v->pasid[p].seen = false;
	REQUIRE_EQ(ioasid_guest_vtd_cursor_init(&cursor, first, last, domain), 0);
	while (rc == 1) {
		rc = ioasid_guest_vtd_walk(&v->image.unit, &context, &cursor, 64, items, 4, &count);
		REQUIRE(rc >= 0);
		for (uint32_t i = 0; i < count; i++)
			apply_item(v, &context, &items[i]);
	}
	for (uint32_t p = first; p <= last && p < VIOMMU_PASIDS; p++) {
		uint32_t pasid = request_of(&context, p);
		const struct viommu_slot *slot = slot_of(v, pasid);

		if (slot->bound && !slot->seen && in_domain(slot, domain))
			look_again(v, found ? &context : NULL, pasid);
	}
	v->rid_pasid = context.rid_pasid;
}

/* ---- The invalidation queue ---- */

static void respond(struct viommu *v, const struct ioasid_guest_vtd_invalidation *answer)
{
	ioasid_spid_t spid = ioasid_spid_make(answer->pasid == IOASID_GUEST_VTD_NO_PASID ? IOASID_SPID_NONE : answer->pasid);
	uint32_t code = answer->response == IOASID_GUEST_VTD_RESPONSE_SUCCESS ? IOASID_FAULT_SUCCESS :
			answer->response == IOASID_GUEST_VTD_RESPONSE_INVALID ? IOASID_FAULT_INVALID : IOASID_FAULT_FAILURE;

	if (answer->source == VIOMMU_SOURCE)
		CHECK_EQ(ioasid_fault_respond(v->device, v->set, spid, answer->group, code), 0);
	v->responses++;
}

/* A context entry may say anything else now, so all that it leads to is looked at again. */
static void context_cache(struct viommu *v, const struct ioasid_guest_vtd_invalidation *i)
{
	if (i->scope != IOASID_GUEST_VTD_SCOPE_DEVICE || !((i->source ^ VIOMMU_SOURCE) & ~i->source_mask))
		pasid_cache(v, 0, IOASID_SPID_MAX, IOASID_GUEST_VTD_ANY_DOMAIN);
}

static int invalidate(struct viommu *v, const struct ioasid_guest_vtd_invalidation *i)
{
	struct ioasid_invalidation items[VIOMMU_ITEMS];
	unsigned int count = viommu_items(v, i, items);

	v->iotlb++;
	return ioasid_invalidate(v->set, items, count, NULL);
}

/* Return: 0, or why it could not be done. */
static int carry_out(struct viommu *v, const struct ioasid_guest_vtd_invalidation *i)
{
	switch (i->type) {
	case IOASID_GUEST_VTD_INV_CONTEXT:
		context_cache(v, i);
		return 0;
	case IOASID_GUEST_VTD_INV_PASID_CACHE:
		if (i->scope == IOASID_GUEST_VTD_SCOPE_PASID)
			pasid_cache(v, i->pasid, i->pasid, i->domain);
		else
			pasid_cache(v, 0, IOASID_SPID_MAX,
				    i->scope == IOASID_GUEST_VTD_SCOPE_DOMAIN ? i->domain : IOASID_GUEST_VTD_ANY_DOMAIN);
		return 0;
	case IOASID_GUEST_VTD_INV_WAIT:
		if (i->flags & IOASID_GUEST_VTD_WAIT_STATUS && i->status_address <= IMAGE_BYTES - 4)
			memcpy(v->image.bytes + i->status_address, &i->status_data, 4);
		return 0;
	case IOASID_GUEST_VTD_INV_RESPONSE:
		respond(v, i);
		return 0;
	case IOASID_GUEST_VTD_INV_IOTLB:
	case IOASID_GUEST_VTD_INV_PASID_IOTLB:
	case IOASID_GUEST_VTD_INV_DEVICE_TLB:
	case IOASID_GUEST_VTD_INV_PASID_TLB:
		return invalidate(v, i);
	default:
		/* Interrupt entries: another part of the unit has those. */
		return 0;
	}
}

int viommu_ring(struct viommu *v)
{
	struct ioasid_guest_vtd_invalidation out[3];
	uint32_t count;
	int rc, failed = 0;

	do {
		const uint64_t head = v->queue.iqh;

		rc = ioasid_guest_vtd_queue_read(&v->image.unit, &v->queue, out, 3, &count, &v->error);
		for (uint32_t i = 0; i < count && !failed; i++) {
			failed = carry_out(v, &out[i]);
			/* What was not done stays in the queue, and nothing behind it is. */
			if (failed)
				v->queue.iqh = (head + VIOMMU_WIDTH * i) % VIOMMU_QUEUE_BYTES;
		}
	} while (!rc && !failed && count);
	return failed ? failed : rc;
}

int viommu_submit(struct viommu *v, uint32_t number)
{
	viommu_write(v, (uint64_t)number << 32 | 0x25, VIOMMU_STATUS);
	return viommu_ring(v);
}

/* The guest's queue is full. With a success the device tries again, and asks again; anything else would fail
 * what a healthy guest does. */
static void overflow(struct viommu *v, const struct ioasid_fault *fault)
{
	if (fault->flags & IOASID_FAULT_LAST)
		CHECK_EQ(ioasid_fault_respond_handle(v->rig->on.context, fault->handle, IOASID_FAULT_SUCCESS), 0);
}

unsigned int viommu_faults(struct viommu *v)
{
	struct ioasid_guest_vtd_page_slot slot;
	struct ioasid_fault fault;
	unsigned int told = 0;
	uint32_t count = 1;
	int rc;

	while (!ioasid_fault_read(v->rig->on.context, &fault, sizeof(fault), &count) && count) {
		const struct ioasid_guest_vtd_page_request request = {
			.address = fault.address, .source = VIOMMU_SOURCE, .group = fault.group & 511,
			.pasid = fault.spid.value == IOASID_SPID_NONE ? IOASID_GUEST_VTD_NO_PASID : fault.spid.value,
			.flags = (fault.flags & IOASID_FAULT_READ ? IOASID_GUEST_VTD_PAGE_READ : 0) |
				 (fault.flags & IOASID_FAULT_WRITE ? IOASID_GUEST_VTD_PAGE_WRITE : 0) |
				 (fault.flags & IOASID_FAULT_LAST ? IOASID_GUEST_VTD_PAGE_LAST : 0),
		};

		REQUIRE(fault.device == v->device);
		rc = ioasid_guest_vtd_page_queue_put(&v->image.unit, &v->pages, &request, &slot, NULL);
		if (rc == -ENOSPC) {
			overflow(v, &fault);
			continue;
		}
		REQUIRE_EQ(rc, 0);
		REQUIRE(slot.address + sizeof(slot.bytes) <= IMAGE_BYTES);
		memcpy(v->image.bytes + slot.address, slot.bytes, sizeof(slot.bytes));
		told++;
	}
	return told;
}
