/*
 * BLOCK, NOTIFY, or both, as far as it shows without devices (S10.1, S7.1, S6.4).
 */
#include "scene.h"

static struct scene sc;

static void modes_are_checked(void)
{
	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, 0), -EINVAL);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, 4), -EINVAL);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK | 4), -EINVAL);
	CHECK_EQ(ioasid_set_teardown_mode(sc.root, IOASID_TEARDOWN_BLOCK), -EINVAL);
	CHECK_EQ(ioasid_set_teardown_mode(NULL, IOASID_TEARDOWN_BLOCK), -EINVAL);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	/* Refused ones changed nothing: both is the default. */
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:FREE(7)");
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	scene_end(&sc);
}

static void dead_sets_have_no_mode(void)
{
	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	set_end(sc.set);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), -ENOENT);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	pool_end(sc.pool);
}

static void a_mode_counts_for_later_frees(void)
{
	static const uint32_t modes[] = { IOASID_TEARDOWN_BLOCK, IOASID_TEARDOWN_NOTIFY,
					  IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY,
					  IOASID_TEARDOWN_BLOCK };

	scene_begin(&sc);
	for (int i = 0; i < 4; i++) {
		id_make_at(sc.set, 7);
		CHECK_EQ(do_attach(sc.set, 7, 40), 0);
		CHECK_EQ(ioasid_set_teardown_mode(sc.set, modes[i]), 0);
		recorder_forget(&sc.rec);
		CHECK_EQ(ioasid_free(sc.set, 7), 0);
		CHECK_EVENTS(&sc.rec, modes[i] & IOASID_TEARDOWN_NOTIFY ? "kvm:FREE(7/40)" : "");
		CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	}
	scene_end(&sc);
}

static void without_notify_the_next_alloc_begins_a_life(void)
{
	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), 0);
	for (int i = 0; i < 3; i++) {
		id_make_at(sc.set, 7);
		CHECK_EQ(do_attach(sc.set, 7, 40), 0);
		CHECK_EQ(ioasid_free(sc.set, 7), 0);
	}
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EVENTS(&sc.rec,
		     "kvm:ALLOC(7) kvm:BIND(7/40) kvm:ALLOC(7) kvm:BIND(7/40) kvm:ALLOC(7) kvm:BIND(7/40) "
		     "kvm:ALLOC(7)");
	scene_end(&sc);
}

static void without_notify_holders_take_their_time(void)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };

	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), 0);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(refs_of(sc.set, 7), 2);
	CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_set_stats(sc.set, &stats), 0);
	CHECK_EQ(stats.pending, 1);
	CHECK_EQ(ioasid_put(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(ioasid_put(sc.set, 7), -ENOENT);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	scene_end(&sc);
}

static int veto_hook(struct watcher *w, const struct ioasid_event *event)
{
	(void)w;
	return event->event & (IOASID_EVENT_ALLOC | IOASID_EVENT_BIND) ? -EPERM : 0;
}

static void roll_back_is_told_in_every_mode(void)
{
	struct watcher last;

	scene_begin(&sc);
	watcher_init(&last, &sc.rec, "last", IOASID_EVENT_ALL, IOASID_PRIO_LAST);
	watcher_join(&last, sc.set);
	last.hook = veto_hook;
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), 0);
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) last:ALLOC(7) kvm:FREE(7)");
	last.hook = NULL;
	id_make_at(sc.set, 7);
	recorder_forget(&sc.rec);
	last.hook = veto_hook;
	CHECK_EQ(do_attach(sc.set, 7, 40), -EPERM);
	CHECK_EVENTS(&sc.rec, "kvm:BIND(7/40) last:BIND(7/40) kvm:UNBIND(7/40)");
	watcher_leave(&last, sc.set);
	scene_end(&sc);
}

static void death_and_reset_go_by_the_mode(void)
{
	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), 0);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	CHECK_EQ(refs_of(sc.set, 8), -ENOENT);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(8) kvm:ALLOC(7)");
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7)");
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), 0);
	recorder_forget(&sc.rec);
	set_end(sc.set);
	CHECK_EVENTS(&sc.rec, "");
	pool_end(sc.pool);
}

/* Freed in a handler, in each mode: with nothing bound there is nothing to block, and the answer is 0. */
static int free_hook(struct watcher *w, const struct ioasid_event *event)
{
	(void)w;
	if (event->event == IOASID_EVENT_BIND && event->id == 10) {
		CHECK_EQ(ioasid_free(event->set, 7), 0);
		CHECK_EQ(ioasid_get(event->set, 7), -ENOENT);
	}
	return 0;
}

static void frees_in_handlers_go_by_the_mode(void)
{
	static const uint32_t modes[] = { IOASID_TEARDOWN_BLOCK, IOASID_TEARDOWN_NOTIFY,
					  IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY };

	for (int i = 0; i < 3; i++) {
		scene_begin(&sc);
		CHECK_EQ(ioasid_set_teardown_mode(sc.set, modes[i]), 0);
		id_make_at(sc.set, 7);
		id_make_at(sc.set, 10);
		CHECK_EQ(do_attach(sc.set, 7, 41), 0);
		recorder_forget(&sc.rec);
		sc.kvm.hook = free_hook;
		CHECK_EQ(do_attach(sc.set, 10, 40), 0);
		CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
		CHECK_EVENTS(&sc.rec, modes[i] & IOASID_TEARDOWN_NOTIFY ? "kvm:BIND(10/40) kvm:FREE(7/41)" :
									  "kvm:BIND(10/40)");
		scene_end(&sc);
	}
}

/* The second free of a set that notifies only does not wait for the first one, which is held in its handler. */
static void second_free_without_blocking_returns_at_once(void)
{
	struct stop stop = { IOASID_EVENT_FREE, 7, GATE_CLOSED };
	struct call first;

	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	id_make_at(sc.set, 7);
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	call_start(&first, do_free, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&first), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:FREE(7)");
	scene_end(&sc);
}

/* A free that has marked its ID and waits for an event keeps to the mode that it began with. */
static void a_free_that_waits_keeps_its_mode(void)
{
	static const uint32_t modes[] = { IOASID_TEARDOWN_NOTIFY, IOASID_TEARDOWN_BLOCK };

	for (int i = 0; i < 2; i++) {
		struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
		struct call bind, freeing;

		scene_begin(&sc);
		CHECK_EQ(ioasid_set_teardown_mode(sc.set, modes[i]), 0);
		id_make_at(sc.set, 7);
		recorder_forget(&sc.rec);
		sc.kvm.hook = stop_hook;
		sc.kvm.arg = &stop;
		call_start(&bind, do_attach, sc.set, 7, 40);
		gate_await(&stop.gate, 1);
		call_start(&freeing, do_free, sc.set, 7, 0);
		CHECK(call_blocked(&freeing));
		CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
		CHECK_EQ(ioasid_set_teardown_mode(sc.set, modes[1 - i]), 0);
		gate_open(&stop.gate);
		CHECK_EQ(call_join(&bind), 0);
		CHECK_EQ(call_join(&freeing), 0);
		CHECK_EVENTS(&sc.rec, modes[i] & IOASID_TEARDOWN_NOTIFY ? "kvm:BIND(7/40) kvm:FREE(7/40)" :
									  "kvm:BIND(7/40)");
		scene_end(&sc);
	}
}

static int free_and_stop_hook(struct watcher *w, const struct ioasid_event *event)
{
	(void)free_hook(w, event);
	return stop_hook(w, event);
}

/* The same for one that a handler began, and that is completed when the handler is over. */
static void a_deferred_free_keeps_its_mode(void)
{
	static const uint32_t modes[] = { IOASID_TEARDOWN_NOTIFY, IOASID_TEARDOWN_BLOCK };

	for (int i = 0; i < 2; i++) {
		struct stop stop = { IOASID_EVENT_BIND, 10, GATE_CLOSED };
		struct call bind;

		scene_begin(&sc);
		CHECK_EQ(ioasid_set_teardown_mode(sc.set, modes[i]), 0);
		id_make_at(sc.set, 7);
		id_make_at(sc.set, 10);
		recorder_forget(&sc.rec);
		sc.kvm.hook = free_and_stop_hook;
		sc.kvm.arg = &stop;
		call_start(&bind, do_attach, sc.set, 10, 40);
		gate_await(&stop.gate, 1);
		CHECK_EQ(ioasid_set_teardown_mode(sc.set, modes[1 - i]), 0);
		gate_open(&stop.gate);
		CHECK_EQ(call_join(&bind), 0);
		CHECK_EVENTS(&sc.rec, modes[i] & IOASID_TEARDOWN_NOTIFY ? "kvm:BIND(10/40) kvm:FREE(7)" :
									  "kvm:BIND(10/40)");
		scene_end(&sc);
	}
}

static const struct test_case cases[] = {
	{ "a mode is BLOCK, NOTIFY or both, and both without being asked (S10.1)", modes_are_checked },
	{ "a dead set's mode cannot be changed (S10.1, S2.3)", dead_sets_have_no_mode },
	{ "a mode counts for later frees (S10.1)", a_mode_counts_for_later_frees },
	{ "without NOTIFY there is no FREE, and the next ALLOC begins a new life (S7.1)",
	  without_notify_the_next_alloc_begins_a_life },
	{ "without NOTIFY holders drop their references in their own time (S10.1)",
	  without_notify_holders_take_their_time },
	{ "the roll-back of a veto is told in every mode (S10.1, S7.7)", roll_back_is_told_in_every_mode },
	{ "the death and the reset of a set go by its mode (S2.3, S2.7)", death_and_reset_go_by_the_mode },
	{ "frees in handlers go by the mode (S7.6)", frees_in_handlers_go_by_the_mode },
	{ "a second free of an ID that is not blocked returns at once (S4.2)",
	  second_free_without_blocking_returns_at_once },
	{ "a free that waits keeps the mode that it began with (S10.1)", a_free_that_waits_keeps_its_mode },
	{ "so does a free that a handler began (S10.1, S7.6)", a_deferred_free_keeps_its_mode },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("teardown_mode", cases, argc, argv);
}
