/*
 * The shared sets of the stress: their birth and death, and the data in them.
 */
#include "stress.h"

#include <stdlib.h>

static void release(void *context, void *data)
{
	(void)context;
	cell_drop(data);
}

/* A reference to the slot's set, if there is one that lives. */
struct ioasid_set *slot_take(struct slot *slot)
{
	struct ioasid_set *set = NULL;
	int err;

	if (slot->token != 0) {
		err = ioasid_set_find(world.pool, IOASID_SET_OPAQUE, slot->token, &set);
		ONE_OF(err, 0, -ENOENT);
		return err == 0 ? set : NULL;
	}
	pthread_mutex_lock(&slot->lock);
	set = atomic_load(&slot->set);
	if (set != NULL)
		MUST(ioasid_set_get(set) == 0, "no reference to a set that is held");
	pthread_mutex_unlock(&slot->lock);
	return set;
}

/* With the lock, where the slot needs it. */
static void bear(struct slot *slot)
{
	struct ioasid_set *set = NULL;
	int err;

	if (atomic_load(&slot->set) != NULL)
		return;
	err = ioasid_set_alloc(world.pool, slot->token == 0 ? IOASID_SET_NONE : IOASID_SET_OPAQUE,
			       slot->token, slot->quota, &set);
	/* Somebody else was faster, or the one before holds what is wanted. */
	ONE_OF(err, 0, -ENOSPC, slot->token == 0 ? 0 : -EEXIST);
	if (err != 0)
		return;
	if (slot->mode == IOASID_TEARDOWN_BLOCK)
		atomic_store(&world.silent[world.threads], set);
	MUST(ioasid_set_teardown_mode(set, slot->mode) == 0, "no mode");
	err = ioasid_set_on_release(set, release, NULL);
	ONE_OF(err, 0, slot->token == 0 ? 0 : -EBUSY);
	if (err == 0)
		atomic_store(&slot->ready, set);
	atomic_store(&slot->set, set);
}

void slot_bear(struct slot *slot)
{
	if (slot->token == 0)
		pthread_mutex_lock(&slot->lock);
	bear(slot);
	if (slot->token == 0)
		pthread_mutex_unlock(&slot->lock);
}

/* The set that does not tell FREE stays to the end, so that a set born at its address is not taken for it. */
void slot_kill(struct slot *slot, bool last_one)
{
	struct ioasid_set *set;
	int answer;

	if (slot->mode == IOASID_TEARDOWN_BLOCK && !last_one)
		return;
	pthread_mutex_lock(&slot->lock);
	set = atomic_load(&slot->set);
	if (set != NULL) {
		atomic_store(&slot->ready, NULL);
		atomic_store(&slot->set, NULL);
	}
	pthread_mutex_unlock(&slot->lock);
	if (set == NULL)
		return;
	answer = ioasid_set_put(set);
	ONE_OF(answer, 0, 1);
}

/* Data for an ID of the set; NULL while nobody would release it. */
struct cell *cell_make(struct slot *slot, struct ioasid_set *set)
{
	struct cell *cell;

	if (atomic_load(&slot->ready) != set)
		return NULL;
	cell = malloc(sizeof(*cell));
	MUST(cell != NULL, "no memory");
	cell->magic = CELL_MAGIC;
	cell->slot = slot->index;
	atomic_fetch_add(&world.cells_made, 1);
	return cell;
}

void cell_look(const void *data)
{
	const volatile struct cell *cell = data;
	uint64_t magic = cell->magic;

	MUST(magic == CELL_MAGIC, "data with the magic %#llx", (unsigned long long)magic);
}

void cell_drop(void *data)
{
	struct cell *cell = data;

	if (cell == NULL)
		return;
	cell_look(cell);
	cell->magic = 0;
	free(cell);
	atomic_fetch_add(&world.cells_gone, 1);
}
