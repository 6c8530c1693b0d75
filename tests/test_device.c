/* Devices: attach, capabilities, modes (S9.9, S9.10, S9.12, S9.16). */
#include <string.h>
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

static void attach_refuses_bad_arguments(void)
{
	struct {
		struct ioasid_device_spec spec;
		uint64_t more;
	} long_one = { drig_spec("mock0"), 1 };
	struct ioasid_device *none = NULL;
	struct ioasid_device_spec spec;
	struct drig_context other;
	struct drig r;

	drig_open(&r, "devices=2", 0);
	spec = drig_spec("mock0");
	CHECK_EQ(ioasid_device_attach(NULL, r.pool, &spec, NULL, &none, NULL), -EINVAL);
	CHECK_EQ(ioasid_device_attach(r.on.context, NULL, &spec, NULL, &none, NULL), -EINVAL);
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, NULL, NULL, &none, NULL), -EINVAL);
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, NULL, NULL), -EINVAL);
	spec.name = NULL;
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -EINVAL);
	spec = drig_spec("mock0");
	spec.kind = IOASID_DEVICE_FD;
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -EINVAL);
	spec.kind = 4;
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -EINVAL);
	spec = drig_spec("mock0");
	spec.mode = 2;
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -EINVAL);
	spec = drig_spec("mock0");
	spec.struct_size--;
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -EINVAL);
	long_one.spec.struct_size = sizeof(long_one);
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &long_one.spec, NULL, &none, NULL), -E2BIG);
	spec = drig_spec("no-such-device");
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -ENODEV);
	drig_context_open(&other, "devices=1", 0);
	spec = drig_spec("mock0");
	CHECK_EQ(ioasid_device_attach(other.context, r.pool, &spec, r.parent, &none, NULL), -EINVAL);
	drig_context_close(&other);
	CHECK(none == NULL);
	drig_close(&r);
}

static void calls_that_wait_answer_edeadlk_in_a_read_section(void)
{
	struct ioasid_device *none = NULL;
	struct ioasid_address_space *space = NULL;
	struct ioasid_device_spec spec = drig_spec("mock1");
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_bind_data data;
	struct drig r;

	drig_open(&r, "devices=2", 1);
	data = drig_data(&r, 1, IOASID_SPID_NONE, 0, 0);
	ioasid_read_begin();
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &none, NULL), -EDEADLK);
	CHECK_EQ(ioasid_device_close(r.device[0]), -EDEADLK);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), -EDEADLK);
	CHECK_EQ(ioasid_device_unassign(r.device[0]), -EDEADLK);
	CHECK_EQ(ioasid_device_was_reset(r.device[0]), -EDEADLK);
	CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), -EDEADLK);
	CHECK_EQ(ioasid_address_space_create(r.on.context, 0, &space, NULL), -EDEADLK);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EDEADLK);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EDEADLK);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, 1, r.parent, 0), -EDEADLK);
	CHECK_EQ(ioasid_unbind(r.device[0], r.set, 1, 0), -EDEADLK);
	CHECK_EQ(ioasid_quarantine_retry(r.set, 1), -EDEADLK);
	/* Arguments come first (S0.1), and what neither changes nor waits is allowed (S7.6). */
	CHECK_EQ(ioasid_device_close(NULL), -EINVAL);
	CHECK_EQ(ioasid_device_caps(r.device[0], &caps), 0);
	ioasid_read_end();
	drig_close(&r);
}

static void a_device_tells_its_capabilities_and_reports_them(void)
{
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_device_caps head = { .struct_size = 8, .flags = 77 };
	struct ioasid_report_line line = { .struct_size = sizeof(line) };
	struct ioasid_record registers;
	struct ioasid_reason text;
	uint32_t lines = 0;
	struct drig r;

	drig_open(&r, "devices=1 mock0.pasid_bits=12 mock0.iova_bits=40", 1);
	CHECK_EQ(ioasid_device_caps(r.device[0], &caps), 0);
	CHECK_EQ(caps.struct_size, sizeof(caps));
	CHECK_EQ(caps.pasid_bits, 12);
	CHECK_EQ(caps.iova_bits, 40);
	CHECK((caps.flags & UINT64_C(1) << IOASID_CAP_PASID) != 0);
	CHECK((caps.flags & UINT64_C(1) << IOASID_CAP_NESTING) != 0);
	CHECK_EQ(ioasid_device_caps(r.device[0], &head), 0);
	CHECK_EQ(head.pasid_bits, 12);
	CHECK_EQ(head.flags, 77);
	head.struct_size = 4;
	CHECK_EQ(ioasid_device_caps(r.device[0], &head), -EINVAL);
	while (ioasid_device_report(r.device[0], lines, &line, &text) == 0) {
		CHECK(line.usable == 0 || line.why == IOASID_WHY_NONE);
		CHECK(line.usable == 1 || line.why != IOASID_WHY_NONE);
		lines++;
	}
	CHECK(lines > 0);
	CHECK_EQ(ioasid_device_report(r.device[0], lines, &line, NULL), -ENOENT);
	CHECK_EQ(ioasid_device_registers(r.device[0], &registers), 0);
	CHECK_EQ(registers.type, IOASID_BE_REGS_MOCK);
	CHECK(ioasid_device_pool(r.device[0]) == r.pool);
	drig_close(&r);
}

/* S9.12, S1.5 */
static void a_device_is_in_one_pool_and_keeps_it_and_its_context(void)
{
	struct ioasid_pool *other = pool_make(0);
	struct ioasid_device *again = NULL;
	struct ioasid_device_spec spec = drig_spec("mock0");
	struct drig r;

	drig_open(&r, "devices=1", 1);
	CHECK_EQ(ioasid_device_attach(r.on.context, other, &spec, NULL, &again, NULL), -EBUSY);
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &again, NULL), -EBUSY);
	set_end(r.set);
	r.set = NULL;
	CHECK_EQ(ioasid_pool_destroy(r.pool), -EBUSY);
	CHECK_EQ(ioasid_context_close(r.on.context), -EBUSY);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_device_attach(r.on.context, other, &spec, NULL, &again, NULL), 0);
	CHECK_EQ(ioasid_device_close(again), 0);
	pool_end(other);
	drig_close(&r);
}

static void an_attach_that_fails_half_way_leaves_nothing(void)
{
	static const uint32_t steps[] = {
		IOASID_MOCK_OP_DEVICE_ATTACH, IOASID_MOCK_OP_DEVICE_CAPS, IOASID_MOCK_OP_ATTACH,
	};
	struct ioasid_device *device = NULL;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		drig_fail(&r, steps[i], 1, 1, IOASID_BE_EIO);
		CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, r.parent, &device), -EIO);
		CHECK(device == NULL);
		CHECK_EQ(drig_live(&r).devices, 0);
		drig_heal(&r);
	}
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, r.parent, &device), 0);
	CHECK_EQ(ioasid_device_close(device), 0);
	drig_close(&r);
}

/* S9.9 */
static void a_device_that_is_passed_in_is_borrowed_until_close(void)
{
	struct ioasid_device_spec spec = drig_spec(NULL);
	struct drig r;

	drig_open(&r, "devices=1", 0);
	spec.kind = IOASID_DEVICE_FD;
	spec.fd = drig_device_fd("mock0");
	REQUIRE_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &r.device[0], NULL), 0);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	CHECK_EQ(close(spec.fd), 0);
	drig_close(&r);
}

/* S9.12 */
static void a_direct_device_has_one_set_and_spids_that_are_ioasids(void)
{
	struct ioasid_set *other;
	struct ioasid_bind_data data;
	ioasid_t id, theirs;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, NULL, &r.device[0]), 0);
	r.devices = 1;
	other = set_make(r.pool, 5);
	id = id_make(r.set);
	theirs = id_make(other);
	data = drig_data(&r, theirs, IOASID_SPID_NONE, 1, 0);
	CHECK_EQ(drig_bind(&r, 0, id, id + 1, 0, 0), -EINVAL);
	CHECK_EQ(drig_bind(&r, 0, id, id, 0, 0), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), -EBUSY);
	CHECK_EQ(ioasid_device_assign(r.device[0], other), -EBUSY);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), 0);
	CHECK_EQ(drig_bind(&r, 0, id, id, 0, 0), -EBUSY);
	CHECK_EQ(ioasid_unbind(r.device[0], other, theirs, 0), 0);
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), -EBUSY);
	set_end(other);
	drig_close(&r);
}

static void a_mediated_device_serves_several_sets(void)
{
	struct ioasid_set *other;
	struct ioasid_bind_data data;
	ioasid_t id, theirs;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	other = set_make(r.pool, 5);
	id = id_make(r.set);
	theirs = id_make(other);
	data = drig_data(&r, theirs, 7, 1, 0);
	CHECK_EQ(drig_bind(&r, 0, id, 7, 0, 0), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(0));
	CHECK_EQ(drig_read(&r, 0, theirs), DRIG_BYTE(1));
	/* One set's death leaves the other's bindings (S2.6). */
	set_end(other);
	CHECK_EQ(drig_read(&r, 0, theirs), DRIG_BLOCKED);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(0));
	drig_close(&r);
}

/* S9.16 */
static void a_software_iommu_is_never_chosen_silently(void)
{
	struct ioasid_context *context = NULL;
	struct ioasid_reason why = { "" };

	CHECK_EQ(ioasid_context_open_any(0, NULL, &context, &why), -ENODEV);
	CHECK(context == NULL);
	CHECK(strstr(why.text, "mock") != NULL);
}

static void a_vendors_interface_is_found_and_the_contracts_own_are_not(void)
{
	const void *table = NULL;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	CHECK_EQ(ioasid_context_interface(r.on.context, "com.example.none/1", &table), -ENOENT);
	CHECK_EQ(ioasid_context_interface(r.on.context, IOASID_BE_ID_PASID, &table), -EINVAL);
	CHECK_EQ(ioasid_context_interface(NULL, IOASID_MOCK_CONTROL_ID, &table), -EINVAL);
	CHECK_EQ(ioasid_context_interface(r.on.context, NULL, &table), -EINVAL);
	CHECK_EQ(ioasid_context_interface(r.on.context, IOASID_MOCK_CONTROL_ID, NULL), -EINVAL);
	CHECK(table == NULL);
	CHECK_EQ(ioasid_context_interface(r.on.context, IOASID_MOCK_CONTROL_ID, &table), 0);
	CHECK(table == r.on.control);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "attach refuses bad arguments, each with its own code (S0.1)",
		  attach_refuses_bad_arguments },
		{ "calls that wait answer EDEADLK in a read section (S7.6)",
		  calls_that_wait_answer_edeadlk_in_a_read_section },
		{ "a device tells its capabilities and reports them (S9.10)",
		  a_device_tells_its_capabilities_and_reports_them },
		{ "a device is in one pool and keeps it and its context (S9.12, S1.5)",
		  a_device_is_in_one_pool_and_keeps_it_and_its_context },
		{ "an attach that fails half way leaves nothing",
		  an_attach_that_fails_half_way_leaves_nothing },
		{ "a device that is passed in is borrowed until close (S9.9)",
		  a_device_that_is_passed_in_is_borrowed_until_close },
		{ "a DIRECT device has one set and SPIDs that are IOASIDs (S9.12)",
		  a_direct_device_has_one_set_and_spids_that_are_ioasids },
		{ "a MEDIATED device serves several sets (S9.12, S2.6)",
		  a_mediated_device_serves_several_sets },
		{ "a vendor's interface is found, and the contract's own are not",
		  a_vendors_interface_is_found_and_the_contracts_own_are_not },
		{ "a software IOMMU is never chosen silently (S9.16)",
		  a_software_iommu_is_never_chosen_silently },
	};

	return TEST_MAIN("device", cases, argc, argv);
}
