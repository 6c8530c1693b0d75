/*
 * Registration with replay: a block that comes late is told as if it had been there (S7.9).
 */
#include "scene.h"

static struct scene sc;
static struct watcher late;

static void begin(void)
{
	scene_begin(&sc);
	watcher_init(&late, &sc.rec, "late", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
}

static int do_replay(struct ioasid_set *scope, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_register_notifier(scope, &late.block, IOASID_NOTIFIER_REPLAY);
}

static void replay_goes_up_by_id(void)
{
	begin();
	id_make_at(sc.set, 300);
	id_make_at(sc.set, 5);
	id_make_at(sc.set, 70000);
	CHECK_EQ(do_attach(sc.set, 300, 40), 0);
	CHECK_EQ(do_attach(sc.set, 5, 41), 0);
	CHECK_EQ(do_detach(sc.set, 5, 0), 0);
	recorder_forget(&sc.rec);
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EVENTS(&sc.rec, "late:ALLOC(5) late:ALLOC(300) late:BIND(300/40) late:ALLOC(70000)");
	CHECK_EQ(ioasid_free(sc.set, 300), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(300/40) late:FREE(300/40)");
	watcher_leave(&late, sc.set);
	scene_end(&sc);
}

static void replay_of_nothing(void)
{
	begin();
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EVENTS(&sc.rec, "");
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) late:ALLOC(7)");
	scene_end(&sc);
}

static void replay_honours_the_mask(void)
{
	begin();
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	recorder_forget(&sc.rec);
	late.block.events = IOASID_EVENT_BIND | IOASID_EVENT_FREE;
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EVENTS(&sc.rec, "late:BIND(7/40)");
	watcher_leave(&late, sc.set);
	late.block.events = IOASID_EVENT_FREE;
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EVENTS(&sc.rec, "");
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7/40) late:FREE(7/40)");
	scene_end(&sc);
}

static int data_hook(struct watcher *w, const struct ioasid_event *event)
{
	CHECK(event->data == w->arg);
	CHECK(event->set == sc.set);
	return 0;
}

static void replay_carries_data(void)
{
	int thing;
	ioasid_t id;

	begin();
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, &thing, &id), 0);
	late.hook = data_hook;
	late.arg = &thing;
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EVENTS_OF(&sc.rec, "late", "late:ALLOC(7)");
	scene_end(&sc);
}

static void pending_ids_are_not_replayed(void)
{
	begin();
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	recorder_forget(&sc.rec);
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EVENTS(&sc.rec, "late:ALLOC(8)");
	scene_end(&sc);
}

static void replay_of_a_pool_and_of_a_token(void)
{
	struct ioasid_set *other;

	begin();
	other = set_make_token(sc.pool, 2, 10);
	id_make_at(sc.set, 7);
	id_make_at(other, 8);
	id_make_at(sc.set, 9);
	CHECK_EQ(do_attach(other, 8, 40), 0);
	recorder_forget(&sc.rec);
	CHECK_EQ(do_replay(sc.root, 0, 0), 0);
	CHECK_EVENTS(&sc.rec, "late:ALLOC(7) late:ALLOC(8) late:BIND(8/40) late:ALLOC(9)");
	watcher_leave(&late, sc.root);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 2, &late.block,
						IOASID_NOTIFIER_REPLAY),
		 0);
	CHECK_EVENTS(&sc.rec, "late:ALLOC(8) late:BIND(8/40)");
	CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, 2, &late.block), 0);
	/* Nobody has this token: there is nothing to replay. */
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 3, &late.block,
						IOASID_NOTIFIER_REPLAY),
		 0);
	CHECK_EVENTS(&sc.rec, "");
	CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, 3, &late.block), 0);
	set_end(other);
	scene_end(&sc);
}

struct refusal {
	uint32_t event;
	ioasid_t id;
};

static int refuse_hook(struct watcher *w, const struct ioasid_event *event)
{
	const struct refusal *refusal = w->arg;

	return event->event == refusal->event && event->id == refusal->id ? -EUCLEAN : 0;
}

static void refused_replay(uint32_t event)
{
	struct refusal refusal = { event, 7 };

	begin();
	for (ioasid_t id = 5; id <= 8; id++)
		id_make_at(sc.set, id);
	CHECK_EQ(do_attach(sc.set, 5, 40), 0);
	CHECK_EQ(do_attach(sc.set, 7, 41), 0);
	recorder_forget(&sc.rec);
	late.hook = refuse_hook;
	late.arg = &refusal;
	CHECK_EQ(do_replay(sc.set, 0, 0), -EUCLEAN);
	/* What it was told is taken back, of each ID in the order of a life; what it refused is not. */
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_UNBIND, 5), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 5), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 6), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_UNBIND, 7), 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 7), event == IOASID_EVENT_BIND ? 1 : 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 8), 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 8), 0);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 5), 0);
	CHECK_EQ(sc.rec.count, event == IOASID_EVENT_BIND ? 9 : 7);
	recorder_forget(&sc.rec);
	/* It is not registered, and the IDs live on. */
	CHECK_EQ(ioasid_unregister_notifier(sc.set, &late.block), -ENOENT);
	CHECK_EQ(find_spid(sc.set, 40), 5);
	CHECK_EQ(ioasid_free(sc.set, 5), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(5/40)");
	scene_end(&sc);
}

static void refused_alloc_ends_replay(void)
{
	refused_replay(IOASID_EVENT_ALLOC);
}

static void refused_bind_ends_replay(void)
{
	refused_replay(IOASID_EVENT_BIND);
}

/* The replay is stopped at 5; meanwhile 7 is freed, 9 allocated, 5 freed (which has to wait), 8 gets a SPID. */
static void transitions_during_replay(void)
{
	struct stop stop = { IOASID_EVENT_ALLOC, 5, GATE_CLOSED };
	struct call joining, freeing, attaching;

	begin();
	for (ioasid_t id = 5; id <= 8; id++)
		id_make_at(sc.set, id);
	recorder_forget(&sc.rec);
	late.arg = &stop;
	late.hook = stop_hook;
	call_start(&joining, do_replay, sc.set, 0, 0);
	gate_await(&stop.gate, 1);
	CHECK_EQ(call_elsewhere(do_free, sc.set, 7, 0), 0);
	CHECK_EQ(call_elsewhere(do_attach, sc.set, 8, 40), 0);
	call_start(&freeing, do_free, sc.set, 5, 0);
	CHECK(call_blocked(&freeing));
	call_start(&attaching, do_attach, sc.set, 6, 41);
	call_blocked(&attaching);
	CHECK_EQ(call_elsewhere(do_alloc, sc.set, 9, 0), 9);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&joining), 0);
	CHECK_EQ(call_join(&freeing), 0);
	CHECK_EQ(call_join(&attaching), 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 5), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 5), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 6), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_BIND, 6), 1);
	/* All of a life or nothing of it. */
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 7), 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 7), 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 8), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_BIND, 8), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 9), 1);
	CHECK_EQ(sc.rec.overlaps, 0);
	recorder_forget(&sc.rec);
	CHECK_EQ(ioasid_free(sc.set, 9), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(9) late:FREE(9)");
	scene_end(&sc);
}

/* 7 is being freed, under its turn, when the replay begins: the replay waits, and 7 is none of its business. */
static void replay_waits_for_transitions(uint32_t event,
					 int (*transition)(struct ioasid_set *, ioasid_t, uint32_t))
{
	struct stop stop = { event, 7, GATE_CLOSED };
	struct call first, joining;

	begin();
	id_make_at(sc.set, 6);
	if (event != IOASID_EVENT_ALLOC)
		id_make_at(sc.set, 7);
	recorder_forget(&sc.rec);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&first, transition, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	call_start(&joining, do_replay, sc.set, 0, 0);
	CHECK(call_blocked(&joining));
	CHECK_EVENTS_OF(&sc.rec, "late", "");
	gate_open(&stop.gate);
	CHECK(call_join(&first) >= 0);
	CHECK_EQ(call_join(&joining), 0);
	sc.kvm.hook = NULL;
}

static void replay_waits_for_a_birth(void)
{
	replay_waits_for_transitions(IOASID_EVENT_ALLOC, do_alloc);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) late:ALLOC(6) late:ALLOC(7)");
	scene_end(&sc);
}

static void replay_waits_for_a_free(void)
{
	replay_waits_for_transitions(IOASID_EVENT_FREE, do_free);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7) late:ALLOC(6)");
	scene_end(&sc);
}

static void replay_waits_for_a_bind(void)
{
	replay_waits_for_transitions(IOASID_EVENT_BIND, do_attach);
	CHECK_EVENTS(&sc.rec, "kvm:BIND(7/40) late:ALLOC(6) late:ALLOC(7) late:BIND(7/40)");
	scene_end(&sc);
}

/* A handler that is being replayed is a handler: what it frees is freed afterwards, and everything that waits
 * is refused. */
static int replay_hook(struct watcher *w, const struct ioasid_event *event)
{
	ioasid_t id;

	(void)w;
	if (event->event == IOASID_EVENT_ALLOC && event->id == 5) {
		CHECK_EQ(ioasid_alloc(event->set, 1, 100, NULL, &id), -EDEADLK);
		CHECK_EQ(ioasid_unregister_notifier(event->set, &late.block), -EDEADLK);
		CHECK_EQ(ioasid_free(event->set, 6), 0);
		CHECK_EQ(ioasid_get(event->set, 6), -ENOENT);
	}
	return 0;
}

static void replay_is_a_handler(void)
{
	begin();
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	for (ioasid_t id = 5; id <= 7; id++)
		id_make_at(sc.set, id);
	recorder_forget(&sc.rec);
	late.hook = replay_hook;
	CHECK_EQ(do_replay(sc.set, 0, 0), 0);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 5), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 7), 1);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 6), 1);
	CHECK_EQ(events_seen(&sc.rec, "late", IOASID_EVENT_ALLOC, 6),
		 events_seen(&sc.rec, "late", IOASID_EVENT_FREE, 6));
	CHECK_EQ(refs_of(sc.set, 6), -ENOENT);
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "replay goes up by ID, ALLOC and then BIND of each", replay_goes_up_by_id },
	{ "replay of an empty set is a registration", replay_of_nothing },
	{ "replay delivers what the mask asks for", replay_honours_the_mask },
	{ "replay carries private data", replay_carries_data },
	{ "FREE_PENDING IDs are not replayed, nor is the rest of their life told",
	  pending_ids_are_not_replayed },
	{ "a pool and a token are replayed too", replay_of_a_pool_and_of_a_token },
	{ "a refused ALLOC ends replay, and takes back what was told", refused_alloc_ends_replay },
	{ "a refused BIND ends replay, and takes back what was told", refused_bind_ends_replay },
	{ "transitions during replay are told as if the block had been there before",
	  transitions_during_replay },
	{ "replay waits for a birth that is under way", replay_waits_for_a_birth },
	{ "replay waits for a free that is under way", replay_waits_for_a_free },
	{ "replay waits for a BIND that is under way", replay_waits_for_a_bind },
	{ "inside a replayed handler the rules for handlers hold (S7.6)", replay_is_a_handler },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("replay", cases, argc, argv);
}
