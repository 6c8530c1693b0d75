/*
 * What the tests of the core share; see support.h.
 */
#include "support.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned int rounds(unsigned int standard)
{
	const char *text = getenv("IOASID_TEST_ROUNDS");
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n > 0 && n <= UINT32_MAX ? (unsigned int)n : standard;
}

/* --- Pools, sets, IDs --- */

struct ioasid_pool *pool_make_with(uint32_t capacity, uint32_t policy, uint32_t flags)
{
	struct ioasid_pool_attr attr = {
		.struct_size = sizeof(attr),
		.policy = policy,
		.flags = flags,
		.seed = 1,
		.name = "test",
	};
	struct ioasid_pool *pool = NULL;

	REQUIRE_EQ(ioasid_pool_create(&attr, &pool), 0);
	REQUIRE(pool != NULL);
	if (capacity)
		REQUIRE_EQ(ioasid_pool_install_capacity(pool, capacity), 0);
	return pool;
}

struct ioasid_pool *pool_make(uint32_t capacity)
{
	return pool_make_with(capacity, IOASID_POLICY_ANY, 0);
}

void pool_end(struct ioasid_pool *pool)
{
	REQUIRE_EQ(ioasid_pool_destroy(pool), 0);
}

uint32_t available(struct ioasid_pool *pool)
{
	uint32_t count = UINT32_MAX;

	CHECK_EQ(ioasid_pool_available(pool, &count), 0);
	return count;
}

static struct ioasid_set *set_make_of(struct ioasid_pool *pool, uint32_t type, uint64_t token, uint32_t quota)
{
	struct ioasid_set *set = NULL;

	REQUIRE_EQ(ioasid_set_alloc(pool, type, token, quota, &set), 0);
	REQUIRE(set != NULL);
	return set;
}

struct ioasid_set *set_make(struct ioasid_pool *pool, uint32_t quota)
{
	return set_make_of(pool, IOASID_SET_NONE, 0, quota);
}

struct ioasid_set *set_make_token(struct ioasid_pool *pool, uint64_t token, uint32_t quota)
{
	return set_make_of(pool, IOASID_SET_OPAQUE, token, quota);
}

void set_end(struct ioasid_set *set)
{
	CHECK_EQ(ioasid_set_put(set), 1);
}

struct ioasid_stats stats_of(struct ioasid_set *set)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };

	CHECK_EQ(ioasid_set_stats(set, &stats), 0);
	return stats;
}

ioasid_t id_make(struct ioasid_set *set)
{
	ioasid_t id = 0;

	REQUIRE_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), 0);
	return id;
}

ioasid_t id_make_at(struct ioasid_set *set, ioasid_t want)
{
	ioasid_t id = 0;

	REQUIRE_EQ(ioasid_alloc(set, want, want, NULL, &id), 0);
	REQUIRE_EQ(id, want);
	return id;
}

uint32_t id_refs(struct ioasid_set *set, ioasid_t id)
{
	uint32_t refs = 0;
	int ret = ioasid_refs(set, id, &refs);

	CHECK(ret == 0 || ret == -ENOENT);
	return ret ? 0 : refs;
}

void id_await_mark(struct ioasid_set *set, ioasid_t id)
{
	void *data;

	while (ioasid_find(set, id, NULL, &data) != -ENOENT)
		sched_yield();
}

/* --- Gates --- */

void gate_close(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->closed = true;
	gate->arrived = 0;
	pthread_mutex_unlock(&gate->mutex);
}

void gate_open(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->closed = false;
	pthread_cond_broadcast(&gate->cond);
	pthread_mutex_unlock(&gate->mutex);
}

void gate_pass(struct gate *gate)
{
	pthread_mutex_lock(&gate->mutex);
	gate->arrived++;
	pthread_cond_broadcast(&gate->cond);
	while (gate->closed)
		pthread_cond_wait(&gate->cond, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

void gate_await(struct gate *gate, unsigned int count)
{
	pthread_mutex_lock(&gate->mutex);
	while (gate->arrived < count)
		pthread_cond_wait(&gate->cond, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
}

/* --- Threads --- */

static void *task_main(void *arg)
{
	struct task *task = arg;

	atomic_store(&task->tid, gettid());
	task->fn(task->arg);
	atomic_store(&task->done, true);
	return NULL;
}

void task_start(struct task *task, void (*fn)(void *arg), void *arg)
{
	task->fn = fn;
	task->arg = arg;
	task->tid = 0;
	task->done = false;
	REQUIRE_EQ(pthread_create(&task->thread, NULL, task_main, task), 0);
}

void task_join(struct task *task)
{
	REQUIRE_EQ(pthread_join(task->thread, NULL), 0);
}

struct crowd_member {
	pthread_barrier_t *start;
	void (*fn)(void *arg, unsigned int index);
	void *arg;
	unsigned int index;
	struct task task;
};

static void crowd_member_main(void *arg)
{
	struct crowd_member *m = arg;

	pthread_barrier_wait(m->start);
	m->fn(m->arg, m->index);
}

void crowd(unsigned int count, void (*fn)(void *arg, unsigned int index), void *arg)
{
	struct crowd_member *members = calloc(count, sizeof(*members));
	pthread_barrier_t start;

	REQUIRE(members != NULL);
	REQUIRE_EQ(pthread_barrier_init(&start, NULL, count), 0);
	for (unsigned int i = 0; i < count; i++) {
		members[i] = (struct crowd_member){ .start = &start, .fn = fn, .arg = arg, .index = i };
		task_start(&members[i].task, crowd_member_main, &members[i]);
	}
	for (unsigned int i = 0; i < count; i++)
		task_join(&members[i].task);
	pthread_barrier_destroy(&start);
	free(members);
}

static void hoard(void *arg)
{
	struct hoarder *h = arg;
	ioasid_t ids[HOARD_MAX];

	for (unsigned int i = 0; i < h->count; i++)
		CHECK_EQ(ioasid_alloc(h->set, 1, IOASID_INVALID, NULL, &ids[i]), 0);
	for (unsigned int i = h->keep; i < h->count; i++)
		CHECK_EQ(ioasid_free(h->set, ids[i]), 0);
	gate_pass(&h->gate);
}

void hoarder_start(struct hoarder *hoarder, struct ioasid_set *set, unsigned int count, unsigned int keep)
{
	*hoarder = (struct hoarder){ .set = set, .count = count, .keep = keep, .gate = GATE_CLOSED };
	task_start(&hoarder->task, hoard, hoarder);
	gate_await(&hoarder->gate, 1);
}

void hoarder_end(struct hoarder *hoarder)
{
	gate_open(&hoarder->gate);
	task_join(&hoarder->task);
}

uint32_t rnd(uint64_t *seed)
{
	uint64_t x;

	/* A Weyl sequence through a mixer: any seed will do, 0 too. */
	*seed += UINT64_C(0x9e3779b97f4a7c15);
	x = *seed;
	x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	x = (x ^ (x >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(x >> 32);
}

/* --- Journals and subscribers --- */

void journal_add(struct journal *journal, const char *format, ...)
{
	size_t room;
	va_list args;
	int n;

	pthread_mutex_lock(&journal->mutex);
	if (journal->count++ && journal->length + 2 < sizeof(journal->text)) {
		memcpy(journal->text + journal->length, ", ", 3);
		journal->length += 2;
	}
	room = sizeof(journal->text) - journal->length;
	va_start(args, format);
	n = vsnprintf(journal->text + journal->length, room, format, args);
	va_end(args);
	if (n > 0)
		journal->length += (size_t)n < room ? (size_t)n : room - 1;
	pthread_mutex_unlock(&journal->mutex);
}

void journal_expect(struct journal *journal, const char *text)
{
	pthread_mutex_lock(&journal->mutex);
	if (!CHECK(!strcmp(journal->text, text)))
		printf("# happened: %s\n# expected: %s\n", journal->text, text);
	pthread_mutex_unlock(&journal->mutex);
	journal_clear(journal);
}

unsigned int journal_count(struct journal *journal)
{
	unsigned int count;

	pthread_mutex_lock(&journal->mutex);
	count = journal->count;
	pthread_mutex_unlock(&journal->mutex);
	return count;
}

bool journal_has(struct journal *journal, const char *text)
{
	bool has;

	pthread_mutex_lock(&journal->mutex);
	has = strstr(journal->text, text) != NULL;
	pthread_mutex_unlock(&journal->mutex);
	return has;
}

void journal_clear(struct journal *journal)
{
	pthread_mutex_lock(&journal->mutex);
	journal->length = 0;
	journal->count = 0;
	journal->text[0] = '\0';
	pthread_mutex_unlock(&journal->mutex);
}

void journal_log(void *journal, uint32_t level, const char *text)
{
	journal_add(journal, "%u:%s", level, text);
}

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

static int subscriber_told(void *context, const struct ioasid_event *event)
{
	struct subscriber *s = context;
	int ret = 0;

	if (s->journal && event->spid.value == IOASID_SPID_NONE)
		journal_add(s->journal, "%s:%s %u", s->name, event_name(event->event), event->id);
	else if (s->journal)
		journal_add(s->journal, "%s:%s %u/%u", s->name, event_name(event->event), event->id,
			    event->spid.value);
	if (s->gate && (!s->gate_events || (s->gate_events & event->event)))
		gate_pass(s->gate);
	if (s->hook)
		ret = s->hook(s, event);
	if (!ret && s->veto_id && s->veto_id == event->id && (s->veto_events & event->event))
		ret = s->veto;
	return ret;
}

void subscriber_init(struct subscriber *s, const char *name, struct journal *journal, uint32_t priority)
{
	memset(s, 0, sizeof(*s));
	s->name = name;
	s->journal = journal;
	s->block = (struct ioasid_notifier){
		.handler = subscriber_told,
		.context = s,
		.events = IOASID_EVENT_ALL,
		.priority = priority,
	};
}
