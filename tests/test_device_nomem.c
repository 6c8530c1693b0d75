/* Without memory: calls that need some say so, and nothing is half done (S0.1). */
#include "tests/device_rig.h"
#include "tests/faults.h"
#include "tests/harness.h"

static void a_window_is_kept_usable_or_not(void)
{
	const struct ioasid_range window = { .first = 0x1000, .last = 0x1fff, .kind = IOASID_RANGE_USABLE };
	struct drig r;

	REQUIRE_EQ(faults_begin(), 0);
	drig_open(&r, "devices=1", 1);
	faults_arm(1, true);
	CHECK_EQ(ioasid_address_space_allow(r.parent, &window, 1), -ENOMEM);
	CHECK_EQ(faults_disarm(), 1);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ALLOW), 0);
	CHECK_EQ(ioasid_address_space_allow(r.parent, &window, 1), 0);
	drig_close(&r);
	faults_check("windows");
}

/* S8.2 */
static void a_context_is_registered_or_free_for_others(void)
{
	struct ioasid_pool *second;
	struct drig r;

	REQUIRE_EQ(faults_begin(), 0);
	drig_open(&r, "devices=1 ids=64", 0);
	second = pool_make(0);
	faults_arm(1, true);
	CHECK_EQ(ioasid_register_context_allocator(r.pool, r.on.context), -ENOMEM);
	CHECK(faults_disarm() > 0);
	CHECK_EQ(ioasid_unregister_context_allocator(r.pool, r.on.context), -ENOENT);
	CHECK_EQ(ioasid_register_context_allocator(second, r.on.context), 0);
	CHECK_EQ(ioasid_unregister_context_allocator(second, r.on.context), 0);
	pool_end(second);
	drig_close(&r);
	faults_check("a context's allocator");
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a window is kept usable, or there was no memory (S0.1, S16.3)", a_window_is_kept_usable_or_not },
		{ "a context is registered, or free for other pools (S0.1, S8.2)",
		  a_context_is_registered_or_free_for_others },
	};

	return TEST_MAIN("device_nomem", cases, argc, argv);
}
