/*
 * Every function of the core; see every_call.h. The arguments are good ones: what refuses the call is where
 * it is made.
 */
#include "every_call.h"

#include <string.h>

static int visit(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)context;
	(void)set;
	(void)id;
	return 0;
}

static int keep(void *data)
{
	return data != NULL;
}

static void done_with(void *context, void *old)
{
	(void)context;
	(void)old;
}

static void done(void *context, int result)
{
	(void)context;
	(void)result;
}

static void run(void *context, struct ioasid_work *work)
{
	(void)context;
	(void)work;
}

static void alarm_at(void *context, struct ioasid_set *set, uint32_t held)
{
	(void)context;
	(void)set;
	(void)held;
}

static int write_nothing(void *context, const char *text, size_t length)
{
	(void)context;
	(void)text;
	(void)length;
	return 0;
}

static void log_nothing(void *context, uint32_t level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
}

static int allocator_alloc(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	(void)context;
	(void)max;
	*id = min;
	return 0;
}

static void allocator_free(void *context, ioasid_t id)
{
	(void)context;
	(void)id;
}

#define CALL(name, expression) \
	static int call_##name(struct every *e) \
	{ \
		(void)e; \
		return (expression); \
	}

CALL(pool_create, ioasid_pool_create(NULL, &e->got_pool))
CALL(pool_destroy, ioasid_pool_destroy(e->pool))
CALL(pool_install_capacity, ioasid_pool_install_capacity(e->pool, 1000))
CALL(pool_capacity, ioasid_pool_capacity(e->pool) == IOASID_CAPACITY_MAX ? 0 : -EIO)
CALL(pool_available, ioasid_pool_available(e->pool, &e->got_number))
CALL(pool_reserve, ioasid_pool_reserve(e->pool, 500, 501))
CALL(pool_unreserve, ioasid_pool_unreserve(e->pool, 500, 501))
CALL(pool_root, ioasid_pool_root(e->pool) == e->root ? 0 : -EIO)
CALL(pool_fd, ioasid_pool_fd(e->quiet) >= 0 ? 0 : -EIO)
CALL(pool_dispatch, ioasid_pool_dispatch(e->quiet))
CALL(pool_seal, ioasid_pool_seal(e->quiet, NULL))
CALL(set_alloc, ioasid_set_alloc(e->pool, IOASID_SET_NONE, 0, 1, &e->new_set))
CALL(set_get, ioasid_set_get(e->set))
CALL(set_find, ioasid_set_find(e->pool, IOASID_SET_OPAQUE, 1, &e->got_set))
CALL(set_put, ioasid_set_put(e->set))
CALL(set_adjust_quota, ioasid_set_adjust_quota(e->set, 99))
CALL(set_for_each, ioasid_set_for_each(e->set, visit, NULL))
CALL(set_reset, ioasid_set_reset(e->set))
CALL(set_teardown_mode, ioasid_set_teardown_mode(e->set, IOASID_TEARDOWN_BLOCK))
CALL(set_on_release, ioasid_set_on_release(e->set, done_with, NULL))
CALL(set_quota_alarm, ioasid_set_quota_alarm(e->set, 99, alarm_at, NULL))
CALL(set_pool, ioasid_set_pool(e->set) == e->pool ? 0 : -EIO)
CALL(token_of_process, ioasid_token_of_process(0, &e->got_token))
CALL(alloc, ioasid_alloc(e->set, 1, IOASID_INVALID, NULL, &e->got_id))
CALL(alloc_range, ioasid_alloc_range(e->set, 2, 2, 1, IOASID_INVALID, &e->got_id))
CALL(free, ioasid_free(e->set, e->id))
CALL(free_handle, ioasid_free_handle(e->set, e->handle))
CALL(get, ioasid_get(e->set, e->id))
CALL(put, ioasid_put(e->set, e->id))
CALL(get_handle, ioasid_get_handle(e->set, e->handle))
CALL(put_handle, ioasid_put_handle(e->set, e->handle))
CALL(refs, ioasid_refs(e->set, e->id, &e->got_number))
CALL(find, ioasid_find(e->set, e->id, keep, &e->got_data))
CALL(find_many, ioasid_find_many(e->set, &e->id, 1, &e->got_data, NULL) == 1 ? 0 : -EIO)
CALL(find_handle, ioasid_find_handle(e->set, e->handle, keep, &e->got_data))
CALL(attach_data, ioasid_attach_data(e->set, e->blank, &e->data))
CALL(detach_data_async, ioasid_detach_data_async(e->set, e->blank, done_with, NULL))
CALL(detach_data, ioasid_detach_data(e->set, e->id, &e->got_data))
CALL(handle_of, ioasid_handle_of(e->set, e->id, &e->got_handle))
CALL(handle_id, ioasid_handle_id(e->handle) == e->id ? 0 : -EIO)
CALL(wait_reclaimed, ioasid_wait_reclaimed(e->pool, e->unknown, 0))
CALL(reclaim_fd, ioasid_reclaim_fd(e->pool, e->unknown))
CALL(attach_spid, ioasid_attach_spid(e->set, e->blank, spid_of(4)))
CALL(attach_spid_unknown, ioasid_attach_spid(e->set, e->unknown, spid_of(4)))
CALL(detach_spid, ioasid_detach_spid(e->set, e->id))
CALL(find_by_spid, ioasid_find_by_spid(e->set, spid_of(e->spid), &e->got_id))
CALL(spid, ioasid_spid(e->set, e->id, &e->got_spid))
CALL(register, ioasid_register_notifier(e->set, &e->other.block, IOASID_NOTIFIER_REPLAY))
CALL(register_token, ioasid_register_notifier_token(e->pool, IOASID_SET_OPAQUE, 78, &e->other.block, 0))
CALL(unregister, ioasid_unregister_notifier(e->set, &e->watcher.block))
CALL(unregister_token, ioasid_unregister_notifier_token(e->pool, IOASID_SET_OPAQUE, 77, &e->token.block))
CALL(unregister_async, ioasid_unregister_notifier_async(e->set, &e->watcher.block, done, NULL))
CALL(queue_work, ioasid_queue_work(e->set, &e->work))
CALL(flush_work, ioasid_flush_work(e->set))
CALL(register_allocator, ioasid_register_allocator(e->pool, &e->allocator))
CALL(unregister_allocator, ioasid_unregister_allocator(e->pool, &e->allocator))
CALL(set_stats, ioasid_set_stats(e->root, &e->got_stats))
CALL(pool_dump, ioasid_pool_dump(e->pool, IOASID_DUMP_TEXT, write_nothing, NULL))
CALL(pool_set_log, ioasid_pool_set_log(e->pool, log_nothing, NULL))
CALL(memory_use, ioasid_memory_use(NULL))
CALL(memory_used, ioasid_memory_used(&e->got_token, NULL))

#define ROW(name, kind) \
	{ \
		"ioasid_" #name, call_##name, kind \
	}

/* In an order in which all of them can be made one after another, where they are allowed; the ones that end
 * things come last. */
const struct every_call every_call[] = {
	ROW(pool_capacity, EVERY_LOOKS),
	ROW(pool_available, EVERY_COUNTS),
	ROW(pool_root, EVERY_LOOKS),
	ROW(pool_fd, EVERY_LOOKS),
	ROW(set_pool, EVERY_LOOKS),
	ROW(token_of_process, EVERY_LOOKS),
	ROW(refs, EVERY_LOOKS),
	ROW(find, EVERY_LOOKS),
	ROW(find_many, EVERY_LOOKS),
	ROW(find_handle, EVERY_LOOKS),
	ROW(handle_of, EVERY_LOOKS),
	ROW(handle_id, EVERY_LOOKS),
	ROW(spid, EVERY_LOOKS),
	ROW(set_stats, EVERY_COUNTS),
	ROW(memory_used, EVERY_LOOKS),
	ROW(pool_install_capacity, EVERY_WAITS),
	ROW(pool_create, EVERY_WAITS),
	ROW(pool_destroy, EVERY_WAITS),
	ROW(pool_reserve, EVERY_WAITS),
	ROW(pool_unreserve, EVERY_WAITS),
	ROW(pool_dispatch, EVERY_WAITS),
	ROW(pool_seal, EVERY_WAITS),
	ROW(set_alloc, EVERY_WAITS),
	ROW(set_adjust_quota, EVERY_WAITS),
	ROW(set_for_each, EVERY_WAITS),
	ROW(set_teardown_mode, EVERY_WAITS),
	ROW(set_on_release, EVERY_WAITS),
	ROW(set_quota_alarm, EVERY_WAITS),
	ROW(alloc, EVERY_WAITS),
	ROW(alloc_range, EVERY_WAITS),
	ROW(wait_reclaimed, EVERY_WAITS),
	ROW(reclaim_fd, EVERY_WAITS),
	ROW(attach_spid, EVERY_WAITS),
	ROW(attach_spid_unknown, EVERY_WAITS),
	ROW(register, EVERY_WAITS),
	ROW(register_token, EVERY_WAITS),
	ROW(unregister, EVERY_WAITS),
	ROW(unregister_token, EVERY_WAITS),
	ROW(flush_work, EVERY_WAITS),
	ROW(register_allocator, EVERY_WAITS),
	ROW(unregister_allocator, EVERY_WAITS),
	ROW(pool_dump, EVERY_WALKS),
	ROW(pool_set_log, EVERY_WAITS),
	ROW(memory_use, EVERY_WAITS),
	ROW(detach_data, EVERY_WAITS),
	ROW(detach_spid, EVERY_WAITS),
	ROW(set_reset, EVERY_WAITS),
	ROW(set_get, EVERY_CHANGES),
	ROW(set_put, EVERY_CHANGES),
	ROW(set_find, EVERY_CHANGES),
	ROW(set_put, EVERY_CHANGES),
	ROW(get, EVERY_CHANGES),
	ROW(put, EVERY_CHANGES),
	ROW(get_handle, EVERY_CHANGES),
	ROW(put_handle, EVERY_CHANGES),
	ROW(find_by_spid, EVERY_CHANGES),
	ROW(put, EVERY_CHANGES),
	ROW(attach_data, EVERY_CHANGES),
	ROW(detach_data_async, EVERY_CHANGES),
	ROW(queue_work, EVERY_CHANGES),
	ROW(unregister_async, EVERY_CHANGES),
	ROW(free, EVERY_CHANGES),
	ROW(free_handle, EVERY_CHANGES),
};
const unsigned int every_call_count = sizeof(every_call) / sizeof(every_call[0]);

void every_begin(struct every *e)
{
	*e = (struct every){ .id = 7,
			     .blank = 8,
			     .unknown = 9,
			     .spid = 40,
			     .got_stats = { .struct_size = sizeof(e->got_stats) } };
	recorder_init(&e->rec);
	e->pool = pool_make(0);
	e->quiet = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	e->root = ioasid_pool_root(e->pool);
	e->set = set_make_token(e->pool, 1, 100);
	watcher_init(&e->watcher, &e->rec, "every", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_init(&e->token, &e->rec, "token", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_init(&e->other, &e->rec, "other", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	watcher_join(&e->watcher, e->set);
	REQUIRE_EQ(ioasid_register_notifier_token(e->pool, IOASID_SET_OPAQUE, 77, &e->token.block, 0), 0);
	REQUIRE_EQ(ioasid_alloc(e->set, e->id, e->id, &e->data, &e->got_id), 0);
	id_make_at(e->set, e->blank);
	REQUIRE_EQ(ioasid_attach_spid(e->set, e->id, spid_of(e->spid)), 0);
	REQUIRE_EQ(ioasid_get(e->set, e->id), 0);
	REQUIRE_EQ(ioasid_handle_of(e->set, e->id, &e->handle), 0);
	e->allocator = (struct ioasid_allocator){ .alloc = allocator_alloc, .free = allocator_free };
	e->work = (struct ioasid_work){ .run = run };
}

void every_end(struct every *e)
{
	CHECK_EQ(tell_spid(e->set, e->id), (int)e->spid);
	CHECK_EQ(refs_of(e->set, e->id), 2);
	CHECK_EQ(ioasid_find(e->set, e->id, NULL, &e->got_data), 0);
	CHECK(e->got_data == &e->data);
	CHECK_EQ(ioasid_unregister_notifier_token(e->pool, IOASID_SET_OPAQUE, 77, &e->token.block), 0);
	CHECK_EQ(ioasid_put(e->set, e->id), 0);
	CHECK_EQ(ioasid_detach_data(e->set, e->id, &e->got_data), 0);
	set_end(e->set);
	pool_end(e->pool);
	pool_end(e->quiet);
}

int (*every_call_named(const char *name))(struct every *e)
{
	for (unsigned int i = 0; i < every_call_count; i++)
		if (strcmp(every_call[i].name, name) == 0)
			return every_call[i].call;
	REQUIRE(name == NULL);
	return NULL;
}

void every_end_spent(struct every *e)
{
	/* The reset has freed the IDs, the walk of the table has put and got again what it could. */
	CHECK_EQ(ioasid_unregister_notifier_token(e->pool, IOASID_SET_OPAQUE, 78, &e->other.block), 0);
	while (ioasid_put(e->set, e->id) >= 0)
		;
	CHECK_EQ(ioasid_set_put(e->set), 1);
	CHECK_EQ(ioasid_set_put(e->new_set), 1);
	CHECK_EQ(ioasid_pool_destroy(e->got_pool), 0);
	pool_end(e->pool);
	pool_end(e->quiet);
}
