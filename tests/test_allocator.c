/*
 * Custom allocators: who is asked, and what of their answers is believed (S8).
 */
#include "fake_allocator.h"

static struct scene sc;
static struct fake fake;
static struct journal log_lines;

static void begin(ioasid_t next)
{
	scene_begin(&sc);
	journal_clear(&log_lines);
	CHECK_EQ(ioasid_pool_set_log(sc.pool, journal_log, &log_lines), 0);
	fake_init(&fake, next);
	REQUIRE_EQ(ioasid_register_allocator(sc.pool, &fake.callbacks), 0);
}

static void end(void)
{
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &fake.callbacks), 0);
	scene_end(&sc);
}

static int alloc_any(ioasid_t *id)
{
	return ioasid_alloc(sc.set, 1, IOASID_INVALID, NULL, id);
}

static void numbers_come_from_it_and_go_back(void)
{
	ioasid_t id;

	begin(777);
	CHECK_EQ(ioasid_alloc(sc.set, 5, IOASID_INVALID, NULL, &id), 0);
	CHECK_EQ(id, 777);
	CHECK_EQ(fake.asked, 1);
	CHECK_EQ(fake.min, 5);
	CHECK_EQ(fake.max, IOASID_CAPACITY_MAX - 1);
	CHECK_EQ(ioasid_alloc(sc.set, 0, 5, NULL, &id), -EIO);
	CHECK_EQ(fake.min, 1);
	CHECK_EQ(fake.max, 5);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(777)");
	/* Held, it is still out; it goes back with the last reference, once. */
	CHECK_EQ(ioasid_get(sc.set, 777), 0);
	CHECK_EQ(ioasid_free(sc.set, 777), 0);
	CHECK_EQ(fake.freed, 0);
	CHECK_EQ(ioasid_put(sc.set, 777), 1);
	CHECK_EQ(fake.freed, 1);
	CHECK_EQ(fake.last_freed, 777);
	end();
}

static void its_errno_is_the_answer(void)
{
	static const int errors[] = { -ENOSPC, -EAGAIN, -ENODEV, -ETIMEDOUT, -ENOMEM };
	ioasid_t id = 3;

	begin(777);
	for (int i = 0; i < 5; i++) {
		fake.error = errors[i];
		CHECK_EQ(alloc_any(&id), errors[i]);
		CHECK_EQ(id, IOASID_INVALID);
	}
	fake.error = 0;
	CHECK_EQ(fake.freed, 0);
	CHECK_EQ(stats_of(sc.set).allocated, 0);
	CHECK_EVENTS(&sc.rec, "");
	end();
}

static void it_is_asked_last(void)
{
	struct ioasid_set *small;
	ioasid_t id;

	begin(700);
	fake.counts = true;
	small = set_make(sc.pool, 2);
	CHECK_EQ(ioasid_alloc(small, 1, 1000, NULL, &id), 0);
	CHECK_EQ(ioasid_alloc(small, 1, 1000, NULL, &id), 0);
	CHECK_EQ(fake.asked, 2);
	/* What is refused for other reasons does not reach it. */
	CHECK_EQ(ioasid_alloc(small, 1, 1000, NULL, &id), -EDQUOT);
	CHECK_EQ(ioasid_alloc(sc.set, 9, 8, NULL, &id), -EINVAL);
	CHECK_EQ(ioasid_alloc(sc.set, IOASID_CAPACITY_MAX, IOASID_INVALID, NULL, &id), -EINVAL);
	ioasid_read_begin();
	CHECK_EQ(alloc_any(&id), -EDEADLK);
	ioasid_read_end();
	CHECK_EQ(fake.asked, 2);
	CHECK_EQ(ioasid_alloc_range(sc.set, 2, 1, 1, 1000, &id), -EOPNOTSUPP);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(fake.asked, 2);
	set_end(small);
	CHECK_EQ(fake.freed, 2);
	end();
}

/* Answers that cannot be: not used, and given back unless they are somebody's. */
static void refuse(ioasid_t answer, ioasid_t min, ioasid_t max, bool given_back)
{
	unsigned int freed = fake.freed, lines = journal_count(&log_lines);
	uint32_t held = stats_of(sc.set).allocated;
	ioasid_t id = 3;

	fake.next = answer;
	CHECK_EQ(ioasid_alloc(sc.set, min, max, NULL, &id), -EIO);
	CHECK_EQ(id, IOASID_INVALID);
	CHECK_EQ(fake.freed - freed, given_back ? 1 : 0);
	if (given_back)
		CHECK_EQ(fake.last_freed, answer);
	CHECK_EQ(stats_of(sc.set).allocated, held);
	/* It is reported. */
	CHECK(journal_count(&log_lines) > lines);
}

static void impossible_answers_are_given_back(void)
{
	begin(0);
	refuse(0, 1, IOASID_INVALID, true);
	refuse(IOASID_CAPACITY_MAX, 1, IOASID_INVALID, true);
	refuse(IOASID_INVALID - 1, 1, IOASID_INVALID, true);
	refuse(99, 100, 200, true);
	refuse(201, 100, 200, true);
	CHECK_EQ(ioasid_pool_reserve(sc.pool, 500, 510), 0);
	refuse(505, 1, IOASID_INVALID, true);
	refuse(505, 505, 505, true);
	refuse(505, 1, 100, true);
	CHECK_EQ(ioasid_pool_unreserve(sc.pool, 500, 510), 0);
	CHECK_EVENTS(&sc.rec, "");
	end();
}

static void an_answer_that_was_not_written_is_no_answer(void)
{
	ioasid_t id = 3;

	begin(0);
	fake.silent = true;
	CHECK_EQ(alloc_any(&id), -EIO);
	CHECK_EQ(id, IOASID_INVALID);
	fake.silent = false;
	fake.error = 5;
	CHECK_EQ(alloc_any(&id), -EIO);
	CHECK_EQ(stats_of(sc.set).allocated, 0);
	end();
}

static void an_id_that_is_out_is_never_given_back(void)
{
	struct ioasid_set *other;
	ioasid_t id;

	begin(777);
	other = set_make(sc.pool, 10);
	CHECK_EQ(ioasid_alloc(other, 1, 1000, NULL, &id), 0);
	refuse(777, 1, IOASID_INVALID, false);
	refuse(777, 777, 777, false);
	/* Out of the window and out: it is somebody's all the same. */
	refuse(777, 1, 100, false);
	/* FREE_PENDING is out, too. */
	CHECK_EQ(ioasid_get(other, 777), 0);
	CHECK_EQ(ioasid_free(other, 777), 0);
	refuse(777, 1, IOASID_INVALID, false);
	refuse(777, 1, 100, false);
	CHECK_EQ(ioasid_put(other, 777), 1);
	CHECK_EQ(fake.freed, 1);
	/* And now it is not. */
	fake.next = 777;
	CHECK_EQ(alloc_any(&id), 0);
	CHECK_EQ(id, 777);
	set_end(other);
	CHECK_EQ(ioasid_free(sc.set, 777), 0);
	end();
}

/* It answers, in BORN's time, what is being announced in another thread: the ID is out already. */
static void an_id_that_is_being_born_is_out(void)
{
	struct stop stop = { IOASID_EVENT_ALLOC, 777, GATE_CLOSED };
	struct call first;

	begin(777);
	sc.kvm.hook = stop_hook;
	sc.kvm.arg = &stop;
	call_start(&first, do_alloc, sc.set, 777, 0);
	gate_await(&stop.gate, 1);
	fake.next = 777;
	CHECK_EQ(call_elsewhere(do_alloc, sc.set, 777, 0), -EIO);
	CHECK_EQ(fake.freed, 0);
	gate_open(&stop.gate);
	CHECK_EQ(call_join(&first), 777);
	CHECK_EQ(ioasid_free(sc.set, 777), 0);
	end();
}

static int veto_hook(struct watcher *w, const struct ioasid_event *event)
{
	(void)w;
	return event->event == IOASID_EVENT_ALLOC ? -EUCLEAN : 0;
}

static void a_vetoed_id_goes_back(void)
{
	ioasid_t id;

	begin(777);
	sc.kvm.hook = veto_hook;
	CHECK_EQ(alloc_any(&id), -EUCLEAN);
	CHECK_EQ(fake.freed, 1);
	CHECK_EQ(fake.last_freed, 777);
	sc.kvm.hook = NULL;
	CHECK_EQ(alloc_any(&id), 0);
	set_end(sc.set);
	CHECK_EQ(fake.freed, 2);
	CHECK_EQ(ioasid_unregister_allocator(sc.pool, &fake.callbacks), 0);
	pool_end(sc.pool);
}

static void policies_do_not_apply(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_LOWEST, 0);
	struct ioasid_set *set = set_make(pool, 10);
	ioasid_t id;

	fake_init(&fake, 900);
	CHECK_EQ(ioasid_register_allocator(pool, &fake.callbacks), 0);
	CHECK_EQ(ioasid_alloc(set, 1, 1000, NULL, &id), 0);
	CHECK_EQ(id, 900);
	set_end(set);
	CHECK_EQ(ioasid_unregister_allocator(pool, &fake.callbacks), 0);
	set = set_make(pool, 10);
	CHECK_EQ(ioasid_alloc(set, 1, 1000, NULL, &id), 0);
	CHECK_EQ(id, 1);
	set_end(set);
	pool_end(pool);
}

static void the_rest_stays_with_the_core(void)
{
	int thing;
	void *data = NULL;
	ioasid_t id;

	begin(777);
	CHECK_EQ(ioasid_alloc(sc.set, 1, 1000, &thing, &id), 0);
	CHECK_EQ(ioasid_find(sc.set, id, NULL, &data), 0);
	CHECK(data == &thing);
	CHECK_EQ(do_attach(sc.set, id, 40), 0);
	CHECK_EQ(find_spid(sc.set, 40), 777);
	CHECK_EQ(refs_of(sc.set, 777), 1);
	CHECK_EQ(ioasid_detach_data(sc.set, id, &data), 0);
	CHECK_EQ(ioasid_free(sc.set, id), 0);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(777) kvm:BIND(777/40) kvm:FREE(777/40)");
	CHECK_EQ(ioasid_wait_reclaimed(sc.pool, 777, 0), 0);
	end();
}

static const struct test_case cases[] = {
	{ "numbers come from the custom allocator, and go back with the last reference (S8.1)",
	  numbers_come_from_it_and_go_back },
	{ "its errno is the answer (S8.4)", its_errno_is_the_answer },
	{ "it is asked last, with the window cut to the pool (S8.4, S3.3)", it_is_asked_last },
	{ "IDs out of the window, reserved, 0 or beyond the capacity are given back and answered -EIO (S8.4)",
	  impossible_answers_are_given_back },
	{ "an answer that was not written, or is no errno, is -EIO (S8.4)",
	  an_answer_that_was_not_written_is_no_answer },
	{ "an ID that is already out is never given back (S8.4)", an_id_that_is_out_is_never_given_back },
	{ "an ID that is being announced is out (S8.4, S7.7)", an_id_that_is_being_born_is_out },
	{ "a vetoed ID goes back, and so do a dead set's (S8.1)", a_vetoed_id_goes_back },
	{ "the pool's policy does not apply to it, and applies again afterwards (S8.4, S8.3)",
	  policies_do_not_apply },
	{ "state, data, SPIDs, references and events stay with the core (S8.1)",
	  the_rest_stays_with_the_core },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("allocator", cases, argc, argv);
}
