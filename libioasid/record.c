/*
 * The records of bindings: how they are found, claimed, ended and forgotten; see record.h.
 */
#include "libioasid/record.h"

#include <errno.h>
#include <string.h>

#include "libioasid/binding.h"
#include "libioasid/device.h"
#include "libioasid/fault.h"
#include "libioasid/life.h"
#include "libioasid/mem.h"
#include "libioasid/set.h"

void ioasid__record_init(struct idrec *rec, ioasid_t id)
{
	memset(rec, 0, sizeof(*rec));
	rec->id = id;
	ioasid__cond_init(&rec->cond);
}

void ioasid__record_fini(struct idrec *rec)
{
	pthread_cond_destroy(&rec->cond);
}

struct idrec *ioasid__record_new(ioasid_t id)
{
	struct idrec *rec = mem_alloc(sizeof(*rec));

	if (rec != NULL)
		ioasid__record_init(rec, id);
	return rec;
}

void ioasid__record_free(struct idrec *rec)
{
	if (rec == NULL)
		return;
	ioasid__record_fini(rec);
	mem_free(rec);
}

void ioasid__record_hold(struct idrec *rec)
{
	rec->holds++;
}

void ioasid__record_release(struct idrec *rec)
{
	if (--rec->holds == 0 && rec->dead)
		ioasid__record_free(rec);
}

struct idrec *ioasid__record_of(struct ioasid_device *device, ioasid_t id)
{
	if (id == IOASID_NO_PASID)
		return &device->rid;
	/* Acquire is not needed for what the lock orders; it pairs with the release of who put it there for
	 * readers without lock. */
	return atomic_load_explicit(&device->pool->recs[id], memory_order_acquire);
}

struct binding *ioasid__record_find(struct idrec *rec, const struct ioasid_device *device)
{
	struct binding *b = rec->bindings;

	while (b != NULL && b->device != device)
		b = b->next;
	return b;
}

void ioasid__binding_insert(struct devices *all, struct idrec *rec, struct binding *b)
{
	b->rec = rec;
	b->serial = ++all->serial;
	b->claim = CLAIM_SETUP;
	b->slot = rec->id == IOASID_NO_PASID && b->device->at_home ? SLOT_HOME : SLOT_FREE;
	b->next = rec->bindings;
	rec->bindings = b;
	rec->live++;
	link_append(&b->device->bindings, &b->of_device);
}

void ioasid__binding_take(struct binding *b)
{
	struct idrec *rec = b->rec;

	if (b->claim == CLAIM_QUARANTINE) {
		link_remove(&b->waiting);
	} else if (--rec->live == 0) {
		ioasid__content_put(rec->content);
		rec->content = NULL;
	}
	b->claim = CLAIM_TAKEN;
}

/* The end of a binding, or of the attempt, lets waiting binds go on. */
static void gate_open(struct binding *b)
{
	if (b->closes)
		b->rec->closing--;
	b->closes = false;
	pthread_cond_broadcast(&b->rec->cond);
}

void ioasid__binding_quarantine(struct devices *all, struct binding *b, int error)
{
	if (b->error == 0)
		b->since = ioasid__now();
	b->error = ioasid__binding_error(error);
	b->claim = CLAIM_QUARANTINE;
	link_append(&all->quarantine, &b->waiting);
	/* Whoever quarantines all of a device's is through with them at the first that is. */
	link_remove(&b->of_device);
	link_append(&b->device->bindings, &b->of_device);
	gate_open(b);
	pthread_cond_broadcast(&all->changed);
}

void ioasid__turn_begin(struct devices *all, struct binding *b)
{
	while (b->turn)
		lock_wait(&all->lock, &b->rec->cond);
	b->turn = true;
}

void ioasid__turn_end(struct binding *b)
{
	b->turn = false;
	pthread_cond_broadcast(&b->rec->cond);
}

static void unlink_from_record(struct binding *b)
{
	struct binding **at = &b->rec->bindings;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
}

/* Lets go of a binding's users: frees those whose bind is over, and tells the others. The references that the
 * caller has to drop. */
static uint32_t users_detach(struct binding *b)
{
	struct binding_user *user, *next;
	uint32_t puts = 0;

	for (user = b->users; user != NULL; user = next) {
		next = user->next;
		user->next = NULL;
		user->binding = NULL;
		if (user->setup)
			continue;
		puts++;
		mem_free(user);
	}
	b->users = NULL;
	return puts;
}

void ioasid__binding_drop(struct devices *all, struct binding *b)
{
	struct ioasid_pool *pool = all->pool;
	struct table *dead = NULL;
	ioasid_t id = b->rec->id;
	struct ioasid_set *held;
	uint32_t puts;

	lock(&all->lock);
	while (b->pins > 0)
		lock_wait(&all->lock, &b->rec->cond);
	ioasid__target_put(b->rec, &b->now, &dead);
	ioasid__target_put(b->rec, &b->before, &dead);
	unlink_from_record(b);
	if (id == IOASID_NO_PASID)
		b->device->at_home = b->slot == SLOT_HOME;
	ioasid__content_put(b->content);
	held = id == IOASID_NO_PASID ? b->set : NULL;
	puts = users_detach(b);
	gate_open(b);
	/* Who goes through the device's bindings looks at the record. */
	ioasid__record_hold(b->rec);
	unlock(&all->lock);

	ioasid__tables_destroy(all, dead);
	/* A close that waits for it lets go of the device, and tables come first (S15.6). */
	lock(&all->lock);
	link_remove(&b->of_device);
	ioasid__record_release(b->rec);
	pthread_cond_broadcast(&all->changed);
	unlock(&all->lock);
	mem_free(b);
	if (held != NULL)
		ioasid__set_release(held);
	for (; id != IOASID_NO_PASID && puts > 0; puts--)
		ioasid__life_put(pool, id);
}

int ioasid__binding_error(int rc)
{
	return rc == 0 || rc == -ETIMEDOUT ? rc : -EIO;
}

int ioasid__binding_end(struct devices *all, struct binding *b)
{
	enum slot_state slot;
	int rc = 0;

	lock(&all->lock);
	ioasid__turn_begin(all, b);
	slot = b->slot;
	unlock(&all->lock);
	if (slot == SLOT_ON || slot == SLOT_PARKED)
		rc = ioasid__slot_down(b, &slot);
	/* Also where the hardware could not be told: its faults are nobody's any more. */
	ioasid__faults_over(b->device, b->rec->id, FAULTS_GONE, ioasid__faults_epoch(b->device->context));
	lock(&all->lock);
	b->slot = slot;
	ioasid__turn_end(b);
	if (rc != 0)
		ioasid__binding_quarantine(all, b, rc);
	unlock(&all->lock);
	if (rc != 0)
		return ioasid__binding_error(rc);
	ioasid__binding_drop(all, b);
	return 0;
}

/* ---- for the life of an ID; see binding.h ---- */

void ioasid__binding_forget(struct ioasid_pool *pool, uint32_t id)
{
	struct devices *all = pool->devices;
	struct idrec *rec;

	/* Relaxed: the ID is exclusive, nobody else writes this. */
	if (all == NULL || atomic_load_explicit(&pool->recs[id], memory_order_relaxed) == NULL)
		return;
	lock(&all->lock);
	/* Acquire: sees what the last user of the record wrote; relaxed store: who puts a new one there does
	 * it under the lock. */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	atomic_store_explicit(&pool->recs[id], NULL, memory_order_relaxed);
	rec->dead = true;
	ioasid__record_hold(rec);
	ioasid__record_release(rec);
	unlock(&all->lock);
}

uint32_t ioasid__binding_count(struct ioasid_pool *pool, uint32_t id, bool *parked, bool *quarantined)
{
	struct devices *all = pool->devices;
	struct idrec *rec = NULL;
	uint32_t count = 0;

	*parked = false;
	*quarantined = false;
	if (all == NULL)
		return 0;
	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	for (struct binding *b = rec != NULL ? rec->bindings : NULL; b != NULL; b = b->next) {
		count += b->claim != CLAIM_SETUP;
		*parked |= b->slot == SLOT_ON || b->slot == SLOT_PARKED;
		*quarantined |= b->error != 0;
	}
	unlock(&all->lock);
	return count;
}

bool ioasid__binding_fits(struct ioasid_pool *pool, uint32_t id, uint32_t spid)
{
	struct devices *all = pool->devices;
	struct idrec *rec;
	bool direct = false;

	if (spid == id || (word_look(pool_slot(pool, id)) & W_BOUND) == 0 || all == NULL)
		return true;
	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	for (struct binding *b = rec != NULL ? rec->bindings : NULL; b != NULL && !direct; b = b->next)
		direct = b->claim <= CLAIM_OPEN && b->device->mode == IOASID_DEVICE_DIRECT;
	unlock(&all->lock);
	return !direct;
}

uint64_t ioasid__quarantined_since(struct ioasid_pool *pool, ioasid_t id)
{
	struct devices *all = pool->devices;
	uint64_t since = 0;
	struct idrec *rec;

	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	for (const struct binding *b = rec != NULL ? rec->bindings : NULL; b != NULL; b = b->next)
		if (b->error != 0 && (since == 0 || b->since < since))
			since = b->since;
	unlock(&all->lock);
	return since;
}

uint32_t ioasid__binding_faults(struct ioasid_pool *pool, uint32_t id)
{
	struct devices *all = pool->devices;
	struct idrec *rec = NULL;
	uint32_t count = 0;

	if (all == NULL)
		return 0;
	lock(&all->lock);
	/* Acquire as in ioasid__record_of(). */
	rec = atomic_load_explicit(&pool->recs[id], memory_order_acquire);
	for (struct binding *b = rec != NULL ? rec->bindings : NULL; b != NULL; b = b->next)
		/* Relaxed: a count. */
		count += atomic_load_explicit(&b->faults_open, memory_order_relaxed);
	unlock(&all->lock);
	return count;
}
