/*
 * Who can see an IOASID or a SPID before everybody has agreed to it (S7.7).
 */
#include "scene.h"

static struct scene sc;

static int count_visit(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)set;
	if (id == 7)
		(*(unsigned int *)context)++;
	return 0;
}

/* Everything that another thread can ask about an ID which is being born. */
static int look_at_nascent(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	static int thing;
	ioasid_handle_t handle;
	unsigned int visits = 0;
	void *data;

	(void)unused;
	CHECK_EQ(ioasid_get(set, id), -ENOENT);
	CHECK_EQ(ioasid_put(set, id), -ENOENT);
	CHECK_EQ(ioasid_free(set, id), -ENOENT);
	CHECK_EQ(ioasid_find(set, id, NULL, &data), -ENOENT);
	CHECK_EQ(ioasid_handle_of(set, id, &handle), -ENOENT);
	CHECK_EQ(refs_of(set, id), -ENOENT);
	CHECK_EQ(tell_spid(set, id), -ENOENT);
	CHECK_EQ(ioasid_attach_data(set, id, &thing), -ENOENT);
	CHECK_EQ(ioasid_set_for_each(set, count_visit, &visits), 0);
	CHECK_EQ(ioasid_set_for_each(sc.root, count_visit, &visits), 0);
	CHECK_EQ(visits, 0);
	return 0;
}

static int nascent_hook(struct watcher *s, const struct ioasid_event *event)
{
	struct stop *stop = s->arg;
	void *data = NULL;

	if (event->event != IOASID_EVENT_ALLOC || event->id != stop->id)
		return 0;
	/* For this thread it is there. */
	CHECK_EQ(ioasid_find(event->set, event->id, NULL, &data), 0);
	CHECK(data == stop);
	CHECK_EQ(ioasid_get(event->set, event->id), 0);
	CHECK_EQ(refs_of(event->set, event->id), 2);
	CHECK_EQ(ioasid_put(event->set, event->id), 0);
	CHECK_EQ(ioasid_free(event->set, event->id), -EDEADLK);
	CHECK_EQ(ioasid_put(event->set, event->id) < 0, 1);
	return stop_hook(s, event);
}

static int alloc_with_data(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return ioasid_alloc(set, id, id, sc.kvm.arg, &id);
}

static void nascent_id_exists_for_its_handlers_only(void)
{
	struct stop stop = { IOASID_EVENT_ALLOC, 7, GATE_CLOSED };
	struct call alloc;
	unsigned int visits = 0;

	scene_begin(&sc);
	sc.kvm.hook = nascent_hook;
	sc.kvm.arg = &stop;
	call_start(&alloc, alloc_with_data, sc.set, 7, 0);
	gate_await(&stop.gate, 1);
	look_at_nascent(sc.set, 7, 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&alloc), 0);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(ioasid_set_for_each(sc.set, count_visit, &visits), 0);
	CHECK_EQ(visits, 1);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7)");
	scene_end(&sc);
}

static int nascent_spid_hook(struct watcher *s, const struct ioasid_event *event)
{
	if (event->event != IOASID_EVENT_BIND)
		return 0;
	CHECK_EQ(tell_spid(event->set, event->id), 40);
	CHECK_EQ(find_spid(event->set, 40), (int)event->id);
	return stop_hook(s, event);
}

static void nascent_spid_exists_for_its_handlers_only(void)
{
	struct stop stop = { IOASID_EVENT_BIND, 7, GATE_CLOSED };
	struct call attach;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	sc.kvm.hook = nascent_spid_hook;
	sc.kvm.arg = &stop;
	call_start(&attach, do_attach, sc.set, 7, 40);
	gate_await(&stop.gate, 1);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&attach), 0);
	CHECK_EQ(find_spid(sc.set, 40), 7);
	CHECK_EQ(tell_spid(sc.set, 7), 40);
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "an ID that is being born exists only for the threads that run its handlers",
	  nascent_id_exists_for_its_handlers_only },
	{ "so does a SPID", nascent_spid_exists_for_its_handlers_only },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("nascent", cases, argc, argv);
}
