/*
 * What all threads do to the shared sets: which operation comes next, in threads, handlers and work items.
 */
#include "stress.h"

#include <stdlib.h>
#include <unistd.h>

static struct slot *any_slot(void)
{
	return &world.slots[chance(SLOTS)];
}

static void work_run(void *context, struct ioasid_work *work)
{
	struct slot *slot = context;
	struct ioasid_set *set = slot_take(slot);

	(void)work;
	if (set != NULL) {
		alloc_one(slot, set);
		look_one(set);
		ONE_OF(ioasid_free(set, any_id()), 0, -ENOENT, -EACCES);
		ONE_OF(ioasid_set_put(set), 0, 1);
	}
	atomic_fetch_add(&world.work_done, 1);
}

static void queue_one(struct ioasid_set *set)
{
	struct ioasid_work *work = &me->work[chance(4)];
	int err;

	atomic_fetch_add(&world.work_queued, 1);
	err = ioasid_queue_work(set, work);
	ONE_OF(err, 0, -EALREADY);
	if (err != 0)
		atomic_fetch_sub(&world.work_queued, 1);
}

void meddle(struct ioasid_set *set, ioasid_t told_of, bool alloc)
{
	ioasid_t id = chance(2) == 0 ? told_of : any_id();
	int err;

	switch (chance(6)) {
	case 0:
		err = ioasid_free(set, id);
		if (alloc && id == told_of)
			ONE_OF(err, -EDEADLK);
		else if (me->in_range)
			ONE_OF(err, 0, -ENOENT, -EACCES, -EDEADLK); /* what is born of the run is seen here */
		else
			ONE_OF(err, 0, -ENOENT, -EACCES);
		break;
	case 1:
		get_one(set, told_of);
		break;
	case 2:
		if (!me->in_range)
			put_one();
		break;
	case 3:
		find_number(set);
		break;
	case 4:
		queue_one(set);
		break;
	default:
		MUST(ioasid_alloc(set, 1, WINDOW, NULL, &id) == -EDEADLK, "alloc in a handler");
		break;
	}
}

/* Trades the reference to the set for one to an ID of it, so that the set may die: the ID, or 0. */
static ioasid_t let_go(struct ioasid_set *set)
{
	ioasid_t id = any_id();
	int err = ioasid_get(set, id);

	ONE_OF(err, 0, -ENOENT, -EACCES);
	if (err != 0)
		return 0;
	atomic_fetch_add(&world.holders[id], 1);
	ONE_OF(ioasid_set_put(set), 0, 1);
	return id;
}

/*
 * A subscriber comes, sees a few more operations, and goes; perhaps after its set has died. Return: is the
 * reference to the set gone?
 */
static bool subscribe(struct slot *slot, struct ioasid_set *set)
{
	struct transient *t = me->transient;
	uint32_t flags = chance(2) == 0 ? IOASID_NOTIFIER_REPLAY : 0;
	unsigned int scope = chance(slot->token != 0 ? 3 : 2), steps = chance(12);
	struct ioasid_set *where = scope == 0 ? set : world.root;
	ioasid_t kept = 0;
	int err;

	transient_init(t, scope, flags);
	if (scope == 2)
		err = ioasid_register_notifier_token(world.pool, IOASID_SET_OPAQUE, slot->token, &t->block,
						     flags);
	else
		err = ioasid_register_notifier(where, &t->block, flags);
	ONE_OF(err, 0, flags == 0 ? -EBUSY : 0, scope == 0 ? -ENOENT : 0);
	me->transient = NULL;
	if (err == 0) {
		kept = let_go(set);
		while (steps-- > 0)
			shared_step();
		if (scope == 2)
			err = ioasid_unregister_notifier_token(world.pool, IOASID_SET_OPAQUE, slot->token,
							       &t->block);
		else
			err = ioasid_unregister_notifier(where, &t->block);
		ONE_OF(err, 0, scope == 0 ? -ENOENT : 0);
	}
	atomic_store(&t->active, false);
	me->transient = t;
	if (kept == 0)
		return false;
	atomic_fetch_sub(&world.holders[kept], 1);
	ONE_OF(ioasid_put(set, kept), 0, 1);
	return true;
}

static void of_the_pool(void)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	uint32_t number;
	int err;

	switch (chance(4)) {
	case 0:
		err = ioasid_wait_reclaimed(world.pool, any_id(), 20000);
		ONE_OF(err, 0, -EBUSY, -ETIMEDOUT);
		break;
	case 1:
		err = ioasid_reclaim_fd(world.pool, any_id());
		MUST(err >= 0 || err == -EBUSY, "reclaim_fd: %d", err);
		if (err >= 0)
			close(err);
		break;
	case 2:
		MUST(ioasid_pool_available(world.pool, &number) == 0 && number < CAPACITY, "%u available",
		     number);
		break;
	default:
		MUST(ioasid_set_stats(world.root, &stats) == 0, "no statistics");
		break;
	}
}

/* One thread takes a range out of the pool, and gives it back. */
static void reserve_or_give_back(void)
{
	static bool reserved;
	int err;

	if (me->index != 0)
		return;
	if (reserved) {
		for (ioasid_t id = RESERVED_MIN; id <= RESERVED_MAX; id++)
			atomic_store(&world.reserved[id], 0);
		MUST(ioasid_pool_unreserve(world.pool, RESERVED_MIN, RESERVED_MAX) == 0, "cannot give back");
		reserved = false;
		return;
	}
	err = ioasid_pool_reserve(world.pool, RESERVED_MIN, RESERVED_MAX);
	ONE_OF(err, 0, -EBUSY, -ENOSPC);
	if (err != 0)
		return;
	reserved = true;
	for (ioasid_t id = RESERVED_MIN; id <= RESERVED_MAX; id++)
		atomic_store(&world.reserved[id], 1);
}

/* Return: is the reference to the set gone? */
static bool in_set(struct slot *slot, struct ioasid_set *set)
{
	uint32_t what = chance(100);

	if (what < 20)
		alloc_one(slot, set);
	else if (what < 23)
		alloc_several(set);
	else if (what < 34)
		ONE_OF(ioasid_free(set, any_id()), 0, -ENOENT, -EACCES);
	else if (what < 42)
		get_one(set, any_id());
	else if (what < 56)
		name_one(set);
	else if (what < 62)
		find_number(set);
	else if (what < 70)
		look_one(set);
	else if (what < 78)
		change_data(slot, set);
	else if (what < 82)
		by_handle(set);
	else if (what < 88)
		of_the_set(slot, set);
	else if (what < 91)
		queue_one(set);
	else if (what < 98 || me->transient == NULL)
		attack(set);
	else
		return subscribe(slot, set);
	return false;
}

/* Works on a set, alive or dead, with nothing but a reference to one of its IDs. */
static void in_held(struct slot *slot)
{
	struct held h;

	if (me->held_count == 0)
		return;
	h = me->held[--me->held_count];
	for (unsigned int n = chance(4); n > 0; n--) {
		if (chance(2) == 0)
			name_one(h.set);
		else if (chance(2) == 0)
			alloc_one(slot, h.set);
		else if (chance(2) == 0)
			change_data(slot, h.set);
		else
			of_the_set(slot, h.set);
	}
	atomic_fetch_sub(&world.holders[h.id], 1);
	ONE_OF(ioasid_put(h.set, h.id), 0, 1);
}

void shared_step(void)
{
	struct slot *slot = any_slot();
	struct ioasid_set *set;
	uint32_t what = chance(100);

	if (what < 14) {
		put_one();
	} else if (what < 16) {
		of_the_pool();
	} else if (what == 16) {
		if (chance(4) == 0)
			slot_kill(slot, false);
	} else if (what == 17) {
		slot_bear(slot);
	} else if (what == 18) {
		reserve_or_give_back();
	} else if (what < 22) {
		in_held(slot);
	} else {
		set = slot_take(slot);
		if (set == NULL)
			return;
		if (!in_set(slot, set))
			ONE_OF(ioasid_set_put(set), 0, 1);
	}
}

void shared_begin(void)
{
	me->transient = malloc(sizeof(*me->transient));
	MUST(me->transient != NULL, "no memory");
	for (unsigned int i = 0; i < 4; i++)
		me->work[i] = (struct ioasid_work){ .run = work_run, .context = &world.slots[i % SLOTS] };
}

void shared_end(void)
{
	while (me->held_count > 0)
		put_one();
	free(me->transient);
}

void shared_kill(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		slot_kill(&world.slots[i], true);
}
