/*
 * Races and losses that were found by reading the core: each case stops the threads where they have to be.
 */
#include "scene.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Credit ---- */

/* S1.3: a set that is killed in a section leaves the rest of its death to a work item, which is not run here. */
static void dead_credit_is_promised(void)
{
	struct ioasid_pool *pool = pool_make_with(101, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 100), *other = NULL;

	ioasid_read_begin();
	CHECK_EQ(ioasid_set_put(set), 1);
	ioasid_read_end();
	CHECK_EQ(available(pool), 100);
	CHECK_EQ(ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 100, &other), 0);
	if (other != NULL)
		set_end(other);
	CHECK(ioasid_pool_dispatch(pool) >= 1);
	CHECK_EQ(available(pool), 100);
	pool_end(pool);
}

struct evictor {
	struct ioasid_pool *pool;
	struct ioasid_set *steady;
	atomic_bool end;
};

static void use_once(struct ioasid_set *set)
{
	ioasid_t id;

	if (ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id) == 0)
		(void)ioasid_free(set, id);
}

/* Uses a set that dies soon, then one that has the same place in the cache, so that it throws the other out. */
static void evict(void *arg)
{
	struct evictor *e = arg;

	while (!atomic_load(&e->end)) {
		struct ioasid_set *set;

		if (ioasid_set_find(e->pool, IOASID_SET_OPAQUE, 1, &set) == 0) {
			use_once(set);
			CHECK(ioasid_set_put(set) >= 0);
		}
		for (unsigned int i = 0; i < 5; i++)
			use_once(e->steady);
	}
}

/* S1.3: whatever caches do meanwhile, a dead set's credit comes back. */
static void evicted_credit_comes_back(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *filler[7];
	struct evictor e = { .pool = pool };
	struct task task[2];

	/* Sets are numbered as they come, and eight of them share a place: the ninth has the first one's. */
	e.steady = set_make(pool, 1000);
	for (unsigned int i = 0; i < 7; i++)
		filler[i] = set_make(pool, 1);
	for (unsigned int t = 0; t < 2; t++)
		task_start(&task[t], evict, &e);
	for (unsigned int i = 0; i < rounds(300); i++) {
		struct ioasid_set *set = NULL;

		while (ioasid_set_alloc(pool, IOASID_SET_OPAQUE, 1, 1000, &set) == -EEXIST)
			sched_yield();
		for (unsigned int j = 0; j < 20; j++)
			use_once(set);
		CHECK(ioasid_set_put(set) >= 0);
	}
	atomic_store(&e.end, true);
	for (unsigned int t = 0; t < 2; t++)
		task_join(&task[t]);
	set_end(e.steady);
	for (unsigned int i = 0; i < 7; i++)
		set_end(filler[i]);
	CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1);
	pool_end(pool);
}

/* ---- Subscribers and dead sets ---- */

struct gated_allocator {
	struct ioasid_allocator callbacks;
	struct gate in_alloc, in_free;
	ioasid_t last_freed;
};

static int gated_alloc(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	struct gated_allocator *a = context;

	(void)max;
	*id = min;
	gate_pass(&a->in_alloc);
	return 0;
}

static void gated_free(void *context, ioasid_t id)
{
	struct gated_allocator *a = context;

	a->last_freed = id;
	gate_pass(&a->in_free);
}

#define GATED_ALLOCATOR(a) { { gated_alloc, gated_free, (a) }, GATE_OPEN, GATE_OPEN, 0 }

struct registering {
	struct ioasid_set *scope;
	struct watcher watcher;
	struct stop stop;
	struct task task;
};

static void register_main(void *arg)
{
	struct registering *r = arg;

	CHECK_EQ(ioasid_register_notifier(r->scope, &r->watcher.block, IOASID_NOTIFIER_REPLAY), 0);
}

/* A replay that stops at ID 2, and with it every change of subscriptions. */
static void replay_stop(struct registering *r, struct recorder *rec, struct ioasid_set *scope)
{
	r->scope = scope;
	r->stop = (struct stop){ .event = IOASID_EVENT_ALLOC, .id = 2, .gate = GATE_CLOSED };
	watcher_init(&r->watcher, rec, "slow", IOASID_EVENT_ALLOC, IOASID_PRIO_CPU);
	r->watcher.hook = stop_hook;
	r->watcher.arg = &r->stop;
	task_start(&r->task, register_main, r);
	gate_await(&r->stop.gate, 1);
}

/*
 * S7.1, S2.3: an alloc is held inside a custom allocator while its set dies and finds no ID that has an event
 * before it; the set's blocks are dropped late, held up by a replay. Who is told of the birth has to be told
 * of the end.
 */
static void birth_in_a_dead_set(void)
{
	static struct recorder rec;
	static struct gated_allocator a = GATED_ALLOCATOR(&a);
	static struct registering slow;
	struct stop in_alloc = { .event = IOASID_EVENT_ALLOC, .id = 3, .gate = GATE_OPEN };
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *root = ioasid_pool_root(pool), *set, *other;
	struct call birth, death;
	struct watcher all;

	recorder_init(&rec);
	REQUIRE_EQ(ioasid_register_allocator(pool, &a.callbacks), 0);
	set = set_make(pool, 10);
	other = set_make(pool, 10);
	watcher_init(&all, &rec, "all", IOASID_EVENT_ALLOC | IOASID_EVENT_FREE, IOASID_PRIO_CPU);
	all.hook = stop_hook;
	all.arg = &in_alloc;
	watcher_join(&all, root);
	id_make_at(set, 1);
	id_make_at(other, 2);
	CHECK_EQ(ioasid_get(set, 1), 0); /* what the caller of the alloc has of the set */
	replay_stop(&slow, &rec, other);
	gate_close(&a.in_alloc);
	call_start(&birth, do_alloc, set, 3, 0);
	gate_await(&a.in_alloc, 1);
	call_start(&death, do_set_put, set, 0, 0);
	CHECK(call_blocked(&death));
	gate_close(&in_alloc.gate);
	gate_open(&a.in_alloc);
	if (call_blocked(&birth)) {
		/* It is told of: the chain goes away meanwhile. */
		gate_open(&slow.stop.gate);
		CHECK(call_blocked(&death));
		gate_open(&in_alloc.gate);
	}
	CHECK_EQ(call_join(&birth), -ENOENT);
	gate_open(&slow.stop.gate);
	CHECK_EQ(call_join(&death), 1);
	task_join(&slow.task);
	CHECK_EQ(events_seen(&rec, "all", IOASID_EVENT_ALLOC, 3), events_seen(&rec, "all", IOASID_EVENT_FREE, 3));
	CHECK_EQ(ioasid_put(root, 1), 1);
	watcher_leave(&all, root);
	set_end(other);
	CHECK_EQ(ioasid_unregister_allocator(pool, &a.callbacks), 0);
	pool_end(pool);
}

static int put_arg(struct watcher *watcher, const struct ioasid_event *event)
{
	struct ioasid_set **set = watcher->arg;

	(void)event;
	if (*set != NULL)
		CHECK_EQ(ioasid_set_put(*set), 1);
	*set = NULL;
	return 0;
}

/* S7.9: a set dies in a handler, so that the FREE of its ID comes later; who subscribes to its token
 * meanwhile is not told. */
static void token_is_not_told_of_the_dead(bool again)
{
	static struct recorder rec;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *root = ioasid_pool_root(pool), *dying = set_make_token(pool, 7, 10), *next = NULL;
	struct ioasid_set *other = set_make(pool, 10);
	struct stop stop = { .event = IOASID_EVENT_ALLOC, .id = 9, .gate = GATE_CLOSED };
	struct watcher killer, stopper, late;
	struct call birth;

	recorder_init(&rec);
	watcher_init(&killer, &rec, "killer", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_init(&stopper, &rec, "stopper", IOASID_EVENT_ALL, IOASID_PRIO_LAST);
	watcher_init(&late, &rec, "late", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	id_make_at(dying, 5);
	CHECK_EQ(ioasid_register_notifier(root, &stopper.block, IOASID_NOTIFIER_REPLAY), 0);
	watcher_join(&killer, other);
	killer.hook = put_arg;
	killer.arg = &dying;
	stopper.hook = stop_hook;
	stopper.arg = &stop;
	call_start(&birth, do_alloc, other, 9, 0);
	gate_await(&stop.gate, 1);
	if (again)
		next = set_make_token(pool, 7, 10);
	CHECK_EQ(ioasid_register_notifier_token(pool, IOASID_SET_OPAQUE, 7, &late.block, 0), 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&birth), 9);
	CHECK_EQ(events_seen(&rec, "stopper", IOASID_EVENT_FREE, 5), 1);
	CHECK_EQ(events_seen(&rec, "late", IOASID_EVENT_FREE, 5), 0);
	if (again) {
		id_make_at(next, 6);
		CHECK_EQ(events_seen(&rec, "late", IOASID_EVENT_ALLOC, 6), 1);
		set_end(next);
		CHECK_EQ(events_seen(&rec, "late", IOASID_EVENT_FREE, 6), 1);
	}
	CHECK_EQ(ioasid_unregister_notifier_token(pool, IOASID_SET_OPAQUE, 7, &late.block), 0);
	set_end(other);
	watcher_leave(&stopper, root);
	pool_end(pool);
}

static void token_alone(void)
{
	token_is_not_told_of_the_dead(false);
}

static void token_with_a_new_set(void)
{
	token_is_not_told_of_the_dead(true);
}

/* S3.3, S7.9: a run that is undone wakes who waits for its IDs: here registration, which looks at all of a
 * set's. */
#define RUN 4000u

struct runs {
	struct ioasid_set *set;
	atomic_bool end;
};

static void run_try(void *arg)
{
	struct runs *r = arg;
	ioasid_t first;

	while (!atomic_load(&r->end))
		if (ioasid_alloc_range(r->set, RUN, 1, 1, RUN, &first) == 0)
			for (ioasid_t i = 0; i < RUN; i++)
				(void)ioasid_free(r->set, first + i);
}

static void run_spoil(void *arg)
{
	struct runs *r = arg;
	ioasid_t id;

	while (!atomic_load(&r->end))
		if (ioasid_alloc(r->set, RUN, RUN, NULL, &id) == 0)
			CHECK_EQ(ioasid_free(r->set, id), 0);
}

static void undone_runs_wake(void)
{
	static struct recorder rec;
	struct ioasid_pool *pool = pool_make(2 * RUN);
	struct runs r = { .set = set_make(pool, 2 * RUN - 1) };
	struct task try, spoil;
	struct watcher w;

	recorder_init(&rec);
	watcher_init(&w, &rec, "w", IOASID_EVENT_UNBIND, IOASID_PRIO_CPU);
	task_start(&try, run_try, &r);
	task_start(&spoil, run_spoil, &r);
	for (unsigned int i = 0; i < rounds(2000); i++) {
		int err = ioasid_register_notifier(r.set, &w.block, 0);

		CHECK(err == 0 || err == -EBUSY);
		if (err == 0)
			watcher_leave(&w, r.set);
	}
	atomic_store(&r.end, true);
	task_join(&try);
	task_join(&spoil);
	set_end(r.set);
	pool_end(pool);
}

/* ---- Data ---- */

static int forty_two = 42;

static int do_alloc_with_data(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	ioasid_t got = IOASID_INVALID;
	int err = ioasid_alloc(set, id, id, &forty_two, &got);

	(void)unused;
	return err != 0 ? err : (int)got;
}

struct taken_out {
	struct stop stop;
	atomic_uint calls;
};

static void taken_done(void *context, void *old)
{
	struct taken_out *t = context;

	CHECK_EQ(*(int *)old, 42);
	atomic_fetch_add(&t->calls, 1);
}

static int take_out_hook(struct watcher *watcher, const struct ioasid_event *event)
{
	CHECK_EQ(ioasid_detach_data_async(event->set, event->id, taken_done, watcher->arg), 0);
	return 0;
}

static void wait_for(atomic_uint *counter, unsigned int value)
{
	while (atomic_load(counter) < value)
		usleep(1000);
	CHECK_EQ(atomic_load(counter), value);
}

/* S5.4: data that a handler of ALLOC detaches is not done before the last handler of that ALLOC. */
static void detach_waits_for_the_alloc(void)
{
	static struct scene s;
	struct taken_out t = { .stop = { .event = IOASID_EVENT_ALLOC, .id = 1, .gate = GATE_CLOSED } };
	struct watcher first, last;
	struct call birth;

	scene_begin(&s);
	watcher_init(&first, &s.rec, "first", IOASID_EVENT_ALLOC, IOASID_PRIO_CPU);
	watcher_init(&last, &s.rec, "last", IOASID_EVENT_ALLOC, IOASID_PRIO_LAST);
	first.hook = take_out_hook;
	first.arg = &t;
	last.hook = stop_hook;
	last.arg = &t.stop;
	watcher_join(&first, s.set);
	watcher_join(&last, s.set);
	call_start(&birth, do_alloc_with_data, s.set, 1, 0);
	gate_await(&t.stop.gate, 1);
	usleep(50000); /* it would come at once */
	CHECK_EQ(atomic_load(&t.calls), 0);
	gate_open(&t.stop.gate);
	CHECK_EQ(call_join(&birth), 1);
	wait_for(&t.calls, 1);
	CHECK_EQ(ioasid_free(s.set, 1), 0);
	watcher_leave(&first, s.set);
	watcher_leave(&last, s.set);
	scene_end(&s);
}

struct released {
	struct gate gate;
	atomic_uint calls;
};

static void release_count(void *context, void *data)
{
	struct released *r = context;

	CHECK_EQ(*(int *)data, 42);
	atomic_fetch_add(&r->calls, 1);
	gate_pass(&r->gate);
}

static void id_make_with_data(struct ioasid_set *set, ioasid_t id)
{
	REQUIRE_EQ(do_alloc_with_data(set, id, 0), id);
}

/* S4.6: the release function of the moment of the reclaim is called, whatever the set has afterwards. */
static void release_of_the_reclaim(void)
{
	struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct released r = { .gate = GATE_OPEN };

	CHECK_EQ(ioasid_set_on_release(set, release_count, &r), 0);
	id_make_with_data(set, 1);
	CHECK_EQ(ioasid_free(set, 1), 0);
	CHECK_EQ(ioasid_set_on_release(set, NULL, NULL), 0);
	CHECK_EQ(ioasid_pool_dispatch(pool), 1);
	CHECK_EQ(atomic_load(&r.calls), 1);
	set_end(set);
	pool_end(pool);
}

/* S2.6: a release function of one set that takes its time delays nothing of a set that dies in a section. */
static void slow_release_delays_nobody(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *slow = set_make(pool, 10), *dying = set_make(pool, 10);
	struct released r = { .gate = GATE_CLOSED };

	CHECK_EQ(ioasid_set_on_release(slow, release_count, &r), 0);
	id_make_with_data(slow, 1);
	CHECK_EQ(ioasid_free(slow, 1), 0);
	gate_await(&r.gate, 1);
	ioasid_read_begin();
	CHECK_EQ(ioasid_set_put(dying), 1);
	ioasid_read_end();
	/* It waits for ever if the death is delayed. */
	while (stats_of(ioasid_pool_root(pool)).sets != 1)
		usleep(1000);
	gate_open(&r.gate);
	set_end(slow);
	pool_end(pool);
}

static int attach_hook(struct watcher *watcher, const struct ioasid_event *event)
{
	(void)watcher;
	CHECK_EQ(ioasid_attach_data(event->set, event->id, &forty_two), 0);
	return 0;
}

static int veto_hook(struct watcher *watcher, const struct ioasid_event *event)
{
	(void)watcher;
	(void)event;
	return -EPROTO;
}

/* S4.6: what a handler attached goes to the release function, also if the birth is vetoed. */
static void vetoed_data_is_released(void)
{
	static struct scene s;
	struct released r = { .gate = GATE_OPEN };
	struct watcher first, last;

	scene_begin(&s);
	CHECK_EQ(ioasid_set_on_release(s.set, release_count, &r), 0);
	watcher_init(&first, &s.rec, "first", IOASID_EVENT_ALLOC, IOASID_PRIO_CPU);
	watcher_init(&last, &s.rec, "last", IOASID_EVENT_ALLOC, IOASID_PRIO_LAST);
	first.hook = attach_hook;
	last.hook = veto_hook;
	watcher_join(&first, s.set);
	watcher_join(&last, s.set);
	CHECK_EQ(call_elsewhere(do_alloc, s.set, 1, 0), -EPROTO);
	wait_for(&r.calls, 1);
	CHECK_EQ(stats_of(s.set).misuse, 1);
	watcher_leave(&first, s.set);
	watcher_leave(&last, s.set);
	scene_end(&s);
}

/* ---- Waiting and work ---- */

static int do_wait(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return ioasid_wait_reclaimed(ioasid_set_pool(set), id, IOASID_FOREVER);
}

/* S14.1: a thread that is cancelled while it waits comes back from the call. */
static void no_cancellation_point(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	ioasid_t id = id_make(set);
	struct call wait;

	CHECK_EQ(ioasid_get(set, id), 0);
	CHECK_EQ(ioasid_free(set, id), 0);
	wait.answer = 1;
	call_start(&wait, do_wait, set, id, 0);
	CHECK(call_blocked(&wait));
	CHECK_EQ(pthread_cancel(wait.task.thread), 0);
	CHECK(call_blocked(&wait));
	CHECK_EQ(ioasid_put(set, id), 1);
	CHECK_EQ(call_join(&wait), 0);
	set_end(set);
	pool_end(pool);
}

/* S3.5: the reclaim of one life says nothing to a descriptor of the next. */
static void descriptor_of_the_next_life(void)
{
	static struct gated_allocator a = GATED_ALLOCATOR(&a);
	struct ioasid_pool *pool = pool_make(100);
	struct call put;
	struct ioasid_set *set;
	struct pollfd first = { .events = POLLIN }, next = { .events = POLLIN };

	REQUIRE_EQ(ioasid_register_allocator(pool, &a.callbacks), 0);
	set = set_make(pool, 10);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	first.fd = ioasid_reclaim_fd(pool, 5);
	REQUIRE(first.fd >= 0);
	/* The reclaim stops when the word is FREE and the descriptor not yet told. */
	gate_close(&a.in_free);
	call_start(&put, do_put, set, 5, 0);
	gate_await(&a.in_free, 1);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	next.fd = ioasid_reclaim_fd(pool, 5);
	REQUIRE(next.fd >= 0);
	gate_open(&a.in_free);
	CHECK_EQ(call_join(&put), 1);
	CHECK_EQ(poll(&first, 1, 0), 1);
	CHECK_EQ(poll(&next, 1, 0), 0);
	CHECK_EQ(ioasid_put(set, 5), 1);
	CHECK_EQ(poll(&next, 1, 0), 1);
	close(first.fd);
	close(next.fd);
	set_end(set);
	CHECK_EQ(ioasid_unregister_allocator(pool, &a.callbacks), 0);
	pool_end(pool);
}

struct requeue {
	struct ioasid_work work, behind;
	struct ioasid_set *set;
	struct gate gate;
	unsigned int ran;
};

static void behind_run(void *context, struct ioasid_work *work)
{
	struct requeue *r = context;

	(void)work;
	r->ran++;
}

static void queue_behind(void *context, struct ioasid_work *work)
{
	struct requeue *r = context;

	(void)work;
	gate_pass(&r->gate);
	CHECK_EQ(ioasid_queue_work(r->set, &r->behind), 0);
}

static int do_flush(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_flush_work(set);
}

/* S14.4: while something is queued the pool's descriptor is readable, also for what a flush did not run. */
static void flush_leaves_a_sign(void)
{
	struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct requeue r = { .work = { .run = queue_behind, .context = &r },
			     .behind = { .run = behind_run, .context = &r },
			     .set = set,
			     .gate = GATE_CLOSED };
	struct pollfd p = { .fd = ioasid_pool_fd(pool), .events = POLLIN };
	struct call flush;

	CHECK_EQ(ioasid_queue_work(set, &r.work), 0);
	call_start(&flush, do_flush, set, 0, 0);
	gate_await(&r.gate, 1);
	CHECK(call_blocked(&flush));
	CHECK_EQ(ioasid_pool_dispatch(pool), 0); /* empties the descriptor */
	gate_open(&r.gate);
	CHECK_EQ(call_join(&flush), 0);
	if (r.ran == 0) {
		CHECK_EQ(poll(&p, 1, 0), 1);
		CHECK_EQ(ioasid_pool_dispatch(pool), 1);
	}
	CHECK_EQ(r.ran, 1);
	set_end(set);
	pool_end(pool);
}

/* S4.5, S7.6: who took a reference of an ID of a run, in its ALLOC, can put it in the ALLOC of the next. */
static int get_and_put(struct watcher *watcher, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_ALLOC && event->id == 1)
		CHECK_EQ(ioasid_get(event->set, 1), 0);
	if (event->event == IOASID_EVENT_ALLOC && event->id == 2) {
		CHECK_EQ(ioasid_put(event->set, 1), 0);
		CHECK_EQ(ioasid_put(event->set, 1), -EDEADLK); /* a free */
		CHECK_EQ(ioasid_get(event->set, 3), -ENOENT);
		CHECK_EQ(ioasid_get(event->set, 1), 0);
	}
	if (event->event == IOASID_EVENT_FREE && event->id == 2)
		CHECK(ioasid_put(event->set, 1) >= 0);
	return event->event == IOASID_EVENT_ALLOC && event->id == 3 && watcher->arg != NULL ? -EPROTO : 0;
}

static void runs_are_seen_by_their_handlers(void)
{
	static struct scene s;
	struct watcher w;
	ioasid_t first;

	scene_begin(&s);
	watcher_init(&w, &s.rec, "w", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	w.hook = get_and_put;
	watcher_join(&w, s.set);
	w.arg = &w;
	CHECK_EQ(ioasid_alloc_range(s.set, 3, 1, 1, 3, &first), -EPROTO);
	CHECK_EQ(stats_of(s.set).allocated, 0);
	w.arg = NULL;
	CHECK_EQ(ioasid_alloc_range(s.set, 3, 1, 1, 3, &first), 0);
	CHECK_EQ(id_refs(s.set, 1), 2);
	CHECK_EQ(ioasid_set_reset(s.set), 0);
	CHECK_EQ(stats_of(s.set).allocated, 0);
	watcher_leave(&w, s.set);
	scene_end(&s);
}

/* ---- Alarm, allocators, fork ---- */

struct rising {
	struct ioasid_set *set;
	atomic_uint alarms;
	ioasid_t id[2];
};

static void alarm_count(void *context, struct ioasid_set *set, uint32_t held)
{
	struct rising *r = context;

	(void)set;
	(void)held;
	atomic_fetch_add(&r->alarms, 1);
}

static void rise(void *arg, unsigned int index)
{
	struct rising *r = arg;

	CHECK_EQ(ioasid_alloc(r->set, 1, IOASID_INVALID, NULL, &r->id[index]), 0);
}

/* S13.1: once for each crossing, also of a set that draws its credit from the pool, whoever allocates at
 * once. */
static void alarm_misses_nothing(void)
{
	struct ioasid_pool *pool = pool_make(1000);

	for (unsigned int i = 0; i < rounds(300); i++) {
		struct rising r = { .set = set_make(pool, IOASID_QUOTA_UNLIMITED) };

		CHECK_EQ(ioasid_set_quota_alarm(r.set, 1, alarm_count, &r), 0);
		crowd(2, rise, &r);
		CHECK_EQ(ioasid_flush_work(r.set), 0);
		CHECK_EQ(atomic_load(&r.alarms), 1);
		set_end(r.set);
	}
	pool_end(pool);
}

struct contest {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_allocator allocator;
	atomic_uint handed_out, foreign;
	ioasid_t id;
	int registered;
};

static int contest_alloc(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	struct contest *c = context;

	(void)max;
	*id = min;
	atomic_fetch_add(&c->handed_out, 1);
	return 0;
}

static void contest_free(void *context, ioasid_t id)
{
	struct contest *c = context;

	(void)id;
	if (atomic_load(&c->handed_out) == 0)
		atomic_fetch_add(&c->foreign, 1);
	else
		atomic_fetch_sub(&c->handed_out, 1);
}

static void contest_run(void *arg, unsigned int index)
{
	struct contest *c = arg;

	if (index == 0)
		CHECK_EQ(ioasid_alloc(c->set, 640, 700, NULL, &c->id), 0);
	else
		c->registered = ioasid_register_allocator(c->pool, &c->allocator);
}

/* S8.2, S8.3: an allocator becomes active only when no number of the built-in one is out, and gets back what
 * it handed out. */
static void activation_sees_what_is_out(void)
{
	for (unsigned int i = 0; i < rounds(300); i++) {
		struct contest c = { .pool = pool_make(1000) };

		c.set = set_make(c.pool, 2);
		c.allocator = (struct ioasid_allocator){ contest_alloc, contest_free, &c };
		crowd(2, contest_run, &c);
		CHECK(c.registered == 0 || c.registered == -EAGAIN);
		CHECK_EQ(atomic_load(&c.handed_out), c.registered == 0);
		CHECK_EQ(ioasid_free(c.set, c.id), 0);
		CHECK_EQ(atomic_load(&c.handed_out), 0);
		CHECK_EQ(atomic_load(&c.foreign), 0);
		set_end(c.set);
		CHECK_EQ(ioasid_unregister_allocator(c.pool, &c.allocator), 0);
		pool_end(c.pool);
	}
}

static void log_stop(void *context, uint32_t level, const char *text)
{
	(void)level;
	(void)text;
	gate_pass(context);
}

static int do_destroy(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_pool_destroy(ioasid_set_pool(set));
}

static int no_write(void *context, const char *text, size_t length)
{
	(void)context;
	(void)text;
	(void)length;
	return 0;
}

/* S14.2: a fork finds another thread inside a call, with locks held; the child is refused before it waits for
 * them. */
static void child_waits_for_no_lock(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct gate gate = GATE_CLOSED;
	struct call destroy;
	int status = -1;
	pid_t child;

	CHECK_EQ(ioasid_pool_set_log(pool, log_stop, &gate), 0);
	call_start(&destroy, do_destroy, set, 0, 0);
	gate_await(&gate, 1);
	child = fork();
	if (child == 0) {
		struct ioasid_stats stats = { .struct_size = sizeof(stats) };
		uint32_t count;

		alarm(100);
		_exit(ioasid_set_stats(ioasid_pool_root(pool), &stats) != -EPERM ||
		      ioasid_pool_available(pool, &count) != -EPERM ||
		      ioasid_pool_dump(pool, IOASID_DUMP_TEXT, no_write, NULL) != -EPERM);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	gate_open(&gate);
	CHECK_EQ(call_join(&destroy), -EBUSY);
	CHECK_EQ(ioasid_pool_set_log(pool, NULL, NULL), 0);
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "S1.3 the credit of a set that died in a section can be promised at once", dead_credit_is_promised },
	{ "S1.3 credit comes back from caches that are thrown out while a set dies", evicted_credit_comes_back },
	{ "S7.1 nobody is told of a birth, and not of its end, when the set has died", birth_in_a_dead_set },
	{ "S7.9 a subscriber of a token is not told of a dead set's IDs", token_alone },
	{ "S7.9 nor if the token has a set again", token_with_a_new_set },
	{ "S3.3 a run that is undone wakes who waits for its IDs", undone_runs_wake },
	{ "S5.4 detaching in an ALLOC waits for the ALLOC's last handler", detach_waits_for_the_alloc },
	{ "S4.6 data goes to the release function that the set had at the reclaim", release_of_the_reclaim },
	{ "S2.6 a slow release function delays no other set's death", slow_release_delays_nobody },
	{ "S4.6 data attached to an ID that is vetoed is released", vetoed_data_is_released },
	{ "S14.1 a wait is no cancellation point", no_cancellation_point },
	{ "S3.5 a reclaim descriptor is told of its own life only", descriptor_of_the_next_life },
	{ "S14.4 what a flush does not run makes the descriptor readable", flush_leaves_a_sign },
	{ "S4.5 a reference of a run's ID can be put while the next one is born", runs_are_seen_by_their_handlers },
	{ "S13.1 an alarm misses no crossing of an unlimited set", alarm_misses_nothing },
	{ "S8.3 a custom allocator is not active while a built-in number is out", activation_sees_what_is_out },
	{ "S14.2 the child of a fork waits for no lock", child_waits_for_no_lock },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("regress_core", cases, argc, argv);
}
