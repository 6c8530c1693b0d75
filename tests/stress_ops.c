/*
 * Single operations on the shared sets, and the answers that each may give there.
 */
#include "stress.h"

#include <sched.h>

ioasid_t any_id(void)
{
	return 1 + chance(WINDOW);
}

void hold(struct ioasid_set *set, ioasid_t id)
{
	MUST(me->held_count < HELD_MAX, "more references than there is room for");
	atomic_fetch_add(&world.holders[id], 1);
	me->held[me->held_count++] = (struct held){ set, id };
}

void put_one(void)
{
	struct held h;
	unsigned int i;
	int answer;

	if (me->held_count == 0)
		return;
	i = chance(me->held_count);
	h = me->held[i];
	me->held[i] = me->held[--me->held_count];
	atomic_fetch_sub(&world.holders[h.id], 1);
	/* With a reference put is legal, and no misuse, whatever became of the ID and its set. */
	answer = ioasid_put(h.set, h.id);
	ONE_OF(answer, 0, 1);
}

void get_one(struct ioasid_set *set, ioasid_t id)
{
	int err;

	if (me->held_count == HELD_MAX)
		return;
	err = ioasid_get(set, id);
	ONE_OF(err, 0, -ENOENT, -EACCES);
	if (err == 0)
		hold(set, id);
}

void find_number(struct ioasid_set *set)
{
	ioasid_t id = IOASID_INVALID;
	int err;

	if (me->held_count == HELD_MAX)
		return;
	err = ioasid_find_by_spid(set, ioasid_spid_make(chance(SPIDS)), &id);
	ONE_OF(err, 0, -ENOENT);
	if (err == 0) {
		MUST(id > 0 && id <= WINDOW, "found %u by SPID", id);
		hold(set, id);
	}
}

void alloc_one(struct slot *slot, struct ioasid_set *set)
{
	struct cell *cell = chance(2) == 0 ? cell_make(slot, set) : NULL;
	ioasid_t min = 1, max = WINDOW, id = 0;
	int err;

	if (chance(2) == 0)
		min = max = any_id();
	else if (chance(4) == 0)
		min = any_id();
	err = ioasid_alloc(set, min, max, cell, &id);
	ONE_OF(err, 0, -EDQUOT, -ENOSPC, -ENOENT, -EUCLEAN, min == max ? -EBUSY : 0);
	if (err == 0) {
		MUST(id >= min && id <= max, "%u is not in %u ... %u", id, min, max);
	} else {
		MUST(id == IOASID_INVALID, "a failed alloc told %u", id);
		cell_drop(cell);
	}
}

void alloc_several(struct ioasid_set *set)
{
	uint32_t align = 1u << chance(4), count = 1 + chance(5);
	ioasid_t first = 0;
	int err;

	me->in_range = true;
	err = ioasid_alloc_range(set, count, align, 1, WINDOW, &first);
	me->in_range = false;
	ONE_OF(err, 0, -EDQUOT, -ENOSPC, -ENOENT, -EUCLEAN, -EAGAIN);
	if (err != 0) {
		MUST(first == IOASID_INVALID, "a failed range told %u", first);
		return;
	}
	MUST(first % align == 0 && first > 0 && first + count - 1 <= WINDOW, "the range %u + %u", first,
	     count);
}

void name_one(struct ioasid_set *set)
{
	ioasid_spid_t spid = ioasid_spid_make(chance(SPIDS)), told = ioasid_spid_make(0);
	ioasid_t id = any_id();
	int err;

	if (chance(3) != 0) {
		err = ioasid_attach_spid(set, id, spid);
		ONE_OF(err, 0, -ENOENT, -EACCES, -EBUSY, -EEXIST, -EUCLEAN);
	} else {
		err = ioasid_detach_spid(set, id);
		ONE_OF(err, 0, -ENOENT, -EACCES);
	}
	err = ioasid_spid(set, id, &told);
	ONE_OF(err, 0, -ENOENT, -EACCES);
	MUST(err != 0 || told.value < SPIDS, "the SPID %u", told.value);
}

static int getter(void *data)
{
	cell_look(data);
	return chance(8) != 0;
}

void look_one(struct ioasid_set *set)
{
	ioasid_t id = any_id();
	void *data = NULL;
	int err;

	if (chance(2) == 0) {
		err = ioasid_find(set, id, getter, &data);
		ONE_OF(err, 0, -ENOENT, -EACCES);
		return;
	}
	ioasid_read_begin();
	err = ioasid_find(set, id, NULL, &data);
	ONE_OF(err, 0, -ENOENT, -EACCES);
	if (err == 0 && data != NULL) {
		if (chance(4) == 0)
			sched_yield();
		cell_look(data);
	}
	if (chance(16) == 0)
		ONE_OF(ioasid_free(set, id), 0, -ENOENT, -EACCES);
	if (err == 0 && data != NULL)
		cell_look(data);
	ioasid_read_end();
}

static void data_gone(void *context, void *old)
{
	(void)context;
	cell_drop(old);
}

void change_data(struct slot *slot, struct ioasid_set *set)
{
	ioasid_t id = any_id();
	struct cell *cell;
	void *old = NULL;
	int err;

	switch (chance(3)) {
	case 0:
		cell = cell_make(slot, set);
		if (cell == NULL)
			return;
		err = ioasid_attach_data(set, id, cell);
		ONE_OF(err, 0, -ENOENT, -EACCES, -EBUSY);
		if (err != 0)
			cell_drop(cell);
		break;
	case 1:
		err = ioasid_detach_data(set, id, &old);
		ONE_OF(err, 0, -ENOENT, -EACCES);
		cell_drop(old);
		break;
	default:
		err = ioasid_detach_data_async(set, id, data_gone, NULL);
		ONE_OF(err, 0, -ENOENT, -EACCES);
		break;
	}
}

void by_handle(struct ioasid_set *set)
{
	ioasid_handle_t handle = 0;
	ioasid_t id = any_id();
	void *data;
	int err = ioasid_handle_of(set, id, &handle);

	ONE_OF(err, 0, -ENOENT, -EACCES);
	if (err != 0)
		return;
	MUST(ioasid_handle_id(handle) == id, "the handle of %u is of %u", id, ioasid_handle_id(handle));
	if (chance(4) == 0)
		sched_yield();
	switch (chance(3)) {
	case 0:
		if (me->held_count == HELD_MAX)
			break;
		err = ioasid_get_handle(set, handle);
		ONE_OF(err, 0, -ENOENT, -EACCES, -ESTALE);
		if (err == 0)
			hold(set, id);
		break;
	case 1:
		ONE_OF(ioasid_find_handle(set, handle, getter, &data), 0, -ENOENT, -EACCES, -ESTALE);
		break;
	default:
		ONE_OF(ioasid_free_handle(set, handle), 0, -ENOENT, -EACCES, -ESTALE);
		break;
	}
}

struct walk {
	ioasid_t last;
	uint32_t left;
};

static int visit(void *context, struct ioasid_set *set, ioasid_t id)
{
	struct walk *walk = context;

	MUST(id > walk->last && id <= WINDOW, "a walk goes from %u to %u", walk->last, id);
	walk->last = id;
	if (chance(8) == 0)
		get_one(set, id);
	if (chance(16) == 0)
		MUST(ioasid_free(set, id) == 0, "free in a walk");
	return --walk->left == 0 ? 77 : 0;
}

void of_the_set(struct slot *slot, struct ioasid_set *set)
{
	struct walk walk = { 0, 1 + chance(2 * WINDOW) };
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	int err;

	switch (chance(6)) {
	case 0:
		err = ioasid_set_for_each(set, visit, &walk);
		ONE_OF(err, 0, 77, -ENOENT);
		break;
	case 1:
		if (chance(8) == 0)
			ONE_OF(ioasid_set_reset(set), 0, -ENOENT);
		break;
	case 2:
		err = ioasid_set_adjust_quota(set, chance(8) == 0 ? IOASID_QUOTA_UNLIMITED :
								    1 + chance(slot->quota));
		ONE_OF(err, 0, -EINVAL, -ENOSPC, -ENOENT);
		break;
	case 3:
		err = ioasid_set_get(set);
		ONE_OF(err, 0, -ENOENT);
		if (err == 0)
			ONE_OF(ioasid_set_put(set), 0, 1);
		break;
	case 4:
		MUST(ioasid_set_stats(set, &stats) == 0, "no statistics");
		break;
	default:
		ONE_OF(ioasid_flush_work(set), 0);
		break;
	}
}

/* IDs beyond the window are other threads' own, or FREE: nothing may come of it. */
void attack(struct ioasid_set *set)
{
	ioasid_t id = WINDOW + 1 + chance(CAPACITY - WINDOW - 1);
	static struct cell cell = { CELL_MAGIC, 0 };
	ioasid_spid_t spid;
	void *data;
	uint32_t refs;

	switch (chance(9)) {
	case 0:
		ONE_OF(ioasid_free(set, id), -ENOENT, -EACCES);
		break;
	case 1:
		ONE_OF(ioasid_put(set, id), -ENOENT, -EACCES);
		break;
	case 2:
		ONE_OF(ioasid_get(set, id), -ENOENT, -EACCES);
		break;
	case 3:
		ONE_OF(ioasid_attach_spid(set, id, ioasid_spid_make(1)), -ENOENT, -EACCES);
		break;
	case 4:
		ONE_OF(ioasid_detach_spid(set, id), -ENOENT, -EACCES);
		break;
	case 5:
		ONE_OF(ioasid_attach_data(set, id, &cell), -ENOENT, -EACCES);
		break;
	case 6:
		ONE_OF(ioasid_detach_data(set, id, &data), -ENOENT, -EACCES);
		break;
	case 7:
		ONE_OF(ioasid_find(set, id, NULL, &data), -ENOENT, -EACCES);
		ONE_OF(ioasid_refs(set, id, &refs), -ENOENT, -EACCES);
		break;
	default:
		ONE_OF(ioasid_spid(set, id, &spid), -ENOENT, -EACCES);
		break;
	}
}
