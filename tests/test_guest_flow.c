/*
 * From a guest's memory to DMA: a guest of an emulated VT-d unit sets, changes and clears PASID table
 * entries, invalidates, and answers page requests; what its device may reach follows.
 */
#include "tests/guest_viommu.h"

/* PASID-cache: one PASID of a domain, a domain, all. */
#define FLUSH_PASID(pasid, domain) (UINT64_C(0x17) | (uint64_t)(domain) << 16 | (uint64_t)(pasid) << 32)
#define FLUSH_DOMAIN(domain)       (UINT64_C(0x7) | (uint64_t)(domain) << 16)
#define FLUSH_ALL                  UINT64_C(0x37)

static void up(struct viommu *v, struct drig *rig)
{
	drig_open(rig, "devices=2", 0);
	viommu_open(v, rig, 0, false);
}

static void down(struct viommu *v)
{
	struct drig *rig = v->rig;

	viommu_close(v);
	drig_close(rig);
}

/* S9.1, S9.3, S3.5 */
static void an_entry_is_in_force_when_the_wait_is_over(void)
{
	struct viommu v;
	struct drig rig;

	up(&v, &rig);
	viommu_set(&v, 5, 1, 2);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
	viommu_write(&v, FLUSH_PASID(5, 1), 0);
	viommu_write(&v, 0x26 | UINT64_C(5) << 32 | 1 << 16, 0);
	CHECK_EQ(viommu_submit(&v, 77), 0);
	CHECK_EQ(viommu_status(&v), 77);
	CHECK_EQ(v.iotlb, 1);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
	/* Another table in the same entry: replaced, not taken down. */
	viommu_set(&v, 5, 1, 3);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
	viommu_write(&v, FLUSH_PASID(5, 1), 0);
	CHECK_EQ(viommu_submit(&v, 78), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(3));
	CHECK_EQ(v.rebinds, 1);
	/* Cleared, and set again at once: the IOASID is the same and has never been free. */
	viommu_clear(&v, 5);
	viommu_write(&v, FLUSH_PASID(5, 1), 0);
	CHECK_EQ(viommu_submit(&v, 79), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
	CHECK_EQ(id_refs(v.set, 5), 1);
	viommu_set(&v, 5, 1, 4);
	viommu_write(&v, FLUSH_PASID(5, 1), 0);
	CHECK_EQ(viommu_submit(&v, 80), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(4));
	CHECK_EQ(id_refs(v.set, 5), 2);
	down(&v);
}

static void invalidations_reach_as_far_as_they_say(void)
{
	struct viommu v;
	struct drig rig;

	up(&v, &rig);
	for (uint32_t p = 1; p <= 4; p++)
		viommu_set(&v, p, 10 + p % 2, 1);
	viommu_write(&v, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&v, 1), 0);
	for (uint32_t p = 1; p <= 4; p++) {
		CHECK_EQ(drig_read(&rig, 0, p), DRIG_BYTE(1));
		viommu_clear(&v, p);
	}
	/* PASIDs 1 and 3 are of domain 11. */
	viommu_write(&v, FLUSH_PASID(3, 11), 0);
	CHECK_EQ(viommu_submit(&v, 2), 0);
	CHECK_EQ(drig_read(&rig, 0, 3), DRIG_BLOCKED);
	CHECK_EQ(drig_read(&rig, 0, 1), DRIG_BYTE(1));
	viommu_write(&v, FLUSH_DOMAIN(11), 0);
	CHECK_EQ(viommu_submit(&v, 3), 0);
	CHECK_EQ(drig_read(&rig, 0, 1), DRIG_BLOCKED);
	CHECK_EQ(drig_read(&rig, 0, 2), DRIG_BYTE(1));
	viommu_write(&v, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&v, 4), 0);
	CHECK_EQ(drig_read(&rig, 0, 2), DRIG_BLOCKED);
	CHECK_EQ(drig_live(&rig).tables, 0);
	down(&v);
}

/* An entry is changed in place, and the guest invalidates by the domain id that it had. */
static void an_entry_that_changes_its_domain_goes_on(void)
{
	static const uint64_t flushes[] = { FLUSH_DOMAIN(11), FLUSH_PASID(5, 11), FLUSH_ALL };

	for (unsigned int i = 0; i < sizeof(flushes) / sizeof(flushes[0]); i++) {
		struct viommu v;
		struct drig rig;

		up(&v, &rig);
		for (uint32_t p = 0; p < 8; p++)
			viommu_set(&v, p, p == 6 ? 12 : 11, 1);
		viommu_write(&v, FLUSH_ALL, 0);
		CHECK_EQ(viommu_submit(&v, 1), 0);
		/* 5 goes to another domain and table, 7 away, the RID to another domain only; 6 is not
		 * flushed. */
		viommu_set(&v, 5, 13, 2);
		viommu_clear(&v, 7);
		viommu_set(&v, 0, 13, 3);
		viommu_set(&v, 6, 12, 4);
		viommu_write(&v, flushes[i], 0);
		CHECK_EQ(viommu_submit(&v, 2), 0);
		CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
		CHECK_EQ(drig_read(&rig, 0, 6), DRIG_BYTE(i == 2 ? 4 : 1));
		CHECK_EQ(drig_read(&rig, 0, 7), i == 1 ? DRIG_BYTE(1) : DRIG_BLOCKED);
		CHECK_EQ(drig_read(&rig, 0, 0), DRIG_BYTE(i == 1 ? 1 : 3));
		/* It is of the new domain from here on. */
		viommu_clear(&v, 5);
		viommu_write(&v, FLUSH_DOMAIN(11), 0);
		CHECK_EQ(viommu_submit(&v, 3), 0);
		CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
		viommu_write(&v, FLUSH_DOMAIN(13), 0);
		CHECK_EQ(viommu_submit(&v, 4), 0);
		CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
		down(&v);
	}
}

static void a_malformed_entry_reaches_nothing(void)
{
	static const uint64_t wrong[][3] = {
		{ 0x49 | 0x400, 1, 0x8000 },          /* a reserved bit */
		{ 0x49, 1, UINT64_C(1) << 46 },       /* a root beyond the width */
		{ 0x149, 1, 0x8000 },                 /* a type that is none */
		{ 0x49, 1 | UINT64_C(1) << 40, 0x8000 }, /* memory types that the unit lacks */
		{ 0x89, 1, 0 },                       /* well-formed, but for the host to shadow */
	};
	struct viommu v;
	struct drig rig;

	up(&v, &rig);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		viommu_set(&v, 5, 1, 2);
		viommu_set(&v, 6, 1, 3);
		viommu_write(&v, FLUSH_ALL, 0);
		CHECK_EQ(viommu_submit(&v, i), 0);
		CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
		image_put(&v.image, VIOMMU_TABLE + 5 * 64, wrong[i], 3);
		viommu_write(&v, FLUSH_ALL, 0);
		CHECK_EQ(viommu_submit(&v, i), 0);
		CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
		CHECK_EQ(drig_read(&rig, 0, 6), DRIG_BYTE(3));
	}
	down(&v);
}

static void a_malformed_descriptor_stops_the_guests_own_queue_only(void)
{
	struct viommu v, other;
	struct drig rig;

	up(&v, &rig);
	viommu_open(&other, &rig, 1, false);
	viommu_set(&v, 5, 1, 2);
	viommu_set(&other, 6, 1, 3);
	viommu_write(&v, FLUSH_PASID(5, 1), 0);
	viommu_write(&v, FLUSH_ALL | 0x1000, 0);
	CHECK_EQ(viommu_submit(&v, 9), -EBADMSG);
	/* What stood before it is done, the wait behind it is not; the guest is shown where and why. */
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
	CHECK_EQ(viommu_status(&v), 0);
	CHECK_EQ(v.queue.iqh, 32);
	CHECK_EQ(v.error.reason, 4);
	CHECK_EQ(v.error.address, VIOMMU_QUEUE + 32);
	viommu_write(&other, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&other, 10), 0);
	CHECK_EQ(drig_read(&rig, 1, 6), DRIG_BYTE(3));
	CHECK_EQ(viommu_status(&other), 10);
	/* Mended, it goes on. */
	image_word(&v.image, VIOMMU_QUEUE + 32, FLUSH_ALL);
	CHECK_EQ(viommu_submit(&v, 11), 0);
	CHECK_EQ(viommu_status(&v), 11);
	viommu_close(&other);
	down(&v);
}

static void a_device_without_context_entry_loses_its_bindings(void)
{
	struct viommu v;
	struct drig rig;

	up(&v, &rig);
	viommu_set(&v, 5, 1, 2);
	viommu_write(&v, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&v, 1), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
	image_word(&v.image, 0x101100, 0);
	viommu_write(&v, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&v, 2), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
	/* It comes back, and goes: context-cache, of another device and of this one. */
	image_word(&v.image, 0x101100, VIOMMU_DIR | 0x1d);
	viommu_write(&v, 0x31 | UINT64_C(0x0010) << 32, 0);
	CHECK_EQ(viommu_submit(&v, 3), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
	viommu_write(&v, 0x31 | (uint64_t)VIOMMU_SOURCE << 32, 0);
	CHECK_EQ(viommu_submit(&v, 4), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(2));
	image_word(&v.image, 0x101100, 0);
	viommu_write(&v, 0x11, 0);
	CHECK_EQ(viommu_submit(&v, 5), 0);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BLOCKED);
	down(&v);
}

/* S18.1, S18.2: from the device to the guest and back. */
static void a_page_request_is_answered_by_the_guest(void)
{
	static const struct {
		uint64_t guest;
		uint32_t host;
	} codes[] = { { 0, IOASID_BE_RESPOND_SUCCESS }, { 1, IOASID_BE_RESPOND_INVALID }, { 15, IOASID_BE_RESPOND_FAILURE } };
	struct viommu v;
	struct drig rig;

	drig_open(&rig, "devices=1 ats=on pri=on", 0);
	viommu_open(&v, &rig, 0, true);
	viommu_set(&v, 5, 1, 2);
	viommu_write(&v, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&v, 1), 0);
	for (unsigned int i = 0; i < 3; i++) {
		struct ioasid_mock_page_request request = {
			.struct_size = sizeof(request), .pasid = 5, .group = 40 + i, .address = 0x7000,
			.flags = IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST,
		};
		struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
		uint64_t words[2];

		REQUIRE_EQ(rig.on.control->page_request(rig.on.mock, &request), 0);
		CHECK_EQ(viommu_faults(&v), 1);
		CHECK_EQ(v.pages.pqt, 32 * (i + 1));
		CHECK_EQ(v.pages.prs, IOASID_GUEST_VTD_PRS_PENDING);
		memcpy(words, v.image.bytes + VIOMMU_PAGES + 32 * i, sizeof(words));
		CHECK_EQ(words[0], 0x0000000500080101);
		CHECK_EQ(words[1], (0x7000 | (40 + i) << 3 | 5));
		v.pages.pqh = v.pages.pqt;
		/* The guest's answer: source, PASID, group and LPIG out of the request. */
		viommu_write(&v, 0x19 | codes[i].guest << 12 | (words[0] & 0x000fffffffff0000), words[1] & 0xffc);
		CHECK_EQ(viommu_submit(&v, 2 + i), 0);
		CHECK_EQ(v.responses, i + 1);
		CHECK_EQ(rig.on.control->page_response(rig.on.mock, 0, 5, 40 + i, drig_now() + 1000 * DRIG_MS, &answer), 0);
		CHECK_EQ(answer.code, codes[i].host);
		CHECK_EQ(answer.by, IOASID_MOCK_BY_HOST);
	}
	/* An answer to nothing, or of another device, is without effect. */
	viommu_write(&v, 0x0000000500080019, 0x1fc);
	viommu_write(&v, 0x0000000500100019, 0x1fc);
	CHECK_EQ(viommu_submit(&v, 9), 0);
	viommu_close(&v);
	drig_close(&rig);
}

/* A guest that is slow with its queue loses no work by it: the device is told to try again. */
static void a_full_page_queue_makes_the_device_ask_again(void)
{
	enum { ROOM = 127, MORE = 3 };
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
	struct viommu v;
	struct drig rig;

	drig_open(&rig, "devices=1 ats=on pri=on", 0);
	viommu_open(&v, &rig, 0, true);
	viommu_set(&v, 5, 1, 2);
	viommu_write(&v, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&v, 1), 0);
	for (uint32_t group = 0; group < ROOM + MORE; group++) {
		const struct ioasid_mock_page_request request = {
			.struct_size = sizeof(request), .pasid = 5, .group = group, .address = 0x7000,
			.flags = IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST,
		};

		if (group == ROOM + MORE - 1) {
			/* The guest has seen to its queue. */
			v.pages.pqh = v.pages.pqt;
			v.pages.prs = 0;
		}
		REQUIRE_EQ(rig.on.control->page_request(rig.on.mock, &request), 0);
		CHECK_EQ(viommu_faults(&v), group < ROOM || group == ROOM + MORE - 1);
		CHECK_EQ(v.pages.prs & IOASID_GUEST_VTD_PRS_OVERFLOW,
			 group < ROOM || group == ROOM + MORE - 1 ? 0 : IOASID_GUEST_VTD_PRS_OVERFLOW);
	}
	for (uint32_t group = 0; group < ROOM + MORE; group++) {
		bool full = group >= ROOM && group < ROOM + MORE - 1;

		CHECK_EQ(rig.on.control->page_response(rig.on.mock, 0, 5, group, 0, &answer), full ? 0 : IOASID_BE_EAGAIN);
		CHECK(!full || (answer.code == IOASID_BE_RESPOND_SUCCESS && answer.by == IOASID_MOCK_BY_HOST));
	}
	viommu_close(&v);
	drig_close(&rig);
}

/* What the device may reach is what the table says, whatever was in it before. */
static void check_reach(struct viommu *v)
{
	struct ioasid_guest_vtd_context context = { 0 };

	REQUIRE_EQ(ioasid_guest_vtd_context_find(&v->image.unit, v->queue.rtaddr, VIOMMU_SOURCE, &context, NULL), 0);
	for (uint32_t p = 1; p < 8; p++) {
		struct ioasid_guest_vtd_entry entry;
		int want = DRIG_BLOCKED;

		if (!ioasid_guest_vtd_entry_find(&v->image.unit, &context, p, &entry, NULL) &&
		    entry.type == IOASID_GUEST_VTD_FIRST)
			want = DRIG_BYTE((entry.first_root / DRIG_PAGE - 8) / 4);
		CHECK_EQ(drig_read(v->rig, v->number, p), want);
	}
}

/* S2.6: a guest that writes anything, beside one that works. */
static void a_guest_that_writes_anything_moves_nothing_of_another(void)
{
	struct viommu v, other;
	uint64_t seed = 0x90e57;
	struct drig rig;

	up(&v, &rig);
	viommu_open(&other, &rig, 1, false);
	viommu_set(&other, 40, 1, 5);
	viommu_write(&other, FLUSH_ALL, 0);
	CHECK_EQ(viommu_submit(&other, 1), 0);
	for (unsigned int round = 0; round < rounds(2000); round++) {
		uint32_t p = 1 + rnd(&seed) % 7;
		uint64_t flush = rnd(&seed) % 3 ? FLUSH_ALL : rnd(&seed);

		switch (rnd(&seed) % 4) {
		case 0:
			viommu_clear(&v, p);
			break;
		case 1:
			v.image.bytes[VIOMMU_TABLE + 64 * p + rnd(&seed) % 64] ^= (uint8_t)(1u << rnd(&seed) % 8);
			/* Roots are the rig's tables: others would be the mock's to judge. */
			image_word(&v.image, VIOMMU_TABLE + 64 * p + 16, (8 + 4 * (uint64_t)(p % 5)) * DRIG_PAGE);
			break;
		default:
			viommu_set(&v, p, rnd(&seed) % 3, rnd(&seed) % 5);
			break;
		}
		viommu_write(&v, flush, rnd(&seed) % 4 ? 0 : rnd(&seed));
		if (viommu_submit(&v, round)) {
			/* As a guest's driver does: it throws away what it had queued. */
			v.queue.iqh = v.queue.iqt;
		}
		viommu_write(&v, FLUSH_ALL, 0);
		CHECK_EQ(viommu_submit(&v, round), 0);
		check_reach(&v);
		CHECK_EQ(drig_read(&rig, 1, 40), DRIG_BYTE(5));
	}
	viommu_close(&other);
	down(&v);
}

static const struct test_case cases[] = {
	{ "S3.5, S9.1, S9.3 an entry is in force when the guest's wait is over", an_entry_is_in_force_when_the_wait_is_over },
	{ "invalidations reach as far as they say", invalidations_reach_as_far_as_they_say },
	{ "S9.3 an entry that changes its domain goes on, whatever it is flushed by",
	  an_entry_that_changes_its_domain_goes_on },
	{ "S9.5 a malformed entry reaches nothing, its neighbour goes on", a_malformed_entry_reaches_nothing },
	{ "S2.6 a malformed descriptor stops the guest's own queue only",
	  a_malformed_descriptor_stops_the_guests_own_queue_only },
	{ "a device without context entry loses its bindings", a_device_without_context_entry_loses_its_bindings },
	{ "S18.1, S18.2 a page request is answered by the guest", a_page_request_is_answered_by_the_guest },
	{ "S18.2 a full page request queue makes the device ask again", a_full_page_queue_makes_the_device_ask_again },
	{ "S2.6 a guest that writes anything moves nothing of another",
	  a_guest_that_writes_anything_moves_nothing_of_another },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest flow", cases, argc, argv);
}
