/*
 * Scenarios of test_failnth.c: data, SPIDs, subscribers, allocators, work, and the calls that are told later.
 */
#include "failnth.h"

#include <unistd.h>

/* --- Data --- */

static int keep(void *data)
{
	return data != NULL;
}

static int call_find(struct ground *g)
{
	void *data = NULL;
	int ret = ioasid_find(g->set, FULL, keep, &data);

	return ret ? ret : data == &g->data[0] ? 0 : -EIO;
}

static int call_detach(struct ground *g)
{
	void *old;

	return ioasid_detach_data(g->set, FULL, &old);
}

CALL(attach, ioasid_attach_data(g->set, BLANK, &g->data[2]))
CALL(detach_async, ioasid_detach_data_async(g->set, FULL, ground_told_old, g))
STEP(attach_again, CHECK_EQ(ioasid_attach_data(g->set, FULL, &g->data[0]), 0))

static void detach_blank(struct ground *g)
{
	void *old;

	CHECK_EQ(ioasid_detach_data(g->set, BLANK, &old), 0);
}

/* What is told later has been told, with success. */
static void told(struct ground *g)
{
	ground_await(g, 0);
	CHECK(atomic_load(&g->answer) >= 0);
	atomic_store(&g->told, 0);
}

static void told_of_detach(struct ground *g)
{
	told(g);
	attach_again(g);
}

/* --- Waiting --- */

static int call_reclaim_fd(struct ground *g)
{
	g->made_fd = ioasid_reclaim_fd(g->pool, PENDING);
	return g->made_fd;
}

static int call_reclaim_fd_free(struct ground *g)
{
	g->made_fd = ioasid_reclaim_fd(g->pool, UNUSED);
	return g->made_fd;
}

STEP(close_fd, close(g->made_fd))
CALL(wait_reclaimed, ioasid_wait_reclaimed(g->pool, PENDING, 0) == -ETIMEDOUT ? 0 : -EIO)

/* --- SPIDs --- */

static int call_find_by_spid(struct ground *g)
{
	return ioasid_find_by_spid(g->set, ioasid_spid_make(50), &g->made_id);
}

static void one_in_made_set(struct ground *g)
{
	failnth_make_set(g);
	id_make_at(g->made_set, 9);
}

CALL(attach_spid, ioasid_attach_spid(g->set, BLANK, ioasid_spid_make(51)))
CALL(attach_spid_far, ioasid_attach_spid(g->set, BLANK, ioasid_spid_make(IOASID_SPID_MAX)))
CALL(attach_spid_first, ioasid_attach_spid(g->made_set, 9, ioasid_spid_make(51)))
CALL(detach_spid, ioasid_detach_spid(g->set, FULL))
STEP(put_full, CHECK_EQ(ioasid_put(g->set, FULL), 0))
STEP(spid_of_blank_off, CHECK_EQ(ioasid_detach_spid(g->set, BLANK), 0))
STEP(spid_of_full_on, CHECK_EQ(ioasid_attach_spid(g->set, FULL, ioasid_spid_make(50)), 0))

/* --- Subscribers --- */

CALL(register, ioasid_register_notifier(g->set, &g->other.block, IOASID_NOTIFIER_REPLAY))
CALL(register_root, ioasid_register_notifier(g->root, &g->other.block, IOASID_NOTIFIER_REPLAY))
CALL(register_token, ioasid_register_notifier_token(g->pool, IOASID_SET_OPAQUE, 1, &g->other.block,
						     IOASID_NOTIFIER_REPLAY))
CALL(register_waiting, ioasid_register_notifier_token(g->pool, IOASID_SET_OPAQUE, 3, &g->other.block, 0))
CALL(unregister, ioasid_unregister_notifier(g->set, &g->other.block))
CALL(unregister_root, ioasid_unregister_notifier(g->root, &g->other.block))
CALL(unregister_token, ioasid_unregister_notifier_token(g->pool, IOASID_SET_OPAQUE, 1, &g->other.block))
CALL(unregister_waiting, ioasid_unregister_notifier_token(g->pool, IOASID_SET_OPAQUE, 3, &g->other.block))
CALL(unregister_async, ioasid_unregister_notifier_async(g->set, &g->other.block, ground_told, g))
STEP(registered, CHECK_EQ(call_register(g), 0))
STEP(registered_root, CHECK_EQ(call_register_root(g), 0))
STEP(registered_token, CHECK_EQ(call_register_token(g), 0))
STEP(registered_waiting, CHECK_EQ(call_register_waiting(g), 0))
STEP(unregistered, CHECK_EQ(call_unregister(g), 0))
STEP(unregistered_root, CHECK_EQ(call_unregister_root(g), 0))
STEP(unregistered_token, CHECK_EQ(call_unregister_token(g), 0))
STEP(unregistered_waiting, CHECK_EQ(call_unregister_waiting(g), 0))

/* --- Allocators --- */

static void pool_with_allocator(struct ground *g)
{
	g->made_pool = pool_make(0);
	CHECK_EQ(ioasid_register_allocator(g->made_pool, &g->allocator), 0);
}

static void set_with_allocator(struct ground *g)
{
	pool_with_allocator(g);
	g->made_set = set_make(g->made_pool, 50);
}

static void without_allocator(struct ground *g)
{
	CHECK_EQ(ioasid_unregister_allocator(g->made_pool, &g->allocator), 0);
	pool_end(g->made_pool);
}

static void without_set_and_allocator(struct ground *g)
{
	CHECK_EQ(ioasid_free(g->made_set, g->made_id), 0);
	failnth_end_set(g);
	without_allocator(g);
}

STEP(make_pool, g->made_pool = pool_make(0))
STEP(end_pool, pool_end(g->made_pool))
CALL(register_allocator, ioasid_register_allocator(g->made_pool, &g->allocator))
CALL(unregister_allocator, ioasid_unregister_allocator(g->made_pool, &g->allocator))
CALL(alloc_custom, ioasid_alloc(g->made_set, 1, IOASID_INVALID, NULL, &g->made_id))

/* --- Work, and calls that are told later --- */

CALL(queue_work, ioasid_queue_work(g->set, &g->work))
CALL(flush_work, ioasid_flush_work(g->set))
CALL(free_async, ioasid_free_async(g->set, BLANK, ground_told, g))
CALL(attach_spid_async, ioasid_attach_spid_async(g->set, BLANK, ioasid_spid_make(51), ground_told, g))
CALL(detach_spid_async, ioasid_detach_spid_async(g->set, FULL, ground_told, g))
CALL(set_reset_async, ioasid_set_reset_async(g->made_set, ground_told, g))
CALL(set_put_async, ioasid_set_put_async(g->made_set, ground_told, g))
CALL(flush_async, ioasid_flush_work_async(g->set, ground_told, g))
CALL(register_async, ioasid_register_notifier_async(g->root, &g->other.block, IOASID_NOTIFIER_REPLAY, ground_told, g))
CALL(register_token_async, ioasid_register_notifier_token_async(g->pool, IOASID_SET_OPAQUE, 3, &g->other.block, 0,
								 ground_told, g))
CALL(unregister_token_async, ioasid_unregister_notifier_token_async(g->pool, IOASID_SET_OPAQUE, 3, &g->other.block,
								     ground_told, g))
STEP(told_of_free, told(g); ground_blank(g))
STEP(told_of_attach, told(g); spid_of_blank_off(g))
STEP(told_of_detach_spid, told(g); spid_of_full_on(g))
STEP(told_of_reset, told(g); failnth_end_set(g))
STEP(told_of_register, told(g); unregistered_root(g))
STEP(told_of_register_token, told(g); unregistered_waiting(g))

const struct scenario scenarios_of_events[] = {
	{ "find", NULL, call_find, NULL, true },
	{ "attach_data", NULL, call_attach, detach_blank, false },
	{ "detach_data", NULL, call_detach, attach_again, true },
	{ "detach_data_async", NULL, call_detach_async, told_of_detach, false },
	{ "reclaim_fd", NULL, call_reclaim_fd, close_fd, false },
	{ "reclaim_fd of a free ID", NULL, call_reclaim_fd_free, close_fd, false },
	{ "wait_reclaimed", NULL, call_wait_reclaimed, NULL, true },
	{ "find_by_spid", NULL, call_find_by_spid, put_full, true },
	{ "attach_spid", NULL, call_attach_spid, spid_of_blank_off, false },
	{ "attach_spid far away", NULL, call_attach_spid_far, spid_of_blank_off, false },
	{ "attach_spid as a set's first", one_in_made_set, call_attach_spid_first, failnth_end_set, false },
	{ "detach_spid", NULL, call_detach_spid, spid_of_full_on, true },
	{ "register_notifier with replay", NULL, call_register, unregistered, false },
	{ "register_notifier with the root and replay", NULL, call_register_root, unregistered_root, false },
	{ "register_notifier_token with replay", NULL, call_register_token, unregistered_token, false },
	{ "register_notifier_token before the set", NULL, call_register_waiting, unregistered_waiting, false },
	{ "unregister_notifier", registered, call_unregister, NULL, true },
	{ "unregister_notifier with the root", registered_root, call_unregister_root, NULL, true },
	{ "unregister_notifier_token", registered_token, call_unregister_token, NULL, true },
	{ "unregister_notifier_token before the set", registered_waiting, call_unregister_waiting, NULL, true },
	{ "unregister_notifier_async", registered, call_unregister_async, told, false },
	{ "register_allocator", make_pool, call_register_allocator, without_allocator, false },
	{ "unregister_allocator", pool_with_allocator, call_unregister_allocator, end_pool, true },
	{ "alloc from a custom allocator", set_with_allocator, call_alloc_custom, without_set_and_allocator, false },
	{ "queue_work", NULL, call_queue_work, told, true },
	{ "flush_work", NULL, call_flush_work, NULL, true },
	{ "free_async", NULL, call_free_async, told_of_free, false },
	{ "attach_spid_async", NULL, call_attach_spid_async, told_of_attach, false },
	{ "detach_spid_async", NULL, call_detach_spid_async, told_of_detach_spid, false },
	{ "set_reset_async", failnth_make_set, call_set_reset_async, told_of_reset, false },
	{ "set_put_async", failnth_make_set, call_set_put_async, told, false },
	{ "flush_work_async", NULL, call_flush_async, told, false },
	{ "register_notifier_async", NULL, call_register_async, told_of_register, false },
	{ "register_notifier_token_async", NULL, call_register_token_async, told_of_register_token, false },
	{ "unregister_notifier_token_async", registered_waiting, call_unregister_token_async, told, false },
};
const size_t scenarios_of_events_count = sizeof(scenarios_of_events) / sizeof(scenarios_of_events[0]);
