/* The host with two guests: moves about IDs, SPIDs and bindings, and what each of them may have as an answer;
 * see hostile.h. */
#include "tests/hostile_moves.h"

#include <stdio.h>

/* Errors that say no, and nothing worse: hardware works, memory is there, nobody waits. */
bool hostile_is_refusal(int rc)
{
	return rc == -EINVAL || rc == -ENOENT || rc == -EACCES || rc == -EBUSY || rc == -EEXIST || rc == -ERANGE ||
	       rc == -EOPNOTSUPP;
}

static void expect(struct hostile *h, int rc, bool can, const char *what)
{
	h->what = what;
	if (can != (rc == 0))
		printf("# %s answered %d\n", what, rc);
	H_TRUE(h, can == (rc == 0));
	H_TRUE(h, rc == 0 || hostile_is_refusal(rc));
	h->successes += rc == 0;
}

/* The library knows best what became of a SPID; it has to be one that the guest could have. */
void hostile_look_at_spid(struct hostile *h, const struct target *t)
{
	ioasid_spid_t spid = { IOASID_SPID_NONE };
	int rc;

	if (!t->model || t->id == 0)
		return;
	rc = ioasid_spid(t->set, t->id, &spid);
	H_TRUE(h, rc == 0 || rc == -ENOENT);
	t->model->spid = rc == 0 ? spid.value : IOASID_SPID_NONE;
	H_TRUE(h, rc != 0 || spid.value < H_SPIDS + H_IDS);
}

static bool spid_taken(struct hostile *h, const struct target *t, uint32_t spid)
{
	for (ioasid_t id = 1; id < H_IDS; id++) {
		const struct h_id *other = &h->ids[t->pool][id];

		if (other->owner == t->guest && other->spid == spid && id != t->id)
			return true;
	}
	return false;
}

bool hostile_bound(const struct h_id *id)
{
	return id->users[0] || id->users[1];
}

/* Groups of B on a slot that is taken away are answered by that. */
void hostile_forget_groups(struct hostile *h, unsigned int pool, ioasid_t id, unsigned int devices)
{
	for (uint32_t g = 0; g < H_GROUPS; g++) {
		struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
		struct h_group *group = &h->group[g];
		struct drig *r = &h->rig[pool];

		if (!group->open || group->pool != pool || group->id != id || !(devices >> group->device & 1))
			continue;
		group->open = false;
		H_TRUE(h, r->on.control->page_response(r->on.mock, group->device, id, g, 0, &answer) == 0);
		H_TRUE(h, answer.code == IOASID_BE_RESPOND_FAILURE);
	}
}

/* ---- IDs and SPIDs ---- */

void hostile_alloc(struct hostile *h, const struct target *t)
{
	ioasid_t min = 1 + hostile_number(h, H_IDS - 1), max = min + hostile_number(h, H_IDS - min), id;
	int rc = ioasid_alloc(t->set, min, max, NULL, &id);

	h->what = "alloc";
	if (rc != 0) {
		H_TRUE(h, rc == -ENOSPC || rc == -EBUSY);
		return;
	}
	H_TRUE(h, id >= min && id <= max && h->ids[t->pool][id].owner == H_NOBODY);
	h->ids[t->pool][id] = H_ID(t->guest, H_NOBODY);
	h->successes++;
}

/* What was freed and is not reclaimed yet is freed again without effect, by its owner only. */
void hostile_free(struct hostile *h, const struct target *t)
{
	const struct h_id *id = t->id ? hostile_id(h, t->pool, 0, t->id) : NULL;
	int rc = ioasid_free(t->set, t->id);

	h->what = "free";
	if (rc == 0 && id && id->owner == H_NOBODY)
		H_TRUE(h, id->was == t->guest);
	else
		expect(h, rc, t->model && t->id != 0, "free");
	if (t->model && t->id != 0) {
		hostile_forget_groups(h, t->pool, t->id, 3);
		*t->model = H_ID(H_NOBODY, t->guest);
	}
}

void hostile_attach_spid(struct hostile *h, const struct target *t)
{
	uint32_t spid = hostile_number(h, 20) ? hostile_number(h, H_SPIDS) : IOASID_SPID_MAX + 1;
	bool can = t->model && t->id != 0 && spid < H_SPIDS && t->model->spid == IOASID_SPID_NONE && !spid_taken(h, t, spid);

	/* What is bound on a DIRECT device has its own number, or none (S9.12). */
	can = can && (t->pool == 0 || spid == t->id || !hostile_bound(t->model));

	expect(h, ioasid_attach_spid(t->set, t->id, ioasid_spid_make(spid)), can, "attach_spid");
	if (can)
		t->model->spid = spid;
}

/* A SPID that a bind names is the bind's: whether it can be taken away under it is the library's choice. */
void hostile_detach_spid(struct hostile *h, const struct target *t)
{
	bool can = t->model && t->id != 0 && t->model->spid != IOASID_SPID_NONE;
	int rc = ioasid_detach_spid(t->set, t->id);

	h->what = "detach_spid";
	H_TRUE(h, rc == 0 ? can : hostile_is_refusal(rc));
	h->successes += rc == 0;
	hostile_look_at_spid(h, t);
}

void hostile_find(struct hostile *h, const struct target *t)
{
	uint32_t spid = hostile_number(h, H_SPIDS);
	ioasid_t id = IOASID_INVALID;

	h->what = "find_by_spid";
	if (ioasid_find_by_spid(t->set, ioasid_spid_make(spid), &id) != 0) {
		H_TRUE(h, !spid_taken(h, &(struct target){ .guest = t->guest, .pool = t->pool }, spid));
		return;
	}
	H_TRUE(h, h->ids[t->pool][id].owner == t->guest && h->ids[t->pool][id].spid == spid);
	H_TRUE(h, ioasid_put(t->set, id) == 0);
	h->successes++;
}

/* ---- Binds ---- */

/* Whether the slot is one that this guest may use: not the other one's device, not the other one's RID. */
static bool may_use(const struct target *t)
{
	bool direct = t->on == 1;

	return t->model && t->on == t->pool && (!direct || t->device == (unsigned int)t->guest);
}

static bool fits_users(const struct target *t)
{
	unsigned int users = t->model->users[t->device];

	return !users || (t->cookie != 0 && !(users & 1) && !(users >> t->cookie & 1));
}

static struct ioasid_bind_data bind_data(struct hostile *h, const struct target *t, int table, uint32_t spid)
{
	struct ioasid_bind_data data = drig_data(&h->rig[t->on], t->id, spid, (unsigned int)table, t->cookie);

	/* Which tables have page requests is fixed, as an IOASID has them on all of its bindings or on none. */
	data.flags |= table % 2 ? IOASID_BIND_FAULT : 0;
	return data;
}

static bool fits_spid(struct hostile *h, const struct target *t, uint32_t spid)
{
	if (t->pool == 1 && t->model->spid != IOASID_SPID_NONE && t->model->spid != t->id)
		return false;
	if (spid == IOASID_SPID_NONE)
		return true;
	if (t->id == 0 || spid > IOASID_SPID_MAX || (t->pool == 1 && spid != t->id))
		return false;
	return t->model->spid == IOASID_SPID_NONE ? !spid_taken(h, t, spid) : t->model->spid == spid;
}

void hostile_bind(struct hostile *h, const struct target *t)
{
	int table = (int)(3 * t->guest + hostile_number(h, 3));
	uint32_t spid = hostile_number(h, 3) == 0 ? IOASID_SPID_NONE : t->pool == 1 && hostile_number(h, 8) ? t->id
						 : hostile_number(h, H_SPIDS);
	const struct ioasid_bind_data data = bind_data(h, t, table, spid);
	bool can = may_use(t) && fits_users(t) && (!hostile_bound(t->model) || t->model->on == table) && fits_spid(h, t, spid);

	expect(h, ioasid_bind_gpasid(h->rig[t->on].device[t->device], t->set, &data), can, "bind_gpasid");
	if (can) {
		t->model->users[t->device] |= 1u << t->cookie;
		t->model->on = table;
		t->model->faults = table % 2;
	}
	hostile_look_at_spid(h, t);
}

void hostile_bind_ioas(struct hostile *h, const struct target *t)
{
	bool can = may_use(t) && fits_users(t) && (!hostile_bound(t->model) || t->model->on == H_SPACE) &&
		   fits_spid(h, t, IOASID_SPID_NONE);

	expect(h, ioasid_bind_ioas(h->rig[t->on].device[t->device], t->set, t->id, h->space[t->on][t->guest], t->cookie), can,
	       "bind_ioas");
	if (can) {
		t->model->users[t->device] |= 1u << t->cookie;
		t->model->on = H_SPACE;
		t->model->faults = false;
	}
}

void hostile_unbind(struct hostile *h, const struct target *t)
{
	bool can = may_use(t) && t->model->users[t->device] >> t->cookie & 1;

	expect(h, ioasid_unbind(h->rig[t->on].device[t->device], t->set, t->id, t->cookie), can, "unbind");
	if (can) {
		t->model->users[t->device] &= ~(1u << t->cookie);
		if (!t->model->users[t->device])
			hostile_forget_groups(h, t->pool, t->id, 1u << t->device);
		if (!hostile_bound(t->model))
			t->model->on = H_NOTHING;
	}
	hostile_look_at_spid(h, t);
}

void hostile_rebind(struct hostile *h, const struct target *t)
{
	int table = (int)(3 * t->guest + hostile_number(h, 3));
	const struct ioasid_bind_data data = bind_data(h, t, table, IOASID_SPID_NONE);
	bool can = may_use(t) && t->model->users[t->device] >> t->cookie & 1;

	expect(h, ioasid_rebind(h->rig[t->on].device[t->device], t->set, &data), can, "rebind");
	if (can) {
		/* RIDs are 0 on each device, and do not share a table. */
		hostile_forget_groups(h, t->pool, t->id, t->id == 0 ? 1u << t->device : 3);
		t->model->on = table;
		t->model->faults = table % 2;
	}
}
