/*
 * Everybody stands still: every reference, every count, and what the pool promises, is exact.
 */
#include "stress.h"

#include <stdlib.h>

struct sums {
	uint32_t active, pending;
};

/* The counted references that their holders know of. */
static uint32_t known_refs(ioasid_t id)
{
	uint32_t refs = atomic_load(&world.holders[id]);

	for (unsigned int t = 0; t < world.threads; t++)
		refs += everybody[t]->ids[id].refs;
	return refs;
}

static void check_active(ioasid_t id)
{
	uint8_t life = atomic_load(&world.first[id]);
	ioasid_spid_t spid = ioasid_spid_make(IOASID_SPID_NONE);

	MUST((life & (LIFE_SILENT - 1)) != LIFE_NONE, "%u is ACTIVE, and has been told FREE", id);
	MUST(atomic_load(&world.last[id]) == life, "%u: the first was told of state %u, the last of %u", id,
	     life, atomic_load(&world.last[id]));
	if (ioasid_spid(world.root, id, &spid) != 0)
		spid.value = IOASID_SPID_NONE;
	MUST(((life & (LIFE_SILENT - 1)) == LIFE_BIND) == (spid.value != IOASID_SPID_NONE),
	     "%u in state %u has the SPID %u", id, life, spid.value);
	MUST(atomic_load(&world.spid[id]) == spid.value, "%u has the SPID %u, not %u", id, spid.value,
	     atomic_load(&world.spid[id]));
}

static void check_id(ioasid_t id, struct sums *sums)
{
	uint32_t refs = 0, known = known_refs(id);
	uint8_t life = atomic_load(&world.first[id]);
	ioasid_handle_t handle;
	int err = ioasid_refs(world.root, id, &refs);

	MUST(err == 0 || err == -ENOENT, "refs of %u answers %d", id, err);
	MUST(atomic_load(&world.progress[id]) == 0, "an event of %u has no end", id);
	if (err == 0 && ioasid_handle_of(world.root, id, &handle) == 0) {
		sums->active++;
		MUST(refs == known + 1, "%u is ACTIVE with %u references beside alloc's, and %u are known",
		     id, refs - 1, known);
		check_active(id);
		return;
	}
	MUST(life == LIFE_NONE || (life & LIFE_SILENT), "%u is not ACTIVE, and FREE was not told", id);
	if (err == 0) {
		sums->pending++;
		MUST(refs > 0, "%u is pending without a reference: its reclaim was lost", id);
	}
	MUST(refs == known, "%u is not ACTIVE, with %u references, and %u are known", id, refs, known);
}

struct promise {
	uint32_t quotas;    /* of live sets that have one */
	uint32_t unlimited; /* held by the others */
	uint32_t live;	    /* held by live sets */
};

static void add_set(struct promise *promise, struct ioasid_set *set)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };

	if (set == NULL)
		return;
	MUST(ioasid_set_stats(set, &stats) == 0, "no statistics");
	promise->live += stats.allocated;
	if (stats.quota == IOASID_QUOTA_UNLIMITED)
		promise->unlimited += stats.allocated;
	else
		promise->quotas += stats.quota;
	MUST(stats.allocated <= stats.quota, "%u held, with a quota of %u", stats.allocated, stats.quota);
	MUST(stats.high_water >= stats.allocated, "%u held, at most %u", stats.allocated, stats.high_water);
}

static void check_promise(const struct sums *sums)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	struct promise promise = { 0 };
	uint32_t available = 0, want = CAPACITY - 1;

	for (unsigned int t = 0; t < world.threads; t++)
		add_set(&promise, everybody[t]->solo);
	for (unsigned int i = 0; i < SLOTS; i++)
		add_set(&promise, atomic_load(&world.slots[i].set));
	for (ioasid_t id = RESERVED_MIN; id <= RESERVED_MAX; id++)
		want -= atomic_load(&world.reserved[id]);
	MUST(ioasid_set_stats(world.root, &stats) == 0, "no statistics");
	MUST(stats.allocated == sums->active + sums->pending, "%u allocated, and %u ACTIVE + %u pending",
	     stats.allocated, sums->active, sums->pending);
	MUST(stats.pending == sums->pending, "%u pending, and the statistics say %u", sums->pending,
	     stats.pending);
	MUST(stats.quota == promise.quotas, "the quotas are %u together, and the statistics say %u",
	     promise.quotas, stats.quota);
	/* What dead sets have left is what no live one has. */
	want -= promise.quotas + promise.unlimited + (stats.allocated - promise.live);
	MUST(ioasid_pool_available(world.pool, &available) == 0, "no number");
	MUST(available == want, "%u available, and it should be %u", available, want);
}

void check_all(void)
{
	struct sums sums = { 0 };

	for (ioasid_t id = 1; id < CAPACITY; id++)
		check_id(id, &sums);
	check_promise(&sums);
}

/* Nothing was lost: one set can have every number there is, and each but once. */
static void take_everything(void)
{
	static bool seen[CAPACITY];
	struct ioasid_set *set = NULL;
	ioasid_t id = 0;

	MUST(ioasid_set_alloc(world.pool, IOASID_SET_NONE, 0, CAPACITY - 1, &set) == 0,
	     "no set for everything");
	for (ioasid_t n = 1; n < CAPACITY; n++) {
		MUST(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id) == 0, "%u IDs have been lost",
		     CAPACITY - n);
		MUST(id > 0 && id < CAPACITY && !seen[id], "%u was handed out twice", id);
		seen[id] = true;
	}
	MUST(ioasid_alloc(set, 1, IOASID_INVALID, NULL, &id) == -EDQUOT, "more IDs than there are");
	MUST(ioasid_set_put(set) == 1, "the set of everything is held");
}

void check_empty(void)
{
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	uint32_t available = 0;

	MUST(ioasid_flush_work(world.root) == 0, "no flush");
	if (atomic_load(&world.reserved[RESERVED_MIN])) {
		for (ioasid_t id = RESERVED_MIN; id <= RESERVED_MAX; id++)
			atomic_store(&world.reserved[id], 0);
		MUST(ioasid_pool_unreserve(world.pool, RESERVED_MIN, RESERVED_MAX) == 0, "not reserved");
	}
	MUST(ioasid_set_stats(world.root, &stats) == 0, "no statistics");
	MUST(stats.allocated == 0 && stats.pending == 0 && stats.quota == 0 && stats.parked == 0 &&
		     stats.quarantined == 0,
	     "%u allocated, %u pending, %u quota", stats.allocated, stats.pending, stats.quota);
	MUST(ioasid_pool_available(world.pool, &available) == 0 && available == CAPACITY - 1, "%u available",
	     available);
	take_everything();
}
