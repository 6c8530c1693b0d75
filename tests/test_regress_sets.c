/*
 * What calls with sets do to each other, found by reading the core: a token that gets another set in the
 * middle of a call, two callers that set an alarm.
 */
#include "scene.h"
#include "stops.h"

/* ---- Registering for a token whose set dies meanwhile ---- */

#define TOKEN 7

struct joining {
	struct ioasid_pool *pool;
	struct watcher late;
	struct stop stop;
	uint32_t flags;
	int answer;
	struct task task;
};

static void join_main(void *arg)
{
	struct joining *j = arg;

	j->answer = ioasid_register_notifier_token(j->pool, IOASID_SET_OPAQUE, TOKEN, &j->late.block, j->flags);
}

/* Stops at the ALLOC of 5, and vetoes it. */
static int veto_five(struct watcher *watcher, const struct ioasid_event *event)
{
	struct joining *j = watcher->arg;

	if (event->event != IOASID_EVENT_ALLOC || event->id != 5)
		return 0;
	gate_pass(&j->stop.gate);
	return -EUCLEAN;
}

/* What the block was told of the second set's IDs is taken back, and nothing else is. */
static void check_taken_back(struct recorder *rec, struct ioasid_set *set)
{
	CHECK_EQ(events_seen(rec, "late", IOASID_EVENT_ALLOC, 9), 1);
	CHECK_EQ(events_seen(rec, "late", IOASID_EVENT_BIND, 9), 1);
	CHECK_EQ(events_seen(rec, "late", IOASID_EVENT_UNBIND, 9), 1);
	CHECK_EQ(events_seen(rec, "late", IOASID_EVENT_FREE, 9), 1);
	CHECK_EQ(events_seen(rec, "late", IOASID_EVENT_FREE, 10), 0);
	set_end(set);
	CHECK_EQ(events_seen(rec, "late", IOASID_EVENT_FREE, 9), 1);
}

/* S7.9: the set dies under a replay that is vetoed, and the token has another one by then. */
static void veto_reaches_the_next_set(void)
{
	static struct recorder rec;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *first = set_make_token(pool, TOKEN, 10), *next, *other = set_make(pool, 10);
	static struct joining j;
	struct call death;

	recorder_init(&rec);
	j = (struct joining){ .pool = pool, .stop = { .gate = GATE_CLOSED }, .flags = IOASID_NOTIFIER_REPLAY };
	watcher_init(&j.late, &rec, "late", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	j.late.hook = veto_five;
	j.late.arg = &j;
	id_make_at(first, 4);
	id_make_at(first, 5);
	id_make_at(other, 10);
	CHECK_EQ(ioasid_set_teardown_mode(first, IOASID_TEARDOWN_BLOCK), 0);
	task_start(&j.task, join_main, &j);
	gate_await(&j.stop.gate, 1);
	/* 4 goes without FREE, and its number to a set that the block has nothing to do with. */
	CHECK_EQ(ioasid_free(first, 4), 0);
	id_make_at(other, 4);
	CHECK_EQ(ioasid_set_teardown_mode(first, IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY), 0);
	call_start(&death, do_set_put, first, 0, 0);
	CHECK(call_blocked(&death));
	next = set_make_token(pool, TOKEN, 10);
	id_make_at(next, 9);
	CHECK_EQ(do_attach(next, 9, 40), 0);
	gate_open(&j.stop.gate);
	task_join(&j.task);
	CHECK_EQ(j.answer, -EUCLEAN);
	CHECK_EQ(call_join(&death), 1);
	CHECK_EQ(events_seen(&rec, "late", IOASID_EVENT_ALLOC, 4), 1);
	CHECK_EQ(events_seen(&rec, "late", IOASID_EVENT_FREE, 4), 0);
	CHECK_EQ(events_seen(&rec, "late", IOASID_EVENT_FREE, 5), 0);
	check_taken_back(&rec, next);
	set_end(other);
	pool_end(pool);
}

/*
 * The same where the answer is -EBUSY. Registration waits for an ID that is being born under the new chain,
 * while the set's death waits for the turn of another, so that one after them is ACTIVE still.
 */
static void busy_reaches_the_next_set(void)
{
	static struct recorder rec;
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *first = set_make_token(pool, TOKEN, 10), *next;
	struct stop stop[] = { { IOASID_EVENT_BIND, 8, GATE_CLOSED },
			       { IOASID_EVENT_ALLOC, 3, GATE_CLOSED },
			       { IOASID_EVENT_BIND, 4, GATE_CLOSED } };
	struct watcher early[3];
	static struct joining j;
	struct call old_bind, birth, bind, death;

	recorder_init(&rec);
	j = (struct joining){ .pool = pool };
	watcher_init(&j.late, &rec, "late", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	for (unsigned int i = 0; i < 3; i++) {
		watcher_init(&early[i], &rec, "early", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
		early[i].hook = stop_hook;
		early[i].arg = &stop[i];
		watcher_join(&early[i], first);
	}
	id_make_at(first, 4);
	id_make_at(first, 6);
	id_make_at(first, 8);
	call_start(&old_bind, do_attach, first, 8, 41);
	gate_await(&stop[0].gate, 1);
	task_start(&j.task, join_main, &j);
	CHECK(task_blocked(&j.task)); /* by the user of the old chain */
	call_start(&birth, do_alloc, first, 3, 0);
	gate_await(&stop[1].gate, 1);
	call_start(&bind, do_attach, first, 4, 42);
	gate_await(&stop[2].gate, 1);
	gate_open(&stop[0].gate);
	CHECK_EQ(call_join(&old_bind), 0);
	CHECK(task_blocked(&j.task)); /* by 3 */
	call_start(&death, do_set_put, first, 0, 0);
	CHECK(call_blocked(&death)); /* by 4 */
	next = set_make_token(pool, TOKEN, 10);
	id_make_at(next, 9);
	CHECK_EQ(do_attach(next, 9, 40), 0);
	gate_open(&stop[1].gate);
	CHECK_EQ(call_join(&birth), -ENOENT);
	CHECK(task_blocked(&j.task)); /* refused, and now by the user of the chain that it leaves */
	gate_open(&stop[2].gate);
	task_join(&j.task);
	CHECK_EQ(j.answer, -EBUSY);
	CHECK_EQ(call_join(&bind), 0);
	CHECK_EQ(call_join(&death), 1);
	check_taken_back(&rec, next);
	pool_end(pool);
}

/* ---- A token that is free at once ---- */

static struct {
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct recorder rec;
	struct watcher late;
	unsigned int alarms[2];
} g;

static void take_the_token(void)
{
	struct ioasid_set *found = NULL;

	CHECK_EQ(ioasid_set_find(g.pool, IOASID_SET_OPAQUE, TOKEN, &found), -ENOENT);
	CHECK_EQ(ioasid_set_alloc(g.pool, IOASID_SET_OPAQUE, TOKEN, 10, &g.set), 0);
	CHECK_EQ(ioasid_set_find(g.pool, IOASID_SET_OPAQUE, TOKEN, &found), 0);
	CHECK(found == g.set);
	CHECK_EQ(ioasid_set_put(found), 0);
}

static void subscribe_to_the_token(void)
{
	CHECK_EQ(ioasid_register_notifier_token(g.pool, IOASID_SET_OPAQUE, TOKEN, &g.late.block, 0), 0);
}

static void take_and_subscribe(void)
{
	take_the_token();
	subscribe_to_the_token();
}

static void (*next_step)(void);

static void step_elsewhere(void)
{
	elsewhere(next_step);
}

/* A set of the token whose last put stops before the token is taken from it, for another thread's @step. */
static void die_slowly(void (*step)(void))
{
	struct ioasid_set *dying;

	other_begin();
	g.pool = pool_make(100);
	g.set = NULL;
	recorder_init(&g.rec);
	watcher_init(&g.late, &g.rec, "late", IOASID_EVENT_ALL, IOASID_PRIO_CPU);
	dying = set_make_token(g.pool, TOKEN, 10);
	id_make_at(dying, 5);
	stops = 0;
	which_mutex = &g.pool->registry.mutex;
	at_mutex = step_elsewhere;
	next_step = step;
	CHECK_EQ(ioasid_set_put(dying), 1);
	CHECK_EQ(stops, 1);
	other_end();
}

/* S2.3: who finds no set can make one. */
static void the_token_is_free_at_once(void)
{
	struct ioasid_set *found = NULL, *third = NULL;

	die_slowly(take_the_token);
	CHECK_EQ(ioasid_set_find(g.pool, IOASID_SET_OPAQUE, TOKEN, &found), 0);
	CHECK(found == g.set && found != NULL);
	CHECK_EQ(ioasid_set_alloc(g.pool, IOASID_SET_OPAQUE, TOKEN, 10, &third), -EEXIST);
	CHECK_EQ(ioasid_set_put(found), 0);
	set_end(g.set);
	CHECK_EQ(ioasid_set_find(g.pool, IOASID_SET_OPAQUE, TOKEN, &found), -ENOENT);
	pool_end(g.pool);
}

/* S7.9: and who subscribes then is not told of what the dead set had, with or without another one. */
static void a_token_without_its_set(void)
{
	die_slowly(subscribe_to_the_token);
	CHECK_EVENTS(&g.rec, "");
	CHECK_EQ(ioasid_unregister_notifier_token(g.pool, IOASID_SET_OPAQUE, TOKEN, &g.late.block), 0);
	pool_end(g.pool);
}

static void a_token_between_two_sets(void)
{
	die_slowly(take_and_subscribe);
	CHECK_EVENTS(&g.rec, "");
	id_make_at(g.set, 7);
	set_end(g.set);
	CHECK_EVENTS(&g.rec, "late:ALLOC(7) late:FREE(7)");
	CHECK_EQ(ioasid_unregister_notifier_token(g.pool, IOASID_SET_OPAQUE, TOKEN, &g.late.block), 0);
	pool_end(g.pool);
}

/* ---- Two callers that set an alarm ---- */

static void alarm_note(void *context, struct ioasid_set *set, uint32_t held)
{
	(void)set;
	(void)held;
	++*(unsigned int *)context;
}

static void set_the_other_alarm(void)
{
	CHECK_EQ(ioasid_set_quota_alarm(g.set, 50, alarm_note, &g.alarms[1]), 0);
}

static void between_off_and_on(void)
{
	next_step = set_the_other_alarm;
	at_mutex = step_elsewhere;
}

/* S13.1: one caller's threshold and the other's function are nobody's alarm. */
static void an_alarm_is_one_callers(void)
{
	other_begin();
	g.pool = pool_make(100);
	g.set = set_make(g.pool, 90);
	g.alarms[0] = g.alarms[1] = 0;
	stops = 0;
	/* Taken once to switch it off, once to switch it on. */
	which_mutex = &g.pool->quota.mutex;
	at_mutex = between_off_and_on;
	CHECK_EQ(ioasid_set_quota_alarm(g.set, 1, alarm_note, &g.alarms[0]), 0);
	CHECK_EQ(stops, 2);
	id_make(g.set);
	CHECK_EQ(ioasid_flush_work(g.set), 0);
	CHECK_EQ(g.alarms[0], 1);
	CHECK_EQ(g.alarms[1], 0);
	other_end();
	set_end(g.set);
	pool_end(g.pool);
}

static const struct test_case cases[] = {
	{ "S7.9 a vetoed replay takes back what it told of the token's next set", veto_reaches_the_next_set },
	{ "S7.9 so does a registration that is refused", busy_reaches_the_next_set },
	{ "S2.3 a dying set's token is free when it cannot be found", the_token_is_free_at_once },
	{ "S7.9 who subscribes to it then is not told of the dead set's IDs", a_token_without_its_set },
	{ "S7.9 nor where the token has another set", a_token_between_two_sets },
	{ "S13.1 threshold and function of an alarm are of one caller", an_alarm_is_one_callers },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("regress_sets", cases, argc, argv);
}
