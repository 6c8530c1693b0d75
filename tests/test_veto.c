/*
 * Vetoes and roll-back (S7.7).
 */
#include "scene.h"

static struct scene sc;
static struct watcher a, b, c, d;

/* Four subscribers, called in the order of their names; d is pool-wide. */
static void begin(void)
{
	scene_begin(&sc);
	watcher_leave(&sc.kvm, sc.set);
	watcher_init(&a, &sc.rec, "a", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_init(&b, &sc.rec, "b", IOASID_EVENT_ALL, IOASID_PRIO_DEVICE);
	watcher_init(&c, &sc.rec, "c", IOASID_EVENT_ALL, IOASID_PRIO_IOMMU);
	watcher_init(&d, &sc.rec, "d", IOASID_EVENT_ALL, IOASID_PRIO_LAST);
}

static void join_all(void)
{
	watcher_join(&d, sc.root);
	watcher_join(&c, sc.set);
	watcher_join(&b, sc.set);
	watcher_join(&a, sc.set);
}

static void end(void)
{
	watcher_leave(&d, sc.root);
	scene_end(&sc);
}

struct veto {
	uint32_t event;
	ioasid_t id;
	int answer;
};

static int veto_hook(struct watcher *s, const struct ioasid_event *event)
{
	const struct veto *veto = s->arg;

	return event->event == veto->event && (veto->id == 0 || event->id == veto->id) ? veto->answer : 0;
}

static uint64_t vetoes(struct ioasid_set *set)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };

	CHECK_EQ(ioasid_set_stats(set, &stats), 0);
	return stats.vetoes;
}

static void veto_of_alloc(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 7, -EUCLEAN };
	ioasid_t id = 5;
	uint32_t before, after;

	begin();
	join_all();
	c.hook = veto_hook;
	c.arg = &veto;
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, NULL, &id), -EUCLEAN);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EVENTS(&sc.rec, "a:ALLOC(7) b:ALLOC(7) c:ALLOC(7) b:FREE(7) a:FREE(7)");
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	CHECK_EQ(vetoes(sc.set), 1);
	CHECK_EQ(vetoes(sc.root), 1);
	/* Quota and room are as before: the whole quota is still there. */
	CHECK_EQ(ioasid_pool_available(sc.pool, &before), 0);
	for (id = 101; id <= 200; id++)
		CHECK_EQ(do_alloc(sc.set, id, 0), (int)id);
	CHECK_EQ(do_alloc(sc.set, 201, 0), -EDQUOT);
	CHECK_EQ(ioasid_pool_available(sc.pool, &after), 0);
	CHECK_EQ(before, after);
	end();
}

static void first_and_last_can_veto(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 7, -EPERM };

	begin();
	join_all();
	a.hook = veto_hook;
	a.arg = &veto;
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EVENTS(&sc.rec, "a:ALLOC(7)");
	a.hook = NULL;
	d.hook = veto_hook;
	d.arg = &veto;
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EVENTS(&sc.rec, "a:ALLOC(7) b:ALLOC(7) c:ALLOC(7) d:ALLOC(7) c:FREE(7) b:FREE(7) a:FREE(7)");
	d.hook = NULL;
	CHECK_EQ(do_alloc(sc.set, 7, 0), 7);
	end();
}

static void roll_back_honours_masks(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC | IOASID_EVENT_BIND, 0, -EPERM };

	begin();
	a.block.events = IOASID_EVENT_ALLOC | IOASID_EVENT_BIND;
	b.block.events = IOASID_EVENT_ALLOC | IOASID_EVENT_FREE;
	c.block.events = IOASID_EVENT_FREE | IOASID_EVENT_UNBIND;
	join_all();
	d.hook = veto_hook;
	d.arg = &veto;
	veto.event = IOASID_EVENT_ALLOC;
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	/* a does not want FREE; c, who does, was never told of the ID. */
	CHECK_EVENTS(&sc.rec, "a:ALLOC(7) b:ALLOC(7) d:ALLOC(7) b:FREE(7)");
	veto.event = IOASID_EVENT_BIND;
	CHECK_EQ(do_alloc(sc.set, 7, 0), 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), -EPERM);
	CHECK_EVENTS(&sc.rec, "a:ALLOC(7) b:ALLOC(7) d:ALLOC(7) a:BIND(7/40) d:BIND(7/40)");
	d.hook = NULL;
	end();
}

static void veto_of_bind(void)
{
	struct veto veto = { IOASID_EVENT_BIND, 7, -EUCLEAN };

	begin();
	join_all();
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	recorder_forget(&sc.rec);
	d.hook = veto_hook;
	d.arg = &veto;
	CHECK_EQ(do_attach(sc.set, 7, 40), -EUCLEAN);
	CHECK_EVENTS(
		&sc.rec,
		"a:BIND(7/40) b:BIND(7/40) c:BIND(7/40) d:BIND(7/40) c:UNBIND(7/40) b:UNBIND(7/40) a:UNBIND(7/40)");
	CHECK_EQ(tell_spid(sc.set, 7), -ENOENT);
	CHECK_EQ(find_spid(sc.set, 40), -ENOENT);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(do_attach(sc.set, 8, 40), 0);
	CHECK_EQ(vetoes(sc.set), 1);
	d.hook = NULL;
	end();
}

/* During the roll-back the ID is marked: nobody can take a reference to it any more. */
static int marked_hook(struct watcher *s, const struct ioasid_event *event)
{
	void *data;

	if (event->event == IOASID_EVENT_FREE) {
		CHECK_EQ(ioasid_get(event->set, event->id), -ENOENT);
		CHECK_EQ(ioasid_find(event->set, event->id, NULL, &data), -ENOENT);
		CHECK_EQ(ioasid_free(event->set, event->id), 0);
		CHECK_EQ(call_elsewhere(do_get, event->set, event->id, 0), -ENOENT);
		(*(unsigned int *)s->arg)++;
	}
	return 0;
}

static void rolled_back_id_is_marked(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 7, -EPERM };
	unsigned int looked = 0;

	begin();
	join_all();
	c.hook = veto_hook;
	c.arg = &veto;
	a.hook = marked_hook;
	a.arg = &looked;
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EQ(looked, 1);
	CHECK_EVENTS(&sc.rec, "a:ALLOC(7) b:ALLOC(7) c:ALLOC(7) b:FREE(7) a:FREE(7)");
	end();
}

static int keep_hook(struct watcher *s, const struct ioasid_event *event)
{
	(void)s;
	if (event->event == IOASID_EVENT_ALLOC)
		CHECK_EQ(ioasid_get(event->set, event->id), 0);
	return 0;
}

static void kept_reference_keeps_the_vetoed_id(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 7, -EPERM };
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };

	begin();
	join_all();
	a.hook = keep_hook;
	c.hook = veto_hook;
	c.arg = &veto;
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_set_stats(sc.set, &stats), 0);
	CHECK_EQ(stats.allocated, 1);
	CHECK_EQ(stats.pending, 1);
	/* It counts, and its number is not handed out. */
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EBUSY);
	a.hook = NULL;
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	c.hook = NULL;
	CHECK_EQ(do_alloc(sc.set, 7, 0), 7);
	end();
}

static void vetoed_range_is_undone_descending(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 18, -EPERM };
	ioasid_t first = 3;

	begin();
	join_all();
	c.hook = veto_hook;
	c.arg = &veto;
	CHECK_EQ(ioasid_alloc_range(sc.set, 4, 16, 16, 19, &first), -EPERM);
	CHECK_EQ(first, IOASID_INVALID);
	CHECK_EVENTS(
		&sc.rec,
		"a:ALLOC(16) b:ALLOC(16) c:ALLOC(16) d:ALLOC(16) a:ALLOC(17) b:ALLOC(17) c:ALLOC(17) d:ALLOC(17) "
		"a:ALLOC(18) b:ALLOC(18) c:ALLOC(18) b:FREE(18) a:FREE(18) "
		"d:FREE(17) c:FREE(17) b:FREE(17) a:FREE(17) d:FREE(16) c:FREE(16) b:FREE(16) a:FREE(16)");
	for (ioasid_t id = 16; id < 20; id++)
		CHECK_EQ(refs_of(sc.set, id), -ENOENT);
	c.hook = NULL;
	CHECK_EQ(ioasid_alloc_range(sc.set, 4, 16, 16, 19, &first), 0);
	CHECK_EQ(first, 16);
	end();
}

/* What a handler has taken a reference to it can put, in any later event of the same call. */
static int put_before_hook(struct watcher *w, const struct ioasid_event *event)
{
	const struct veto *veto = w->arg;

	if (event->event == IOASID_EVENT_ALLOC && event->id > 16)
		CHECK_EQ(ioasid_put(event->set, event->id - 1), 0);
	if (event->event == IOASID_EVENT_ALLOC && event->id < 19)
		CHECK_EQ(ioasid_get(event->set, event->id), 0);
	return event->id == 19 ? veto->answer : 0;
}

static void references_within_a_range(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 19, 0 };
	ioasid_t first;

	begin();
	join_all();
	b.hook = put_before_hook;
	b.arg = &veto;
	CHECK_EQ(ioasid_alloc_range(sc.set, 4, 16, 16, 19, &first), 0);
	for (ioasid_t id = 16; id < 20; id++)
		CHECK_EQ(refs_of(sc.set, id), 1);
	CHECK_EQ(ioasid_set_reset(sc.set), 0);
	veto.answer = -EPERM;
	CHECK_EQ(ioasid_alloc_range(sc.set, 4, 16, 16, 19, &first), -EPERM);
	for (ioasid_t id = 16; id < 20; id++)
		CHECK_EQ(refs_of(sc.set, id), -ENOENT);
	b.hook = NULL;
	end();
}

static int release_calls;

static void on_release(void *context, void *data)
{
	(void)context;
	(void)data;
	release_calls++;
}

/* A failed alloc has changed nothing: the data is its caller's, though a reference still keeps the ID. */
static void data_of_a_vetoed_id_is_its_callers(void)
{
	struct veto veto = { IOASID_EVENT_ALLOC, 7, -EPERM };
	void *old = NULL;
	int thing;
	ioasid_t id;

	begin();
	join_all();
	release_calls = 0;
	CHECK_EQ(ioasid_set_on_release(sc.set, on_release, NULL), 0);
	a.hook = keep_hook;
	c.hook = veto_hook;
	c.arg = &veto;
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, &thing, &id), -EPERM);
	CHECK_EQ(refs_of(sc.set, 7), 1);
	CHECK_EQ(ioasid_detach_data(sc.set, 7, &old), -ENOENT);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	CHECK_EQ(ioasid_flush_work(sc.root), 0);
	CHECK_EQ(release_calls, 0);
	CHECK_EQ(stats_of(sc.set).misuse, 0);
	a.hook = c.hook = NULL;
	end();
	CHECK_EQ(release_calls, 0);
}

static const struct test_case cases[] = {
	{ "a veto of ALLOC fails the call, and those already told get FREE in reverse", veto_of_alloc },
	{ "the first and the last in the order can veto", first_and_last_can_veto },
	{ "a roll-back goes to those who were told, with their masks", roll_back_honours_masks },
	{ "a veto of BIND fails the call, and those already told get UNBIND in reverse", veto_of_bind },
	{ "an ID that is rolled back is marked", rolled_back_id_is_marked },
	{ "a reference kept by a handler keeps the vetoed ID pending until it is put",
	  kept_reference_keeps_the_vetoed_id },
	{ "a veto undoes a whole range, descending (S3.3)", vetoed_range_is_undone_descending },
	{ "a reference to one ID of a range can be put while another is announced (S4.5, S7.6)",
	  references_within_a_range },
	{ "the data of a vetoed ID is its caller's again (S3.1)", data_of_a_vetoed_id_is_its_callers },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("veto", cases, argc, argv);
}
