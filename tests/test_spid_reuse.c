/*
 * When the number of an IOASID that is freed can be used again, and that events naming it never overlap
 * (S6.4).
 */
#include "scene.h"

static struct scene sc;

static int free_hook(struct watcher *s, const struct ioasid_event *event)
{
	if (event->event != IOASID_EVENT_FREE || event->id != 7)
		return 0;
	CHECK_EQ(find_spid(event->set, 40), -ENOENT);
	CHECK_EQ(tell_spid(event->set, 7), 40);
	CHECK_EQ(call_elsewhere(do_find_spid, event->set, 0, 40), -ENOENT);
	CHECK_EQ(call_elsewhere(do_attach, event->set, 8, 40), -EEXIST);
	*(bool *)s->arg = true;
	return 0;
}

static void free_covers_the_spid(void)
{
	struct watcher last;
	bool told = false;

	scene_begin(&sc);
	/* The last handler of FREE still has the number for itself. */
	watcher_init(&last, &sc.rec, "last", IOASID_EVENT_FREE, IOASID_PRIO_LAST);
	watcher_join(&last, sc.root);
	last.hook = free_hook;
	last.arg = &told;
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK(told);
	/* Held, but its number is free: before reclaim. */
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(do_detach(sc.set, 7, 0), -ENOENT);
	CHECK_EQ(do_attach(sc.set, 8, 40), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(find_spid(sc.set, 40), 8);
	CHECK_EVENTS(
		&sc.rec,
		"kvm:ALLOC(7) kvm:ALLOC(8) kvm:BIND(7/40) kvm:FREE(7/40) last:FREE(7/40) kvm:BIND(8/40)");
	watcher_leave(&last, sc.root);
	scene_end(&sc);
}

/* Two IDs are freed from the handler of a third; in FREE of the second the number of the first is free
 * already. */
struct reuse {
	ioasid_t first;
	int attached;
};

static int reuse_hook(struct watcher *s, const struct ioasid_event *event)
{
	struct reuse *reuse = s->arg;

	if (event->event == IOASID_EVENT_ALLOC && event->id == 10) {
		CHECK_EQ(ioasid_free(event->set, 7), 0);
		CHECK_EQ(ioasid_free(event->set, 8), 0);
	}
	if (event->event != IOASID_EVENT_FREE || event->id > 8)
		return 0;
	if (reuse->first == 0)
		reuse->first = event->id;
	else
		reuse->attached = call_elsewhere(do_attach, event->set, 9, reuse->first * 10);
	return 0;
}

static void number_is_free_before_the_call_that_freed_it_returns(void)
{
	struct reuse reuse = { 0, -1 };

	scene_begin(&sc);
	for (ioasid_t id = 7; id <= 9; id++)
		id_make_at(sc.set, id);
	CHECK_EQ(do_attach(sc.set, 7, 70), 0);
	CHECK_EQ(do_attach(sc.set, 8, 80), 0);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_get(sc.set, 8), 0);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	sc.kvm.hook = reuse_hook;
	sc.kvm.arg = &reuse;
	CHECK_EQ(do_alloc(sc.set, 10, 0), 10);
	sc.kvm.hook = NULL;
	CHECK_EQ(reuse.attached, 0);
	CHECK_EQ(find_spid(sc.set, reuse.first * 10), 9);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(ioasid_put(sc.set, 8), 1);
	scene_end(&sc);
}

static void block_only_frees_the_number_at_the_mark(void)
{
	scene_begin(&sc);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_BLOCK), 0);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(do_detach(sc.set, 7, 0), -ENOENT);
	CHECK_EQ(do_attach(sc.set, 8, 40), 0);
	CHECK_EQ(find_spid(sc.set, 40), 8);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(find_spid(sc.set, 40), 8);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(8) kvm:BIND(7/40) kvm:BIND(8/40)");
	scene_end(&sc);
}

/* Attaches as soon as the number can be had. */
static int do_attach_patiently(struct ioasid_set *set, ioasid_t id, uint32_t spid)
{
	int err;

	while ((err = do_attach(set, id, spid)) == -EEXIST)
		sched_yield();
	return err;
}

/* 7 with the SPID 40 is stopped in an event that ends the SPID; 8 wants the number. */
static void wait_for_the_end_of(uint32_t event, int (*ending)(struct ioasid_set *, ioasid_t, uint32_t))
{
	struct stop stop = { event, 7, GATE_CLOSED };
	struct call first, second;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&first, ending, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	CHECK_EQ(do_attach(sc.set, 8, 40), -EEXIST);
	call_start(&second, do_attach_patiently, sc.set, 8, 40);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&first), 0);
	CHECK_EQ(call_join(&second), 0);
	CHECK_EQ(find_spid(sc.set, 40), 8);
	CHECK_EQ(sc.rec.overlaps, 0);
	scene_end(&sc);
}

static void unbind_and_the_next_bind(void)
{
	wait_for_the_end_of(IOASID_EVENT_UNBIND, do_detach);
}

static void free_and_the_next_bind(void)
{
	wait_for_the_end_of(IOASID_EVENT_FREE, do_free);
}

/* 7 is freed while its BIND is being delivered; 8 wants the number, at once and after. */
static void marked_during_bind(uint32_t mode)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct call first, freeing, early, late;
	int answer;

	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, mode), 0);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&first, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	call_start(&freeing, do_free, sc.set, 7, 0);
	call_blocked(&freeing);
	call_start(&early, do_attach, sc.set, 8, 40);
	call_blocked(&early);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_BIND, 8), 0);
	call_start(&late, do_attach_patiently, sc.set, 8, 40);
	gate_open(&stop.gate);
	call_join(&first);
	CHECK_EQ(call_join(&freeing), 0);
	answer = call_join(&early);
	CHECK(answer == 0 || answer == -EEXIST || answer == -EBUSY);
	answer = call_join(&late);
	CHECK(answer == 0 || answer == -EBUSY);
	CHECK_EQ(find_spid(sc.set, 40), 8);
	CHECK_EQ(sc.rec.overlaps, 0);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_BIND, 8), 1);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_UNBIND, 7), 0);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 7), mode & IOASID_TEARDOWN_NOTIFY ? 1 : 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	scene_end(&sc);
}

static void bind_and_the_next_bind(void)
{
	marked_during_bind(IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY);
	marked_during_bind(IOASID_TEARDOWN_NOTIFY);
}

static void bind_and_the_next_bind_without_free(void)
{
	marked_during_bind(IOASID_TEARDOWN_BLOCK);
}

static void dead_set_gives_its_numbers_to_nobody(void)
{
	struct ioasid_set *next;
	ioasid_t id = 0;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	set_end(sc.set);
	next = set_make_token(sc.pool, 1, 100);
	id_make_at(next, 8);
	CHECK_EQ(find_spid(next, 40), -ENOENT);
	CHECK_EQ(do_attach(next, 8, 40), 0);
	CHECK_EQ(ioasid_find_by_spid(next, spid_of(40), &id), 0);
	CHECK_EQ(id, 8);
	CHECK_EQ(ioasid_put(next, 8), 0);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	set_end(next);
	pool_end(sc.pool);
}

static const struct test_case cases[] = {
	{ "FREE covers the SPID, whose number is free before the ID is reclaimed (S6.2, S6.4)",
	  free_covers_the_spid },
	{ "a number is free before the call that freed its ID returns (S6.4)",
	  number_is_free_before_the_call_that_freed_it_returns },
	{ "a set that only blocks gives the number free at the mark (S6.4)",
	  block_only_frees_the_number_at_the_mark },
	{ "UNBIND of one ID never overlaps BIND of the next with the number (S6.4)",
	  unbind_and_the_next_bind },
	{ "FREE of one ID never overlaps BIND of the next with the number (S6.4)", free_and_the_next_bind },
	{ "BIND of an ID marked meanwhile never overlaps BIND of the next with the number (S6.4)",
	  bind_and_the_next_bind },
	{ "nor in a set that only blocks (S6.4)", bind_and_the_next_bind_without_free },
	{ "the numbers of a dead set are not those of the next with its token (S2.3, S6.5)",
	  dead_set_gives_its_numbers_to_nobody },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("spid_reuse", cases, argc, argv);
}
