/* The mock as a plugin: negotiation, configuration, capabilities, report. S9.10, S9.16.
 */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_rig.h"

/* ---- Negotiation ---- */

static int32_t negotiate(uint32_t major, uint32_t minor_min, uint32_t minor_max,
			 struct ioasid_be_reply *reply, struct ioasid_be_text *reason)
{
	const struct ioasid_be_query query = { .struct_size = sizeof(query),
					       .major = major,
					       .minor_min = minor_min,
					       .minor_max = minor_max,
					       .host = "test" };

	memset(reply, 0, sizeof(*reply));
	reply->struct_size = sizeof(*reply);
	reply->reason = reason;
	return rig_entry()(&query, reply);
}

static void it_answers_as_software_and_by_its_name(void)
{
	struct ioasid_be_reply reply;

	REQUIRE_EQ(negotiate(1, 0, 7, &reply, NULL), 0);
	CHECK_EQ(reply.minor, 0);
	CHECK_EQ(reply.flags, IOASID_BE_REPLY_SOFTWARE);
	CHECK(!strcmp(reply.name, "mock"));
	CHECK(reply.core && reply.core->struct_size == sizeof(*reply.core));
}

static void a_version_that_it_does_not_speak_is_refused_with_a_reason(void)
{
	char buffer[16];
	struct ioasid_be_text reason = { .struct_size = sizeof(reason),
					 .capacity = sizeof(buffer),
					 .buffer = buffer };
	struct ioasid_be_reply reply;

	CHECK_EQ(negotiate(2, 0, 0, &reply, &reason), IOASID_BE_EPROTONOSUPPORT);
	CHECK(reply.core == NULL);
	/* Cut to what there is room for. */
	CHECK_EQ(reason.length, sizeof(buffer) - 1);
	CHECK_EQ(strlen(buffer), reason.length);
	CHECK_EQ(negotiate(1, 1, 7, &reply, NULL), IOASID_BE_EPROTONOSUPPORT);
}

static void a_query_with_unknown_bytes_is_too_big(void)
{
	struct {
		struct ioasid_be_query query;
		uint64_t later;
	} wide = { .query = { .struct_size = sizeof(wide), .major = 1 }, .later = 1 };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };

	CHECK_EQ(rig_entry()(&wide.query, &reply), IOASID_BE_E2BIG);
	wide.later = 0;
	CHECK_EQ(rig_entry()(&wide.query, &reply), 0);
	wide.query.reserved[0] = 1;
	CHECK_EQ(rig_entry()(&wide.query, &reply), IOASID_BE_EINVAL);
	wide.query.struct_size = 4;
	CHECK_EQ(rig_entry()(&wide.query, &reply), IOASID_BE_EINVAL);
}

/* ---- Configuration ---- */

static void a_setting_that_cannot_be_is_refused_naming_it(void)
{
	static const struct {
		const char *config;
		const char *says;
	} tries[] = {
		{ "color=blue", "color" },
		{ "devices=0", "devices" },
		{ "devices=257", "devices" },
		{ "devices=0x", "devices" },
		{ "devices=1x", "devices" },
		{ "patience=99999999999999999999", "patience" },
		{ "iotlb=3", "iotlb" },
		{ "ats=yes", "ats" },
		{ "drain=never", "drain" },
		{ "pasid_bits=21", "pasid_bits" },
		{ "mock0.pasid_bits=21", "mock0.pasid_bits" },
		{ "mock1.ats=on", "mock1.ats" },
		{ "mock0.devices=2", "mock0.devices" },
		{ "iommu=0", "iommu" },
		{ "mock0.iommu=1", "behind IOMMU 1" },
		{ "reserved=0x1000-0xfff", "reserved" },
		{ "reserved=0x1000-0x1ffe", "reserved" },
		{ "reserved=0x1000-0x1fff,", "reserved" },
		{ "without=paging", "without" },
		{ "fail=nothing:1:5", "fail" },
		{ "fail=map:0:5", "fail" },
		{ "fail=map:1:5,", "fail" },
		{ "machine=01234567890123456789012345678901", "machine" },
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct rig rig;

		rig_core(&rig);
		CHECK_EQ(rig_try(&rig, tries[i].config), IOASID_BE_EINVAL);
		if (!CHECK(strstr(rig.text, tries[i].says)))
			CHECK_EQ(i, SIZE_MAX);
	}
}

/* What every machine has, but what a try takes away. */
#define EVERY_INTERFACE \
	(IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_NESTED | IOASID_BE_IF_INVALIDATE | \
	 IOASID_BE_IF_FAULT | IOASID_BE_IF_DIRTY)

#define GUEST_INTERFACES \
	(IOASID_BE_IF_VIOMMU | IOASID_BE_IF_VDEVICE | IOASID_BE_IF_TABLE | IOASID_BE_IF_EVENT)

static void capabilities_are_what_was_configured(void)
{
	struct rig rig;
	struct ioasid_be_ctx_caps ctx = { .struct_size = sizeof(ctx) };
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };

	rig_open(&rig,
		 "devices=4 iommus=2 pasid_bits=16 mock1.ats=on mock1.nesting=off mock1.iommu=0 "
		 "mock1.bindings=9 "
		 "iova_bits=57 max_batch=5 max_tables=6 hitless=off mock2.pasid_bits=0",
		 3);
	CHECK_EQ(rig.core->caps(rig.ctx, &ctx), 0);
	CHECK_EQ(ctx.struct_size, sizeof(ctx));
	CHECK_EQ(ctx.interfaces, EVERY_INTERFACE);
	CHECK_EQ(ctx.flags, IOASID_BE_CTX_SHARES_TABLES);
	CHECK_EQ(ctx.max_batch, 5);
	CHECK_EQ(ctx.max_tables, 6);
	CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
	CHECK_EQ(caps.pasid_bits, 16);
	CHECK_EQ(caps.iova_bits, 57);
	CHECK_EQ(caps.page_sizes, 4096);
	CHECK_EQ(caps.table_owner, IOASID_BE_OWNER_HOST);
	CHECK_EQ(caps.flags, UINT64_C(1) << IOASID_BE_CAP_PASID | UINT64_C(1) << IOASID_BE_CAP_EXEC |
				     UINT64_C(1) << IOASID_BE_CAP_PRIV |
				     UINT64_C(1) << IOASID_BE_CAP_NESTING |
				     UINT64_C(1) << IOASID_BE_CAP_DIRTY | UINT64_C(1) << IOASID_BE_CAP_BLOCK |
				     UINT64_C(1) << IOASID_BE_CAP_RID);
	CHECK_EQ(caps.iommu, 0);
	CHECK_EQ(rig.core->device_caps(rig.dev[1], &caps), 0);
	CHECK(caps.flags & UINT64_C(1) << IOASID_BE_CAP_ATS);
	CHECK(!(caps.flags & UINT64_C(1) << IOASID_BE_CAP_NESTING));
	CHECK_EQ(caps.iommu, 0);
	CHECK_EQ(caps.max_bindings, 9);
	CHECK_EQ(rig.core->device_caps(rig.dev[2], &caps), 0);
	CHECK_EQ(caps.pasid_bits, 0);
	CHECK(!(caps.flags & UINT64_C(1) << IOASID_BE_CAP_PASID));
	CHECK_EQ(caps.table_owner, IOASID_BE_OWNER_NONE);
	rig_close(&rig);
}

static void an_interface_is_there_if_and_only_if_its_bit_is(void)
{
	static const struct {
		const char *config;
		uint64_t without;
		uint64_t more;
	} tries[] = {
		{ "", 0, 0 },
		{ "without=nested", IOASID_BE_IF_NESTED, 0 },
		{ "without=pasid", IOASID_BE_IF_PASID | IOASID_BE_IF_NESTED, 0 },
		{ "without=invalidate,nested", IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_NESTED, 0 },
		{ "without=fault", IOASID_BE_IF_FAULT, 0 },
		{ "ids=2 without=id", 0, 0 },
		{ "ids=2", 0, IOASID_BE_IF_ID },
		{ "guest_tables=on", 0, GUEST_INTERFACES },
		{ "guest_tables=on without=event", 0, GUEST_INTERFACES & ~IOASID_BE_IF_EVENT },
		{ "guest_tables=on without=viommu", 0, 0 },
		{ "guest_tables=on without=invalidate", IOASID_BE_IF_INVALIDATE, 0 },
		{ "without=dirty,fault", IOASID_BE_IF_FAULT | IOASID_BE_IF_DIRTY, 0 },
	};
	static const char *const ids[] = {
		IOASID_BE_ID_PAGING,     IOASID_BE_ID_DIRTY,
		IOASID_BE_ID_PASID,      IOASID_BE_ID_NESTED,
		IOASID_BE_ID_VIOMMU,     IOASID_BE_ID_VDEVICE,
		IOASID_BE_ID_TABLE,      IOASID_BE_ID_HWQUEUE,
		IOASID_BE_ID_INVALIDATE, IOASID_BE_ID_FAULT,
		IOASID_BE_ID_EVENT,      IOASID_BE_ID_ID,
		"com.example.x/1",       "",
	};

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct rig rig;
		struct ioasid_be_ctx_caps caps = { .struct_size = sizeof(caps) };

		rig_open(&rig, tries[i].config, 1);
		CHECK_EQ(rig.core->caps(rig.ctx, &caps), 0);
		CHECK_EQ(caps.interfaces, (EVERY_INTERFACE & ~tries[i].without) | tries[i].more);
		for (size_t j = 0; j < sizeof(ids) / sizeof(ids[0]); j++) {
			const bool there = caps.interfaces >> j & 1;
			const void *table = &rig;

			CHECK_EQ(rig.core->get_interface(rig.ctx, ids[j], &table),
				 there ? 0 : IOASID_BE_ENOENT);
			CHECK_EQ(table != &rig, there);
		}
		rig_close(&rig);
	}
}

static void a_short_struct_gets_what_it_has_room_for(void)
{
	struct rig rig;
	struct ioasid_be_ctx_caps caps;

	rig_open(&rig, "max_batch=5", 0);
	memset(&caps, 0xff, sizeof(caps));
	caps.struct_size = 8;
	CHECK_EQ(rig.core->caps(rig.ctx, &caps), 0);
	CHECK_EQ(caps.struct_size, 8);
	CHECK_EQ(caps.max_batch, 5);
	CHECK_EQ(caps.interfaces, UINT64_MAX);
	caps.struct_size = 9;
	CHECK_EQ(rig.core->caps(rig.ctx, &caps), IOASID_BE_EINVAL);
	rig_close(&rig);
}

static void a_host_table_with_a_hole_is_refused(void)
{
	struct rig rig;

	rig_core(&rig);
	rig.host.table.munmap = NULL;
	CHECK_EQ(rig_try(&rig, ""), IOASID_BE_EINVAL);
	rig.host.table.munmap = (int32_t(*)(void *, void *, uint64_t))(uintptr_t)1;
	rig.host.table.struct_size = 16;
	CHECK_EQ(rig_try(&rig, ""), IOASID_BE_EINVAL);
}

static void registers_and_resets_are_told_raw(void)
{
	struct rig rig;
	struct ioasid_be_record record;
	struct ioasid_mock_registers raw;

	rig_open(&rig, "devices=2 iommus=2 pasid_bits=10", 2);
	CHECK_EQ(rig.core->device_reset(rig.dev[1]), 0);
	CHECK_EQ(rig.core->device_registers(rig.dev[1], &record), 0);
	CHECK_EQ(record.type, IOASID_BE_REGS_MOCK);
	CHECK_EQ(record.length, sizeof(raw));
	memcpy(&raw, record.bytes, sizeof(raw));
	CHECK_EQ(raw.device, 1);
	CHECK_EQ(raw.iommu, 1);
	CHECK_EQ(raw.pasid_bits, 10);
	CHECK_EQ(raw.resets, 1);
	rig_close(&rig);
}

/* ---- The report ---- */

/* S9.10 */
static void the_report_has_a_line_for_every_capability_and_says_what_is_missing(void)
{
	struct rig rig;
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };

	rig_open(&rig, "hitless=off dirty=off reserved=0xfee00000-0xfeefffff without=nested", 1);
	CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
	for (uint32_t i = 0; i < IOASID_BE_CAP_COUNT; i++) {
		uint32_t why = rig_why_not(&rig, i);

		if (i != IOASID_BE_CAP_MAPPING)
			CHECK_EQ(why == IOASID_BE_WHY_NONE, caps.flags >> i & 1);
	}
	CHECK_EQ(rig.core->device_report(rig.dev[0], IOASID_BE_CAP_COUNT, &line, NULL), IOASID_BE_ENOENT);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_HITLESS), IOASID_BE_WHY_HARDWARE);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_DIRTY), IOASID_BE_WHY_HARDWARE);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_NESTING), IOASID_BE_WHY_MODE);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_HWQUEUE), IOASID_BE_WHY_BACKEND);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_MAPPING), IOASID_BE_WHY_OTHER);
	CHECK_EQ(rig_why_not(&rig, IOASID_BE_CAP_PASID), IOASID_BE_WHY_NONE);
	CHECK(strstr(rig.text, "20 bits"));
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "it answers as software and by its name (S9.16)", it_answers_as_software_and_by_its_name },
	{ "a version that it does not speak is refused with a reason",
	  a_version_that_it_does_not_speak_is_refused_with_a_reason },
	{ "a query with unknown bytes is too big", a_query_with_unknown_bytes_is_too_big },
	{ "a setting that cannot be is refused, naming it", a_setting_that_cannot_be_is_refused_naming_it },
	{ "capabilities are what was configured", capabilities_are_what_was_configured },
	{ "an interface is there if and only if its bit is",
	  an_interface_is_there_if_and_only_if_its_bit_is },
	{ "a short struct gets what it has room for", a_short_struct_gets_what_it_has_room_for },
	{ "a host table with a hole is refused", a_host_table_with_a_hole_is_refused },
	{ "registers and resets are told raw (S9.10)", registers_and_resets_are_told_raw },
	{ "the report has a line for every capability and says what is missing (S9.10)",
	  the_report_has_a_line_for_every_capability_and_says_what_is_missing },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_core", cases, argc, argv);
}
