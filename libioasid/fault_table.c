/*
 * The groups of page requests that wait for an answer, found by what a guest knows of them or by handle; see
 * fault.h. All of it with context->lock held; nothing here takes memory.
 */
#include "libioasid/fault.h"

#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/record.h"

_Static_assert((IOASID_FAULTS_OPEN_MAX & (IOASID_FAULTS_OPEN_MAX - 1)) == 0, "a handle has the index below its serial");

void ioasid__groups_init(struct faults *faults)
{
	link_init(&faults->unused);
	link_init(&faults->late);
	for (uint32_t i = 0; i < FAULT_BUCKETS; i++)
		link_init(&faults->buckets[i]);
}

uint32_t ioasid__groups_room(const struct faults *faults)
{
	return IOASID_FAULTS_OPEN_MAX - faults->busy;
}

/* The set is left out: the root handle stands for any. */
static struct link *bucket_of(struct faults *faults, const struct group_key *key)
{
	uint64_t mix = key->device * UINT64_C(0x9e3779b97f4a7c15) + key->number;

	mix = (mix ^ mix >> 32) * UINT64_C(0x9e3779b97f4a7c15) + key->group;
	mix = (mix ^ mix >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	return &faults->buckets[mix >> 54 & (FAULT_BUCKETS - 1)];
}

static bool key_matches(const struct fault_group *group, const struct group_key *key)
{
	return group->key.device == key->device && group->key.number == key->number &&
	       group->key.group == key->group && (key->set == 0 || group->key.set == key->set);
}

static void unuse(struct faults *faults, struct fault_group *group)
{
	link_remove(&group->by_key);
	link_remove(&group->where);
	group->state = GROUP_UNUSED;
	link_append(&faults->unused, &group->where);
}

/* A place: one that was given back, a new one, else that of the oldest late answer. */
static struct fault_group *place_take(struct faults *faults)
{
	struct fault_group *group;

	if (link_alone(&faults->unused) && faults->fresh < IOASID_FAULTS_OPEN_MAX) {
		group = &faults->groups[faults->fresh++];
		link_init(&group->by_key);
		link_init(&group->where);
		return group;
	}
	if (link_alone(&faults->unused))
		unuse(faults, LINK_OWNER(faults->late.next, struct fault_group, where));
	group = LINK_OWNER(faults->unused.next, struct fault_group, where);
	link_remove(&group->where);
	return group;
}

/* The device has given the name out again: an answer to it is not late. */
static void late_forget(struct faults *faults, const struct group_key *key)
{
	struct link *bucket = bucket_of(faults, key), *l = bucket->next;

	while (l != bucket) {
		struct fault_group *group = LINK_OWNER(l, struct fault_group, by_key);

		l = l->next;
		/* What is in no ring is about to be: its thread ends it. */
		if (group->state == GROUP_LATE && key_matches(group, key) && !link_alone(&group->where))
			unuse(faults, group);
	}
}

struct fault_group *ioasid__group_open(struct faults *faults, const struct group_key *key, struct binding *b,
				       uint64_t answer_to)
{
	struct fault_group *group;

	late_forget(faults, key);
	group = place_take(faults);
	faults->busy++;
	group->state = GROUP_OPEN;
	group->id = b->rec->id;
	group->key = *key;
	group->handle = ++faults->serial * IOASID_FAULTS_OPEN_MAX + (uint64_t)(group - faults->groups);
	group->answer_to = answer_to;
	group->epoch = faults->reading_epoch;
	group->read_at = ioasid__now();
	group->binding = b;
	group->set = b->set;
	ioasid__set_hold(b->set);
	/* Relaxed: counts; who needs them exactly has devices.lock, with which this is called. */
	atomic_fetch_add_explicit(&b->faults_open, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->set->faults_open, 1, memory_order_relaxed);
	link_append(bucket_of(faults, key), &group->by_key);
	link_append(&b->device->faults, &group->where);
	return group;
}

struct fault_group *ioasid__group_by_key(struct faults *faults, const struct group_key *key)
{
	struct link *bucket = bucket_of(faults, key);
	struct fault_group *late = NULL;

	for (struct link *l = bucket->next; l != bucket; l = l->next) {
		struct fault_group *group = LINK_OWNER(l, struct fault_group, by_key);

		if (!key_matches(group, key) || group->state == GROUP_ANSWERING)
			continue;
		/* One that is marked may stand here still, its number given to another IOASID. */
		if (group->state == GROUP_OPEN && !ioasid__group_marked(group))
			return group;
		late = group;
	}
	return late;
}

struct fault_group *ioasid__group_by_handle(struct faults *faults, uint64_t handle)
{
	struct fault_group *group = &faults->groups[handle % IOASID_FAULTS_OPEN_MAX];

	return group->state != GROUP_UNUSED && group->handle == handle ? group : NULL;
}

void ioasid__group_detach(struct fault_group *group)
{
	if (group->binding == NULL)
		return;
	link_remove(&group->where);
	/* Relaxed: counts. */
	atomic_fetch_sub_explicit(&group->binding->faults_open, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&group->set->faults_open, 1, memory_order_relaxed);
	ioasid__set_release(group->set);
	group->binding = NULL;
	group->set = NULL;
}

void ioasid__group_done(struct faults *faults, struct fault_group *group)
{
	ioasid__group_detach(group);
	faults->busy--;
	unuse(faults, group);
}

void ioasid__group_late(struct faults *faults, struct fault_group *group)
{
	faults->busy--;
	link_append(&faults->late, &group->where);
}

bool ioasid__group_marked(const struct fault_group *group)
{
	return group->id != IOASID_NO_PASID && ioasid__binding_marked(group->set->pool, group->id);
}
