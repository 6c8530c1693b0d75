/*
 * What may be called in a handler, a getter and a read section, and what answers -EDEADLK there (S7.6).
 */
#include "every_call.h"

#include <stdio.h>
#include <string.h>

static struct every ev;

/* Makes every call that changes or waits: each has to be refused. */
static void refuse_all(struct every *e, const char *where)
{
	for (unsigned int i = 0; i < every_call_count; i++) {
		char what[128];

		if (every_call[i].kind != EVERY_WAITS && every_call[i].kind != EVERY_WALKS)
			continue;
		snprintf(what, sizeof(what), "%s in %s answers -EDEADLK", every_call[i].name, where);
		test_check_eq(every_call[i].call(e), -EDEADLK, what, __FILE__, __LINE__);
	}
}

/* Makes every call that is allowed, up to the frees, which would end what the calls work on. */
static void allow_all(struct every *e, const char *where)
{
	for (unsigned int i = 0; i < every_call_count; i++) {
		char what[128];

		if (every_call[i].kind == EVERY_WAITS || every_call[i].kind == EVERY_WALKS ||
		    strstr(every_call[i].name, "_free") != NULL ||
		    strstr(every_call[i].name, "unregister") != NULL)
			continue;
		snprintf(what, sizeof(what), "%s in %s is allowed", every_call[i].name, where);
		test_check_eq(every_call[i].call(e), 0, what, __FILE__, __LINE__);
	}
}

static unsigned int visits;

static int handler_hook(struct watcher *w, const struct ioasid_event *event)
{
	static const char *const names[] = {
		"an ALLOC handler", "a FREE handler", "", "a BIND handler", "", "", "", "an UNBIND handler"
	};

	(void)w;
	if (event->id != 50)
		return 0;
	refuse_all(&ev, names[event->event - 1]);
	allow_all(&ev, names[event->event - 1]);
	visits++;
	return 0;
}

static void in_handlers(void)
{
	every_begin(&ev);
	visits = 0;
	ev.watcher.hook = handler_hook;
	CHECK_EQ(do_alloc(ev.set, 50, 0), 50);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(do_attach(ev.set, 50, 50), 0);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(do_detach(ev.set, 50, 0), 0);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(ioasid_free(ev.set, 50), 0);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(visits, 4);
	every_end(&ev);
}

static void in_a_read_section(void)
{
	every_begin(&ev);
	ioasid_read_begin();
	refuse_all(&ev, "a read section");
	ioasid_read_begin();
	ioasid_read_end();
	refuse_all(&ev, "the outer of two read sections");
	allow_all(&ev, "a read section");
	ioasid_read_end();
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	/* And it is over. */
	CHECK_EQ(do_alloc(ev.set, 50, 0), 50);
	every_end(&ev);
}

static int getter(void *data)
{
	CHECK(data == &ev.data);
	refuse_all(&ev, "a getter");
	allow_all(&ev, "a getter");
	visits++;
	return 1;
}

static void in_a_getter(void)
{
	void *data = NULL;

	every_begin(&ev);
	visits = 0;
	CHECK_EQ(ioasid_find(ev.set, ev.id, getter, &data), 0);
	CHECK(data == &ev.data);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(ioasid_find_handle(ev.set, ev.handle, getter, &data), 0);
	CHECK_EQ(ioasid_flush_work(ev.set), 0);
	CHECK_EQ(visits, 2);
	CHECK_EQ(do_alloc(ev.set, 50, 0), 50);
	every_end(&ev);
}

/* The argument is looked at before the place: S0.1. */
static void arguments_come_first(void)
{
	every_begin(&ev);
	ioasid_read_begin();
	CHECK_EQ(ioasid_alloc(ev.set, 5, 4, NULL, &ev.got_id), -EINVAL);
	CHECK_EQ(ioasid_alloc(NULL, 1, 4, NULL, &ev.got_id), -EINVAL);
	CHECK_EQ(ioasid_attach_spid(ev.set, ev.blank, spid_of(IOASID_SPID_MAX + 1)), -EINVAL);
	CHECK_EQ(ioasid_detach_data(ev.set, ev.id, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_adjust_quota(ev.set, 0), -EINVAL);
	CHECK_EQ(ioasid_set_teardown_mode(ev.set, 0), -EINVAL);
	CHECK_EQ(ioasid_register_notifier(ev.set, NULL, 0), -EINVAL);
	CHECK_EQ(ioasid_pool_reserve(ev.pool, 5, 4), -EINVAL);
	ioasid_read_end();
	every_end(&ev);
}

/* Freed where it cannot be told: marked at once, told when the section is over. */
static void free_in_a_read_section(void)
{
	struct scene sc;

	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	id_make_at(sc.set, 9);
	recorder_forget(&sc.rec);
	ioasid_read_begin();
	ioasid_read_begin();
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(ioasid_put(sc.set, 8), 0);
	CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_get(sc.set, 8), -ENOENT);
	ioasid_read_end();
	CHECK_EVENTS(&sc.rec, "");
	CHECK_EQ(refs_of(sc.set, 7), 1);
	ioasid_read_end();
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 7), 1);
	CHECK_EQ(events_seen(&sc.rec, "kvm", IOASID_EVENT_FREE, 8), 1);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	CHECK_EQ(refs_of(sc.set, 8), -ENOENT);
	recorder_forget(&sc.rec);
	ioasid_read_begin();
	CHECK_EQ(ioasid_set_put(sc.set), 1);
	CHECK_EQ(ioasid_get(sc.root, 9), -ENOENT);
	CHECK_EVENTS(&sc.rec, "");
	ioasid_read_end();
	CHECK_EVENTS(&sc.rec, "kvm:FREE(9)");
	pool_end(sc.pool);
}

static struct scene getter_scene;

static int freeing_getter(void *data)
{
	(void)data;
	CHECK_EQ(ioasid_free(getter_scene.set, 7), 0);
	CHECK_EQ(ioasid_get(getter_scene.set, 7), -ENOENT);
	CHECK_EQ(events_seen(&getter_scene.rec, "kvm", IOASID_EVENT_FREE, 7), 0);
	return 1;
}

static void free_in_a_getter(void)
{
	struct scene *sc = &getter_scene;
	void *data = NULL, *old;
	int thing;
	ioasid_t id;

	scene_begin(sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc->set, IOASID_TEARDOWN_NOTIFY), 0);
	CHECK_EQ(ioasid_alloc(sc->set, 7, 7, &thing, &id), 0);
	CHECK_EQ(ioasid_get(sc->set, 7), 0);
	CHECK_EQ(ioasid_find(sc->set, 7, freeing_getter, &data), 0);
	CHECK(data == &thing);
	CHECK_EVENTS(&sc->rec, "kvm:ALLOC(7) kvm:FREE(7)");
	CHECK_EQ(refs_of(sc->set, 7), 1);
	CHECK_EQ(ioasid_detach_data(sc->set, 7, &old), 0);
	CHECK(old == &thing);
	CHECK_EQ(ioasid_put(sc->set, 7), 1);
	scene_end(sc);
}

static int refusing_getter(void *data)
{
	(void)data;
	return 0;
}

static void refusing_getter_finds_nothing(void)
{
	void *data = &ev;

	every_begin(&ev);
	CHECK_EQ(ioasid_find(ev.set, ev.id, refusing_getter, &data), 0);
	CHECK(data == NULL);
	data = &ev;
	/* It is called only with data that is there: this one would say so. */
	CHECK_EQ(ioasid_find(ev.set, ev.blank, getter, &data), 0);
	CHECK(data == NULL);
	every_end(&ev);
}

/* The other pool's worker knows nothing of this thread's handler: restriction is of the thread, not of the
 * pool. */
static int other_pool_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct ioasid_set *other = w->arg;
	ioasid_t id;

	if (event->event == IOASID_EVENT_ALLOC) {
		CHECK_EQ(ioasid_alloc(other, 1, 100, NULL, &id), -EDEADLK);
		CHECK_EQ(ioasid_free(other, 5), 0);
		CHECK_EQ(refs_of(other, 5), 1);
	}
	return 0;
}

static void handlers_and_other_pools(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *other = set_make_token(pool, 1, 10);
	struct watcher w;
	struct scene sc;

	scene_begin(&sc);
	watcher_init(&w, &sc.rec, "w", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&w, other);
	CHECK_EQ(ioasid_set_teardown_mode(other, IOASID_TEARDOWN_NOTIFY), 0);
	id_make_at(other, 5);
	recorder_forget(&sc.rec);
	sc.kvm.hook = other_pool_hook;
	sc.kvm.arg = other;
	CHECK_EQ(do_alloc(sc.set, 7, 0), 7);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) w:FREE(5)");
	sc.kvm.hook = NULL;
	scene_end(&sc);
	set_end(other);
	pool_end(pool);
}

/* Each FREE frees the next ID: a thousand deep if it recursed. */
struct chain_of_frees {
	unsigned int depth;
	unsigned int deepest;
	unsigned int told;
};

static int next_free_hook(struct watcher *w, const struct ioasid_event *event)
{
	struct chain_of_frees *chain = w->arg;

	if (event->event != IOASID_EVENT_FREE)
		return 0;
	if (++chain->depth > chain->deepest)
		chain->deepest = chain->depth;
	chain->told++;
	CHECK_EQ(ioasid_free(event->set, event->id + 1), event->id < 1000 ? 0 : -ENOENT);
	chain->depth--;
	return 0;
}

static void frees_from_handlers_do_not_recurse(void)
{
	struct chain_of_frees chain = { 0 };
	struct scene sc;

	scene_begin(&sc);
	CHECK_EQ(ioasid_set_teardown_mode(sc.set, IOASID_TEARDOWN_NOTIFY), 0);
	CHECK_EQ(ioasid_set_adjust_quota(sc.set, 2000), 0);
	for (ioasid_t id = 1; id <= 1000; id++)
		id_make_at(sc.set, id);
	sc.kvm.arg = &chain;
	sc.kvm.hook = next_free_hook;
	CHECK_EQ(ioasid_free(sc.set, 1), 0);
	CHECK_EQ(chain.told, 1000);
	CHECK_EQ(chain.deepest, 1);
	sc.kvm.hook = NULL;
	scene_end(&sc);
}

static const struct test_case cases[] = {
	{ "in handlers every call that changes or waits answers -EDEADLK, and the rest is allowed (S7.6)",
	  in_handlers },
	{ "so it is in read sections (S7.6)", in_a_read_section },
	{ "so it is in getters (S7.6, S5.1)", in_a_getter },
	{ "bad arguments are told before that (S0.1)", arguments_come_first },
	{ "a free in a read section marks at once and is told at the end of the outermost (S7.6)",
	  free_in_a_read_section },
	{ "a free in a getter marks at once and is told when find is over (S7.6)", free_in_a_getter },
	{ "a getter that refuses makes find tell nothing, and it is called only for data (S5.1)",
	  refusing_getter_finds_nothing },
	{ "a thousand frees from handlers do not recurse (S7.6)", frees_from_handlers_do_not_recurse },
	{ "a handler of one pool is a handler for all pools (S7.6)", handlers_and_other_pools },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("handler_calls", cases, argc, argv);
}
