/*
 * Statistics and the quota alarm (S13.1).
 */
#include "scene.h"

#include <string.h>

static struct scene sc;

static void check_counts(struct ioasid_set *set, uint32_t allocated, uint32_t pending, uint32_t quota,
			 uint32_t high)
{
	struct ioasid_stats stats = stats_of(set);

	CHECK_EQ(stats.allocated, allocated);
	CHECK_EQ(stats.pending, pending);
	CHECK_EQ(stats.quota, quota);
	CHECK_EQ(stats.high_water, high);
	CHECK_EQ(stats.parked, 0);
	CHECK_EQ(stats.quarantined, 0);
	CHECK_EQ(stats.faults_swallowed, 0);
}

static void counts_follow_a_life(void)
{
	scene_begin(&sc);
	check_counts(sc.set, 0, 0, 100, 0);
	id_make_at(sc.set, 7);
	id_make_at(sc.set, 8);
	check_counts(sc.set, 2, 0, 100, 2);
	CHECK_EQ(ioasid_get(sc.set, 7), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	check_counts(sc.set, 2, 1, 100, 2);
	CHECK_EQ(ioasid_free(sc.set, 8), 0);
	check_counts(sc.set, 1, 1, 100, 2);
	check_counts(sc.root, 1, 1, 100, stats_of(sc.root).high_water);
	CHECK_EQ(ioasid_put(sc.set, 7), 1);
	check_counts(sc.set, 0, 0, 100, 2);
	id_make_at(sc.set, 7);
	check_counts(sc.set, 1, 0, 100, 2);
	CHECK_EQ(ioasid_set_adjust_quota(sc.set, 50), 0);
	check_counts(sc.set, 1, 0, 50, 2);
	scene_end(&sc);
}

static void the_pool_is_the_sum_of_its_sets(void)
{
	struct ioasid_set *other, *unlimited;
	struct ioasid_stats stats;

	scene_begin(&sc);
	other = set_make(sc.pool, 30);
	unlimited = set_make(sc.pool, IOASID_QUOTA_UNLIMITED);
	for (ioasid_t id = 1; id <= 10; id++)
		id_make_at(sc.set, id);
	for (ioasid_t id = 11; id <= 15; id++)
		id_make_at(other, id);
	for (ioasid_t id = 16; id <= 18; id++)
		id_make_at(unlimited, id);
	CHECK_EQ(ioasid_get(unlimited, 18), 0);
	CHECK_EQ(ioasid_free(unlimited, 18), 0);
	stats = stats_of(sc.root);
	CHECK_EQ(stats.allocated, 18);
	CHECK_EQ(stats.pending, 1);
	CHECK_EQ(stats.quota, 130);
	CHECK_EQ(stats.sets, 3);
	CHECK_EQ(stats_of(other).sets, 1);
	CHECK_EQ(stats_of(unlimited).quota, IOASID_QUOTA_UNLIMITED);
	/* A dead set counts as long as it has IDs; its quota is promised to nobody any more. */
	set_end(unlimited);
	set_end(other);
	stats = stats_of(sc.root);
	CHECK_EQ(stats.allocated, 11);
	CHECK_EQ(stats.pending, 1);
	CHECK_EQ(stats.quota, 100);
	CHECK(stats.sets >= 2);
	CHECK_EQ(ioasid_put(unlimited, 18), 1);
	scene_end(&sc);
}

static int veto_hook(struct watcher *w, const struct ioasid_event *event)
{
	return event->event & *(uint32_t *)w->arg ? -EPERM : 0;
}

static void events_vetoes_and_refusals_are_counted(void)
{
	struct ioasid_stats before, after;
	uint32_t refuse = 0;

	scene_begin(&sc);
	sc.kvm.hook = veto_hook;
	sc.kvm.arg = &refuse;
	before = stats_of(sc.set);
	id_make_at(sc.set, 7);
	CHECK_EQ(do_attach(sc.set, 7, 40), 0);
	CHECK_EQ(do_detach(sc.set, 7, 0), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	after = stats_of(sc.set);
	CHECK_EQ(after.events - before.events, 4);
	CHECK_EQ(after.vetoes, 0);
	CHECK_EQ(after.refused, 0);
	refuse = IOASID_EVENT_FREE;
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(stats_of(sc.set).refused, 1);
	refuse = IOASID_EVENT_ALLOC;
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EQ(do_alloc(sc.set, 7, 0), -EPERM);
	CHECK_EQ(stats_of(sc.set).vetoes, 2);
	/* What a set has counted stays in the pool's sum when the set is gone. */
	before = stats_of(sc.root);
	CHECK_EQ(before.vetoes, 2);
	CHECK_EQ(before.refused, 1);
	set_end(sc.set);
	CHECK_EQ(ioasid_flush_work(sc.root), 0);
	after = stats_of(sc.root);
	CHECK_EQ(after.vetoes, 2);
	CHECK_EQ(after.refused, 1);
	CHECK_EQ(after.events, before.events);
	pool_end(sc.pool);
}

static void nobody_subscribed_nothing_counted(void)
{
	scene_begin(&sc);
	watcher_leave(&sc.kvm, sc.set);
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(stats_of(sc.set).events, 0);
	scene_end(&sc);
}

static void misuse_is_counted(void)
{
	int thing;
	ioasid_t id;

	scene_begin(&sc);
	CHECK_EQ(ioasid_alloc(sc.set, 7, 7, &thing, &id), 0);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	/* Private data was still attached at reclaim (S4.6). */
	CHECK_EQ(stats_of(sc.set).misuse, 1);
	CHECK_EQ(stats_of(sc.root).misuse, 1);
	/* Errors that a guest can cause are no misuse. */
	CHECK_EQ(ioasid_free(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_get(sc.set, 7), -ENOENT);
	CHECK_EQ(ioasid_put(sc.set, 7), -ENOENT);
	CHECK_EQ(stats_of(sc.set).misuse, 1);
	scene_end(&sc);
}

/* In a FREE handler the ID is pending with no counted reference: a put there is one too many (S4.5). */
static int put_hook(struct watcher *w, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_FREE)
		*(int *)w->arg = ioasid_put(event->set, event->id);
	return 0;
}

static void a_put_too_many_is_misuse(void)
{
	int answer = 0;

	scene_begin(&sc);
	sc.kvm.hook = put_hook;
	sc.kvm.arg = &answer;
	id_make_at(sc.set, 7);
	CHECK_EQ(ioasid_free(sc.set, 7), 0);
	CHECK_EQ(answer, -EINVAL);
	CHECK_EQ(stats_of(sc.set).misuse, 1);
	CHECK_EQ(refs_of(sc.set, 7), -ENOENT);
	CHECK_EVENTS(&sc.rec, "kvm:ALLOC(7) kvm:FREE(7)");
	scene_end(&sc);
}

static void older_callers_have_smaller_structs(void)
{
	struct ioasid_stats stats;
	unsigned char *bytes = (unsigned char *)&stats;

	scene_begin(&sc);
	id_make_at(sc.set, 7);
	memset(&stats, 0xa5, sizeof(stats));
	stats.struct_size = 12;
	CHECK_EQ(ioasid_set_stats(sc.set, &stats), 0);
	CHECK_EQ(stats.allocated, 1);
	CHECK_EQ(stats.struct_size, 12);
	for (size_t i = 12; i < sizeof(stats); i++)
		if (!CHECK_EQ(bytes[i], 0xa5))
			break;
	stats.struct_size = 7;
	CHECK_EQ(ioasid_set_stats(sc.set, &stats), -EINVAL);
	stats.struct_size = sizeof(stats);
	CHECK_EQ(ioasid_set_stats(NULL, &stats), -EINVAL);
	CHECK_EQ(ioasid_set_stats(sc.set, NULL), -EINVAL);
	scene_end(&sc);
}

/* Sums of per-thread counters: exact once everybody has left, whatever each thread has cached. */
enum { CHURNERS = 6 };
struct churn {
	struct ioasid_set *set;
	pthread_barrier_t all; /* hold eight each at this moment */
};

static void churn(void *arg, unsigned int index)
{
	struct churn *c = arg;
	struct ioasid_set *set = c->set;
	ioasid_t kept[8], id;
	unsigned int n = rounds(300);

	(void)index;
	for (unsigned int i = 0; i < 8; i++)
		CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &kept[i]), 0);
	pthread_barrier_wait(&c->all);
	for (unsigned int i = 0; i < n; i++) {
		CHECK_EQ(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id), 0);
		CHECK_EQ(ioasid_free(set, id), 0);
	}
	CHECK_EQ(ioasid_free(set, kept[0]), 0);
}

static void churn_in(struct ioasid_set *set)
{
	struct churn c = { .set = set };

	REQUIRE_EQ(pthread_barrier_init(&c.all, NULL, CHURNERS), 0);
	crowd(CHURNERS, churn, &c);
	pthread_barrier_destroy(&c.all);
}

static void counts_are_exact_when_all_have_left(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *limited = set_make(pool, 100), *unlimited = set_make(pool, IOASID_QUOTA_UNLIMITED);

	churn_in(limited);
	churn_in(unlimited);
	CHECK_EQ(stats_of(limited).allocated, 42);
	CHECK_EQ(stats_of(unlimited).allocated, 42);
	CHECK_EQ(stats_of(ioasid_pool_root(pool)).allocated, 84);
	CHECK(stats_of(limited).high_water >= 48);
	CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1 - 100 - 42);
	set_end(limited);
	set_end(unlimited);
	CHECK_EQ(available(pool), IOASID_CAPACITY_MAX - 1);
	pool_end(pool);
}

struct alarm {
	unsigned int calls;
	uint32_t held;
	struct ioasid_set *set;
};

static void on_alarm(void *context, struct ioasid_set *set, uint32_t held)
{
	struct alarm *alarm = context;

	alarm->calls++;
	alarm->held = held;
	alarm->set = set;
}

static void alarm_once_per_crossing(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct alarm alarm = { 0 };

	CHECK_EQ(ioasid_set_quota_alarm(set, 3, on_alarm, &alarm), 0);
	id_make_at(set, 1);
	id_make_at(set, 2);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 0);
	id_make_at(set, 3);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 1);
	CHECK(alarm.set == set);
	CHECK_EQ(alarm.held, 3);
	/* Above it nothing; only the next way up. */
	id_make_at(set, 4);
	CHECK_EQ(ioasid_free(set, 4), 0);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 1);
	CHECK_EQ(ioasid_free(set, 3), 0);
	id_make_at(set, 3);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 2);
	/* A pending ID is held. */
	CHECK_EQ(ioasid_get(set, 3), 0);
	CHECK_EQ(ioasid_free(set, 3), 0);
	CHECK_EQ(ioasid_put(set, 3), 1);
	id_make_at(set, 3);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 3);
	/* Two ways up are two alarms, even if nobody has had time to run the first. */
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ioasid_free(set, 3), 0);
		id_make_at(set, 3);
	}
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 5);
	/* Switched off. */
	CHECK_EQ(ioasid_set_quota_alarm(set, 0, NULL, NULL), 0);
	CHECK_EQ(ioasid_free(set, 3), 0);
	id_make_at(set, 3);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 5);
	set_end(set);
	pool_end(pool);
}

static void alarm_set_above_waits_for_the_next_way_up(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *set = set_make(pool, 10);
	struct alarm alarm = { 0 };
	ioasid_t first;

	for (ioasid_t id = 1; id <= 4; id++)
		id_make_at(set, id);
	CHECK_EQ(ioasid_set_quota_alarm(set, 3, on_alarm, &alarm), 0);
	id_make_at(set, 5);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 0);
	CHECK_EQ(ioasid_set_reset(set), 0);
	/* A whole range passes it at once. */
	CHECK_EQ(ioasid_alloc_range(set, 8, 1, 1, 100, &first), 0);
	CHECK_EQ(ioasid_flush_work(set), 0);
	CHECK_EQ(alarm.calls, 1);
	CHECK_EQ(ioasid_set_quota_alarm(set, 3, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_quota_alarm(NULL, 3, on_alarm, &alarm), -EINVAL);
	CHECK_EQ(ioasid_set_quota_alarm(ioasid_pool_root(pool), 3, on_alarm, &alarm), -EINVAL);
	set_end(set);
	pool_end(pool);
}

static void rise(void *arg, unsigned int index)
{
	ioasid_t id;

	(void)index;
	for (unsigned int i = 0; i < 10; i++)
		CHECK_EQ(ioasid_alloc(arg, 1, IOASID_INVALID, NULL, &id), 0);
}

static void alarm_of_a_crowd_is_one_alarm(void)
{
	struct ioasid_pool *pool = pool_make(0);
	struct ioasid_set *set = set_make(pool, 100);
	struct alarm alarm = { 0 };
	unsigned int n = rounds(5);

	CHECK_EQ(ioasid_set_quota_alarm(set, 25, on_alarm, &alarm), 0);
	for (unsigned int i = 1; i <= n; i++) {
		crowd(4, rise, set);
		CHECK_EQ(ioasid_flush_work(set), 0);
		CHECK_EQ(alarm.calls, i);
		CHECK_EQ(ioasid_set_reset(set), 0);
		CHECK_EQ(ioasid_flush_work(set), 0);
	}
	set_end(set);
	pool_end(pool);
}

/* A pool's mark stays when the sets go that made it. */
static void a_pools_mark_never_falls(void)
{
	struct ioasid_pool *pool = pool_make_with(1000, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	struct ioasid_set *root = ioasid_pool_root(pool), *set[2] = { set_make(pool, 100), set_make(pool, 100) };
	uint32_t mark;

	for (unsigned int i = 0; i < 60; i++)
		id_make(set[i % 2]);
	mark = stats_of(root).high_water;
	CHECK(mark >= 60 && mark <= 200);
	set_end(set[0]);
	set_end(set[1]);
	(void)ioasid_pool_dispatch(pool);
	CHECK_EQ(stats_of(root).sets, 0);
	CHECK_EQ(stats_of(root).high_water, mark);
	/* Less than that again says nothing new. */
	set[0] = set_make(pool, 10);
	id_make(set[0]);
	CHECK_EQ(stats_of(root).high_water, mark);
	set_end(set[0]);
	(void)ioasid_pool_dispatch(pool);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "counts follow a life: allocated, pending, quota, high-water mark", counts_follow_a_life },
	{ "the pool's statistics are the sum of its sets'", the_pool_is_the_sum_of_its_sets },
	{ "events, vetoes and refused answers are counted, and outlive their set",
	  events_vetoes_and_refusals_are_counted },
	{ "an event that nobody is told of is not counted", nobody_subscribed_nothing_counted },
	{ "data left behind at reclaim is misuse, errors that a guest can cause are none (S4.6)",
	  misuse_is_counted },
	{ "a put too many is misuse, and has no effect (S4.5)", a_put_too_many_is_misuse },
	{ "callers with an older struct get what they know", older_callers_have_smaller_structs },
	{ "counts are exact when nobody is inside a call", counts_are_exact_when_all_have_left },
	{ "the alarm runs once for each crossing upwards (S13.1)", alarm_once_per_crossing },
	{ "an alarm that is set above its threshold waits for the next way up",
	  alarm_set_above_waits_for_the_next_way_up },
	{ "an alarm that many threads cross is one alarm", alarm_of_a_crowd_is_one_alarm },
	{ "S13.1 a pool's high-water mark stays when its sets go", a_pools_mark_never_falls },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("stats", cases, argc, argv);
}
