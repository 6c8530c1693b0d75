/*
 * What the subscribers of the stress check: the grammar of lives, and that events do not overlap.
 *
 * Two of them stand at both ends of the order. The first opens an event of an ID, the last closes it, so that
 * what lies between is the whole chain: another event of the ID, or of its SPID, that begins in between is an
 * overlap. In a roll-back the first one is the last to be told.
 */
#include "stress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BACKWARDS UINT64_C(0x80)
#define NAMED(set, spid) ((uint64_t)(uintptr_t)(set) << 16 | ((uint64_t)(spid) + 1))

static struct ioasid_notifier first_block, actor_block, last_block;

bool set_is_silent(const struct ioasid_set *set)
{
	for (unsigned int i = 0; i <= world.threads; i++)
		if (atomic_load(&world.silent[i]) == set)
			return true;
	return false;
}

/* One step of a life. @undo: the event takes back one that was vetoed. */
static void step(_Atomic uint8_t *place, const struct ioasid_event *event, bool undo, const char *who)
{
	uint8_t was = atomic_load(place), state = was & (LIFE_SILENT - 1);
	bool silent = was & LIFE_SILENT;

	switch (event->event) {
	case IOASID_EVENT_ALLOC:
		MUST(state == LIFE_NONE || silent, "%s: ALLOC of %u in state %u", who, event->id, was);
		was = LIFE_ALLOC | (set_is_silent(event->set) ? LIFE_SILENT : 0);
		break;
	case IOASID_EVENT_BIND:
		MUST(state == LIFE_ALLOC, "%s: BIND of %u in state %u", who, event->id, was);
		was = (uint8_t)(LIFE_BIND | (was & LIFE_SILENT));
		break;
	case IOASID_EVENT_UNBIND:
		MUST(state == LIFE_BIND, "%s: UNBIND of %u in state %u", who, event->id, was);
		was = (uint8_t)(LIFE_ALLOC | (was & LIFE_SILENT));
		break;
	default:
		MUST(event->event == IOASID_EVENT_FREE, "%s: event %u of %u", who, event->event, event->id);
		MUST(state != LIFE_NONE, "%s: FREE of %u in state %u", who, event->id, was);
		MUST(undo || !silent, "%s: FREE of %u, whose set only blocks", who, event->id);
		was = LIFE_NONE;
		break;
	}
	atomic_store(place, was);
}

/* Opens an event: nothing else of the ID, and nothing that names its SPID, is being delivered. */
static void open_event(const struct ioasid_event *event, uint64_t mine)
{
	uint64_t none = 0, name = NAMED(event->set, event->spid.value);

	MUST(atomic_compare_exchange_strong(&world.progress[event->id], &none, mine),
	     "event %u of %u begins in thread %u during %#llx", event->event, event->id,
	     (unsigned int)(mine >> 8), (unsigned long long)none);
	if (event->spid.value == IOASID_SPID_NONE)
		return;
	atomic_store(&world.named[event->id], name);
	for (ioasid_t id = 1; id <= WINDOW; id++)
		MUST(id == event->id || atomic_load(&world.named[id]) != name,
		     "event %u of %u names the SPID %u during an event of %u that does", event->event,
		     event->id, event->spid.value, id);
}

static void close_event(const struct ioasid_event *event, uint64_t mine)
{
	atomic_store(&world.named[event->id], 0);
	MUST(atomic_load(&world.progress[event->id]) == mine, "event %u of %u ended in another thread",
	     event->event, event->id);
	atomic_store(&world.progress[event->id], 0);
}

static void check_life(const struct ioasid_event *event)
{
	ioasid_t id = event->id;

	MUST(id > 0 && id < CAPACITY, "event of %u", id);
	if (event->event == IOASID_EVENT_ALLOC) {
		MUST(atomic_load(&world.holders[id]) == 0, "%u begins a life while %u references are held",
		     id, atomic_load(&world.holders[id]));
		MUST(!atomic_load(&world.reserved[id]), "%u is reserved, and begins a life", id);
		MUST(event->spid.value == IOASID_SPID_NONE, "ALLOC of %u has a SPID", id);
		atomic_store(&world.owner[id], event->set);
		atomic_store(&world.spid[id], IOASID_SPID_NONE);
		return;
	}
	MUST(atomic_load(&world.owner[id]) == event->set, "event %u of %u names another set", event->event,
	     id);
	if (event->event == IOASID_EVENT_BIND)
		atomic_store(&world.spid[id], event->spid.value);
	MUST(atomic_load(&world.spid[id]) == event->spid.value, "event %u of %u has the SPID %u, not %u",
	     event->event, id, event->spid.value, atomic_load(&world.spid[id]));
	if (event->event == IOASID_EVENT_UNBIND)
		atomic_store(&world.spid[id], IOASID_SPID_NONE);
}

static uint64_t this_event(const struct ioasid_event *event)
{
	return (uint64_t)gettid() << 8 | event->event;
}

static int first_told(void *context, const struct ioasid_event *event)
{
	uint64_t mine = this_event(event), now = atomic_load(&world.progress[event->id]);
	uint64_t undone = (mine & ~UINT64_C(0xff)) |
			  (event->event == IOASID_EVENT_FREE ? IOASID_EVENT_ALLOC : IOASID_EVENT_BIND);
	bool undo = event->event & (IOASID_EVENT_FREE | IOASID_EVENT_UNBIND) && now == undone;

	if (now == (mine | BACKWARDS)) {
		undo = true;
		undone = now;
	}
	(void)context;
	atomic_fetch_add(&world.events, 1);
	if (me != NULL)
		MUST(me->depth == 0, "a handler inside a handler");
	if (!undo)
		open_event(event, mine);
	check_life(event);
	step(&world.first[event->id], event, undo, "first");
	if (undo)
		close_event(event, undone);
	return 0;
}

/* An ID of a range all of which is undone for the sake of a later one: the chain is told backwards, from its
 * end. */
static bool begins_backwards(const struct ioasid_event *event)
{
	return me != NULL && me->in_range && event->event == IOASID_EVENT_FREE &&
	       atomic_load(&world.progress[event->id]) == 0;
}

static int last_told(void *context, const struct ioasid_event *event)
{
	bool backwards = begins_backwards(event);

	(void)context;
	if (backwards)
		open_event(event, this_event(event) | BACKWARDS);
	step(&world.last[event->id], event, backwards, "last");
	if (event->data != NULL)
		cell_look(event->data);
	if (!backwards)
		close_event(event, this_event(event));
	return 0;
}

/* Between them: does things, and vetoes now and then. */
static int actor_told(void *context, const struct ioasid_event *event)
{
	(void)context;
	if (me == NULL)
		return 0;
	if (solo_is(event->set)) {
		int veto = me->solo_veto;

		if (veto != (int)event->event)
			return 0;
		me->solo_veto = 0;
		return -EUCLEAN;
	}
	me->depth++;
	if (chance(4) == 0)
		meddle(event->set, event->id, event->event == IOASID_EVENT_ALLOC);
	me->depth--;
	if (event->event & (IOASID_EVENT_ALLOC | IOASID_EVENT_BIND) && chance(24) == 0) {
		atomic_fetch_add(&world.vetoes, 1);
		return -EUCLEAN;
	}
	return chance(8) == 0 ? 1 : 0;
}

static int transient_told(void *context, const struct ioasid_event *event)
{
	struct transient *t = context;

	MUST(atomic_load(&t->active), "event %u of %u after the end of its subscription", event->event,
	     event->id);
	MUST(atomic_exchange(&t->inside[event->id], 1) == 0, "events of %u overlap for a late subscriber",
	     event->id);
	step(&t->life[event->id], event, true, t->name);
	if (event->data != NULL)
		cell_look(event->data);
	atomic_store(&t->inside[event->id], 0);
	return 0;
}

void transient_init(struct transient *t, unsigned int scope, uint32_t flags)
{
	static const uint32_t priorities[] = { IOASID_PRIO_CPU, IOASID_PRIO_DEVICE, IOASID_PRIO_IOMMU,
					       IOASID_PRIO_LAST };

	static const char *const scopes[] = { "set", "pool", "token" };

	memset(t, 0, sizeof(*t));
	snprintf(t->name, sizeof(t->name), "late, of the %s%s", scopes[scope], flags != 0 ? ", replay" : "");
	t->block = (struct ioasid_notifier){ .handler = transient_told,
					     .context = t,
					     .events = IOASID_EVENT_ALL,
					     .priority = priorities[chance(4)] };
	atomic_store(&t->active, true);
}

void events_begin(void)
{
	static struct {
		struct ioasid_notifier *block;
		ioasid_handler_t handler;
		uint32_t priority;
	} plan[] = {
		{ &first_block, first_told, IOASID_PRIO_CPU },
		{ &actor_block, actor_told, IOASID_PRIO_DEVICE },
		{ &last_block, last_told, IOASID_PRIO_LAST },
	};

	for (unsigned int i = 0; i < 3; i++) {
		*plan[i].block = (struct ioasid_notifier){ .handler = plan[i].handler,
							   .events = IOASID_EVENT_ALL,
							   .priority = plan[i].priority };
		MUST(ioasid_register_notifier(world.root, plan[i].block, 0) == 0, "no subscription");
	}
}

void events_end(void)
{
	MUST(ioasid_unregister_notifier(world.root, &first_block) == 0, "first not subscribed");
	MUST(ioasid_unregister_notifier(world.root, &actor_block) == 0, "actor not subscribed");
	MUST(ioasid_unregister_notifier(world.root, &last_block) == 0, "last not subscribed");
}
