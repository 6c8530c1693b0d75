/* What a guest is promised of its devices before it looks, and how that is kept (S9.10). */
#include <string.h>

#include "tests/counting_backend.h"
#include "tests/device_rig.h"
#include "tests/harness.h"

/* A bind of an IOASID to table 1, and what it says. */
static int bind_why(struct drig *r, unsigned int device, ioasid_t id, struct ioasid_reason *why)
{
	struct ioasid_bind_data data = drig_data(r, id, IOASID_SPID_NONE, 1, 0);

	data.why = why;
	return ioasid_bind_gpasid(r->device[device], r->set, &data);
}

static bool is(const struct ioasid_reason *why, const char *words)
{
	return test_check(strcmp(why->text, words) == 0, why->text, __FILE__, __LINE__);
}

static void the_promise_is_what_all_devices_have(void)
{
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) }, frozen = { .struct_size = sizeof(frozen) };
	struct drig r;

	drig_open(&r, "devices=3 iommus=2 mock0.pasid_bits=16 mock1.exec=off mock1.bindings=9 mock2.iova_bits=39 "
		  "mock0.bindings=30 mock2.hitless=off", 3);
	CHECK_EQ(ioasid_caps_frozen(r.set, &frozen), -ENOENT);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 3, &caps), 0);
	CHECK_EQ(caps.pasid_bits, 16);
	CHECK_EQ(caps.iova_bits, 39);
	CHECK_EQ(caps.max_bindings, 9);
	CHECK_EQ(caps.table_owner, IOASID_TABLE_OWNER_HOST);
	CHECK_EQ(caps.page_sizes, 4096);
	CHECK_EQ(caps.iommu, 0);
	CHECK_EQ(caps.flags >> IOASID_CAP_EXEC & 1, 0);
	CHECK_EQ(caps.flags >> IOASID_CAP_HITLESS & 1, 0);
	CHECK_EQ(caps.flags >> IOASID_CAP_PASID & 1, 1);
	CHECK_EQ(caps.flags >> IOASID_CAP_NESTING & 1, 1);
	CHECK_EQ(ioasid_caps_frozen(r.set, &frozen), 0);
	CHECK(memcmp(&caps, &frozen, sizeof(caps)) == 0);
	/* Who has it all is bound, also the one that has more than the promise. */
	for (unsigned int i = 0; i < 3; i++)
		CHECK_EQ(ioasid_caps_check(r.set, r.device[i], NULL), 0);
	drig_bound(&r, 3);
	drig_close(&r);
}

/* In which way each device is below the first one. */
static void each_difference_is_named(void)
{
	static const struct {
		const char *setting;
		const char *words;
	} ways[] = {
		{ "pasid_bits=12", "pasid_bits 12 < 20" },
		{ "pasid_bits=0", "pasid_bits 0 < 20, lacks PASID, table_owner 0 is not 1" },
		{ "exec=off", "lacks EXEC" },
		{ "pri=off", "lacks PRI, lacks FAULT" },
		{ "ats=off", "lacks ATS, lacks PRI, lacks FAULT" },
		{ "nesting=off", "lacks NESTING" },
		{ "block=off", "lacks BLOCK" },
		{ "iova_bits=39", "iova_bits 39 < 48" },
		{ "bindings=5", "max_bindings 5 < 8" },
	};
	struct ioasid_reason why;
	char config[128];
	struct drig r;
	ioasid_t id;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		snprintf(config, sizeof(config), "devices=2 ats=on pri=on bindings=8 mock1.%s", ways[i].setting);
		drig_open(&r, config, 2);
		REQUIRE_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), 0);
		CHECK_EQ(ioasid_caps_check(r.set, r.device[1], &why), -EOPNOTSUPP);
		is(&why, ways[i].words);
		id = drig_bound(&r, 1);
		why.text[0] = '\0';
		CHECK_EQ(bind_why(&r, 1, id, &why), -EOPNOTSUPP);
		is(&why, ways[i].words);
		CHECK_EQ(id_refs(r.set, id), 2);
		CHECK_EQ(ioasid_device_assign(r.device[1], r.set), -EOPNOTSUPP);
		drig_close(&r);
	}
}

/* With another limit than none. */
static void a_limit_is_below_no_limit(void)
{
	struct ioasid_reason why;
	struct drig r;

	drig_open(&r, "devices=2 mock1.bindings=5", 2);
	CHECK_EQ(ioasid_caps_freeze(r.set, &r.device[0], 1, NULL), 0);
	CHECK_EQ(ioasid_caps_check(r.set, r.device[1], &why), -EOPNOTSUPP);
	is(&why, "max_bindings 5, not unlimited");
	CHECK_EQ(ioasid_caps_thaw(r.set), 0);
	CHECK_EQ(ioasid_caps_freeze(r.set, &r.device[1], 1, NULL), 0);
	CHECK_EQ(ioasid_caps_check(r.set, r.device[0], &why), 0);
	is(&why, "");
	drig_close(&r);
}

/* A device that is plugged in when the guest has looked; DIRECT and MEDIATED. */
static void a_device_plugged_in_later_is_refused_naming_the_difference(void)
{
	static const uint32_t modes[] = { IOASID_DEVICE_DIRECT, IOASID_DEVICE_MEDIATED };
	struct drig r;
	ioasid_t id;

	for (size_t i = 0; i < 2; i++) {
		drig_open(&r, "devices=2 mock1.pasid_bits=16 mock1.priv=off", 0);
		REQUIRE_EQ(drig_attach(&r, "mock0", modes[i], NULL, &r.device[0]), 0);
		CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), 0);
		CHECK_EQ(ioasid_pool_set_log(r.pool, journal_log, &r.journal), 0);
		REQUIRE_EQ(drig_attach(&r, "mock1", modes[i], NULL, &r.device[1]), 0);
		r.devices = 2;
		id = id_make_at(r.set, 5);
		CHECK_EQ(drig_bind(&r, 0, id, 5, 1, 0), 0);
		CHECK_EQ(drig_bind(&r, 1, id, 5, 1, 0), -EOPNOTSUPP);
		CHECK(journal_has(&r.journal, "pasid_bits 16 < 20, lacks PRIV"));
		journal_clear(&r.journal);
		CHECK_EQ(ioasid_device_assign(r.device[1], r.set), -EOPNOTSUPP);
		CHECK(journal_has(&r.journal, "pasid_bits 16 < 20, lacks PRIV"));
		CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ATTACH), 1);
		/* The guest boots anew, and is told what there is now. */
		CHECK_EQ(ioasid_set_reset(r.set), 0);
		CHECK_EQ(ioasid_device_assign(r.device[1], r.set), -EOPNOTSUPP);
		CHECK_EQ(ioasid_caps_thaw(r.set), 0);
		CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 2, NULL), 0);
		CHECK_EQ(ioasid_device_assign(r.device[1], r.set), 0);
		CHECK_EQ(drig_bind(&r, 1, id_make(r.set), IOASID_SPID_NONE, 1, 0), 0);
		drig_close(&r);
	}
}

/* S2.6: the other set of a MEDIATED device was promised nothing. */
static void a_promise_is_one_sets(void)
{
	struct ioasid_bind_data data;
	struct ioasid_set *other;
	struct drig r;

	drig_open(&r, "devices=2 mock1.pasid_bits=16", 2);
	other = set_make(r.pool, 5);
	CHECK_EQ(ioasid_caps_freeze(r.set, &r.device[0], 1, NULL), 0);
	data = drig_data(&r, id_make(other), IOASID_SPID_NONE, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[1], other, &data), 0);
	/* Not by the root handle either: the IOASID is whose it is. */
	data = drig_data(&r, id_make(r.set), IOASID_SPID_NONE, 1, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[1], ioasid_pool_root(r.pool), &data), -EOPNOTSUPP);
	set_end(other);
	drig_close(&r);
}

/* Bindings that exist stay, and the RID of a device that was left out is bound no more. */
static void a_device_left_out_keeps_what_it_has_and_gets_nothing_new(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2 mock1.pasid_bits=16", 2);
	CHECK_EQ(ioasid_device_assign(r.device[1], r.set), 0);
	id = drig_bound(&r, 2);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), 0);
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BYTE(1));
	CHECK_EQ(drig_bind(&r, 1, IOASID_NO_PASID, IOASID_SPID_NONE, 1, 0), -EOPNOTSUPP);
	CHECK_EQ(drig_bind(&r, 1, id_make(r.set), IOASID_SPID_NONE, 1, 0), -EOPNOTSUPP);
	CHECK_EQ(drig_unbind(&r, 1, id, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, id, IOASID_SPID_NONE, 1, 0), -EOPNOTSUPP);
	drig_close(&r);
}

/* Devices of a backend that says of them what the test wants: owner and page sizes. */
static void owners_and_page_sizes_are_sets(void)
{
	static const struct {
		uint32_t owner;
		uint64_t sizes;
	} kinds[] = {
		{ IOASID_TABLE_OWNER_EITHER, 0x40201000 }, { IOASID_TABLE_OWNER_GUEST, 0x201000 },
		{ IOASID_TABLE_OWNER_HOST, 0x40001000 },
	};
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	const struct ioasid_device_spec spec = drig_spec("any");
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 3);
	struct ioasid_device *device[3];
	struct ioasid_context *context;
	struct ioasid_backend *backend;
	struct ioasid_reason why;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, NULL, &context, NULL), 0);
	ioasid_backend_put(backend);
	for (unsigned int i = 0; i < 3; i++) {
		counting_setup.device_caps.table_owner = kinds[i].owner;
		counting_setup.device_caps.page_sizes = kinds[i].sizes;
		REQUIRE_EQ(ioasid_device_attach(context, pool, &spec, NULL, &device[i], NULL), 0);
	}
	CHECK_EQ(ioasid_caps_freeze(set, device, 2, &caps), 0);
	CHECK_EQ(caps.table_owner, IOASID_TABLE_OWNER_GUEST);
	CHECK_EQ(caps.page_sizes, 0x201000);
	CHECK_EQ(ioasid_caps_check(set, device[0], NULL), 0);
	CHECK_EQ(ioasid_caps_check(set, device[2], &why), -EOPNOTSUPP);
	is(&why, "table_owner 1 is not 2, lacks pages of 0x200000 bytes");
	CHECK_EQ(ioasid_caps_thaw(set), 0);
	CHECK_EQ(ioasid_caps_freeze(set, device, 3, &caps), 0);
	CHECK_EQ(caps.table_owner, IOASID_TABLE_OWNER_NONE);
	CHECK_EQ(caps.page_sizes, 0x1000);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(ioasid_caps_check(set, device[i], NULL), 0);
		CHECK_EQ(ioasid_device_close(device[i]), 0);
	}
	set_end(set);
	pool_end(pool);
	CHECK_EQ(ioasid_context_close(context), 0);
}

static void freezing_twice_nothing_or_elsewhere_is_refused(void)
{
	struct ioasid_device_caps caps = { .struct_size = 4 };
	struct ioasid_device *two[2] = { NULL, NULL };
	struct ioasid_pool *other = pool_make(0);
	struct ioasid_set *set = set_make(other, 3);
	struct drig r;

	drig_open(&r, "devices=1", 1);
	two[0] = r.device[0];
	CHECK_EQ(ioasid_caps_freeze(NULL, r.device, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_freeze(ioasid_pool_root(r.pool), r.device, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 0, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_freeze(r.set, NULL, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_freeze(r.set, two, 2, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_freeze(set, r.device, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, &caps), -EINVAL);
	CHECK_EQ(ioasid_caps_frozen(r.set, &caps), -EINVAL);
	CHECK_EQ(ioasid_caps_frozen(NULL, &caps), -EINVAL);
	CHECK_EQ(ioasid_caps_check(set, r.device[0], NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_check(r.set, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_caps_thaw(NULL), -EINVAL);
	caps.struct_size = sizeof(caps);
	CHECK_EQ(ioasid_caps_frozen(r.set, &caps), -ENOENT);
	ioasid_read_begin();
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), -EDEADLK);
	CHECK_EQ(ioasid_caps_check(r.set, r.device[0], NULL), -EDEADLK);
	CHECK_EQ(ioasid_caps_thaw(r.set), -EDEADLK);
	ioasid_read_end();
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), 0);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 1, NULL), -EBUSY);
	CHECK_EQ(ioasid_caps_frozen(r.set, &caps), 0);
	CHECK_EQ(caps.pasid_bits, 20);
	CHECK_EQ(ioasid_caps_thaw(r.set), 0);
	CHECK_EQ(ioasid_caps_thaw(r.set), 0);
	set_end(set);
	pool_end(other);
	drig_close(&r);
}

static void an_id_too_wide_for_a_device_is_erange(void)
{
	struct drig r;

	drig_open(&r, "devices=2 mock1.pasid_bits=8 mock0.pasid_bits=12", 2);
	id_make_at(r.set, 255);
	id_make_at(r.set, 256);
	id_make_at(r.set, 4096);
	CHECK_EQ(drig_bind(&r, 1, 255, IOASID_SPID_NONE, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, 256, IOASID_SPID_NONE, 1, 0), -ERANGE);
	CHECK_EQ(drig_bind(&r, 0, 256, IOASID_SPID_NONE, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, 4096, IOASID_SPID_NONE, 1, 0), -ERANGE);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, 4096, r.parent, 0), -ERANGE);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "the promise is what all devices have (S9.10)", the_promise_is_what_all_devices_have },
		{ "each difference is named (S9.10)", each_difference_is_named },
		{ "a limit is below no limit (S9.10)", a_limit_is_below_no_limit },
		{ "a device plugged in later is refused, naming the difference (S9.10)",
		  a_device_plugged_in_later_is_refused_naming_the_difference },
		{ "a promise is one set's (S9.10, S2.6)", a_promise_is_one_sets },
		{ "a device left out keeps what it has and gets nothing new (S9.10)",
		  a_device_left_out_keeps_what_it_has_and_gets_nothing_new },
		{ "owners and page sizes are sets (S9.10)", owners_and_page_sizes_are_sets },
		{ "freezing twice, nothing, or elsewhere is refused (S0.1, S9.10)",
		  freezing_twice_nothing_or_elsewhere_is_refused },
		{ "an ID too wide for a device is -ERANGE (S9.10)", an_id_too_wide_for_a_device_is_erange },
	};

	return TEST_MAIN("caps", cases, argc, argv);
}
