/*
 * Free, get and put (S4.1 to S4.5): the states of an ID, who may do what, and what is no transition.
 */
#include "support.h"

enum { THREADS = 4 };

/* --- States --- */

static void free_without_references(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);

	id_make_at(set, 5);
	CHECK_EQ(id_refs(set, 5), 1);
	CHECK_EQ(ioasid_free(set, 5), 0);
	CHECK_EQ(id_refs(set, 5), 0);
	CHECK_EQ(stats_of(set).allocated, 0);
	set_end(set);
	pool_end(pool);
}

static void free_with_references(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct subscriber s;
	void *data;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(id_refs(set, 5), 3);
	CHECK_EQ(ioasid_free(set, 5), 0);
	journal_expect(&j, "s:ALLOC 5, s:FREE 5");
	CHECK_EQ(id_refs(set, 5), 2);
	CHECK_EQ(stats_of(set).pending, 1);
	CHECK_EQ(ioasid_get(set, 5), -ENOENT);
	CHECK_EQ(ioasid_find(set, 5, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_attach_data(set, 5, &data), -ENOENT);
	CHECK_EQ(ioasid_put(set, 5), 0);
	CHECK_EQ(id_refs(set, 5), 1);
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(id_refs(set, 5), 0);
	CHECK_EQ(ioasid_put(set, 5), -ENOENT);
	CHECK_EQ(stats_of(set).misuse, 0);
	CHECK_EQ(journal_count(&j), 0);
	set_end(set);
	pool_end(pool);
}

/* A guest that frees again and again must not take away the references of others. */
static void second_free_is_nothing(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct subscriber s;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	s.block.events = IOASID_EVENT_FREE;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	for (unsigned int i = 0; i < 100; i++)
		CHECK_EQ(ioasid_free(set, 5), 0);
	journal_expect(&j, "s:FREE 5");
	CHECK_EQ(id_refs(set, 5), 1);
	CHECK_EQ(stats_of(set).pending, 1);
	CHECK_EQ(ioasid_put(set, 5), 1);
	set_end(set);
	pool_end(pool);
}

static int free_inside(struct subscriber *s, const struct ioasid_event *event)
{
	(void)s;
	if (event->event == IOASID_EVENT_FREE) {
		CHECK_EQ(id_refs(event->set, event->id), 1);
		CHECK_EQ(ioasid_free(event->set, event->id), 0);
		CHECK_EQ(ioasid_get(event->set, event->id), -ENOENT);
		CHECK_EQ(id_refs(event->set, event->id), 1);
	}
	return 0;
}

static void free_inside_its_own_handlers(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct subscriber s, t;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	subscriber_init(&t, "t", &j, IOASID_PRIO_LAST);
	s.hook = free_inside;
	t.hook = free_inside;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	CHECK_EQ(ioasid_register_notifier(set, &t.block, 0), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_free(set, 5), 0);
	journal_expect(&j, "s:ALLOC 5, t:ALLOC 5, s:FREE 5, t:FREE 5");
	CHECK_EQ(id_refs(set, 5), 0);
	set_end(set);
	pool_end(pool);
}

/* --- While FREE is delivered --- */

static void free_five(void *arg)
{
	CHECK_EQ(ioasid_free(arg, 5), 0);
}

static void put_five(void *arg)
{
	CHECK_EQ(ioasid_put(arg, 5), 1);
}

/* Alloc's own reference is there until the last handler has returned, and nobody's put takes it. */
static void reclaim_waits_for_handlers(void (*end)(void *set))
{
	struct gate gate = GATE_CLOSED;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct subscriber s;
	struct task task;
	ioasid_t id;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.gate = &gate;
	s.gate_events = IOASID_EVENT_FREE;
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	if (end == put_five)
		CHECK_EQ(ioasid_put(set, 5), 0);
	task_start(&task, end, set);
	gate_await(&gate, 1);
	CHECK_EQ(id_refs(set, 5), end == put_five ? 1 : 2);
	CHECK_EQ(ioasid_free(set, 5), 0);
	if (end != put_five)
		CHECK_EQ(ioasid_put(set, 5), 0);
	/* No counted reference is left, and the ID is FREE_PENDING: one put more is misuse. */
	CHECK_EQ(ioasid_put(set, 5), -EINVAL);
	CHECK_EQ(ioasid_put(set, 5), -EINVAL);
	CHECK_EQ(stats_of(set).misuse, 2);
	CHECK_EQ(id_refs(set, 5), 1);
	CHECK_EQ(stats_of(set).pending, 1);
	CHECK_EQ(ioasid_alloc(set, 5, 5, NULL, &id), -EBUSY);
	gate_open(&gate);
	task_join(&task);
	CHECK_EQ(id_refs(set, 5), 0);
	CHECK_EQ(stats_of(set).misuse, 2);
	set_end(set);
	pool_end(pool);
}

static void free_drops_after_handlers(void)
{
	reclaim_waits_for_handlers(free_five);
}

static void put_drops_after_handlers(void)
{
	reclaim_waits_for_handlers(put_five);
}

/* --- Whose --- */

static void unknown_and_others(void)
{
	static const ioasid_t none[] = { 0, 6, 99, 100, IOASID_CAPACITY_MAX - 1, IOASID_CAPACITY_MAX, IOASID_INVALID };
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *other = set_make(pool, 10);
	struct ioasid_set *asking[] = { set, other, ioasid_pool_root(pool) };
	uint32_t refs;

	id_make_at(set, 5);
	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
			CHECK_EQ(ioasid_free(asking[s], none[i]), -ENOENT);
			CHECK_EQ(ioasid_get(asking[s], none[i]), -ENOENT);
			CHECK_EQ(ioasid_put(asking[s], none[i]), -ENOENT);
			CHECK_EQ(ioasid_refs(asking[s], none[i], &refs), -ENOENT);
		}
	}
	for (unsigned int pending = 0; pending < 2; pending++) {
		CHECK_EQ(ioasid_free(other, 5), -EACCES);
		CHECK_EQ(ioasid_get(other, 5), -EACCES);
		CHECK_EQ(ioasid_put(other, 5), -EACCES);
		CHECK_EQ(ioasid_refs(other, 5, &refs), -EACCES);
		CHECK_EQ(id_refs(set, 5), 1);
		if (!pending) {
			CHECK_EQ(ioasid_get(set, 5), 0);
			CHECK_EQ(ioasid_free(set, 5), 0);
		}
	}
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(ioasid_free(other, 5), -ENOENT);
	set_end(set);
	set_end(other);
	pool_end(pool);
}

/* --- Free by put --- */

static void put_frees_what_nobody_holds(void)
{
	struct journal j = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct subscriber s;

	id_make_at(set, 5);
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(id_refs(set, 5), 0);
	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(set, &s.block, 0), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_put(set, 5), 0);
	journal_expect(&j, "s:ALLOC 5");
	CHECK_EQ(ioasid_put(set, 5), 1);
	journal_expect(&j, "s:FREE 5");
	CHECK_EQ(ioasid_put(set, 5), -ENOENT);
	CHECK_EQ(stats_of(set).misuse, 0);
	set_end(set);
	pool_end(pool);
}

/* --- Overflow --- */

static void references_end_with_an_error(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	ioasid_handle_t handle;
	ioasid_t id = 0;

	id_make_at(set, 5);
	CHECK_EQ(ioasid_attach_spid(set, 5, ioasid_spid_make(9)), 0);
	CHECK_EQ(ioasid_handle_of(set, 5, &handle), 0);
	for (uint32_t i = 0; i < IOASID_REFS_MAX; i++)
		CHECK_EQ(ioasid_get(set, 5), 0);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(ioasid_get(set, 5), -EOVERFLOW);
		CHECK_EQ(ioasid_get_handle(set, handle), -EOVERFLOW);
		CHECK_EQ(ioasid_find_by_spid(set, ioasid_spid_make(9), &id), -EOVERFLOW);
		CHECK_EQ(id_refs(set, 5), IOASID_REFS_MAX + 1);
	}
	CHECK_EQ(id, 0);
	CHECK_EQ(ioasid_put(set, 5), 0);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	for (uint32_t i = 0; i < IOASID_REFS_MAX - 1; i++)
		CHECK_EQ(ioasid_put(set, 5), 0);
	CHECK_EQ(ioasid_put(set, 5), 1);
	set_end(set);
	pool_end(pool);
}

/* --- Races --- */

struct race {
	struct ioasid_set *set;
	ioasid_t id;
	bool heard; /* somebody counts the events */
	atomic_uint reclaims, frees, events;
	unsigned int times;
	pthread_barrier_t barrier;
};

static int count_free(struct subscriber *s, const struct ioasid_event *event)
{
	struct race *r = s->context;

	atomic_fetch_add(&r->events, event->event == IOASID_EVENT_FREE);
	return 0;
}

static void race_begin(struct race *r, unsigned int references)
{
	CHECK_EQ(ioasid_alloc(r->set, 1, 99, NULL, &r->id), 0);
	while (references--)
		CHECK_EQ(ioasid_get(r->set, r->id), 0);
	r->reclaims = r->frees = r->events = 0;
}

/* Each thread puts one reference, and every other one frees before. A put is the last to go. */
static void drop(void *arg, unsigned int index)
{
	struct race *r = arg;
	int ret;

	for (unsigned int i = 0; i < r->times; i++) {
		if (index == 0)
			race_begin(r, THREADS);
		pthread_barrier_wait(&r->barrier);
		if (index % 2)
			CHECK_EQ(ioasid_free(r->set, r->id), 0);
		ret = ioasid_put(r->set, r->id);
		CHECK(ret == 0 || ret == 1);
		atomic_fetch_add(&r->reclaims, ret == 1);
		pthread_barrier_wait(&r->barrier);
		if (index == 0) {
			CHECK_EQ(atomic_load(&r->reclaims), 1);
			CHECK_EQ(id_refs(r->set, r->id), 0);
			CHECK_EQ(stats_of(r->set).allocated, 0);
			CHECK(!r->heard || atomic_load(&r->events) == 1);
		}
		pthread_barrier_wait(&r->barrier);
	}
}

/* All threads free, or put without a reference, one ID that nobody holds: one of them does it. */
static void finish(void *arg, unsigned int index)
{
	struct race *r = arg;
	int ret;

	for (unsigned int i = 0; i < r->times; i++) {
		if (index == 0)
			race_begin(r, 0);
		pthread_barrier_wait(&r->barrier);
		if (index % 2) {
			ret = ioasid_free(r->set, r->id);
			CHECK(ret == 0 || ret == -ENOENT);
			atomic_fetch_add(&r->frees, ret == 0);
		} else {
			ret = ioasid_put(r->set, r->id);
			CHECK(ret == 1 || ret == -EINVAL || ret == -ENOENT);
			atomic_fetch_add(&r->reclaims, ret == 1);
		}
		pthread_barrier_wait(&r->barrier);
		if (index == 0) {
			CHECK(atomic_load(&r->reclaims) <= 1);
			CHECK(atomic_load(&r->reclaims) + atomic_load(&r->frees) >= 1);
			CHECK_EQ(id_refs(r->set, r->id), 0);
			CHECK(!r->heard || atomic_load(&r->events) == 1);
		}
		pthread_barrier_wait(&r->barrier);
	}
}

static void race(void (*fn)(void *arg, unsigned int index))
{
	for (unsigned int heard = 0; heard < 2; heard++) {
		struct ioasid_pool *pool = pool_make(100);
		struct race r = { .set = set_make(pool, 1), .heard = heard, .times = rounds(500) };
		struct subscriber s;

		subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
		s.hook = count_free;
		s.context = &r;
		if (heard)
			CHECK_EQ(ioasid_register_notifier(r.set, &s.block, 0), 0);
		REQUIRE_EQ(pthread_barrier_init(&r.barrier, NULL, THREADS), 0);
		crowd(THREADS, fn, &r);
		CHECK_EQ(stats_of(r.set).allocated, 0);
		CHECK(fn != drop || stats_of(r.set).misuse == 0);
		pthread_barrier_destroy(&r.barrier);
		set_end(r.set);
		pool_end(pool);
	}
}

static void one_call_reclaims(void)
{
	race(drop);
}

static void one_call_frees(void)
{
	race(finish);
}

static const struct test_case cases[] = {
	{ "S4.1 a free without references reclaims", free_without_references },
	{ "S4.1 a free with references makes it FREE_PENDING until the last put", free_with_references },
	{ "S4.2, S0.3 freeing again what is FREE_PENDING, as a guest may, takes no reference of a trusted holder",
	  second_free_is_nothing },
	{ "S4.2 an ID can be freed inside its own FREE handlers, to no effect", free_inside_its_own_handlers },
	{ "S4.1 free drops alloc's reference after the last handler; a put too many is misuse",
	  free_drops_after_handlers },
	{ "S4.5 a put that frees drops alloc's reference after the last handler, too", put_drops_after_handlers },
	{ "S4.3 unknown is -ENOENT, another set's -EACCES before the state, without effect", unknown_and_others },
	{ "S4.5 a put without counted reference frees, with FREE", put_frees_what_nobody_holds },
	{ "S4.4 references end with -EOVERFLOW at IOASID_REFS_MAX, never with a wrap", references_end_with_an_error },
	{ "S4.5 of racing puts and frees exactly one reclaims, and FREE comes once", one_call_reclaims },
	{ "S4.5 of racing frees and puts without reference one marks, and FREE comes once", one_call_frees },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("free", cases, argc, argv);
}
