/*
 * What an IOASID's life must not have of another one's, found by reading the core: each case stops the
 * threads where they have to be.
 */
#include "scene.h"
#include "stops.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct scene sc;
static int number = 42;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* ---- Age ---- */

static int age_of_7(void *age, const struct ioasid_parked *parked)
{
	if (parked->id == 7)
		*(uint64_t *)age = parked->age;
	return 0;
}

/* S10.3: 7 was marked long ago; in its next life it is marked again, and nothing but its FREE keeps it. */
static void age_is_of_this_life(void)
{
	const uint64_t long_ago = UINT64_C(50000000);
	struct stop stop = { IOASID_EVENT_FREE, 7, GATE_CLOSED };
	uint64_t first, second, age, took;
	struct call freeing;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	for (first = now(); now() - first < long_ago;)
		usleep(1000);
	second = now();
	/* An age is exact to a microsecond. */
	while (now() - second < 2000)
		;
	id_make_at(sc.set, 7);
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	call_start(&freeing, do_free, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	/* The time is written after the mark and before FREE, so it is there. */
	do {
		took = now();
		CHECK_EQ(ioasid_parked_for_each(sc.set, age_of_7, &age), 0);
		took = now() - took;
	} while (took >= long_ago);
	CHECK(age > 0 && age <= now() - second);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&freeing), 0);
	scene_end(&sc);
}

/* ---- Births ---- */

static struct gate in_birth = GATE_CLOSED;
static struct call rebirth;
static bool vetoed;

/* Vetoes the first birth of 3. When 2 is undone, 3 is on its way again, in another thread. */
static int veto_3_once(struct watcher *watcher, const struct ioasid_event *event)
{
	void *data;

	(void)watcher;
	if (event->event == IOASID_EVENT_ALLOC && event->id == 3) {
		if (vetoed) {
			gate_pass(&in_birth);
			return 0;
		}
		vetoed = true;
		return -EPROTO;
	}
	if (event->event == IOASID_EVENT_FREE && event->id == 2) {
		call_start(&rebirth, do_alloc, event->set, 3, 0);
		gate_await(&in_birth, 1);
		CHECK_EQ(ioasid_find(event->set, 3, NULL, &data), -ENOENT);
		CHECK_EQ(ioasid_get(event->set, 3), -ENOENT);
		CHECK_EQ(ioasid_find(event->set, 1, NULL, &data), 0); /* its own, still being born */
		gate_open(&in_birth);
	}
	return 0;
}

/* S7.7 */
static void undone_run_shows_no_other_birth(void)
{
	ioasid_t first;

	vetoed = false;
	scene_begin(&sc);
	sc.kvm.hook = veto_3_once;
	CHECK_EQ(ioasid_alloc_range(sc.set, 3, 1, 1, 3, &first), -EPROTO);
	CHECK_EQ(call_join(&rebirth), 3);
	CHECK_EQ(ioasid_free(sc.set, 3), 0);
	scene_end(&sc);
}

/* ---- Data ---- */

static unsigned int taken;

static void count_taken(void *context, void *old)
{
	(void)context;
	CHECK(old == &number);
	taken++;
}

static int take_out_hook(struct watcher *watcher, const struct ioasid_event *event)
{
	(void)watcher;
	if (event->event == IOASID_EVENT_BIND)
		CHECK_EQ(ioasid_detach_data_async(event->set, event->id, count_taken, NULL), 0);
	return 0;
}

static int do_dispatch(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_pool_dispatch(ioasid_set_pool(set));
}

/* S2.6: a detach in an event of 7 is to wait for that event, and not for one of 7's next owner. */
static void detach_waits_for_its_own_life(void)
{
	static struct recorder rec;
	struct ioasid_pool *pool = pool_make_with(100, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10), *next = set_make(pool, 10);
	struct stop stop = { IOASID_EVENT_ALLOC, 7, GATE_CLOSED };
	struct watcher one, two;
	struct call birth, work;
	ioasid_t id;

	taken = 0;
	recorder_init(&rec);
	watcher_init(&one, &rec, "one", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_init(&two, &rec, "two", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&one, set);
	watcher_join(&two, next);
	one.hook = take_out_hook;
	two.hook = stop_hook;
	two.arg = &stop;
	CHECK_EQ(ioasid_alloc(set, 7, 7, &number, &id), 0);
	CHECK_EQ(do_attach(set, 7, 40), 0);
	CHECK_EQ(ioasid_free(set, 7), 0);
	call_start(&birth, do_alloc, next, 7, 0);
	gate_await(&stop.gate, 1);
	call_start(&work, do_dispatch, set, 0, 0);
	CHECK(!call_blocked(&work));
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&birth), 7);
	CHECK(call_join(&work) >= 1);
	CHECK_EQ(taken, 1);
	set_end(set);
	set_end(next);
	CHECK(ioasid_pool_dispatch(pool) >= 0);
	pool_end(pool);
}

/* ---- The release function ---- */

struct released {
	atomic_uint calls;
	void *data;
};

static void count_released(void *context, void *data)
{
	struct released *r = context;

	r->data = data;
	atomic_fetch_add(&r->calls, 1);
}

static struct released *released_by; /* what do_on_release() gives as context; NULL: takes the function away */

static int do_on_release(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_set_on_release(set, released_by != NULL ? count_released : NULL, released_by);
}

/* A reader, so that who waits for readers waits. */
static void read_on(void *gate)
{
	ioasid_read_begin();
	gate_pass(gate);
	ioasid_read_end();
}

/* S4.6: a function that was refused was never in force: its context may be gone. */
static void refused_function_is_not_called(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct gate gate = GATE_CLOSED;
	struct released r = { 0 };
	struct task reader;
	struct call call;
	ioasid_t id;

	released_by = &r;
	task_start(&reader, read_on, &gate);
	gate_await(&gate, 1);
	call_start(&call, do_on_release, set, 0, 0);
	CHECK(call_blocked(&call));
	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	CHECK_EQ(ioasid_free(set, 5), 0);
	id_make_at(set, 6);
	CHECK_EQ(ioasid_attach_data(set, 6, &number), 0);
	gate_open(&gate);
	task_join(&reader);
	CHECK_EQ(call_join(&call), -EBUSY);
	set_end(set);
	pool_end(pool);
	CHECK_EQ(atomic_load(&r.calls), 0);
}

/* S4.6: and one that could not be taken away was never gone. */
static void kept_function_is_called(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);
	struct gate gate = GATE_CLOSED;
	struct released r = { 0 };
	struct task reader;
	struct call call;
	ioasid_t id;

	released_by = NULL;
	CHECK_EQ(ioasid_set_on_release(set, count_released, &r), 0);
	task_start(&reader, read_on, &gate);
	gate_await(&gate, 1);
	call_start(&call, do_on_release, set, 0, 0);
	CHECK(call_blocked(&call));
	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	gate_open(&gate);
	task_join(&reader);
	CHECK_EQ(call_join(&call), -EBUSY);
	CHECK_EQ(ioasid_free(set, 5), 0);
	set_end(set);
	pool_end(pool);
	CHECK_EQ(atomic_load(&r.calls), 1);
	CHECK(r.data == &number);
}

/* ---- Attaching ---- */

static int other_number;

static void attach_other(void)
{
	CHECK_EQ(ioasid_attach_data(sc.set, 7, &other_number), 0);
}

static void attach_elsewhere(void)
{
	elsewhere(attach_other);
}

/* S5.3: attached "already" is data that is there, not a thread that is about to attach some. */
static void attach_meets_an_attach(void)
{
	struct released r = { 0 };
	void *data = NULL;

	other_begin();
	scene_begin(&sc);
	CHECK_EQ(ioasid_set_on_release(sc.set, count_released, &r), 0);
	id_make_at(sc.set, 7);
	stops = 0;
	at_mem_alloc = attach_elsewhere;
	CHECK_EQ(ioasid_attach_data(sc.set, 7, &number), -EBUSY);
	CHECK_EQ(stops, 1);
	CHECK_EQ(ioasid_find(sc.set, 7, NULL, &data), 0);
	CHECK(data == &other_number);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	scene_end(&sc);
	CHECK_EQ(atomic_load(&r.calls), 1);
	CHECK(r.data == &other_number);
	other_end();
}

static struct ioasid_set *next;

static void new_owner_of_7(void)
{
	ioasid_t id;

	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_alloc(next, 7, 7, NULL, &id), 0);
}

static void change_owner_elsewhere(void)
{
	elsewhere(new_owner_of_7);
}

/* S2.6, S2.8: between the look whose ID it is and the attach it becomes another set's, with another function. */
static void attach_meets_a_new_owner(void)
{
	struct released first = { 0 }, second = { 0 };

	other_begin();
	scene_begin(&sc);
	next = set_make(sc.pool, 10);
	CHECK_EQ(ioasid_set_on_release(sc.set, count_released, &first), 0);
	CHECK_EQ(ioasid_set_on_release(next, count_released, &second), 0);
	for (int by_root = 0; by_root < 2; by_root++) {
		id_make_at(sc.set, 7);
		stops = 0;
		at_mem_alloc = change_owner_elsewhere;
		CHECK_EQ(ioasid_attach_data(by_root ? sc.root : sc.set, 7, &number), by_root ? 0 : -EACCES);
		CHECK_EQ(stops, 1);
		CHECK_EQ(ioasid_free(next, 7), 0);
	}
	set_end(next);
	scene_end(&sc);
	other_end();
	CHECK_EQ(atomic_load(&first.calls), 0);
	CHECK_EQ(atomic_load(&second.calls), 1);
}

static const struct test_case cases[] = {
	{ "S10.3 the age of a parked IOASID is not an earlier life's", age_is_of_this_life },
	{ "S7.7 a run that is undone does not show its handlers another thread's birth", undone_run_shows_no_other_birth },
	{ "S2.6 detaching data does not wait for events of the number's next owner", detach_waits_for_its_own_life },
	{ "S4.6 a release function that was refused is never called", refused_function_is_not_called },
	{ "S4.6 a release function that could not be taken away is called", kept_function_is_called },
	{ "S5.3 an attach is not refused for another one that is under way", attach_meets_an_attach },
	{ "S2.6 an attach goes by the set that has the ID when it is attached", attach_meets_a_new_owner },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("regress_life", cases, argc, argv);
}
