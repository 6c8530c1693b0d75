/*
 * Who sees what (S5.5). The memory that the threads hand to each other is plain, and nothing but the library
 * orders it: what the tests need beside it are relaxed atomics, so that ThreadSanitizer tells what the
 * library has left out.
 */
#include "support.h"

#include <sched.h>

static void flag_raise(atomic_uint *flag, unsigned int value)
{
	atomic_store_explicit(flag, value, memory_order_relaxed);
}

static void flag_await(atomic_uint *flag, unsigned int value)
{
	while (atomic_load_explicit(flag, memory_order_relaxed) < value)
		sched_yield();
}

/* --- What was written before alloc or attach is seen by who finds; after detach it is the writer's again --- */

struct object {
	unsigned int a, b;
};

struct finders {
	struct ioasid_set *set;
	unsigned int times;
	atomic_uint stop;
};

static int object_whole(void *data)
{
	struct object *o = data;

	CHECK_EQ(o->a, o->b);
	return 1;
}

static void write_objects(struct finders *f)
{
	struct object object[2] = { { 0, 0 } };
	ioasid_t id;
	void *old;

	for (unsigned int i = 0; i < f->times; i++) {
		struct object *o = &object[i % 2];

		o->a = i;
		o->b = i;
		if (i % 3 == 0) {
			CHECK_EQ(ioasid_alloc(f->set, 5, 5, o, &id), 0);
			CHECK_EQ(ioasid_detach_data(f->set, 5, &old), 0);
		} else {
			CHECK_EQ(ioasid_attach_data(f->set, 5, o), 0);
			CHECK_EQ(ioasid_detach_data(f->set, 5, &old), 0);
			if (i % 3 == 2)
				CHECK_EQ(ioasid_free(f->set, 5), 0);
		}
		CHECK(old == o);
		/* Nobody looks any more. */
		o->a = ~i;
	}
}

static void write_or_find(void *arg, unsigned int index)
{
	struct finders *f = arg;
	void *data = NULL;

	if (index == 0) {
		write_objects(f);
		flag_raise(&f->stop, 1);
		return;
	}
	while (!atomic_load_explicit(&f->stop, memory_order_relaxed)) {
		if (index == 1) {
			CHECK(ioasid_find(f->set, 5, object_whole, &data) != -EACCES);
			sched_yield();
			continue;
		}
		ioasid_read_begin();
		if (!ioasid_find(f->set, 5, NULL, &data) && data)
			object_whole(data);
		ioasid_read_end();
		sched_yield();
	}
}

static void attach_is_before_find(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct finders f = { .set = set_make(pool, 10), .times = rounds(1500) };

	crowd(3, write_or_find, &f);
	set_end(f.set);
	pool_end(pool);
}

/* --- What was done before a put is seen by who reclaims, and by who has the number next --- */

enum { HOLDERS = 3 };

struct holders {
	struct ioasid_set *set;
	unsigned int times;
	unsigned int seen[HOLDERS]; /* plain: each holder writes its own before its put */
	pthread_barrier_t barrier;
};

static void all_seen(struct holders *h, unsigned int value)
{
	for (unsigned int i = 0; i < HOLDERS; i++)
		CHECK_EQ(h->seen[i], value);
}

static void hold_or_follow(void *arg, unsigned int index)
{
	struct holders *h = arg;
	ioasid_t id;
	int ret;

	for (unsigned int i = 1; i <= h->times; i++) {
		if (index == HOLDERS) {
			CHECK_EQ(ioasid_alloc(h->set, 5, 5, NULL, &id), 0);
			for (unsigned int n = 0; n < HOLDERS; n++)
				CHECK_EQ(ioasid_get(h->set, 5), 0);
			CHECK_EQ(ioasid_free(h->set, 5), 0);
		}
		pthread_barrier_wait(&h->barrier);
		if (index < HOLDERS) {
			h->seen[index] = i;
			ret = ioasid_put(h->set, 5);
			CHECK(ret == 0 || ret == 1);
			if (ret == 1)
				all_seen(h, i);
		} else {
			/* Of one that is being reclaimed also -ENOSPC is true. */
			while ((ret = ioasid_alloc(h->set, 5, 5, NULL, &id)) == -EBUSY || ret == -ENOSPC)
				sched_yield();
			CHECK_EQ(ret, 0);
			all_seen(h, i);
			CHECK_EQ(ioasid_free(h->set, 5), 0);
		}
		pthread_barrier_wait(&h->barrier);
	}
}

static void put_is_before_reclaim(void)
{
	for (uint32_t policy = IOASID_POLICY_ANY; policy <= IOASID_POLICY_RANDOM; policy++) {
		struct ioasid_pool *pool = pool_make_with(100, policy, 0);
		struct holders h = { .set = set_make(pool, 10), .times = rounds(200) };

		REQUIRE_EQ(pthread_barrier_init(&h.barrier, NULL, HOLDERS + 1), 0);
		crowd(HOLDERS + 1, hold_or_follow, &h);
		pthread_barrier_destroy(&h.barrier);
		set_end(h.set);
		pool_end(pool);
	}
}

/* Who waited for the reclaim, by call or by descriptor, sees what was done before the puts, too. */
struct waiting {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	unsigned int value;
};

static void wait_and_look(void *arg)
{
	struct waiting *w = arg;

	CHECK_EQ(ioasid_wait_reclaimed(w->pool, 5, IOASID_FOREVER), 0);
	CHECK_EQ(w->value, 7);
}

static void put_is_before_the_end_of_a_wait(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct waiting w = { .pool = pool, .set = set };

	for (unsigned int i = 0; i < 10; i++) {
		struct task task;

		id_make_at(set, 5);
		CHECK_EQ(ioasid_get(set, 5), 0);
		CHECK_EQ(ioasid_free(set, 5), 0);
		w.value = i;
		task_start(&task, wait_and_look, &w);
		if (i % 2)
			CHECK(task_blocked(&task));
		w.value = 7;
		CHECK_EQ(ioasid_put(set, 5), 1);
		task_join(&task);
	}
	set_end(set);
	pool_end(pool);
}

/* --- What the handlers of one event did is seen by those of the next --- */

struct relay {
	struct ioasid_set *set;
	unsigned int times;
	unsigned int events; /* plain: written by handlers only */
	atomic_uint stage;
	ioasid_t id;
};

static int count_plain(struct subscriber *s, const struct ioasid_event *event)
{
	struct relay *r = s->context;

	(void)event;
	r->events++;
	return 0;
}

/* Four threads take turns: alloc, attach, detach, free. */
static void relay(void *arg, unsigned int index)
{
	struct relay *r = arg;
	ioasid_t id;

	for (unsigned int i = 0; i < r->times; i++) {
		flag_await(&r->stage, 4 * i + index);
		switch (index) {
		case 0:
			CHECK_EQ(ioasid_alloc(r->set, 5, 5, NULL, &id), 0);
			break;
		case 1:
			CHECK_EQ(ioasid_attach_spid(r->set, 5, ioasid_spid_make(1)), 0);
			break;
		case 2:
			CHECK_EQ(ioasid_detach_spid(r->set, 5), 0);
			break;
		default:
			CHECK_EQ(ioasid_free(r->set, 5), 0);
		}
		flag_raise(&r->stage, 4 * i + index + 1);
	}
}

static void events_follow_each_other(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct relay r = { .set = set_make(pool, 10), .times = rounds(200) };
	struct subscriber s;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.hook = count_plain;
	s.context = &r;
	CHECK_EQ(ioasid_register_notifier(r.set, &s.block, 0), 0);
	crowd(4, relay, &r);
	CHECK_EQ(r.events, 4 * r.times);
	set_end(r.set);
	pool_end(pool);
}

/* Without agreement on who comes when: all threads attach and detach as they can. */
static void attach_and_detach(void *arg, unsigned int index)
{
	struct relay *r = arg;

	for (unsigned int i = 0; i < r->times; i++) {
		int ret = ioasid_attach_spid(r->set, 5, ioasid_spid_make(index));

		CHECK(ret == 0 || ret == -EBUSY);
		ret = ioasid_detach_spid(r->set, 5);
		CHECK(ret == 0 || ret == -ENOENT);
	}
}

static void events_of_one_id_exclude_each_other(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct relay r = { .set = set_make(pool, 10), .times = rounds(500) };
	struct subscriber s;

	subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
	s.hook = count_plain;
	s.context = &r;
	id_make_at(r.set, 5);
	CHECK_EQ(ioasid_register_notifier(r.set, &s.block, IOASID_NOTIFIER_REPLAY), 0);
	crowd(3, attach_and_detach, &r);
	CHECK_EQ(ioasid_free(r.set, 5), 0);
	/* The ALLOC that was replayed is no event of its own. */
	CHECK_EQ(stats_of(r.set).events + 1, r.events);
	set_end(r.set);
	pool_end(pool);
}

/* --- What was done before queue_work is seen by the work --- */

struct parcel {
	struct ioasid_work work;
	struct ioasid_set *set;
	unsigned int sent, received;
};

static void receive(void *context, struct ioasid_work *work)
{
	struct parcel *p = context;

	CHECK(work == &p->work);
	p->received = p->sent;
}

static void queue_is_before_work(void)
{
	for (unsigned int dispatch = 0; dispatch < 2; dispatch++) {
		struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, dispatch ? IOASID_POOL_NO_WORKER : 0);
		struct ioasid_set *set = set_make(pool, 10);
		struct parcel p = { .work = { .run = receive, .context = &p }, .set = set };

		for (unsigned int i = 1; i <= rounds(200); i++) {
			p.sent = i;
			CHECK_EQ(ioasid_queue_work(set, &p.work), 0);
			CHECK_EQ(ioasid_flush_work(set), 0);
			CHECK_EQ(p.received, i);
		}
		set_end(set);
		pool_end(pool);
	}
}

static const struct test_case cases[] = {
	{ "S5.5 what was written before alloc or attach is seen by who finds it", attach_is_before_find },
	{ "S5.5 what was done before a put is seen by who reclaims and by who has the number next", put_is_before_reclaim },
	{ "S5.5 what was done before a put is seen by who waited for the reclaim", put_is_before_the_end_of_a_wait },
	{ "S5.5 what handlers of an event did is seen by those of the ID's next event", events_follow_each_other },
	{ "S7.5 handlers of one ID's events never run beside each other", events_of_one_id_exclude_each_other },
	{ "S5.5 what was done before queue_work is seen by the work, and its doings by who flushed", queue_is_before_work },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("order", cases, argc, argv);
}
