/*
 * Threads that bind, unbind, rebind, invalidate, free and allocate the same few IOASIDs on the same few
 * devices: at the end nothing is left (S9.15).
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

enum { IDS = 4, DEVICES = 3, THREADS = 4 };

struct stress {
	struct drig r;
	unsigned int rounds; /* binds that have to succeed, and a tenth of unbinds */
	atomic_uint binds;
	atomic_uint unbinds;
	atomic_uint frees;
	atomic_uint rebinds;
	atomic_uint invalidations;
	atomic_uint bad;
};

/* The answers that a race can give. Any other is counted. */
static void expect(struct stress *s, int rc, int a, int b, int c)
{
	if (rc < 0 && rc != -ENOENT && rc != a && rc != b && rc != c) {
		printf("# answer %d\n", rc);
		atomic_fetch_add(&s->bad, 1);
	}
}

/* By any scope; what is there, and what goes meanwhile. */
static void invalidate(struct stress *s, unsigned int device, ioasid_t id, uint64_t *seed)
{
	const struct ioasid_invalidation item = {
		.struct_size = sizeof(item), .scope = 1 + rnd(seed) % IOASID_INVALIDATE_SET,
		.device = s->r.device[device], .id = id, .spid = ioasid_spid_make(100 + id),
		.length = IOASID_INVALIDATE_ALL,
	};

	expect(s, ioasid_invalidate(s->r.set, &item, 1, NULL), 0, 0, 0);
	atomic_fetch_add(&s->invalidations, 1);
}

static void one_round(struct stress *s, uint64_t *seed)
{
	struct drig *r = &s->r;
	ioasid_t id = 1 + rnd(seed) % IDS, got;
	unsigned int device = rnd(seed) % DEVICES;
	uint64_t cookie = rnd(seed) % 3;
	uint32_t spid = rnd(seed) % 2 ? 100 + id : IOASID_SPID_NONE;
	struct ioasid_bind_data data;
	int rc;

	switch (rnd(seed) % 32) {
	default:
		rc = drig_bind(r, device, id, spid, 1, cookie);
		expect(s, rc, -EBUSY, -EINVAL, -EEXIST);
		atomic_fetch_add(&s->binds, rc == 0);
		break;
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
	case 5:
	case 6:
		rc = drig_unbind(r, device, id, cookie);
		expect(s, rc, 0, 0, 0);
		atomic_fetch_add(&s->unbinds, rc == 0);
		break;
	case 9:
		rc = ioasid_free(r->set, id);
		expect(s, rc, 0, 0, 0);
		atomic_fetch_add(&s->frees, rc == 0);
		break;
	case 10:
	case 11:
		data = drig_data(r, id, IOASID_SPID_NONE, 1 + rnd(seed) % 2, cookie);
		rc = ioasid_rebind(r->device[device], r->set, &data);
		expect(s, rc, 0, 0, 0);
		atomic_fetch_add(&s->rebinds, rc == 0);
		break;
	case 12:
		if (rnd(seed) % 8 == 0)
			CHECK_EQ(ioasid_device_reset_bindings(r->device[device]), 0);
		break;
	case 18:
	case 19:
	case 20:
		invalidate(s, device, id, seed);
		break;
	case 21:
	case 22:
		rc = ioasid_bind_ioas(r->device[device], r->set, id, r->parent, cookie);
		expect(s, rc, -EBUSY, -EINVAL, 0);
		atomic_fetch_add(&s->binds, rc == 0);
		break;
	case 13:
	case 14:
	case 15:
	case 16:
	case 17:
		rc = ioasid_alloc(r->set, id, id, NULL, &got);
		expect(s, rc, -ENOSPC, -EBUSY, 0);
		break;
	}
}

/* A stress that never got anywhere tests nothing; how many of which calls succeed is a matter of luck. */
static bool got_somewhere(struct stress *s)
{
	return atomic_load(&s->binds) >= s->rounds && atomic_load(&s->unbinds) > s->rounds / 10 && atomic_load(&s->frees) > 0 &&
	       atomic_load(&s->rebinds) > 0 && atomic_load(&s->invalidations) > 0;
}

static void worker(void *arg, unsigned int index)
{
	struct stress *s = arg;
	uint64_t seed = index + 1;

	/* Most calls fail: the IOASID is free, or pending until the pool's worker, who needs the processor
	 * too, is through. */
	while (!got_somewhere(s)) {
		one_round(s, &seed);
		if (rnd(&seed) % 4 == 0)
			sched_yield();
	}
}

static void run(const char *config, uint32_t mode)
{
	struct stress *s = calloc(1, sizeof(*s));

	REQUIRE(s != NULL);
	drig_open(&s->r, config, DEVICES);
	s->rounds = rounds(1000);
	CHECK_EQ(ioasid_set_teardown_mode(s->r.set, mode), 0);
	crowd(THREADS, worker, s);
	CHECK_EQ(s->bad, 0);
	CHECK_EQ(ioasid_set_reset(s->r.set), 0);
	for (ioasid_t id = 1; id <= IDS; id++) {
		drig_settle(&s->r, id);
		for (unsigned int i = 0; i < DEVICES; i++)
			CHECK_EQ(drig_read(&s->r, i, id), DRIG_BLOCKED);
	}
	CHECK_EQ(drig_live(&s->r).bindings, 0);
	CHECK_EQ(drig_live(&s->r).tables, 0);
	drig_close(&s->r);
	free(s);
}

static void threads_on_the_same_ids_leave_nothing(void)
{
	run("devices=3 iommus=2", IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY);
}

static void the_same_without_blocking_or_shared_tables(void)
{
	run("devices=3 shares_tables=off", IOASID_TEARDOWN_NOTIFY);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "threads on the same IDs leave nothing (S9.15, S17.4)", threads_on_the_same_ids_leave_nothing },
		{ "the same without blocking or shared tables (S9.15, S17.4)",
		  the_same_without_blocking_or_shared_tables },
	};

	return TEST_MAIN("bind_stress", cases, argc, argv);
}
