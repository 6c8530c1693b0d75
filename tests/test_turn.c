/*
 * Turns: the events of one ID never overlap, and what a handler frees is freed after the chain (S7.5, S7.6).
 */
#include "scene.h"

static struct scene sc;

/* NOTIFY only, where a case wants the free's answer to depend on nothing else. */
static void begin(void)
{
	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
}

static void events_of_an_id_wait_for_each_other(void)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct call attach, detach, freeing;
	int answer;

	begin();
	id_make_at(sc.set, 7);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	call_start(&detach, do_detach, sc.set, 7, 0);
	CHECK(call_blocked(&detach));
	call_start(&freeing, do_free, sc.set, 7, 0);
	CHECK(call_blocked(&freeing));
	CHECK_EVENTS_OF(&sc.rec, "kvm", "kvm:ALLOC(7) kvm:BIND(7/40)");
	gate_open(&stop.gate);
	answer = call_join(&attach);
	CHECK(answer == 0 || answer == -ENOENT);
	CHECK_EQ(call_join(&freeing), 0);
	answer = call_join(&detach);
	CHECK(answer == 0 || answer == -ENOENT);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_UNBIND, 7), answer == 0 ? 1 : 0);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 7), 1);
	CHECK_EQ(sc.rec.records[sc.rec.count - 1].event, IOASID_EVENT_FREE);
	CHECK_EQ(sc.rec.overlaps, 0);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	scene_end(&sc);
}

static void marked_at_once_even_if_the_turn_is_taken(void)
{
	struct stop stop = { IOASID_EVENT_UNBIND, 7, GATE_CLOSED };
	struct call detach, freeing;

	begin();
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&detach, do_detach, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 0);
	call_start(&freeing, do_free, sc.set, 7, 0);
	/* With a free that marks when it has the turn this waits for ever. */
	id_await_mark(sc.set, 7);
	CHECK(call_blocked(&freeing));
	CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&detach), 0);
	CHECK_EQ(call_join(&freeing), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40) kvm:UNBIND(7/40) kvm:FREE(7)");
	scene_end(&sc);
}

static void ids_have_turns_of_their_own(void)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct call attach;

	begin();
	id_make_at(sc.set, 7);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	CHECK_EQ(do_alloc(sc.set, 8, 0), 8);
	CHECK_EQ(do_attach(sc.set, 8, 41), 0);
	CHECK_EQ(do_detach(sc.set, 8, 0), 0);
	CHECK_EQ(ioasid_free(sc.set, 8), 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&attach), 0);
	CHECK_EVENTS(&sc.rec,
		     "kvm:ALLOC(7) kvm:BIND(7/40) kvm:ALLOC(8) kvm:BIND(8/41) kvm:UNBIND(8/41) kvm:FREE(8)");
	scene_end(&sc);
}

/* Frees, puts or puts the set, from a handler of an event of 10, what the case says. */
struct handler_free {
	ioasid_t id;
	uint32_t event;
	int (*ending)(struct ioasid_set *set, ioasid_t id, uint32_t unused);
	int answer;
	int again;
	int get_after;
};

static int free_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct handler_free *f = w->arg;

	if (event->id != 10 || event->event != f->event)
		return 0;
	f->answer = f->ending(sc.set, f->id, 0);
	f->get_after = ioasid_get(sc.set, f->id);
	f->again = ioasid_free(sc.set, f->id);
	return 0;
}

static void deferred_after_the_chain(uint32_t event, int (*ending)(struct ioasid_set *, ioasid_t, uint32_t))
{
	struct handler_free f = { 7, event, ending, -1, -1, -1 };
	struct watcher vdcm;

	begin();
	watcher_init(&vdcm, &sc.rec, "vdcm", IOASID_EVENT_ALL, IOASID_PRIO_DEVICE);
	watcher_join(&vdcm, sc.set);
	id_make_at(sc.set, 7);
	if (event != IOASID_EVENT_ALLOC)
		id_make_at(sc.set, 10);
	if (event == IOASID_EVENT_UNBIND)
		CHECK_EQ(do_attach(sc.set, 10, 40), 0);
	recorder_forget(&sc.rec);
	sc.kvm.arg = &f;
	sc.kvm.hook = free_hook;
	if (event == IOASID_EVENT_ALLOC)
		CHECK_EQ(do_alloc(sc.set, 10, 0), 10);
	else if (event == IOASID_EVENT_BIND)
		CHECK_EQ(do_attach(sc.set, 10, 40), 0);
	else if (event == IOASID_EVENT_UNBIND)
		CHECK_EQ(do_detach(sc.set, 10, 0), 0);
	else
		CHECK_EQ(ioasid_free(sc.set, 10), 0);
	CHECK_EQ(f.answer, 0);
	CHECK_EQ(f.get_after, -ENOENT);
	CHECK_EQ(f.again, 0);
	/* Delivered before the call that ran the handler returned, and gone. */
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	sc.kvm.hook = NULL;
	watcher_leave(&vdcm, sc.set);
}

static void free_in_an_alloc_handler(void)
{
	deferred_after_the_chain(IOASID_EVENT_ALLOC, do_free);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(10) vdcm:ALLOC(10) kvm:FREE(7) vdcm:FREE(7)");
	CHECK_EQ(refs_of(sc.set, 10), 1);
	scene_end(&sc);
}

static void free_in_a_bind_handler(void)
{
	deferred_after_the_chain(IOASID_EVENT_BIND, do_free);
	CHECK_EVENTS(&sc.rec, "kvm:BIND(10/40) vdcm:BIND(10/40) kvm:FREE(7) vdcm:FREE(7)");
	CHECK_EQ(find_spid(sc.set, 40), 10);
	scene_end(&sc);
}

static void free_in_an_unbind_handler(void)
{
	deferred_after_the_chain(IOASID_EVENT_UNBIND, do_free);
	CHECK_EVENTS(&sc.rec, "kvm:UNBIND(10/40) vdcm:UNBIND(10/40) kvm:FREE(7) vdcm:FREE(7)");
	scene_end(&sc);
}

static void free_in_a_free_handler(void)
{
	deferred_after_the_chain(IOASID_EVENT_FREE, do_free);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(10) vdcm:FREE(10) kvm:FREE(7) vdcm:FREE(7)");
	scene_end(&sc);
}

static void put_in_a_handler_that_is_a_free(void)
{
	deferred_after_the_chain(IOASID_EVENT_BIND, do_put);
	CHECK_EVENTS(&sc.rec, "kvm:BIND(10/40) vdcm:BIND(10/40) kvm:FREE(7) vdcm:FREE(7)");
	scene_end(&sc);
}

static int last_put_hook(struct watcher *w, const struct ioasid_event *event)
{
	if (event->event != IOASID_EVENT_BIND)
		return 0;
	*(int *)w->arg = ioasid_set_put(sc.set);
	CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_set_get(sc.set), -ENOENT);
	return 0;
}

static void last_set_put_in_a_handler(void)
{
	int answer = -1, attached;

	begin();
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 10);
	/* The caller of attach holds a reference to an ID of the set, which is enough. */
	CHECK_EQ(ioasid_get(sc.set, 10), 0);
	sc.kvm.arg = &answer;
	sc.kvm.hook = last_put_hook;
	attached = do_attach(sc.set, 10, 40);
	CHECK(attached == 0 || attached == -ENOENT);
	CHECK_EQ(answer, 1);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 7), 1);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 10), 1);
	CHECK_EQ(sc.rec.count, 5);
	CHECK_EQ(sc.rec.records[2].event, IOASID_EVENT_BIND);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	CHECK_EQ(refs_of(sc.set, 10), 1);
	CHECK_EQ(ioasid_put(sc.set, 10), 1);
	pool_end(sc.pool);
}

static int own_hook(struct watcher *w, const struct ioasid_event *event)
{
	if (event->event == *(uint32_t *)w->arg) {
		CHECK_EQ(ioasid_free(event->set, event->id), 0);
		CHECK_EQ(ioasid_get(event->set, event->id), -ENOENT);
	}
	return 0;
}

static void handler_frees_the_id_it_is_told_of(void)
{
	uint32_t event = IOASID_EVENT_BIND;
	int answer;

	begin();
	sc.kvm.arg = &event;
	sc.kvm.hook = own_hook;
	id_make_at(sc.set, 7);
	answer = do_attach(sc.set, 7, 40);
	CHECK(answer == 0 || answer == -ENOENT);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40) kvm:FREE(7/40)");
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	event = IOASID_EVENT_UNBIND;
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40) kvm:UNBIND(7/40) kvm:FREE(7)");
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	scene_end(&sc);
}

/* T2 is held in BIND of b. T1 frees b in a handler of a: its call returns, and T2 delivers FREE. */
static int hand_over_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct stop *stop = w->arg;

	if (event->event == IOASID_EVENT_BIND && event->id == 8)
		gate_pass(&stop->gate);
	if (event->event == IOASID_EVENT_BIND && event->id == 7)
		CHECK_EQ(ioasid_free(event->set, 8), 0);
	return 0;
}

static void free_is_handed_to_who_delivers_another_event(void)
{
	struct stop stop = { 0, 0, GATE_CLOSED };
	struct call attach;
	pid_t t2;
	int answer;

	begin();
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	sc.kvm.arg = &stop;
	sc.kvm.hook = hand_over_hook;
	call_start(&attach, do_attach, sc.set, 8, 40);
	gate_await(&stop.gate, 1);
	CHECK_EQ(do_attach(sc.set, 7, 41), 0);
	/* Here the call of T1 is over, and T2 is still in BIND. */
	CHECK_EQ(events_seen(&sc.rec, NULL, IOASID_EVENT_FREE, 8), 0);
	CHECK_EQ(ioasid_get(sc.set, 8), -ENOENT);
	CHECK_EQ(refs_of(sc.set, 8), 1);
	t2 = attach.task.tid;
	gate_open(&stop.gate);
	answer = call_join(&attach);
	CHECK(answer == 0 || answer == -ENOENT);
	CHECK_EQ(events_thread(&sc.rec, IOASID_EVENT_FREE, 8), t2);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(8) kvm:BIND(8/40) kvm:BIND(7/41) kvm:FREE(8/40)");
	CHECK_EQ(refs_of(sc.set, 8), -ENOENT);
	scene_end(&sc);
}

/* The same with the roll-back of a veto: BIND, UNBIND, FREE. */
static int hand_over_and_veto_hook(struct watcher *w, const struct ioasid_event *event)
{
	int answer = hand_over_hook(w, event);

	return event->event == IOASID_EVENT_BIND && event->id == 8 ? -EUCLEAN : answer;
}

static void free_is_handed_to_who_rolls_back(void)
{
	struct stop stop = { 0, 0, GATE_CLOSED };
	struct watcher first;
	struct call attach;

	begin();
	watcher_leave(&sc.kvm, sc.set);
	watcher_init(&first, &sc.rec, "first", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&first, sc.set);
	watcher_join(&sc.kvm, sc.set);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	recorder_forget(&sc.rec);
	sc.kvm.arg = &stop;
	sc.kvm.hook = hand_over_and_veto_hook;
	call_start(&attach, do_attach, sc.set, 8, 40);
	gate_await(&stop.gate, 1);
	CHECK_EQ(do_attach(sc.set, 7, 41), 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&attach), -EUCLEAN);
	CHECK_EVENTS_OF(&sc.rec, "first",
			"first:BIND(8/40) first:BIND(7/41) first:UNBIND(8/40) first:FREE(8)");
	CHECK_EVENTS_OF(&sc.rec, "kvm", "kvm:BIND(8/40) kvm:BIND(7/41) kvm:FREE(8)");
	CHECK_EQ(refs_of(sc.set, 8), -ENOENT);
	CHECK_EQ(sc.rec.overlaps, 0);
	scene_end(&sc);
}

static void events_of_a_call_that_returned_come_first(void)
{
	begin();
	for (unsigned int i = 0; i < 50; i++) {
		CHECK_EQ(call_elsewhere(do_alloc, sc.set, 7, 0), 7);
		CHECK_EQ(call_elsewhere(do_attach, sc.set, 7, 40), 0);
		CHECK_EQ(call_elsewhere(do_alloc, sc.set, 8, 0), 8);
		CHECK_EQ(call_elsewhere(do_free, sc.set, 7, 0), 0);
		CHECK_EQ(call_elsewhere(do_attach, sc.set, 8, 40), 0);
		CHECK_EQ(call_elsewhere(do_free, sc.set, 8, 0), 0);
		CHECK_EVENTS(
			&sc.rec,
			"kvm:ALLOC(7) kvm:BIND(7/40) kvm:ALLOC(8) kvm:FREE(7/40) kvm:BIND(8/40) kvm:FREE(8/40)");
	}
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "the events of an ID wait for each other (S7.5)", events_of_an_id_wait_for_each_other },
	{ "a free marks at once, even while another event of the ID is delivered (S4.1)",
	  marked_at_once_even_if_the_turn_is_taken },
	{ "an event of one ID does not keep another ID waiting (S7.5)", ids_have_turns_of_their_own },
	{ "a free in an ALLOC handler marks at once and follows after the chain (S7.6)",
	  free_in_an_alloc_handler },
	{ "a free in a BIND handler marks at once and follows after the chain (S7.6)",
	  free_in_a_bind_handler },
	{ "a free in an UNBIND handler marks at once and follows after the chain (S7.6)",
	  free_in_an_unbind_handler },
	{ "a free in a FREE handler marks at once and follows after the chain (S7.6)",
	  free_in_a_free_handler },
	{ "a put in a handler that amounts to a free goes the same way (S7.6)",
	  put_in_a_handler_that_is_a_free },
	{ "the last put of a set in a handler marks its IDs, which follow after the chain (S7.6)",
	  last_set_put_in_a_handler },
	{ "a handler may free the ID that it is told of, but in ALLOC (S7.6)",
	  handler_frees_the_id_it_is_told_of },
	{ "an ID in another event is freed by the thread that delivers it (S7.6)",
	  free_is_handed_to_who_delivers_another_event },
	{ "also if that thread rolls back (S7.6, S7.7)", free_is_handed_to_who_rolls_back },
	{ "the events of a call that returned come before those of one made later (S7.5)",
	  events_of_a_call_that_returned_come_first },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("turn", cases, argc, argv);
}
