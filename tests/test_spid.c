/*
 * SPIDs: reserve, BIND, visible; UNBIND, release; and when a number can be used again (S6).
 */
#include "scene.h"

static struct scene sc;

static void attached_number_is_found(void)
{
	ioasid_t id = IOASID_INVALID;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(tell_spid(sc.set, 7), 40);
	CHECK_EQ(tell_spid(sc.root, 7), 40);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(ioasid_find_by_spid(sc.set, spid_of(40), &id), 0);
	CHECK_EQ(id, 7);
	CHECK_EQ(refs_of(sc.set, 7), 2);
	CHECK_EQ(ioasid_put(sc.set, 7), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40)");
	scene_end(&sc);
}

static void whole_range_of_numbers(void)
{
	scene_begin(&sc);
	id_make_at(sc.set, 1);
	id_make_at(sc.set, 2);
	CHECK_EQ(do_attach(sc.set, 1, 0), 0);
	CHECK_EQ(do_attach(sc.set, 2, IOASID_SPID_MAX), 0);
	CHECK_EQ(find_spid(sc.set, 0), 1);
	CHECK_EQ(find_spid(sc.set, IOASID_SPID_MAX), 2);
	scene_end(&sc);
}

static void refused_arguments(void)
{
	ioasid_t id = 123;
	ioasid_spid_t spid = spid_of(123);

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, IOASID_SPID_MAX + 1), -EINVAL);
	CHECK_EQ(do_attach(sc.set, 7, IOASID_SPID_NONE), -EINVAL);
	CHECK_EQ(do_attach(sc.set, 9, IOASID_SPID_MAX + 1), -EINVAL);
	CHECK_EQ(do_attach(sc.root, 7, 40), -EINVAL);
	CHECK_EQ(do_attach(NULL, 7, 40), -EINVAL);
	CHECK_EQ(do_detach(sc.root, 7, 0), -EINVAL);
	CHECK_EQ(do_detach(NULL, 7, 0), -EINVAL);
	CHECK_EQ(ioasid_find_by_spid(sc.set, spid_of(IOASID_SPID_MAX + 1), &id), -EINVAL);
	CHECK_EQ(ioasid_find_by_spid(sc.root, spid_of(40), &id), -EINVAL);
	CHECK_EQ(ioasid_find_by_spid(NULL, spid_of(40), &id), -EINVAL);
	CHECK_EQ(ioasid_find_by_spid(sc.set, spid_of(40), NULL), -EINVAL);
	CHECK_EQ(ioasid_find_by_spid(sc.set, spid_of(40), &id), -ENOENT);
	CHECK_EQ(ioasid_spid(sc.set, 7, NULL), -EINVAL);
	CHECK_EQ(ioasid_spid(NULL, 7, &spid), -EINVAL);
	CHECK_EQ(ioasid_spid(sc.set, 7, &spid), -ENOENT);
	CHECK_EQ(id, 123);
	CHECK_EQ(spid.value, 123);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	scene_end(&sc);
}

static void refused_objects(void)
{
	struct ioasid_set *other;

	scene_begin(&sc);
	other = set_make_token(sc.pool, 2, 10);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(do_attach(sc.set, 9, 40), -ENOENT);
	CHECK_EQ(do_attach(sc.set, 0, 40), -ENOENT);
	CHECK_EQ(do_attach(sc.set, IOASID_INVALID, 40), -ENOENT);
	CHECK_EQ(do_attach(other, 7, 40), -EACCES);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(do_attach(sc.set, 8, 40), -EEXIST);
	CHECK_EQ(do_attach(sc.set, 7, 41), -EBUSY);
	CHECK_EQ(find_spid(sc.set, 41), -ENOENT);
	CHECK_EQ(do_detach(other, 7, 0), -EACCES);
	CHECK_EQ(tell_spid(other, 7), -EACCES);
	CHECK_EQ(do_detach(sc.set, 8, 0), -ENOENT);
	CHECK_EQ(do_detach(sc.set, 9, 0), -ENOENT);
	/* FREE_PENDING: unknown to its owner; whose it is is told before what state it has (S0.1). */
	CHECK_EQ(ioasid_get(sc.set, 8), 0);
	CHECK_EQ(ioasid_free(sc.set, 8), 0);
	CHECK_EQ(do_attach(sc.set, 8, 42), -ENOENT);
	CHECK_EQ(do_attach(other, 8, 42), -EACCES);
	CHECK_EQ(ioasid_put(sc.set, 8), 1);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(8) kvm:BIND(7/40) kvm:FREE(8)");
	set_end(other);
	scene_end(&sc);
}

static void hidden_until_bind_is_over(void)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct call attach;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	sc.kvm.arg = &stop;
	sc.kvm.hook = stop_hook;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	/* But it is reserved. */
	CHECK_EQ(do_attach(sc.set, 8, 40), -EEXIST);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&attach), 0);
	CHECK_EQ(find_spid(sc.set, 40), 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(8) kvm:BIND(7/40)");
	scene_end(&sc);
}

static int second_attach_hook(struct watcher *s, const struct ioasid_event *event)
{
	struct gate *gate = s->arg;

	if (event->event == IOASID_EVENT_BIND)
		gate_pass(gate);
	return event->event == IOASID_EVENT_BIND ? -EPERM : 0;
}

static void second_attach_waits_for_the_first(void)
{
	struct gate gate = GATE_CLOSED;
	struct call first, second;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	sc.kvm.arg = &gate;
	sc.kvm.hook = second_attach_hook;
	call_start(&first, do_attach, sc.set, 7, 40);
	gate_await(&gate, 1);
	/* Whether the ID has a SPID is open until the handlers have spoken, and the first attach will fail. */
	call_start(&second, do_attach, sc.set, 7, 41);
	CHECK(call_blocked(&second));
	gate_open(&gate);
	CHECK_EQ(call_join(&first), -EPERM);
	CHECK_EQ(call_join(&second), -EPERM);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40) kvm:BIND(7/41)");
	scene_end(&sc);
}

static void failed_attach_leaves_no_trace(void)
{
	struct gate gate = GATE_CLOSED;

	scene_begin(&sc);
	gate_open(&gate);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	sc.kvm.arg = &gate;
	sc.kvm.hook = second_attach_hook;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(do_attach(sc.set, 7, 40), -EPERM);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(do_detach(sc.set, 7, 0), -ENOENT);
	sc.kvm.hook = NULL;
	CHECK_EQ(do_attach(sc.set, 8, 40), 0);
	CHECK_EQ(do_attach(sc.set, 8, 41), -EBUSY);
	CHECK_EQ(do_attach(sc.set, 7, 40), -EEXIST);
	CHECK_EQ(refs_of(sc.set, 8), 1);
	CHECK_EQ(do_attach(sc.set, 7, 41), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	scene_end(&sc);
}

static int unbind_hook(struct watcher *s, const struct ioasid_event *event)
{
	if (event->event != IOASID_EVENT_UNBIND)
		return 0;
	CHECK_EQ(find_spid(event->set, 40), -ENOENT);
	CHECK_EQ(tell_spid(event->set, 7), 40);
	CHECK_EQ(call_elsewhere(do_find_spid, event->set, 0, 40), -ENOENT);
	CHECK_EQ(call_elsewhere(do_tell_spid, event->set, 7, 0), 40);
	CHECK_EQ(call_elsewhere(do_attach, event->set, 8, 40), -EEXIST);
	*(bool *)s->arg = true;
	return 0;
}

static void detach_hides_tells_and_releases(void)
{
	bool told = false;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	sc.kvm.arg = &told;
	sc.kvm.hook = unbind_hook;
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK(told);
	sc.kvm.hook = NULL;
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(do_detach(sc.set, 7, 0), -ENOENT);
	CHECK_EQ(do_attach(sc.set, 8, 40), 0);
	CHECK_EQ(find_spid(sc.set, 40), 8);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:ALLOC(8) kvm:BIND(7/40) kvm:UNBIND(7/40) kvm:BIND(8/40)");
	scene_end(&sc);
}

static void two_sets_one_number(void)
{
	struct ioasid_set *other;

	scene_begin(&sc);
	other = set_make_token(sc.pool, 2, 10);
	id_make_at(sc.set, 7);
	id_make_at(other, 8);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(find_spid(other, 40), -ENOENT);
	CHECK_EQ(do_attach(other, 8, 40), 0);
	CHECK_EQ(find_spid(sc.set, 40), 7);
	CHECK_EQ(find_spid(other, 40), 8);
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(find_spid(other, 40), 8);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	set_end(other);
	CHECK_EQ(find_spid(sc.set, 40), 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:BIND(7/40) kvm:UNBIND(7/40) kvm:BIND(7/40)");
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "an attached number is found, takes a reference, and is told in reverse (S6.1, S6.3)",
	  attached_number_is_found },
	{ "0 and the greatest 20-bit number are SPIDs like any other (S6.1)", whole_range_of_numbers },
	{ "impossible arguments are refused before anything is looked at (S6.1, S2.8)", refused_arguments },
	{ "unknown, foreign, pending and taken ones are told apart (S6.1, S0.1)", refused_objects },
	{ "a number is reserved, but found by nobody, until BIND has been delivered (S6.1, S7.7)",
	  hidden_until_bind_is_over },
	{ "a second attach of an ID waits for the first one's outcome (S7.5)",
	  second_attach_waits_for_the_first },
	{ "a failed attach leaves every count and number as it was (S6.1)", failed_attach_leaves_no_trace },
	{ "detach hides the number, tells it once in UNBIND, then releases it (S6.2)",
	  detach_hides_tells_and_releases },
	{ "two sets use the same number and do not see each other (S6.5)", two_sets_one_number },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("spid", cases, argc, argv);
}
