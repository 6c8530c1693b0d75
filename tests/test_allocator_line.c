/*
 * The line of custom allocators: who is active, who stands by, and what a change waits for (S8.2, S8.3).
 */
#include "fake_allocator.h"

#include <sched.h>

static struct scene sc;
static struct fake a, b, c;

static void begin(void)
{
	scene_begin(&sc);
	fake_init(&a, 1000);
	fake_init(&b, 2000);
	fake_init(&c, 3000);
	a.counts = b.counts = c.counts = true;
}

static ioasid_t alloc_one(void)
{
	ioasid_t id = 0;
	int err = ioasid_alloc(sc.set, 1, IOASID_INVALID, NULL, &id);

	CHECK_EQ(err, 0);
	return id;
}

/* The next ID comes from none of the custom ones. */
static ioasid_t alloc_built_in(void)
{
	unsigned int asked = a.asked + b.asked + c.asked;
	ioasid_t id = alloc_one();

	CHECK_EQ(a.asked + b.asked + c.asked, asked);
	return id;
}

static void refused_registrations(void)
{
	struct ioasid_allocator half = a.callbacks;

	begin();
	half = a.callbacks;
	half.free = NULL;
	CHECK_EQ(ioasid_register_allocator(sc.pool, &half), -EINVAL);
	half = a.callbacks;
	half.alloc = NULL;
	CHECK_EQ(ioasid_register_allocator(sc.pool, &half), -EINVAL);
	CHECK_EQ(ioasid_register_allocator(sc.pool, NULL), -EINVAL);
	CHECK_EQ(ioasid_register_allocator(NULL, &a.callbacks), -EINVAL);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), -ENOENT);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, NULL), -EINVAL);
	CHECK_EQ(ioasid_unregister_allocator(NULL, &a.callbacks), -EINVAL);
	(void)alloc_built_in();
	scene_end(&sc);
}

static void later_ones_stand_by_in_order(void)
{
	ioasid_t id;

	begin();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), -EEXIST);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &b.callbacks), 1);
	id = alloc_one();
	CHECK_EQ(id, 1000);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &c.callbacks), 1);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &b.callbacks), -EEXIST);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), -EBUSY);
	CHECK_EQ(alloc_one(), 1001);
	/* One that stands by can go at any time. */
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &b.callbacks), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &b.callbacks), -ENOENT);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &b.callbacks), 1);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(alloc_one(), 3000);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &c.callbacks), 0);
	CHECK_EQ(alloc_one(), 2000);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &b.callbacks), 0);
	(void)alloc_built_in();
	CHECK_EQ(a.freed, 2);
	CHECK_EQ(b.freed, 1);
	CHECK_EQ(c.freed, 1);
	scene_end(&sc);
}

static void a_pending_id_keeps_its_allocator(void)
{
	begin();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(alloc_one(), 1000);
	CHECK_EQ(ioasid_get(sc.set, 1000), 0);
	CHECK_EQ(ioasid_free(sc.set, 1000), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), -EBUSY);
	CHECK_EQ(ioasid_put(sc.set, 1000), 1);
	CHECK_EQ(a.freed, 1);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	scene_end(&sc);
}

static void ids_of_the_built_in_one_go_first(void)
{
	ioasid_t id;

	begin();
	id = alloc_built_in();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), -EAGAIN);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), -EEXIST);
	CHECK_EQ(ioasid_register_allocator(sc.pool, &b.callbacks), 1);
	/* The pool goes on with the built-in one. */
	(void)alloc_built_in();
	CHECK_EQ(a.asked, 0);
	CHECK_EQ(ioasid_get(sc.set, id), 0);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	(void)alloc_built_in();
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(ioasid_put(sc.set, id), 1);
	/* All back: the next one comes from the first in line. */
	CHECK_EQ(alloc_one(), 1000);
	CHECK_EQ(a.freed, 0);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(a.freed, 1);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &b.callbacks), 0);
	scene_end(&sc);
}

static void one_that_never_became_active_can_go(void)
{
	begin();
	(void)alloc_built_in();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), -EAGAIN);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	(void)alloc_built_in();
	CHECK_EQ(a.asked, 0);
	scene_end(&sc);
}

static int do_unregister_a(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_unregister_allocator(ioasid_set_pool(set), &a.callbacks);
}

static int do_register_b(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_register_allocator(ioasid_set_pool(set), &b.callbacks);
}

static void unregister_waits_for_an_allocation(void)
{
	struct call alloc, leave;

	begin();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), 0);
	gate_close(&a.alloc_gate);
	call_start(&alloc, do_alloc, sc.set, 1000, 0);
	gate_await(&a.alloc_gate, 1);
	call_start(&leave, do_unregister_a, sc.set, 0, 0);
	CHECK(call_blocked(&leave));
	gate_open(&a.alloc_gate);
	CHECK_EQ(call_join(&alloc), 1000);
	/* The ID is out now. */
	CHECK_EQ(call_join(&leave), -EBUSY);
	CHECK_EQ(ioasid_free(sc.set, 1000), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	scene_end(&sc);
}

static void unregister_waits_for_a_free(void)
{
	struct call freeing, leave;

	begin();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(alloc_one(), 1000);
	gate_close(&a.free_gate);
	call_start(&freeing, do_free, sc.set, 1000, 0);
	gate_await(&a.free_gate, 1);
	call_start(&leave, do_unregister_a, sc.set, 0, 0);
	CHECK(call_blocked(&leave));
	gate_open(&a.free_gate);
	CHECK_EQ(call_join(&freeing), 0);
	CHECK_EQ(call_join(&leave), 0);
	CHECK_EQ(a.freed, 1);
	scene_end(&sc);
}

/* A callback that blocks keeps nobody from what does not need the allocator. */
static void a_blocked_callback_blocks_nobody_else(void)
{
	struct call alloc;

	begin();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), 0);
	CHECK_EQ(alloc_one(), 1000);
	gate_close(&a.alloc_gate);
	call_start(&alloc, do_alloc, sc.set, 1001, 0);
	gate_await(&a.alloc_gate, 1);
	CHECK_EQ(ioasid_get(sc.set, 1000), 0);
	CHECK_EQ(do_attach(sc.set, 1000, 40), 0);
	CHECK_EQ(find_spid(sc.set, 40), 1000);
	CHECK_EQ(do_detach(sc.set, 1000, 0), 0);
	CHECK_EQ(ioasid_put(sc.set, 1000), 0);
	CHECK_EQ(ioasid_free(sc.set, 1000), 0);
	CHECK_EQ(a.freed, 1);
	gate_open(&a.alloc_gate);
	CHECK_EQ(call_join(&alloc), 1001);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	scene_end(&sc);
}

/* Registered while an ID of the built-in one is being announced: that one is out. */
static void register_during_a_birth(void)
{
	struct stop stop = { IOASID_EVENT_ALLOC, 7, GATE_CLOSED };
	struct call alloc, joining;

	begin();
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	call_start(&alloc, do_alloc, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	call_start(&joining, do_register_b, sc.set, 0, 0);
	call_blocked(&joining);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&alloc), 7);
	CHECK_EQ(call_join(&joining), -EAGAIN);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(alloc_one(), 2000);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(b.freed, 1);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &b.callbacks), 0);
	scene_end(&sc);
}

static void a_pool_with_allocators_stays(void)
{
	begin();
	CHECK_EQ(ioasid_register_allocator(sc.pool, &a.callbacks), 0);
	set_end(sc.set);
	CHECK_EQ(ioasid_pool_destroy(sc.pool), -EBUSY);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &a.callbacks), 0);
	pool_end(sc.pool);
}

/* Stress: threads allocate and free while allocators come and go; what each handed out comes back to it. */
static void churn(void *arg, unsigned int index)
{
	unsigned int n = rounds(60);

	(void)arg;
	for (unsigned int i = 0; i < n; i++) {
		struct fake *fake = index == 0 ? &a : &b;
		ioasid_t id = 0;
		int err;

		if (index > 1) {
			err = ioasid_alloc(sc.set, 1, IOASID_INVALID, NULL, &id);
			CHECK(err == 0 || err == -EDQUOT);
			if (err == 0)
				CHECK_EQ(ioasid_free(sc.set, id), 0);
			continue;
		}
		err = ioasid_register_allocator(sc.pool, &fake->callbacks);
		CHECK(err == 0 || err == 1 || err == -EAGAIN);
		while ((err = ioasid_unregister_allocator(sc.pool, &fake->callbacks)) == -EBUSY)
			sched_yield();
		CHECK_EQ(err, 0);
	}
}

static void allocators_come_and_go(void)
{
	ioasid_t id;

	begin();
	a.next = 1 << 10;
	b.next = 1 << 18;
	crowd(4, churn, NULL);
	id = alloc_built_in();
	CHECK_EQ(ioasid_free(sc.set, id), 0);
	CHECK_EQ(a.asked, a.freed);
	CHECK_EQ(b.asked, b.freed);
	CHECK_EQ(stats_of(sc.root).allocated, 0);
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "impossible registrations are refused (S8.2)", refused_registrations },
	{ "later ones stand by in order, and the last gives way to the built-in one (S8.2, S8.3)",
	  later_ones_stand_by_in_order },
	{ "a pending ID keeps its allocator active (S8.3)", a_pending_id_keeps_its_allocator },
	{ "the first one over the built-in one stands by until its IDs are back (S8.2)",
	  ids_of_the_built_in_one_go_first },
	{ "one that never became active can go (S8.2)", one_that_never_became_active_can_go },
	{ "unregister waits for an allocation in flight (S8.3)", unregister_waits_for_an_allocation },
	{ "unregister waits for a free in flight (S8.3)", unregister_waits_for_a_free },
	{ "a callback that blocks keeps others from nothing but numbers (S8.1)",
	  a_blocked_callback_blocks_nobody_else },
	{ "an ID that is being announced is one of the built-in one's (S8.2, S8.3)",
	  register_during_a_birth },
	{ "a pool with custom allocators is not destroyed (S1.5)", a_pool_with_allocators_stays },
	{ "allocators come and go under load, and each gets its own IDs back (S8.3)",
	  allocators_come_and_go },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("allocator_line", cases, argc, argv);
}
