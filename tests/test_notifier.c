/*
 * What a subscriber is told, when, and in which order (S7.1 to S7.5).
 */
#include "scene.h"

static struct scene sc;

static void grammar_of_a_life(void)
{
	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	for (uint32_t spid = 40; spid < 43; spid++) {
		CHECK_EQ(do_attach(sc.set, 7, spid), 0);
		CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	}
	CHECK_EVENTS(
		&sc.rec,
		"kvm:BIND(7/40) kvm:UNBIND(7/40) kvm:BIND(7/41) kvm:UNBIND(7/41) kvm:BIND(7/42) kvm:UNBIND(7/42)");
	CHECK_EQ(do_attach(sc.set, 7, 43), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:BIND(7/43) kvm:FREE(7/43)");
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:FREE(7)");
	scene_end(&sc);
}

static void no_transition_no_event(void)
{
	ioasid_t id;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 0);
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, NULL, &id), -ENOSPC);
	CHECK_EQ(ioasid_alloc(sc.set, 9, 8, NULL, &id), -EINVAL);
	CHECK_EQ(do_detach(sc.set, 7, 0), -ENOENT);
	CHECK_EQ(do_attach(sc.set, 8, 40), -ENOENT);
	CHECK_EQ(ioasid_free(sc.set, 8), -ENOENT);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(ioasid_free(sc.set, 7), -ENOENT);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7)");
	scene_end(&sc);
}

static int reference_hook(struct watcher *s, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_FREE) {
		*(int *)s->arg = refs_of(event->set, event->id);
		CHECK_EQ(ioasid_get(event->set, event->id), -ENOENT);
	}
	return 0;
}

static void free_event_comes_before_the_reference_goes(void)
{
	int refs = 0;

	scene_begin(&sc);
	sc.kvm.hook = reference_hook;
	sc.kvm.arg = &refs;
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(refs, 1);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(refs, 1);
	scene_end(&sc);
}

static void masks_choose_events(void)
{
	static const uint32_t masks[] = { IOASID_EVENT_ALLOC, IOASID_EVENT_FREE, IOASID_EVENT_BIND,
					  IOASID_EVENT_UNBIND, IOASID_EVENT_FREE | IOASID_EVENT_UNBIND };
	static const char *const names[] = { "alloc", "free", "bind", "unbind", "ends" };
	struct watcher subs[5];

	scene_begin(&sc);
	for (int i = 0; i < 5; i++) {
		watcher_init(&subs[i], &sc.rec, names[i], masks[i], IOASID_PRIO_DEVICE);
		watcher_join(&subs[i], sc.set);
	}
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) alloc:ALLOC(7) kvm:BIND(7/40) bind:BIND(7/40) kvm:UNBIND(7/40) "
			      "unbind:UNBIND(7/40) ends:UNBIND(7/40) kvm:FREE(7) free:FREE(7) ends:FREE(7)");
	for (int i = 0; i < 5; i++)
		watcher_leave(&subs[i], sc.set);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	scene_end(&sc);
}

/* The members of an event beside the number, as the last handler call saw them. */
struct arguments {
	struct ioasid_set *set;
	void *data;
	uint32_t spid;
	uint32_t reserved;
};

static int arguments_hook(struct watcher *s, const struct ioasid_event *event)
{
	struct arguments *last = s->arg;

	*last = (struct arguments){ event->set, event->data, event->spid.value, event->reserved };
	return 0;
}

static void events_carry_their_arguments(void)
{
	struct arguments last = { 0 };
	int first, second;
	ioasid_t id;
	void *old;

	scene_begin(&sc);
	sc.kvm.hook = arguments_hook;
	sc.kvm.arg = &last;
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, &first, &id), 0);
	CHECK(last.set == sc.set && last.data == &first && last.reserved == 0);
	CHECK_EQ(last.spid, IOASID_SPID_NONE);
	CHECK_EQ(ioasid_detach_data(sc.set, 7, &old), 0);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK(last.set == sc.set && last.data == NULL && last.spid == 40);
	CHECK_EQ(ioasid_attach_data(sc.set, 7, &second), 0);
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK(last.data == &second && last.spid == 40);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK(last.data == &second && last.spid == IOASID_SPID_NONE);
	/* The next life begins without anything of this one. */
	id_make_at(sc.set, 7);
	CHECK(last.data == NULL && last.spid == IOASID_SPID_NONE);
	scene_end(&sc);
}

/* Registers in an order that is not the order of calling, in three scopes. */
static void one_order_across_scopes(void)
{
	static const struct {
		const char *name;
		uint32_t priority;
		int scope; /* 0 pool, 1 set, 2 token */
	} plan[] = {
		{ "pool-last", IOASID_PRIO_LAST, 0 },  { "set-iommu", IOASID_PRIO_IOMMU, 1 },
		{ "token-cpu", IOASID_PRIO_CPU, 2 },   { "pool-iommu", IOASID_PRIO_IOMMU, 0 },
		{ "set-cpu", IOASID_PRIO_CPU, 1 },     { "token-dev", IOASID_PRIO_DEVICE, 2 },
		{ "pool-cpu", IOASID_PRIO_CPU, 0 },    { "set-dev", IOASID_PRIO_DEVICE, 1 },
		{ "token-last", IOASID_PRIO_LAST, 2 },
	};
	struct watcher subs[9];

	scene_begin(&sc);
	watcher_leave(&sc.kvm, sc.set);
	for (int i = 0; i < 9; i++) {
		watcher_init(&subs[i], &sc.rec, plan[i].name, IOASID_EVENT_ALL, plan[i].priority);
		if (plan[i].scope == 2)
			REQUIRE_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 1,
								  &subs[i].block, 0),
				   0);
		else
			watcher_join(&subs[i], plan[i].scope == 0 ? sc.root : sc.set);
	}
	id_make_at(sc.set, 7);
	CHECK_EVENTS(
		&sc.rec,
		"token-cpu:ALLOC(7) set-cpu:ALLOC(7) pool-cpu:ALLOC(7) token-dev:ALLOC(7) set-dev:ALLOC(7) "
		"set-iommu:ALLOC(7) pool-iommu:ALLOC(7) pool-last:ALLOC(7) token-last:ALLOC(7)");
	/* FREE reaches every scope, in the same order (S7.4). */
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec,
		     "token-cpu:FREE(7) set-cpu:FREE(7) pool-cpu:FREE(7) token-dev:FREE(7) set-dev:FREE(7) "
		     "set-iommu:FREE(7) pool-iommu:FREE(7) pool-last:FREE(7) token-last:FREE(7)");
	for (int i = 0; i < 9; i++) {
		if (plan[i].scope == 2)
			CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, 1,
								  &subs[i].block),
				 0);
		else
			watcher_leave(&subs[i], plan[i].scope == 0 ? sc.root : sc.set);
	}
	scene_end(&sc);
}

static void left_and_joined_again_goes_to_the_end(void)
{
	struct watcher vdcm;

	scene_begin(&sc);
	watcher_init(&vdcm, &sc.rec, "vdcm", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&vdcm, sc.set);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	watcher_leave(&sc.kvm, sc.set);
	watcher_join(&sc.kvm, sc.set);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec,
		     "kvm:ALLOC(7) vdcm:ALLOC(7) kvm:FREE(7) vdcm:FREE(7) vdcm:ALLOC(7) kvm:ALLOC(7)");
	scene_end(&sc);
}

static void a_block_in_two_scopes_is_called_for_each(void)
{
	scene_begin(&sc);
	watcher_join(&sc.kvm, sc.root);
	REQUIRE_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 1, &sc.kvm.block, 0), 0);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(7) kvm:ALLOC(7)");
	watcher_leave(&sc.kvm, sc.root);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7) kvm:FREE(7)");
	CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, 1, &sc.kvm.block), 0);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	scene_end(&sc);
}

static void other_sets_events_stay_theirs(void)
{
	struct watcher all, other_one;
	struct ioasid_set *other;

	scene_begin(&sc);
	other = set_make_token(sc.pool, 2, 10);
	watcher_init(&all, &sc.rec, "all", IOASID_EVENT_ALL, IOASID_PRIO_LAST);
	watcher_init(&other_one, &sc.rec, "other", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&all, sc.root);
	watcher_join(&other_one, other);
	id_make_at(sc.set, 7);
	id_make_at(other, 8);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) all:ALLOC(7) other:ALLOC(8) all:ALLOC(8)");
	CHECK_EQ(ioasid_free(sc.root, 8), 0);
	CHECK_EVENTS(&sc.rec, "other:FREE(8) all:FREE(8)");
	set_end(other);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:FREE(7) all:FREE(7)");
	watcher_leave(&all, sc.root);
	scene_end(&sc);
}

static void refused_registrations(void)
{
	struct watcher odd;

	scene_begin(&sc);
	watcher_init(&odd, &sc.rec, "odd", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(NULL, &odd.block, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier(sc.set, NULL, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier(sc.set, &odd.block, 2), -EINVAL);
	odd.block.events = 0;
	CHECK_EQ(ioasid_register_notifier(sc.set, &odd.block, 0), -EINVAL);
	odd.block.events = IOASID_EVENT_ALL + 1;
	CHECK_EQ(ioasid_register_notifier(sc.set, &odd.block, 0), -EINVAL);
	odd.block.events = IOASID_EVENT_ALL;
	odd.block.priority = IOASID_PRIO_LAST + 1;
	CHECK_EQ(ioasid_register_notifier(sc.set, &odd.block, 0), -EINVAL);
	odd.block.priority = IOASID_PRIO_LAST;
	odd.block.handler = NULL;
	CHECK_EQ(ioasid_register_notifier(sc.set, &odd.block, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 5, &odd.block, 0), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier(sc.set, &odd.block), -ENOENT);
	CHECK_EQ(ioasid_unregister_notifier(NULL, &odd.block), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier(sc.set, NULL), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_NONE, 0, &sc.kvm.block, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, IOASID_SET_OPAQUE, 0, &sc.kvm.block, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_token(sc.pool, 3, 5, &sc.kvm.block, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_token(NULL, IOASID_SET_OPAQUE, 5, &sc.kvm.block, 0), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, 0, &sc.kvm.block), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier_token(sc.pool, IOASID_SET_OPAQUE, 5, &sc.kvm.block), -ENOENT);
	CHECK_EQ(ioasid_register_notifier(sc.set, &sc.kvm.block, 0), -EEXIST);
	CHECK_EQ(ioasid_register_notifier(sc.set, &sc.kvm.block, IOASID_NOTIFIER_REPLAY), -EEXIST);
	id_make_at(sc.set, 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	scene_end(&sc);
}

/* The answers to FREE and UNBIND, and positive ones, change nothing. */
static int answer_hook(struct watcher *s, const struct ioasid_event *event)
{
	(void)s;
	return event->event & (IOASID_EVENT_FREE | IOASID_EVENT_UNBIND) ? -EPERM : 5;
}

static void answers_that_do_not_count(void)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };

	scene_begin(&sc);
	sc.kvm.hook = answer_hook;
	CHECK_EQ(do_alloc(sc.set, 7, 0), 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40) kvm:UNBIND(7/40) kvm:FREE(7)");
	CHECK_EQ(ioasid_set_stats(sc.set, &stats), 0);
	CHECK_EQ(stats.refused, 2);
	CHECK_EQ(stats.vetoes, 0);
	scene_end(&sc);
}

static void death_is_a_free_of_each(void)
{
	scene_begin(&sc);
	for (ioasid_t id = 1; id <= 5; id++)
		id_make_at(sc.set, id * 100);
	CHECK_EQ(do_attach(sc.set, 300, 40), 0);
	recorder_forget(&sc.rec);
	set_end(sc.set);
	for (ioasid_t id = 1; id <= 5; id++)
		CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, id * 100), 1);
	CHECK_EQ(sc.rec.count, 5);
	pool_end(sc.pool);
}

static const struct test_case cases[] = {
	{ "a life is ALLOC (BIND UNBIND)* BIND? FREE, and so is the next (S7.1)", grammar_of_a_life },
	{ "where nothing changes nobody is told (S7.1)", no_transition_no_event },
	{ "FREE is delivered while alloc's reference is still there (S4.1)",
	  free_event_comes_before_the_reference_goes },
	{ "a mask chooses events (S7.2)", masks_choose_events },
	{ "events carry set, data and SPID (S7.2)", events_carry_their_arguments },
	{ "one order holds across scopes: priority, then age (S7.3, S7.4)", one_order_across_scopes },
	{ "who leaves and joins again is the youngest (S7.3)", left_and_joined_again_goes_to_the_end },
	{ "a block in several scopes is called for each (S7.2)", a_block_in_two_scopes_is_called_for_each },
	{ "a set's subscriber is not told of other sets (S7.3)", other_sets_events_stay_theirs },
	{ "impossible and double registrations are refused (S7.8)", refused_registrations },
	{ "answers to FREE and UNBIND are counted and ignored, positive ones agree (S7.7)",
	  answers_that_do_not_count },
	{ "the death of a set tells FREE of each ID once (S2.3)", death_is_a_free_of_each },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("notifier", cases, argc, argv);
}
