/*
 * The recorder of events; see scene.h.
 */
#include "scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 65536

static const char *event_name(uint32_t event)
{
	switch (event) {
	case IOASID_EVENT_ALLOC:
		return "ALLOC";
	case IOASID_EVENT_FREE:
		return "FREE";
	case IOASID_EVENT_BIND:
		return "BIND";
	case IOASID_EVENT_UNBIND:
		return "UNBIND";
	default:
		return "?";
	}
}

/* Two events overlap if handlers of both run in different threads and both name the ID, or the same SPID of
 * the same set. */
static bool overlaps(const struct running *a, const struct running *b)
{
	if (a->tid == 0 || a->tid == b->tid)
		return false;
	return a->id == b->id || (a->set == b->set && a->spid == b->spid && a->spid != IOASID_SPID_NONE);
}

/* Notes the event and that it runs. Return: the place where it is noted as running. */
static struct running *record_begin(struct watcher *s, const struct ioasid_event *event)
{
	struct recorder *r = s->recorder;
	struct running now = { event->id, event->spid.value, event->set, gettid() };
	struct running *place = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < sizeof(r->running) / sizeof(r->running[0]); i++) {
		if (overlaps(&r->running[i], &now))
			r->overlaps++;
		if (r->running[i].tid == 0 && place == NULL)
			place = &r->running[i];
	}
	if (place != NULL)
		*place = now;
	if (r->count < RECORDS_MAX)
		r->records[r->count++] = (struct record){ s->name, event->event, event->id, event->spid.value,
							  now.tid };
	pthread_mutex_unlock(&r->lock);
	CHECK(place != NULL);
	return place;
}

static int watcher_handler(void *context, const struct ioasid_event *event)
{
	struct watcher *s = context;
	struct running *place = record_begin(s, event);
	int answer = s->hook != NULL ? s->hook(s, event) : 0;

	pthread_mutex_lock(&s->recorder->lock);
	if (place != NULL)
		place->tid = 0;
	pthread_mutex_unlock(&s->recorder->lock);
	return answer;
}

void recorder_init(struct recorder *recorder)
{
	memset(recorder, 0, sizeof(*recorder));
	pthread_mutex_init(&recorder->lock, NULL);
}

void watcher_init(struct watcher *s, struct recorder *recorder, const char *name, uint32_t events,
		  uint32_t priority)
{
	memset(s, 0, sizeof(*s));
	s->block = (struct ioasid_notifier){
		.handler = watcher_handler, .context = s, .events = events, .priority = priority
	};
	s->name = name;
	s->recorder = recorder;
}

void watcher_join(struct watcher *s, struct ioasid_set *scope)
{
	REQUIRE_EQ(ioasid_register_notifier(scope, &s->block, 0), 0);
}

void watcher_leave(struct watcher *s, struct ioasid_set *scope)
{
	CHECK_EQ(ioasid_unregister_notifier(scope, &s->block), 0);
}

/* What was recorded, of one watcher or all, as text. Under the recorder's lock. */
static void text_of(const struct recorder *r, const char *who, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < r->count && at < size; i++) {
		const struct record *e = &r->records[i];
		const char *blank = at != 0 ? " " : "";
		int n;

		if (who != NULL && strcmp(e->who, who) != 0)
			continue;
		if (e->spid != IOASID_SPID_NONE)
			n = snprintf(text + at, size - at, "%s%s:%s(%u/%u)", blank, e->who,
				     event_name(e->event), e->id, e->spid);
		else
			n = snprintf(text + at, size - at, "%s%s:%s(%u)", blank, e->who, event_name(e->event),
				     e->id);
		at += (size_t)n;
	}
}

static void check_text(struct recorder *r, const char *who, const char *want, bool forget, const char *file,
		       unsigned int line)
{
	static char text[TEXT_MAX], message[2 * TEXT_MAX];
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	pthread_mutex_lock(&lock);
	pthread_mutex_lock(&r->lock);
	text_of(r, who, text, sizeof(text));
	if (forget)
		r->count = 0;
	pthread_mutex_unlock(&r->lock);
	snprintf(message, sizeof(message), "events: got \"%s\", want \"%s\"", text, want);
	test_check(strcmp(text, want) == 0, message, file, line);
	test_check_eq((intmax_t)r->overlaps, 0, "events that overlap", file, line);
	pthread_mutex_unlock(&lock);
}

void check_events_at(struct recorder *recorder, const char *want, const char *file, unsigned int line)
{
	check_text(recorder, NULL, want, true, file, line);
}

void check_events_of(struct recorder *recorder, const char *who, const char *want, const char *file,
		     unsigned int line)
{
	check_text(recorder, who, want, false, file, line);
}

unsigned int events_seen(struct recorder *recorder, const char *who, uint32_t event, ioasid_t id)
{
	unsigned int n = 0;

	pthread_mutex_lock(&recorder->lock);
	for (unsigned int i = 0; i < recorder->count; i++) {
		const struct record *e = &recorder->records[i];

		if (e->event == event && e->id == id && (who == NULL || strcmp(e->who, who) == 0))
			n++;
	}
	pthread_mutex_unlock(&recorder->lock);
	return n;
}

pid_t events_thread(struct recorder *recorder, uint32_t event, ioasid_t id)
{
	pid_t tid = 0;

	pthread_mutex_lock(&recorder->lock);
	for (unsigned int i = 0; i < recorder->count && tid == 0; i++)
		if (recorder->records[i].event == event && recorder->records[i].id == id)
			tid = recorder->records[i].tid;
	pthread_mutex_unlock(&recorder->lock);
	return tid;
}

void recorder_forget(struct recorder *recorder)
{
	pthread_mutex_lock(&recorder->lock);
	recorder->count = 0;
	pthread_mutex_unlock(&recorder->lock);
}

int stop_hook(struct watcher *watcher, const struct ioasid_event *event)
{
	struct stop *stop = watcher->arg;

	if (event->event == stop->event && (stop->id == 0 || event->id == stop->id))
		gate_pass(&stop->gate);
	return 0;
}

void scene_begin(struct scene *scene)
{
	recorder_init(&scene->rec);
	scene->pool = pool_make(0);
	scene->root = ioasid_pool_root(scene->pool);
	scene->set = set_make_token(scene->pool, 1, 100);
	watcher_init(&scene->kvm, &scene->rec, "kvm", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&scene->kvm, scene->set);
}

void scene_end(struct scene *scene)
{
	set_end(scene->set);
	pool_end(scene->pool);
}
