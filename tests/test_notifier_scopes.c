/*
 * Subscribing by token, what registration waits for, and what becomes of subscribers when their set dies
 * (S7.8, S7.9).
 */
#include "scene.h"

static struct scene sc;
static struct watcher tok;

static int join_token(struct watcher *w, uint64_t token, uint32_t flags)
{
	return ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, token, &w->block, flags);
}

static int leave_token(struct watcher *w, uint64_t token)
{
	return ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, token, &w->block);
}

static void begin(void)
{
	scene_begin(&sc);
	watcher_init(&tok, &sc.rec, "tok", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
}

static void token_waits_for_its_set(void)
{
	struct ioasid_set *late;

	begin();
	CHECK_EQ(join_token(&tok, 9, 0), 0);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	late = set_make_token(sc.pool, 9, 10);
	id_make_at(late, 8);
	CHECK_EVENTS(&sc.rec, "tok:ALLOC(8)");
	/* Pending again, and active on the next set with the token. */
	set_end(late);
	CHECK_EVENTS(&sc.rec, "tok:FREE(8)");
	late = set_make_token(sc.pool, 9, 10);
	id_make_at(late, 9);
	set_end(late);
	CHECK_EVENTS(&sc.rec, "tok:ALLOC(9) tok:FREE(9)");
	CHECK_EQ(leave_token(&tok, 9), 0);
	scene_end(&sc);
}

static void token_of_another_type_is_another_token(void)
{
	struct ioasid_set *mm = NULL;

	begin();
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_MM, 9, &tok.block, 0), 0);
	CHECK_EQ(leave_token(&tok, 9), -ENOENT);
	REQUIRE_EQ(ioasid_set_alloc(sc.pool, IOASID_SET_OPAQUE, 9, 10, &mm), 0);
	id_make_at(mm, 8);
	CHECK_EVENTS(&sc.rec, "");
	set_end(mm);
	REQUIRE_EQ(ioasid_set_alloc(sc.pool, IOASID_SET_MM, 9, 10, &mm), 0);
	id_make_at(mm, 8);
	CHECK_EVENTS(&sc.rec, "tok:ALLOC(8)");
	set_end(mm);
	CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_MM, 9, &tok.block), 0);
	scene_end(&sc);
}

static void token_is_removable_in_every_state(void)
{
	struct ioasid_set *late;

	begin();
	CHECK_EQ(join_token(&tok, 9, 0), 0);
	CHECK_EQ(join_token(&tok, 9, 0), -EEXIST);
	CHECK_EQ(join_token(&tok, 10, 0), 0);
	CHECK_EQ(leave_token(&tok, 10), 0);
	CHECK_EQ(leave_token(&tok, 9), 0);
	CHECK_EQ(leave_token(&tok, 9), -ENOENT);
	CHECK_EQ(join_token(&tok, 9, 0), 0);
	late = set_make_token(sc.pool, 9, 10);
	id_make_at(late, 8);
	/* It is a registration by token, not one of the set. */
	CHECK_EQ(ioasid_unregister_notifier(late, &tok.block), -ENOENT);
	CHECK_EQ(leave_token(&tok, 9), 0);
	CHECK_EQ(leave_token(&tok, 9), -ENOENT);
	CHECK_EQ(ioasid_free(late, 8), 0);
	CHECK_EVENTS(&sc.rec, "tok:ALLOC(8)");
	/* And removable when it waits again. */
	CHECK_EQ(join_token(&tok, 9, 0), 0);
	set_end(late);
	CHECK_EQ(leave_token(&tok, 9), 0);
	CHECK_EQ(leave_token(&tok, 9), -ENOENT);
	late = set_make_token(sc.pool, 9, 10);
	id_make_at(late, 8);
	CHECK_EVENTS(&sc.rec, "");
	set_end(late);
	scene_end(&sc);
}

static void order_is_kept_while_waiting(void)
{
	struct watcher set_one, pool_one;
	struct ioasid_set *late;

	begin();
	watcher_init(&set_one, &sc.rec, "set", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_init(&pool_one, &sc.rec, "pool", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	CHECK_EQ(join_token(&tok, 9, 0), 0);
	watcher_join(&pool_one, sc.root);
	for (int life = 0; life < 2; life++) {
		late = set_make_token(sc.pool, 9, 10);
		watcher_join(&set_one, late);
		id_make_at(late, 8);
		CHECK_EVENTS(&sc.rec, "tok:ALLOC(8) pool:ALLOC(8) set:ALLOC(8)");
		set_end(late);
		CHECK_EVENTS(&sc.rec, "tok:FREE(8) pool:FREE(8) set:FREE(8)");
	}
	CHECK_EQ(leave_token(&tok, 9), 0);
	watcher_leave(&pool_one, sc.root);
	scene_end(&sc);
}

static void token_of_a_set_with_ids(void)
{
	struct watcher young;

	begin();
	watcher_init(&young, &sc.rec, "young", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	id_make_at(sc.set, 7);
	CHECK_EQ(join_token(&young, 1, 0), -EBUSY);
	CHECK_EQ(leave_token(&young, 1), -ENOENT);
	CHECK_EQ(ioasid_register_notifier(sc.set, &young.block, 0), -EBUSY);
	CHECK_EQ(ioasid_unregister_notifier(sc.set, &young.block), -ENOENT);
	CHECK_EQ(ioasid_register_notifier(sc.root, &young.block, 0), -EBUSY);
	CHECK_EQ(ioasid_unregister_notifier(sc.root, &young.block), -ENOENT);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	/* A FREE_PENDING one is nobody's business any more: no -EBUSY, and no event of it. */
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(join_token(&young, 1, 0), 0);
	CHECK_EQ(ioasid_register_notifier(sc.root, &young.block, 0), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7)");
	CHECK_EQ(leave_token(&young, 1), 0);
	CHECK_EQ(ioasid_unregister_notifier(sc.root, &young.block), 0);
	scene_end(&sc);
}

/* The set dies in a thread that is stopped in FREE of its first ID; a set with its token is born, and both
 * tell the subscriber. */
static void every_free_of_the_dead_set_arrives(void)
{
	struct stop stop = { IOASID_EVENT_FREE, 0, GATE_CLOSED };
	struct ioasid_set *next;
	struct call death;

	begin();
	CHECK_EQ(join_token(&tok, 1, 0), 0);
	for (ioasid_t id = 1; id <= 3; id++)
		id_make_at(sc.set, id);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&death, do_set_put, sc.set, 0, 0);
	gate_await(&stop.gate, 1);
	next = set_make_token(sc.pool, 1, 10);
	id_make_at(next, 4);
	CHECK_EQ(events_seen(&sc.rec, "tok", IOASID_EVENT_ALLOC, 4), 1);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_ALLOC, 4), 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&death), 1);
	for (ioasid_t id = 1; id <= 3; id++) {
		CHECK_EQ(events_seen(&sc.rec, "tok", IOASID_EVENT_FREE, id), 1);
		CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, id), 1);
	}
	CHECK_EQ(events_seen(&sc.rec, "tok", IOASID_EVENT_FREE, 4), 0);
	set_end(next);
	CHECK_EQ(events_seen(&sc.rec, "tok", IOASID_EVENT_FREE, 4), 1);
	CHECK_EQ(sc.rec.overlaps, 0);
	CHECK_EQ(leave_token(&tok, 1), 0);
	pool_end(sc.pool);
}

/* Who subscribes to the token while the old set dies was not told of its IDs, and is not told of their end. */
struct two_stops {
	unsigned int told;
	struct gate gates[2];
};

static int two_stops_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct two_stops *stops = w->arg;

	if (event->event == IOASID_EVENT_FREE)
		gate_pass(&stops->gates[stops->told++]);
	return 0;
}

static int do_join_token(struct ioasid_set *set, ioasid_t unused, uint32_t token)
{
	(void)set;
	(void)unused;
	return join_token(&tok, token, 0);
}

static void who_comes_during_a_death_is_not_told_of_it(void)
{
	struct two_stops stops = { 0, { GATE_CLOSED, GATE_CLOSED } };
	struct call death, joining;

	begin();
	id_make_at(sc.set, 1);
	id_make_at(sc.set, 2);
	sc.kvm.arg = &stops;
	sc.kvm.hook = two_stops_hook;
	call_start(&death, do_set_put, sc.set, 0, 0);
	gate_await(&stops.gates[0], 1);
	call_start(&joining, do_join_token, sc.set, 0, 1);
	call_blocked(&joining);
	gate_open(&stops.gates[0]);
	gate_await(&stops.gates[1], 1);
	/* Whether it waits for the second one too is its own affair. */
	call_blocked(&joining);
	gate_open(&stops.gates[1]);
	CHECK_EQ(call_join(&joining), 0);
	CHECK_EQ(call_join(&death), 1);
	CHECK_EVENTS_OF(&sc.rec, "tok", "");
	CHECK_EQ(leave_token(&tok, 1), 0);
	pool_end(sc.pool);
}

/* The same with the death in a handler: the IDs are marked at once, their FREE comes when that handler's
 * chain is over. */
static int last_put_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct stop *stop = w->arg;

	if (event->event != IOASID_EVENT_ALLOC || event->id != 50)
		return 0;
	CHECK_EQ(ioasid_set_put(sc.set), 1);
	gate_pass(&stop->gate);
	return 0;
}

static void deferred_free_of_the_dead_set_arrives(void)
{
	struct stop stop = { 0, 0, GATE_CLOSED };
	struct ioasid_set *other, *next;
	struct watcher killer;
	struct call alloc;

	begin();
	CHECK_EQ(join_token(&tok, 1, 0), 0);
	/* Without bindings there is nothing to block: NOTIFY says so, and the last put knows its answer at
	 * once. */
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	other = set_make_token(sc.pool, 2, 10);
	watcher_init(&killer, &sc.rec, "killer", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	killer.hook = last_put_hook;
	killer.arg = &stop;
	watcher_join(&killer, other);
	id_make_at(sc.set, 1);
	id_make_at(sc.set, 2);
	call_start(&alloc, do_alloc, other, 50, 0);
	gate_await(&stop.gate, 1);
	next = set_make_token(sc.pool, 1, 10);
	id_make_at(next, 4);
	CHECK_EQ(events_seen(&sc.rec, NULL, IOASID_EVENT_FREE, 1), 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&alloc), 50);
	CHECK_EVENTS_OF(&sc.rec, "tok", "tok:ALLOC(1) tok:ALLOC(2) tok:ALLOC(4) tok:FREE(1) tok:FREE(2)");
	CHECK_EVENTS_OF(&sc.rec, "kvm", "kvm:ALLOC(1) kvm:ALLOC(2) kvm:FREE(1) kvm:FREE(2)");
	set_end(next);
	set_end(other);
	CHECK_EQ(leave_token(&tok, 1), 0);
	pool_end(sc.pool);
}

static void blocks_go_with_their_set(void)
{
	struct ioasid_set *next;

	begin();
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	/* The reference to the ID is what lets the dead set be named. */
	set_end(sc.set);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:FREE(7)");
	CHECK_EQ(ioasid_unregister_notifier(sc.set, &sc.kvm.block), -ENOENT);
	CHECK_EQ(ioasid_register_notifier(sc.set, &tok.block, 0), -ENOENT);
	/* The block is its owner's again. */
	next = set_make_token(sc.pool, 1, 10);
	watcher_init(&sc.kvm, &sc.rec, "vmk", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&sc.kvm, next);
	id_make_at(next, 8);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EVENTS(&sc.rec, "vmk:ALLOC(8)");
	set_end(next);
	pool_end(sc.pool);
}

static void a_pool_with_subscribers_stays(void)
{
	begin();
	set_end(sc.set);
	watcher_join(&tok, sc.root);
	CHECK_EQ(ioasid_pool_destroy(sc.pool), -EBUSY);
	watcher_leave(&tok, sc.root);
	CHECK_EQ(join_token(&tok, 77, 0), 0);
	CHECK_EQ(ioasid_pool_destroy(sc.pool), -EBUSY);
	CHECK_EQ(leave_token(&tok, 77), 0);
	pool_end(sc.pool);
}

/* Registration with a transition under way: it waits for that, and only then looks whether there are IDs. */
static int do_join_set(struct ioasid_set *set, ioasid_t unused, uint32_t flags)
{
	(void)unused;
	return ioasid_register_notifier(set, &tok.block, flags);
}

static void registration_during(uint32_t event, int (*transition)(struct ioasid_set *, ioasid_t, uint32_t),
				int want)
{
	struct stop stop = { event, 7, GATE_CLOSED };
	struct call first, joining;

	begin();
	if (event == IOASID_EVENT_FREE)
		id_make_at(sc.set, 7);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&first, transition, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	call_start(&joining, do_join_set, sc.set, 0, 0);
	CHECK(call_blocked(&joining));
	gate_open(&stop.gate);
	CHECK(call_join(&first) >= 0);
	CHECK_EQ(call_join(&joining), want);
	/* Neither the transition that was under way nor half of a life is told. */
	CHECK_EVENTS_OF(&sc.rec, "tok", "");
	scene_end(&sc);
}

static void registration_waits_for_alloc(void)
{
	registration_during(IOASID_EVENT_ALLOC, do_alloc, -EBUSY);
}

static void registration_waits_for_free(void)
{
	registration_during(IOASID_EVENT_FREE, do_free, 0);
}

static const struct test_case cases[] = {
	{ "a registration by token waits for its set, and for the next one (S7.9)", token_waits_for_its_set },
	{ "the same token of another type is another token (S2.1, S7.9)",
	  token_of_another_type_is_another_token },
	{ "a registration by token can be ended while it waits and while it is active (S7.9)",
	  token_is_removable_in_every_state },
	{ "a subscriber keeps its place in the order while it waits for its set (S7.3)",
	  order_is_kept_while_waiting },
	{ "registering on a set or pool with ACTIVE IDs is refused, and pending IDs do not count (S7.9)",
	  token_of_a_set_with_ids },
	{ "token subscribers get every FREE of a dead set, on a new one too (S7.9)",
	  every_free_of_the_dead_set_arrives },
	{ "who subscribes to the token while the old set dies gets no FREE of it (S7.9)",
	  who_comes_during_a_death_is_not_told_of_it },
	{ "they get them also when the set died in a handler (S7.6, S7.9)",
	  deferred_free_of_the_dead_set_arrives },
	{ "a set's blocks are dropped with it, after its last FREE (S7.8)", blocks_go_with_their_set },
	{ "a pool with subscribers, waiting ones too, is not destroyed (S1.5)",
	  a_pool_with_subscribers_stays },
	{ "registering waits for an ALLOC that is under way, and then sees its ID (S7.9)",
	  registration_waits_for_alloc },
	{ "registering waits for a FREE that is under way, and does not tell it (S7.9)",
	  registration_waits_for_free },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("notifier_scopes", cases, argc, argv);
}
