/*
 * Races whose window is a few instructions inside the library; see stops.h.
 */
#include "stops.h"

#include <poll.h>
#include <unistd.h>

/* --- Credit --- */

static struct {
	struct ioasid_pool *pool;
	struct ioasid_set *set, *set2;
} g;

static void five_is_free(void)
{
	CHECK(word_is(word_load(pool_slot(g.pool, 5)), W_FREE));
}

static void credit_follows_the_id(void)
{
	struct subscriber s;

	g.pool = pool_make(100);
	g.set = set_make(g.pool, 1);
	stops = 0;
	for (unsigned int i = 0; i < 3; i++) {
		id_make_at(g.set, 5);
		if (i == 1)
			CHECK_EQ(ioasid_get(g.set, 5), 0);
		at_quota_give = five_is_free;
		CHECK_EQ(ioasid_free(g.set, 5), 0);
		if (i == 1)
			CHECK_EQ(ioasid_put(g.set, 5), 1);
		subscriber_init(&s, "s", NULL, IOASID_PRIO_CPU);
		if (i == 1)
			CHECK_EQ(ioasid_register_notifier(g.set, &s.block, 0), 0);
	}
	id_make_at(g.set, 5);
	at_quota_give = five_is_free;
	CHECK_EQ(ioasid_set_reset(g.set), 0);
	CHECK_EQ(stops, 4);
	set_end(g.set);
	pool_end(g.pool);
}

/* --- Reserve, and a set's birth --- */

static void take_seven(void)
{
	id_make_at(g.set, 7);
}

static void reserve_that_comes_second(void)
{
	g.pool = pool_make(100);
	g.set = set_make(g.pool, 10);
	stops = 0;
	/* The range was looked at and found FREE; now one is taken. */
	at_quota_pool_take = take_seven;
	CHECK_EQ(ioasid_pool_reserve(g.pool, 5, 9), -EBUSY);
	CHECK_EQ(stops, 1);
	CHECK_EQ(available(g.pool), 89);
	for (ioasid_t id = 5; id <= 9; id++)
		CHECK_EQ(ioasid_pool_unreserve(g.pool, id, id), -ENOENT);
	CHECK_EQ(ioasid_free(g.set, 7), 0);
	CHECK_EQ(ioasid_pool_reserve(g.pool, 5, 9), 0);
	set_end(g.set);
	pool_end(g.pool);
}

static void install_eight(void)
{
	CHECK_EQ(ioasid_pool_install_capacity(g.pool, 8), 0);
}

static void reserve_beside_a_new_capacity(void)
{
	g.pool = pool_make(0);
	stops = 0;
	at_quota_pool_take = install_eight;
	CHECK_EQ(ioasid_pool_reserve(g.pool, 5, 9), -EINVAL);
	CHECK_EQ(stops, 1);
	CHECK_EQ(available(g.pool), 7);
	g.set = set_make(g.pool, 7);
	for (unsigned int i = 0; i < 7; i++)
		CHECK(id_make(g.set) < 8);
	set_end(g.set);
	pool_end(g.pool);
}

static void take_token(void)
{
	g.set = set_make_token(g.pool, 9, 10);
}

static void token_that_comes_second(void)
{
	struct ioasid_set *set = NULL;

	g.pool = pool_make(100);
	stops = 0;
	at_quota_birth = take_token;
	CHECK_EQ(ioasid_set_alloc(g.pool, IOASID_SET_OPAQUE, 9, 20, &set), -EEXIST);
	CHECK_EQ(stops, 1);
	CHECK(set == NULL);
	CHECK_EQ(available(g.pool), 89);
	CHECK_EQ(ioasid_set_find(g.pool, IOASID_SET_OPAQUE, 9, &set), 0);
	CHECK(set == g.set);
	CHECK_EQ(ioasid_set_put(set), 0);
	set_end(g.set);
	pool_end(g.pool);
}

/* --- Death --- */

static struct task killer;

static void kill_set(void *arg)
{
	(void)arg;
	CHECK_EQ(ioasid_set_put(g.set), 1);
}

static void set_dies(void)
{
	task_start(&killer, kill_set, NULL);
	task_blocked(&killer);
}

static int never_visited(void *context, struct ioasid_set *set, ioasid_t id)
{
	(void)context;
	(void)set;
	return (int)id;
}

/* The alloc has seen a live set, whose first ID of a group it is; the set is dead when the ID becomes ACTIVE. */
static void death_in_an_alloc(void)
{
	ioasid_t id = 0;
	int ret;

	g.pool = pool_make(100);
	g.set = set_make(g.pool, 90);
	/* Caches are filled. */
	CHECK_EQ(ioasid_free(g.set, id_make(g.set)), 0);
	id_make_at(g.set, 50);
	CHECK_EQ(ioasid_get(g.set, 50), 0);
	stops = 0;
	at_set_touch = set_dies;
	ret = ioasid_alloc(g.set, 64, 99, NULL, &id);
	CHECK_EQ(stops, 1);
	CHECK(ret == -ENOENT ? id == IOASID_INVALID : ret == 0);
	task_join(&killer);
	CHECK_EQ(ioasid_set_for_each(ioasid_pool_root(g.pool), never_visited, NULL), 0);
	CHECK_EQ(available(g.pool), 98);
	CHECK_EQ(ioasid_put(g.set, 50), 1);
	CHECK_EQ(available(g.pool), 99);
	pool_end(g.pool);
}

/* --- Waits --- */

static void make_pending(void)
{
	id_make_at(g.set, 5);
	CHECK_EQ(ioasid_get(g.set, 5), 0);
	CHECK_EQ(ioasid_free(g.set, 5), 0);
}

static void reclaim(void)
{
	CHECK_EQ(ioasid_put(g.set, 5), 1);
}

static void no_wake_up_is_lost(void)
{
	struct ioasid_set *set;
	int fd;

	g.pool = pool_make(100);
	g.set = set = set_make(g.pool, 10);
	stops = 0;
	make_pending();
	at_park_help = reclaim;
	CHECK_EQ(ioasid_wait_reclaimed(g.pool, 5, IOASID_FOREVER), 0);
	make_pending();
	at_park_watch = reclaim;
	fd = ioasid_reclaim_fd(g.pool, 5);
	CHECK(fd >= 0);
	CHECK_EQ(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 1);
	close(fd);
	CHECK_EQ(stops, 2);
	set_end(set);
	pool_end(g.pool);
}

/* --- Data --- */

static int number;
static int attached; /* what attach() was answered */

static void attach(void *unused)
{
	(void)unused;
	attached = ioasid_attach_data(g.set, 5, &number);
}

/* A thread that has marked the word to write the pointer, and sleeps there, is played by hand. */
static void late_writer_reaches_no_other_life(void)
{
	_Atomic uint64_t *word;
	struct task task;
	void *data;
	ioasid_t id;

	g.pool = pool_make(100);
	g.set = set_make(g.pool, 10);
	g.set2 = set_make(g.pool, 10);
	id_make_at(g.set, 5);
	word = &pool_slot(g.pool, 5)->word;
	atomic_fetch_or(word, W_DBUSY | W_EXT);
	task_start(&task, attach, NULL);
	CHECK_EQ(ioasid_free(g.set, 5), 0);
	/* Somebody writes to it: it does not go on to the next life. */
	CHECK(ioasid_alloc(g.set2, 5, 5, NULL, &id) < 0);
	CHECK_EQ(ioasid_wait_reclaimed(g.pool, 5, 0), -ETIMEDOUT);
	atomic_fetch_and(word, ~W_DBUSY);
	task_join(&task);
	CHECK_EQ(attached, -ENOENT);
	/* The next writer is the last one, too. */
	CHECK_EQ(ioasid_detach_data(g.set, 5, &data), -ENOENT);
	CHECK_EQ(ioasid_wait_reclaimed(g.pool, 5, 0), 0);
	id_make_at(g.set2, 5);
	CHECK_EQ(ioasid_find(g.set2, 5, NULL, &data), 0);
	CHECK(data == NULL);
	set_end(g.set);
	set_end(g.set2);
	pool_end(g.pool);
}

static const struct test_case cases[] = {
	{ "S4.6 when credit comes back its ID is FREE", credit_follows_the_id },
	{ "S1.4 a reservation that loses an ID after it has looked gives everything back", reserve_that_comes_second },
	{ "S1.2 a reservation beside a new capacity reserves nothing beyond it", reserve_beside_a_new_capacity },
	{ "S2.1 of two sets with one token the second is refused and promised nothing", token_that_comes_second },
	{ "S2.3 a set that dies in the middle of an alloc keeps no ID", death_in_an_alloc },
	{ "S3.5 a reclaim between the look and the sleep is seen", no_wake_up_is_lost },
	{ "S5.3 data that is attached while the ID is freed does not reach its next life", late_writer_reaches_no_other_life },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("windows", cases, argc, argv);
}
