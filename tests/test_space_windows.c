/*
 * A number, or a range, that is FREE at every moment and never where the search looks (S3.1, S3.3); see
 * stops.h.
 */
#include "stops.h"

static struct {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	ioasid_t page; /* the first ID on the second page of the table */
} g;

/* For the other thread, which may not end the case. */
static void take(struct ioasid_set *set, ioasid_t want)
{
	ioasid_t id = 0;

	CHECK_EQ(ioasid_alloc(set, want, want, NULL, &id), 0);
	CHECK_EQ(id, want);
}

/* The last put of an ID that is FREE_PENDING. */
static void reclaim(ioasid_t id)
{
	CHECK_EQ(ioasid_put(g.set, id), 1);
}

static void make_pending(ioasid_t id)
{
	CHECK_EQ(ioasid_get(g.set, id), 0);
	CHECK_EQ(ioasid_free(g.set, id), 0);
}

/*
 * Four numbers of the window, one of which is FREE at every moment, but never where the search looks: CACHED
 * while it looks into the bitmap, ONE or TWO, which come into the bitmap then, while it looks into the
 * caches, and at last LOW while it looks at high ones.
 */
#define CACHED (g.page - 4)
#define LOW (g.page - 3)
#define ONE (g.page + 2)
#define TWO (g.page + 3)

static void free_cached(void)
{
	CHECK_EQ(ioasid_free(g.set, CACHED), 0);
}

static void take_cached(void)
{
	take(g.set, CACHED);
}

static void reclaim_one(void *arg)
{
	(void)arg;
	reclaim(ONE);
}

static void reclaim_two(void *arg)
{
	(void)arg;
	reclaim(TWO);
}

/* A thread without a cache puts the number into the bitmap. */
static void in_new_thread(void (*fn)(void *arg))
{
	struct task task;

	task_start(&task, fn, NULL);
	task_join(&task);
}

static void caches_are_next(void)
{
	in_new_thread(reclaim_one);
	elsewhere(take_cached);
}

static void caches_are_next_again(void)
{
	in_new_thread(reclaim_two);
	elsewhere(take_cached);
}

static void back_to_the_cache(void)
{
	free_cached();
	take(g.set, ONE);
}

static void second_try_is_next(void)
{
	elsewhere(back_to_the_cache);
	at_mutex = caches_are_next_again;
}

static void back_to_low(void)
{
	reclaim(LOW);
	take(g.set, TWO);
}

static void high_ones_are_next(void)
{
	elsewhere(back_to_low);
}

static void scan_is_next(void)
{
	close_page(high_ones_are_next);
}

static void moving_free_one_is_found(void)
{
	ioasid_t id = 0;

	other_begin();
	g.pool = pool_make(1000);
	g.set = set_make(g.pool, 900);
	g.page = page_begin(g.pool);
	for (id = g.page - 5; id <= g.page + 5; id++)
		take(g.set, id);
	make_pending(LOW);
	make_pending(ONE);
	make_pending(TWO);
	elsewhere(free_cached);
	stops = 0;
	which_mutex = &g.pool->threads_lock.mutex;
	at_mutex = caches_are_next;
	at_ids_take = second_try_is_next;
	at_ids_scan = scan_is_next;
	CHECK_EQ(ioasid_alloc(g.set, g.page - 5, g.page + 5, NULL, &id), 0);
	CHECK_EQ(id, LOW);
	CHECK_EQ(stops, 5);
	page_end();
	other_end();
	set_end(g.set);
	pool_end(g.pool);
}

static void take_range(ioasid_t want)
{
	ioasid_t first = 0;

	CHECK_EQ(ioasid_alloc_range(g.set, 8, 8, want, want + 7, &first), 0);
	CHECK_EQ(first, want);
}

static void free_range(ioasid_t first)
{
	for (ioasid_t id = first; id < first + 8; id++)
		CHECK_EQ(ioasid_free(g.set, id), 0);
}

static void range_up(void)
{
	free_range(g.page - 8);
	take_range(g.page);
}

static void range_down(void)
{
	free_range(g.page);
	take_range(g.page - 8);
}

static void upper_range_is_next(void)
{
	elsewhere(range_up);
}

static void second_look_is_next(void)
{
	elsewhere(range_down);
	close_page(upper_range_is_next);
}

/* One of two places is FREE at every moment; whichever is looked at is not. */
static void moving_range_is_not_missed(void)
{
	ioasid_t first = 0;

	other_begin();
	g.pool = pool_make(1000);
	g.set = set_make(g.pool, 900);
	g.page = page_begin(g.pool);
	take_range(g.page - 8);
	stops = 0;
	at_rcu_sync = second_look_is_next;
	close_page(upper_range_is_next);
	CHECK_EQ(ioasid_alloc_range(g.set, 8, 8, g.page - 8, g.page + 7, &first), -EAGAIN);
	CHECK_EQ(first, IOASID_INVALID);
	CHECK_EQ(stops, 3);
	page_end();
	CHECK_EQ(ioasid_alloc_range(g.set, 8, 8, g.page - 8, g.page + 7, &first), 0);
	CHECK_EQ(first, g.page - 8);
	other_end();
	set_end(g.set);
	pool_end(g.pool);
}

static const struct test_case cases[] = {
	{ "S3.1 an ID that is FREE at every moment is found wherever it moves", moving_free_one_is_found },
	{ "S3.3 a range that is FREE at every moment is not called -ENOSPC", moving_range_is_not_missed },
};

int main(int argc, char **argv)
{
	if (test_under_valgrind())
		test_skip_all("not under valgrind, which looks at closed pages");
	return TEST_MAIN("space_windows", cases, argc, argv);
}
