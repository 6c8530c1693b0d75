/* Seals that fail, and what they leave (S0.1, S14.5). */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "libioasid/context.h"
#include "libioasid/work.h"
#include "tests/device_rig.h"
#include "tests/faults.h"
#include "tests/harness.h"

enum { WORKERS = 5, NTH_MAX = 60 };
#define FAULTS "devices=2 ats=on pri=on"

static struct ioasid_pool *pool_of(uint32_t workers)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .max_workers = workers };
	struct ioasid_pool *pool = NULL;

	REQUIRE_EQ(ioasid_pool_create(&attr, &pool), 0);
	return pool;
}

/* A thread, a descriptor, memory, or the backend's queue: the pool is as open as before, and the next one
 * works. */
static void the_nth_request_of_a_seal_fails(void)
{
	unsigned int n, failed = 0;
	bool more = true;

	for (n = 1; more && n < NTH_MAX; n++) {
		struct ioasid_reason why = { "" };
		struct ioasid_pool *pool;
		struct ioasid_device *device;
		struct ioasid_device_spec spec = drig_spec("mock1");
		struct drig_context other;
		struct drig r;
		int rc;

		REQUIRE_EQ(faults_begin(), 0);
		drig_open(&r, FAULTS, 0);
		pool = pool_of(WORKERS);
		REQUIRE_EQ(ioasid_device_attach(r.on.context, pool, &spec, NULL, &device, NULL), 0);
		drig_context_open(&other, "devices=2", 0);
		faults_arm(n, false);
		rc = ioasid_pool_seal(pool, &why);
		more = faults_disarm() != 0;
		if (rc != 0) {
			struct ioasid_device *late = NULL;

			failed++;
			CHECK(faults_explain(rc));
			CHECK(why.text[0] != '\0');
			CHECK_EQ(ioasid_device_attach(other.context, pool, &spec, NULL, &late, NULL), 0);
			CHECK_EQ(ioasid_device_close(late), 0);
			CHECK_EQ(ioasid_pool_seal(pool, &why), 0);
			CHECK_EQ(why.text[0], '\0');
		}
		CHECK_EQ(ioasid_device_attach(other.context, pool, &spec, NULL, &device, NULL), -EPERM);
		CHECK_EQ(ioasid_device_close(device), 0);
		pool_end(pool);
		drig_context_close(&other);
		drig_close(&r);
		faults_check("a seal");
	}
	printf("# %u seals failed\n", failed);
	/* All threads but the first, the lane's among them, the queue, its descriptor. */
	CHECK(failed >= 2 * WORKERS + CORE_THREADS + 1 + 2);
	CHECK(n < NTH_MAX);
}

static void a_backend_that_makes_no_queue_fails_the_seal(void)
{
	struct ioasid_reason why = { "" };
	struct drig r;

	drig_open(&r, FAULTS, 1);
	drig_fail(&r, IOASID_MOCK_OP_FAULTQ_CREATE, 1, 1, IOASID_BE_ENOSPC);
	CHECK_EQ(ioasid_pool_seal(r.pool, &why), -ENOSPC);
	CHECK(strstr(why.text, "page requests") != NULL);
	CHECK(!atomic_load(&r.on.context->be.sealed));
	CHECK_EQ(ioasid_pool_seal(r.pool, &why), 0);
	CHECK(atomic_load(&r.on.context->be.sealed));
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "the nth request of a seal fails, and the next seal works (S0.1, S14.5)",
		  the_nth_request_of_a_seal_fails },
		{ "a backend that makes no queue fails the seal (S14.5)",
		  a_backend_that_makes_no_queue_fails_the_seal },
	};

	return TEST_MAIN("seal_failures", cases, argc, argv);
}
