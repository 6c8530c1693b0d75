/*
 * A thread's own set, ID by ID: what each operation answers and tells, by the model.
 */
#include "stress.h"

static struct cell cells[4] = { { CELL_MAGIC, 0 }, { CELL_MAGIC, 1 }, { CELL_MAGIC, 2 }, { CELL_MAGIC, 3 } };

/* This event, and no other, was told during the last call. */
static void saw(uint32_t event, ioasid_t id)
{
	const struct solo_id *i = &me->ids[id];
	const struct seen *seen = me->seen;

	MUST(me->seen_count == 1, "%u events instead of one", me->seen_count);
	MUST(seen->event == event && seen->id == id && seen->spid == i->spid && seen->data == i->data,
	     "event %u of %u with SPID %u instead of %u of %u with %u", seen->event, seen->id, seen->spid,
	     event, id, i->spid);
	me->seen_count = 0;
}

void solo_saw_nothing(void)
{
	MUST(me->seen_count == 0, "event %u of %u out of the blue", me->seen[0].event, me->seen[0].id);
}

/* The model of an ID that loses what a free takes. */
void solo_model_free(ioasid_t id)
{
	struct solo_id *i = &me->ids[id];

	i->spid = IOASID_SPID_NONE;
	if (i->refs == 0) {
		i->state = FREE;
		i->data = NULL;
		me->solo_held--;
	} else {
		i->state = PENDING;
		me->solo_pending++;
	}
}

void solo_model_reclaim(ioasid_t id)
{
	me->ids[id].state = FREE;
	me->ids[id].data = NULL;
	me->solo_held--;
	me->solo_pending--;
}

/* An ID in this state, or 0. */
static ioasid_t pick(uint8_t state)
{
	ioasid_t start = chance(CAPACITY);

	for (ioasid_t n = 0; n < CAPACITY; n++) {
		ioasid_t id = (start + n) % CAPACITY;

		if (id != 0 && me->ids[id].state == state)
			return id;
	}
	return 0;
}

static void saw_free(ioasid_t id)
{
	if (me->solo_silent)
		solo_saw_nothing();
	else
		saw(IOASID_EVENT_FREE, id);
}

void solo_check_answer(const char *what, ioasid_t id, int got, int want)
{
	MUST(got == want, "%s of %u answers %d, not %d (state %u, %u references)", what, id, got, want,
	     me->ids[id].state, me->ids[id].refs);
}

/* For what is not the thread's: unknown, or another set's. */
static bool not_mine(const char *what, ioasid_t id, int got)
{
	if (me->ids[id].state != FREE)
		return false;
	MUST(got == -ENOENT || got == -EACCES, "%s of %u, which is not mine, answers %d", what, id, got);
	solo_saw_nothing();
	return true;
}

static void born(ioasid_t id, void *data)
{
	struct solo_id *i = &me->ids[id];
	ioasid_handle_t handle = 0;

	MUST(i->state == FREE, "%u was handed out, which is mine", id);
	*i = (struct solo_id){ .state = ACTIVE, .spid = IOASID_SPID_NONE, .data = data, .handle = i->handle };
	me->solo_held++;
	MUST(ioasid_handle_of(me->solo, id, &handle) == 0, "%u has no handle", id);
	MUST(handle != i->handle, "%u lives twice with one handle", id);
	i->handle = handle;
}

/* A veto is told to this set's subscriber as ALLOC and FREE, or BIND and UNBIND. */
static void saw_veto(uint32_t event, uint32_t undo)
{
	MUST(me->seen_count == 2 && me->seen[0].event == event && me->seen[1].event == undo &&
		     me->solo_veto == 0,
	     "a veto of %u told %u events", event, me->seen_count);
	me->seen_count = 0;
}

void solo_alloc(void)
{
	ioasid_t min = 1, max = IOASID_INVALID, id = 0;
	void *data = chance(2) == 0 ? &cells[chance(4)] : NULL;
	bool veto = chance(12) == 0;
	int err;

	if (chance(3) == 0)
		min = max = WINDOW + 1 + chance(CAPACITY - WINDOW - 1);
	if (veto)
		me->solo_veto = (int)IOASID_EVENT_ALLOC;
	err = ioasid_alloc(me->solo, min, max, data, &id);
	if (err == 0) {
		born(id, data);
		saw(IOASID_EVENT_ALLOC, id);
		return;
	}
	MUST(id == IOASID_INVALID, "a failed alloc told %u", id);
	if (err == -EUCLEAN && veto) {
		saw_veto(IOASID_EVENT_ALLOC, IOASID_EVENT_FREE);
		return;
	}
	me->solo_veto = 0;
	solo_saw_nothing();
	if (me->solo_held == me->solo_quota)
		solo_check_answer("alloc", 0, err, -EDQUOT);
	else if (min == max && me->ids[min].state == PENDING)
		solo_check_answer("alloc", min, err, -EBUSY);
	else
		MUST(min == max && (err == -ENOSPC || (err == -EBUSY && me->ids[min].state == FREE)),
		     "alloc in %u ... %u with %u of %u held answers %d", min, max, me->solo_held,
		     me->solo_quota, err);
}

/*
 * Who replays an ID just now has its turn, and completes what a free in a read section, or in a set that only
 * blocks, could not: waits until that is done.
 */
void solo_settle(ioasid_t id)
{
	const struct solo_id *i = &me->ids[id];
	struct ioasid_stats stats = { .struct_size = sizeof(stats) };
	uint32_t refs;
	int err;

	do {
		sched_yield();
		refs = 0;
		err = ioasid_refs(me->solo, id, &refs);
		MUST(ioasid_set_stats(me->solo, &stats) == 0, "no statistics");
	} while ((i->state == FREE ? err == 0 : refs != i->refs) || stats.allocated != me->solo_held ||
		 stats.pending != me->solo_pending);
}

/* A free that is put off, and may be handed over. */
static int free_in_section(ioasid_t id)
{
	bool tells = me->ids[id].state == ACTIVE && !me->solo_silent;
	int err;

	atomic_store(&me->handed_over, tells ? id : 0);
	ioasid_read_begin();
	err = ioasid_free(me->solo, id);
	solo_saw_nothing();
	ioasid_read_end();
	while (tells && me->seen_count == 0 && atomic_load(&me->handed_over) != 0)
		sched_yield();
	if (tells && me->seen_count == 1)
		saw(IOASID_EVENT_FREE, id);
	atomic_store(&me->handed_over, 0);
	return err;
}

void solo_free(void)
{
	ioasid_t id = chance(3) != 0 ? pick(ACTIVE) : 1 + chance(CAPACITY - 1);
	bool by_handle = chance(3) == 0, section = chance(8) == 0;
	struct solo_id *i = &me->ids[id];
	int err;

	if (id == 0)
		return;
	if (section)
		err = free_in_section(id);
	else if (by_handle && i->handle != 0)
		err = ioasid_free_handle(me->solo, i->handle);
	else
		err = ioasid_free(me->solo, id);
	if (i->state == FREE && err == -ESTALE)
		return;
	if (not_mine("free", id, err))
		return;
	solo_check_answer("free", id, err, 0);
	if (i->state == ACTIVE) {
		if (!section)
			saw_free(id);
		solo_model_free(id);
	}
	solo_saw_nothing();
	if (section || me->solo_silent)
		solo_settle(id);
}

void solo_get(void)
{
	ioasid_t id = chance(2) == 0 ? pick(ACTIVE) : 1 + chance(CAPACITY - 1);
	int err;

	if (id == 0)
		return;
	err = ioasid_get(me->solo, id);
	if (not_mine("get", id, err))
		return;
	solo_check_answer("get", id, err, me->ids[id].state == ACTIVE ? 0 : -ENOENT);
	if (err == 0)
		me->ids[id].refs++;
	solo_saw_nothing();
}

void solo_put(void)
{
	ioasid_t id = chance(3) != 0 ? pick(chance(2) == 0 ? ACTIVE : PENDING) : 1 + chance(CAPACITY - 1);
	struct solo_id *i = &me->ids[id];
	int err;

	if (id == 0)
		return;
	err = i->handle != 0 && chance(3) == 0 ? ioasid_put_handle(me->solo, i->handle) :
						 ioasid_put(me->solo, id);
	if (i->state == FREE && err == -ESTALE)
		return;
	if (not_mine("put", id, err))
		return;
	if (i->refs > 0) {
		i->refs--;
		solo_check_answer("put", id, err, i->state == PENDING && i->refs == 0);
		if (err == 1)
			solo_model_reclaim(id);
		solo_saw_nothing();
		return;
	}
	/* Without a reference left it is a free; a pending one has one. */
	if (!me->solo_silent || err != 0)
		solo_check_answer("put", id, err, 1);
	saw_free(id);
	solo_model_free(id);
	if (me->solo_silent)
		solo_settle(id);
}

void solo_attach_spid(void)
{
	ioasid_t id = chance(2) == 0 ? pick(ACTIVE) : 1 + chance(CAPACITY - 1);
	uint32_t spid = chance(SOLO_SPIDS);
	bool taken = false, veto = chance(12) == 0;
	int err;

	if (id == 0)
		return;
	for (ioasid_t n = 1; n < CAPACITY; n++)
		taken |= me->ids[n].state == ACTIVE && me->ids[n].spid == spid;
	if (veto)
		me->solo_veto = (int)IOASID_EVENT_BIND;
	err = ioasid_attach_spid(me->solo, id, ioasid_spid_make(spid));
	if (me->solo_veto == 0 && veto) {
		solo_check_answer("attach_spid", id, err, -EUCLEAN);
		saw_veto(IOASID_EVENT_BIND, IOASID_EVENT_UNBIND);
		return;
	}
	me->solo_veto = 0;
	if (not_mine("attach_spid", id, err))
		return;
	if (me->ids[id].state == PENDING)
		solo_check_answer("attach_spid", id, err, -ENOENT);
	else if (me->ids[id].spid != IOASID_SPID_NONE)
		MUST(err == -EBUSY || (taken && err == -EEXIST), "attach_spid of %u answers %d", id, err);
	else
		solo_check_answer("attach_spid", id, err, taken ? -EEXIST : 0);
	if (err == 0) {
		me->ids[id].spid = spid;
		saw(IOASID_EVENT_BIND, id);
	}
	solo_saw_nothing();
}

void solo_detach_spid(void)
{
	ioasid_t id = chance(2) == 0 ? pick(ACTIVE) : 1 + chance(CAPACITY - 1);
	int err;

	if (id == 0)
		return;
	err = ioasid_detach_spid(me->solo, id);
	if (not_mine("detach_spid", id, err))
		return;
	solo_check_answer("detach_spid", id, err, me->ids[id].spid != IOASID_SPID_NONE ? 0 : -ENOENT);
	if (err == 0) {
		saw(IOASID_EVENT_UNBIND, id);
		me->ids[id].spid = IOASID_SPID_NONE;
	}
	solo_saw_nothing();
}

void solo_find_by_spid(void)
{
	uint32_t spid = chance(SOLO_SPIDS);
	ioasid_t id = 0, want = 0;
	int err;

	for (ioasid_t n = 1; n < CAPACITY; n++)
		if (me->ids[n].state == ACTIVE && me->ids[n].spid == spid)
			want = n;
	err = ioasid_find_by_spid(me->solo, ioasid_spid_make(spid), &id);
	MUST(want != 0 ? err == 0 && id == want : err == -ENOENT, "SPID %u finds %u with %d, not %u", spid,
	     id, err, want);
	if (err == 0)
		me->ids[id].refs++;
}

void solo_data(void)
{
	ioasid_t id = chance(4) != 0 ? pick(chance(3) == 0 ? PENDING : ACTIVE) : 1 + chance(CAPACITY - 1);
	struct solo_id *i = &me->ids[id];
	void *data = NULL;
	int err;

	if (id == 0)
		return;
	if (chance(2) == 0) {
		err = ioasid_attach_data(me->solo, id, &cells[1]);
		if (not_mine("attach_data", id, err))
			return;
		solo_check_answer("attach_data", id, err,
				  i->state == PENDING ? -ENOENT :
				  i->data != NULL     ? -EBUSY :
							0);
		if (err == 0)
			i->data = &cells[1];
	} else {
		err = ioasid_detach_data(me->solo, id, &data);
		if (not_mine("detach_data", id, err))
			return;
		solo_check_answer("detach_data", id, err, i->data != NULL ? 0 : -ENOENT);
		MUST(err != 0 || data == i->data, "the data of %u is not its own", id);
		i->data = NULL;
	}
}

/* Everything that can be asked about one ID. */
void solo_look(void)
{
	ioasid_t id = chance(2) == 0 ? pick(chance(3) == 0 ? PENDING : ACTIVE) : 1 + chance(CAPACITY - 1);
	const struct solo_id *i = &me->ids[id];
	ioasid_spid_t spid = ioasid_spid_make(IOASID_SPID_NONE);
	uint32_t refs = 0;
	void *data = NULL;
	int err;

	if (id == 0)
		return;
	err = ioasid_find(me->solo, id, NULL, &data);
	if (not_mine("find", id, err))
		return;
	solo_check_answer("find", id, err, i->state == ACTIVE ? 0 : -ENOENT);
	MUST(err != 0 || data == i->data, "find tells other data of %u", id);
	solo_check_answer("refs", id, ioasid_refs(me->solo, id, &refs), 0);
	MUST(refs == i->refs + (i->state == ACTIVE), "%u has %u references, not %u", id, refs, i->refs);
	err = ioasid_spid(me->solo, id, &spid);
	solo_check_answer("spid", id, err, i->spid != IOASID_SPID_NONE ? 0 : -ENOENT);
	MUST(spid.value == i->spid, "%u has the SPID %u, not %u", id, spid.value, i->spid);
	err = ioasid_wait_reclaimed(world.pool, id, 0);
	solo_check_answer("wait_reclaimed", id, err, i->state == ACTIVE ? -EBUSY : -ETIMEDOUT);
}
