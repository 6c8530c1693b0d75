/*
 * A pool with one of everything; see ground.h.
 */
#include "ground.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void released(void *context, void *data)
{
	(void)context;
	(void)data;
}

static void ran(void *context, struct ioasid_work *work)
{
	struct ground *g = context;

	CHECK(work == &g->work);
	ground_told(g, 0);
}

static int give_lowest(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	(void)context;
	(void)max;
	*id = min;
	return 0;
}

static void take_back(void *context, ioasid_t id)
{
	(void)context;
	(void)id;
}

void ground_told(void *ground, int result)
{
	struct ground *g = ground;

	atomic_store(&g->answer, result);
	atomic_fetch_add(&g->told, 1);
}

void ground_told_old(void *ground, void *old)
{
	struct ground *g = ground;

	ground_told(ground, old >= (void *)g && old < (void *)(g + 1) ? 0 : -EIO);
}

void ground_await(struct ground *g, unsigned int before)
{
	while (atomic_load(&g->told) == before) {
		if (!g->has_workers)
			CHECK(ioasid_pool_dispatch(g->pool) >= 0);
		sched_yield();
	}
}

void ground_full(struct ground *g)
{
	ioasid_t id;

	REQUIRE_EQ(ioasid_alloc(g->set, FULL, FULL, &g->data[0], &id), 0);
	REQUIRE_EQ(ioasid_attach_spid(g->set, FULL, ioasid_spid_make(50)), 0);
	REQUIRE_EQ(ioasid_get(g->set, FULL), 0);
	REQUIRE_EQ(ioasid_handle_of(g->set, FULL, &g->handle), 0);
}

void ground_blank(struct ground *g)
{
	id_make_at(g->set, BLANK);
}

static void ground_pending(struct ground *g)
{
	ioasid_t id;

	REQUIRE_EQ(ioasid_alloc(g->set, PENDING, PENDING, &g->data[1], &id), 0);
	REQUIRE_EQ(ioasid_get(g->set, PENDING), 0);
	REQUIRE_EQ(ioasid_free(g->set, PENDING), 0);
}

void ground_fill(struct ground *g)
{
	g->set = set_make_token(g->pool, 1, 100);
	REQUIRE_EQ(ioasid_set_on_release(g->set, released, NULL), 0);
	REQUIRE_EQ(ioasid_register_notifier(g->set, &g->subscriber.block, 0), 0);
	ground_full(g);
	ground_blank(g);
	ground_pending(g);
}

void ground_begin(struct ground *g, bool workers)
{
	memset(g, 0, sizeof(*g));
	g->journal = (struct journal)JOURNAL_EMPTY;
	g->has_workers = workers;
	g->made_fd = -1;
	g->allocator = (struct ioasid_allocator){ .alloc = give_lowest, .free = take_back };
	g->work = (struct ioasid_work){ .run = ran, .context = g };
	subscriber_init(&g->subscriber, "s", &g->journal, IOASID_PRIO_CPU);
	subscriber_init(&g->waiting, "w", &g->journal, IOASID_PRIO_CPU);
	subscriber_init(&g->other, "o", &g->journal, IOASID_PRIO_CPU);
	g->pool = pool_make_with(0, IOASID_POLICY_LOWEST, workers ? 0 : IOASID_POOL_NO_WORKER);
	g->root = ioasid_pool_root(g->pool);
	REQUIRE_EQ(ioasid_register_notifier_token(g->pool, IOASID_SET_OPAQUE, 77, &g->waiting.block, 0), 0);
	ground_fill(g);
}

void ground_end(struct ground *g)
{
	CHECK_EQ(ioasid_unregister_notifier_token(g->pool, IOASID_SET_OPAQUE, 77, &g->waiting.block), 0);
	CHECK_EQ(ioasid_put(g->set, FULL), 0);
	CHECK_EQ(ioasid_put(g->set, PENDING), 1);
	set_end(g->set);
	pool_end(g->pool);
}

static void add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *format, ...)
{
	size_t length = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + length, size - length, format, args);
	va_end(args);
}

void ground_state(struct ground *g, char *text, size_t size)
{
	struct ioasid_set *of[2] = { g->root, g->set }, *found;
	ioasid_spid_t spid;
	uint32_t refs;
	ioasid_t id;
	void *data;

	text[0] = '\0';
	add(text, size, "available %u;", available(g->pool));
	for (unsigned int i = 0; i < 2; i++) {
		struct ioasid_stats s = stats_of(of[i]);

		add(text, size, " %u held, %u pending, quota %u;", s.allocated, s.pending, s.quota);
	}
	for (id = 1; id <= 20; id++) {
		if (ioasid_refs(g->root, id, &refs))
			continue;
		add(text, size, " ID %u: %u", id, refs);
		if (!ioasid_spid(g->root, id, &spid))
			add(text, size, "/%u", spid.value);
		data = NULL;
		if (!ioasid_find(g->root, id, NULL, &data) && data)
			add(text, size, " data %td", (int *)data - g->data);
	}
	for (uint32_t value = 48; value <= 52; value++) {
		if (ioasid_find_by_spid(g->set, ioasid_spid_make(value), &id))
			continue;
		add(text, size, "; SPID %u: %u", value, id);
		CHECK_EQ(ioasid_put(g->set, id), 0);
	}
	for (uint64_t token = 1; token <= 3; token++) {
		if (ioasid_set_find(g->pool, IOASID_SET_OPAQUE, token, &found))
			continue;
		add(text, size, "; token %u", (unsigned int)token);
		CHECK_EQ(ioasid_set_put(found), 0);
	}
}
