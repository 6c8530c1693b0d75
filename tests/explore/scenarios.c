/*
 * A model check of the state word and the event turn, on the core's own code: what may happen to one or two
 * IOASIDs at once, in every order.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ioasid/ioasid.h>

#include "explore.h"
#include "tests/harness.h"

static struct ioasid_pool *pool;
static struct ioasid_set *set;
static int answers[8];

/* ---- What subscribers were told ---- */

static char told[64]; /* of ID 7: A F B U, lower case of ID 8 */
static unsigned int told_count;
static int inside[2];
static bool overlapped;
static int (*hook)(const struct ioasid_event *event);

void explore_point(void);

static int handler(void *context, const struct ioasid_event *event)
{
	const char *letters = event->id == 7 ? "AFBU" : "afbu";
	int which = event->id == 7 ? 0 : 1, ret = 0;

	(void)context;
	overlapped = overlapped || inside[which]++ != 0;
	told[told_count++] = letters[__builtin_ctz(event->event)];
	explore_point(); /* a handler takes its time */
	if (hook != NULL)
		ret = hook(event);
	explore_point();
	inside[which]--;
	return ret;
}

static const struct ioasid_notifier block = { handler, NULL, IOASID_EVENT_ALL, IOASID_PRIO_CPU };

/* Is it A (B U)* B? F, as far as it goes? */
static bool grammar(const char *letters)
{
	char last = 0;

	for (unsigned int i = 0; i < told_count; i++) {
		char c = told[i];
		bool ok;

		if (strchr(letters, c) == NULL)
			continue;
		if (c == letters[0])
			ok = last == 0 || last == letters[1];
		else if (c == letters[1])
			ok = last != 0 && last != letters[1];
		else if (c == letters[2])
			ok = last == letters[0] || last == letters[3];
		else
			ok = last == letters[2];
		if (!ok)
			return false;
		last = c;
	}
	return true;
}

static unsigned int count_of(char c)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < told_count; i++)
		n += told[i] == c;
	return n;
}

/* ---- Begin and end ---- */

static void begin_plain(void)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .flags = IOASID_POOL_NO_WORKER };
	ioasid_t id;

	memset(answers, 0, sizeof(answers));
	memset(inside, 0, sizeof(inside));
	told_count = 0;
	overlapped = false;
	hook = NULL;
	(void)ioasid_pool_create(&attr, &pool);
	(void)ioasid_set_alloc(pool, IOASID_SET_NONE, 0, 4, &set);
	(void)ioasid_alloc(set, 7, 7, NULL, &id);
}

static void begin_told(void)
{
	ioasid_t id;

	begin_plain();
	(void)ioasid_free(set, 7);
	(void)ioasid_register_notifier(set, &block, 0);
	(void)ioasid_alloc(set, 7, 7, NULL, &id);
}

static void begin_told_two(void)
{
	ioasid_t id;

	begin_told();
	(void)ioasid_alloc(set, 8, 8, NULL, &id);
}

/* Nothing is left of the set but itself; its quota is whole. */
static bool end_clean(void)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	bool ok;
	uint32_t free_now;

	(void)ioasid_unregister_notifier(set, &block);
	(void)ioasid_set_stats(set, &stats);
	ok = stats.allocated == 0 && stats.pending == 0 && !overlapped;
	ok = ioasid_set_put(set) == 1 && ok;
	while (ioasid_pool_dispatch(pool) > 0)
		;
	(void)ioasid_pool_available(pool, &free_now);
	ok = ok && free_now == IOASID_CAPACITY_MAX - 1;
	return ioasid_pool_destroy(pool) == 0 && ok;
}

static bool end_told(void)
{
	bool ok = grammar("AFBU") && grammar("afbu") && count_of('F') <= count_of('A') && count_of('f') <= count_of('a');

	return end_clean() && ok;
}

/* ---- Scenarios ---- */

static void free_7(void)
{
	answers[0] = ioasid_free(set, 7);
}

static void free_7_too(void)
{
	answers[1] = ioasid_free(set, 7);
}

static void get_put_7(void)
{
	answers[2] = ioasid_get(set, 7);
	if (answers[2] == 0)
		answers[3] = ioasid_put(set, 7);
}

static void get_put_7_too(void)
{
	answers[4] = ioasid_get(set, 7);
	if (answers[4] == 0)
		answers[5] = ioasid_put(set, 7);
}

/* S4.2, S4.5: one transition, one reclaim. A put says 1 at most once. */
static bool end_one_reclaim(void)
{
	bool ok = (answers[0] == 0 || answers[0] == -ENOENT) && (answers[1] == 0 || answers[1] == -ENOENT);

	return end_clean() && ok && (answers[3] == 1) + (answers[5] == 1) <= 1;
}

static bool end_one_free(void)
{
	bool ok = count_of('A') == 1 && count_of('F') == 1;

	return end_told() && ok;
}

static void attach_7(void)
{
	answers[6] = ioasid_attach_spid(set, 7, ioasid_spid_make(3));
}

static void detach_7(void)
{
	answers[7] = ioasid_detach_spid(set, 7);
}

/* S6.2, S7.1: every BIND is followed by UNBIND or FREE, never both for one SPID. */
static bool end_spid(void)
{
	bool ok = count_of('B') >= count_of('U') && count_of('B') <= count_of('U') + 1 && count_of('F') == 1;

	return end_told() && ok;
}

static int free_8_in_handler(const struct ioasid_event *event)
{
	if (event->id == 7 && event->event == IOASID_EVENT_BIND) {
		answers[3] = ioasid_free(event->set, 8);
		/* S7.6: marked at once. */
		answers[4] = ioasid_get(event->set, 8);
	}
	return 0;
}

static int free_each_other(const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_BIND)
		answers[event->id == 7 ? 3 : 4] = ioasid_free(event->set, event->id == 7 ? 8 : 7);
	return 0;
}

static void begin_free_8(void)
{
	begin_told_two();
	hook = free_8_in_handler;
}

static void begin_cross(void)
{
	begin_told_two();
	hook = free_each_other;
}

static void attach_8(void)
{
	answers[5] = ioasid_attach_spid(set, 8, ioasid_spid_make(4));
}

/* The ID that only its own attach uses is freed at the end. */
static bool end_free_8(void)
{
	bool ok = answers[4] == -ENOENT && count_of('f') == 1 && count_of('F') == 0;

	hook = NULL;
	(void)ioasid_free(set, 7);
	return end_told() && ok;
}

static bool end_cross(void)
{
	hook = NULL;
	(void)ioasid_free(set, 7);
	(void)ioasid_free(set, 8);
	return count_of('F') == 1 && count_of('f') == 1 && end_told();
}

static int veto_8(const struct ioasid_event *event)
{
	return event->id == 8 && event->event == IOASID_EVENT_ALLOC ? -EUCLEAN : 0;
}

static void begin_veto(void)
{
	begin_told();
	hook = veto_8;
}

static void alloc_8(void)
{
	ioasid_t id;

	answers[0] = ioasid_alloc(set, 8, 8, NULL, &id);
}

static void reset(void)
{
	answers[1] = ioasid_set_reset(set);
}

/* S7.7: a vetoed birth leaves nothing. */
static bool end_veto(void)
{
	bool ok = answers[0] == -EUCLEAN && answers[1] == 0;

	hook = NULL;
	(void)ioasid_free(set, 7);
	return end_told() && ok;
}

static int some_data;

static void attach_data_7(void)
{
	answers[2] = ioasid_attach_data(set, 7, &some_data);
}

static void detach_data_7(void)
{
	void *old;

	answers[3] = ioasid_detach_data(set, 7, &old);
}

/* S5: data never outlives its ID into the next life. */
static bool end_data(void)
{
	void *data = &some_data;
	ioasid_t id;
	bool ok;

	ok = ioasid_alloc(set, 7, 7, NULL, &id) == 0 && ioasid_find(set, 7, NULL, &data) == 0 && data == NULL;
	(void)ioasid_free(set, 7);
	return end_clean() && ok;
}

static void wait_7(void)
{
	answers[4] = ioasid_wait_reclaimed(pool, 7, IOASID_FOREVER);
}

static void put_held_7(void)
{
	answers[3] = ioasid_put(set, 7);
}

static void begin_pending(void)
{
	begin_plain();
	(void)ioasid_get(set, 7);
	(void)ioasid_get(set, 7);
	(void)ioasid_free(set, 7);
}

static void put_held_7_too(void)
{
	answers[5] = ioasid_put(set, 7);
}

/* S3.5: who waits for the reclaim is woken by it; S4.5: one put reclaims. */
static bool end_wait(void)
{
	return answers[4] == 0 && answers[3] + answers[5] == 1 && end_clean();
}

static void register_late(void)
{
	answers[0] = ioasid_register_notifier(set, &block, IOASID_NOTIFIER_REPLAY);
}

/* S7.9: per ID it is as if the block had been there before the ALLOC, or never. */
static bool end_replay(void)
{
	bool ok = answers[0] == 0 && count_of('A') <= 1 && count_of('F') == count_of('A');

	return end_told() && ok;
}

static void begin_held(void)
{
	begin_plain();
	(void)ioasid_get(set, 7);
}

static bool end_replay_held(void)
{
	(void)ioasid_put(set, 7);
	return end_replay();
}

/* A quota of which threads cache some: then alloc and free are the quick ones. */
static void begin_roomy(void)
{
	begin_plain();
	(void)ioasid_free(set, 7);
	(void)ioasid_set_adjust_quota(set, 100);
}

/* The first takes credit and numbers into the thread's cache: those that the main thread's has not taken. While
 * somebody holds the number, the next one is the next. */
#define CHURNED 64u
static void churn(void)
{
	ioasid_t id;

	for (unsigned int i = 0; i < 3; i++) {
		answers[0] |= ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id);
		answers[0] |= i == 0 && id != CHURNED;
		(void)ioasid_free(set, id);
	}
}

static void get_put_churned(void)
{
	answers[2] = ioasid_get(set, CHURNED);
	if (answers[2] == 0)
		answers[3] = ioasid_put(set, CHURNED);
}

static void free_churned(void)
{
	(void)ioasid_free(set, CHURNED);
}

static void shrink(void)
{
	answers[4] = ioasid_set_adjust_quota(set, 50);
}

/* Who has got a reference can put it. */
static bool end_churn(void)
{
	return end_clean() && answers[0] == 0 && answers[4] == 0 && answers[3] >= 0;
}

static const struct scenario scenarios[] = {
	{ "two frees and a holder (S4.2, S4.5)", 3, begin_plain, { free_7, free_7_too, get_put_7 }, end_one_reclaim },
	{ "a free and two holders (S4.5)", 3, begin_plain, { free_7, get_put_7, get_put_7_too }, end_one_reclaim },
	{ "two frees with a subscriber (S4.1)", 2, begin_told, { free_7, free_7_too, get_put_7 }, end_one_free },
	{ "a SPID attached while its ID is freed (S6.2, S7.1)", 2, begin_told, { attach_7, detach_7, free_7 }, end_spid },
	{ "a handler that frees another ID, which has an event of its own (S7.6)", 2, begin_free_8, { attach_7, attach_8 },
	  end_free_8 },
	{ "handlers that free each other's ID (S7.6)", 2, begin_cross, { attach_7, attach_8 }, end_cross },
	{ "a vetoed birth while the set is reset (S7.7)", 2, begin_veto, { alloc_8, reset }, end_veto },
	{ "data attached and detached while its ID is freed (S5.3, S5.4)", 3, begin_plain,
	  { attach_data_7, detach_data_7, free_7 }, end_data },
	{ "a waiter for the reclaim and two last holders (S3.5, S4.5)", 2, begin_pending,
	  { wait_7, put_held_7, put_held_7_too }, end_wait },
	{ "a replay while its ID is freed and held (S7.9)", 1, begin_plain, { register_late, free_7, get_put_7 },
	  end_replay },
	{ "a replay while an ID is freed that somebody holds (S7.9)", 2, begin_held, { register_late, free_7 },
	  end_replay_held },
	{ "quick allocs and frees of one number, a holder and another free (S4.5)", 2, begin_roomy,
	  { churn, get_put_churned, free_churned }, end_churn },
	{ "quick allocs and frees while credit is called in (S3.1, S2.4)", 3, begin_roomy, { churn, shrink }, end_churn },
};

/* IOASID_EXPLORE_PREEMPTIONS: fewer than the scenario would try, for runs under slow tools. */
static unsigned int bound(unsigned int standard)
{
	const char *env = getenv("IOASID_EXPLORE_PREEMPTIONS");
	unsigned long n = env != NULL ? strtoul(env, NULL, 10) : standard;

	return n < standard ? (unsigned int)n : standard;
}

static void run(const struct scenario *scenario)
{
	struct scenario bounded = *scenario, *s = &bounded;
	struct outcome o;

	s->preemptions = bound(s->preemptions);
	explore(s, &o);
	printf("# %s: %lu schedules, up to %lu steps\n", s->name, o.schedules, o.longest);
	if (!CHECK(!o.deadlock) || !CHECK(!o.wrong))
		printf("# told %.*s, answers %d %d %d %d %d %d %d %d, schedule %s\n", (int)told_count, told, answers[0],
		       answers[1], answers[2], answers[3], answers[4], answers[5], answers[6], answers[7], o.trace);
	CHECK(o.schedules > 1);
}

#define CASES (sizeof(scenarios) / sizeof(scenarios[0]))

static unsigned int case_now;

static void run_next(void)
{
	run(&scenarios[case_now++]);
}

int main(int argc, char **argv)
{
	struct test_case cases[CASES];

	/* The harness runs them in order; all or none, since a case does not know its number. */
	for (unsigned int i = 0; i < CASES; i++) {
		cases[i].name = scenarios[i].name;
		cases[i].fn = run_next;
	}
	return test_main("explore", cases, CASES, argc > 1 ? 1 : argc, argv);
}
