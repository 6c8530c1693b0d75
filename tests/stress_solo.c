/*
 * A set that one thread has for itself, while the others attack it: each answer, event and count is
 * predicted.
 */
#include "stress.h"

#include <string.h>

bool solo_is(const struct ioasid_set *set)
{
	return me != NULL && me->solo == set;
}

/*
 * Nobody but this thread makes transitions of its IDs, so they are told in it, and in no other; but a free in
 * a read section may be completed by who replays the ID just then (S7.6).
 */
static int told(void *context, const struct ioasid_event *event)
{
	struct me *owner = context;

	if (me != owner) {
		MUST(event->event == IOASID_EVENT_FREE && atomic_load(&owner->handed_over) == event->id,
		     "event %u of %u, of a thread's own set, in another thread", event->event, event->id);
		atomic_store(&owner->handed_over, 0);
		return 0;
	}
	MUST(me->seen_count < SEEN_MAX, "more events than IDs");
	me->seen[me->seen_count++] = (struct seen){ event->event, event->id, event->spid.value, event->data };
	return 0;
}

static int visit(void *context, struct ioasid_set *set, ioasid_t id)
{
	ioasid_t *last = context;

	MUST(set == me->solo && id < CAPACITY && me->ids[id].state == ACTIVE, "a walk visits %u", id);
	for (ioasid_t n = *last + 1; n < id; n++)
		MUST(me->ids[n].state != ACTIVE, "a walk goes past %u", n);
	*last = id;
	return 0;
}

static void solo_count(void)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	ioasid_t last = 0;

	MUST(ioasid_set_stats(me->solo, &stats) == 0, "no statistics");
	MUST(stats.allocated == me->solo_held && stats.pending == me->solo_pending &&
		     stats.quota == me->solo_quota,
	     "%u of %u allocated, %u pending, not %u of %u and %u", stats.allocated, stats.quota,
	     stats.pending, me->solo_held, me->solo_quota, me->solo_pending);
	MUST(ioasid_set_for_each(me->solo, visit, &last) == 0, "no walk");
	for (ioasid_t n = last + 1; n < CAPACITY; n++)
		MUST(me->ids[n].state != ACTIVE, "a walk ends before %u", n);
}

static void solo_adjust(void)
{
	uint32_t quota = 1 + chance(SOLO_QUOTA);
	int err = ioasid_set_adjust_quota(me->solo, quota);

	if (quota < me->solo_held)
		solo_check_answer("adjust_quota", 0, err, -EINVAL);
	else if (quota <= me->solo_quota)
		solo_check_answer("adjust_quota", 0, err, 0);
	else
		ONE_OF(err, 0, -ENOSPC);
	if (err == 0)
		me->solo_quota = quota;
}

/* Each ACTIVE ID was told FREE once, and nothing else was told. */
static void all_freed(void)
{
	unsigned int count = 0;

	for (ioasid_t id = 1; id < CAPACITY; id++) {
		unsigned int told_of = 0;

		if (me->ids[id].state != ACTIVE)
			continue;
		for (unsigned int n = 0; n < me->seen_count; n++)
			told_of += me->seen[n].id == id && me->seen[n].event == IOASID_EVENT_FREE &&
				   me->seen[n].spid == me->ids[id].spid;
		MUST(told_of == (me->solo_silent ? 0 : 1), "FREE of %u told %u times", id, told_of);
		count += told_of;
		solo_model_free(id);
	}
	MUST(me->seen_count == count, "%u events instead of %u", me->seen_count, count);
	me->seen_count = 0;
}

void solo_begin(void)
{
	uint32_t mode;
	int err;

	/* For good: others take the address of a silent set for that of one that does not tell FREE. */
	me->solo_silent = me->index % 4 == 1;
	mode = me->solo_silent ? IOASID_TEARDOWN_BLOCK :
	       chance(2) == 0  ? IOASID_TEARDOWN_NOTIFY :
				 IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY;
	me->solo_quota = SOLO_QUOTA;
	do {
		err = ioasid_set_alloc(world.pool, IOASID_SET_OPAQUE, 1000 + me->index, me->solo_quota,
				       &me->solo);
		ONE_OF(err, 0, -ENOSPC);
	} while (err != 0);
	MUST(ioasid_set_teardown_mode(me->solo, mode) == 0, "no mode");
	atomic_store(&world.silent[me->index], me->solo_silent ? me->solo : NULL);
	me->solo_block = (struct ioasid_notifier){
		.handler = told, .context = me, .events = IOASID_EVENT_ALL, .priority = IOASID_PRIO_CPU
	};
	MUST(ioasid_register_notifier(me->solo, &me->solo_block, 0) == 0, "no subscription");
}

void solo_end(void)
{
	struct ioasid_set *old = me->solo;

	/* The set dies, and then its pending IDs are put, by references that outlive it. */
	MUST(ioasid_set_put(old) == 1, "a set with one reference outlives it");
	all_freed();
	for (ioasid_t id = 1; id < CAPACITY; id++) {
		while (me->ids[id].refs > 0) {
			MUST(me->ids[id].state == PENDING, "%u is not pending", id);
			MUST(ioasid_get(old, id) == -ENOENT, "a reference to %u of a dead set", id);
			solo_check_answer("put", id, ioasid_put(old, id), --me->ids[id].refs == 0);
			if (me->ids[id].refs == 0)
				solo_model_reclaim(id);
		}
	}
	MUST(me->solo_held == 0 && me->solo_pending == 0, "the model has IDs left");
	me->solo = NULL;
}

void solo_step(void)
{
	typedef void (*step_fn)(void);
	static const step_fn steps[] = { solo_alloc,	   solo_alloc,	     solo_alloc,	solo_free,
					 solo_free,	   solo_get,	     solo_put,		solo_put,
					 solo_attach_spid, solo_detach_spid, solo_find_by_spid, solo_data,
					 solo_look,	   solo_look };
	uint32_t what = chance(400);

	if (what == 0 && !me->solo_silent) {
		solo_end();
		solo_begin();
	} else if (what == 1) {
		MUST(ioasid_set_reset(me->solo) == 0, "no reset");
		all_freed();
		for (ioasid_t id = 1; id < CAPACITY && me->solo_silent; id++)
			if (me->ids[id].state != FREE || me->ids[id].handle != 0)
				solo_settle(id);
	} else if (what < 12) {
		solo_count();
	} else if (what < 20) {
		solo_adjust();
	} else {
		steps[chance(sizeof(steps) / sizeof(steps[0]))]();
	}
	solo_saw_nothing();
}
