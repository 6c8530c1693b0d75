/*
 * Delivering events.
 */
#include "libioasid/chain.h"

#include "libioasid/rcu.h"
#include "libioasid/registry.h"
#include "libioasid/thread.h"

struct chain *ioasid__chain_pin(struct ioasid_set *set)
{
	struct chain *c;

	/* Sequentially consistent after the change of the ID's word: who subscribes publishes the chain, then
	 * looks at the words. */
	if (atomic_load_explicit(&set->chain, memory_order_seq_cst) == NULL)
		return NULL;
	ioasid__rcu_lock();
	/* Acquire pairs with the release that published it. */
	c = atomic_load_explicit(&set->chain, memory_order_acquire);
	if (c != NULL)
		atomic_fetch_add_explicit(&c->state, CHAIN_USER, memory_order_acq_rel);
	ioasid__rcu_unlock();
	return c;
}

void ioasid__chain_unpin(struct ioasid_pool *pool, struct chain *chain, uint32_t events)
{
	/* Release: what the handlers did is seen by who waits for the chain's users. The chain is not touched
	 * after it. */
	uint64_t change = events * CHAIN_EVENT - CHAIN_USER;
	uint64_t now = atomic_fetch_add_explicit(&chain->state, change, memory_order_acq_rel) + change;

	if ((now & CHAIN_RETIRED) && (now & CHAIN_USERS) == 0) {
		lock(&pool->chain_lock);
		pthread_cond_broadcast(&pool->chain_cond);
		unlock(&pool->chain_lock);
	}
}

void ioasid__chain_drain(struct ioasid_pool *pool, struct chain *list)
{
	struct chain *c;

	if (list == NULL)
		return;
	ioasid__rcu_sync();
	for (c = list; c != NULL; c = c->next) {
		uint64_t state = atomic_fetch_or_explicit(&c->state, CHAIN_RETIRED, memory_order_acq_rel);

		if (state & CHAIN_USERS) {
			lock(&pool->chain_lock);
			while (atomic_load_explicit(&c->state, memory_order_acquire) & CHAIN_USERS)
				lock_wait(&pool->chain_lock, &pool->chain_cond);
			unlock(&pool->chain_lock);
		}
		state = atomic_load_explicit(&c->state, memory_order_acquire);
		atomic_fetch_add_explicit(&c->set->events, state >> CHAIN_EVENT_SHIFT, memory_order_relaxed);
		atomic_store_explicit(&c->state, 0, memory_order_relaxed);
	}
}

static void delivery_begin(struct ioasid_set *set, uint32_t event, ioasid_t id, uint32_t spid, struct ioasid_event *ev)
{
	struct delivery *d = &ioasid__thread.delivery;

	d->pool = set->pool;
	d->id = id;
	d->event = event;
	d->spid = spid;
	ev->event = event;
	ev->id = id;
	ev->spid.value = spid;
	ev->reserved = 0;
	ev->set = set;
	ev->data = atomic_load_explicit(&set->table[id].data, memory_order_acquire);
	ioasid__restrict();
}

/* Leaves the handlers' context; what they deferred is completed by the caller, when it has given the turn
 * back. */
static void delivery_end(void)
{
	ioasid__thread.restricted--;
	ioasid__thread.delivery.pool = NULL;
}

/* Notes what a registration has been told of while it is gated; false: the event is not for it. */
static bool gate(struct registration *r, uint32_t event, ioasid_t id)
{
	/* Acquire pairs with the release that closed it, so that the next event of the ID sees its chain
	 * gated. */
	if (atomic_load_explicit(&r->closed, memory_order_acquire))
		return false;
	if (atomic_load_explicit(&r->gated, memory_order_acquire)) {
		if (event == IOASID_EVENT_ALLOC) {
			/* Not told: nor may it seem so for what it was told of a life before, which ended
			 * without FREE. */
			if (atomic_load_explicit(&r->closing, memory_order_seq_cst)) {
				registration_tell(r, id, false);
				return false;
			}
			registration_tell(r, id, true);
		} else if (!registration_told(r, id)) {
			return false;
		} else if (event == IOASID_EVENT_FREE) {
			registration_tell(r, id, false);
		}
	}
	return true;
}

/* Does the event concern the entry? */
static inline bool concerns(const struct chain_entry *e, bool gated, uint32_t event, ioasid_t id)
{
	if (__builtin_expect(gated, 0) && !gate(e->r, event, id))
		return false;
	return (e->events & event) != 0;
}

static bool has_gates(struct chain *chain)
{
	/* Acquire: who sees them gone sees what was told before. */
	return atomic_load_explicit(&chain->gated, memory_order_acquire);
}

int ioasid__chain_announce(struct ioasid_set *set, struct chain *chain, uint32_t event, ioasid_t id, uint32_t spid,
			   uint32_t *told)
{
	const struct chain_entry *e = chain->entries;
	bool gated = has_gates(chain);
	struct ioasid_event ev;
	uint32_t i;
	int ret = 0;

	delivery_begin(set, event, id, spid, &ev);
	for (i = 0; i < chain->count && ret >= 0; i++, e++)
		if (concerns(e, gated, event, id))
			ret = e->handler(e->context, &ev);
	delivery_end();
	if (ret >= 0)
		return 0;
	*told = i - 1;
	/* The one that vetoed has not got it. */
	e = &chain->entries[i - 1];
	if (event == IOASID_EVENT_ALLOC && atomic_load_explicit(&e->r->gated, memory_order_acquire))
		registration_tell(e->r, id, false);
	return ret;
}

static inline void notify(struct ioasid_set *set, const struct chain_entry *e, bool gated,
			  const struct ioasid_event *ev)
{
	if (concerns(e, gated, ev->event, ev->id) && e->handler(e->context, ev) < 0)
		atomic_fetch_add_explicit(&set->refused, 1, memory_order_relaxed);
}

void ioasid__chain_deliver(struct ioasid_set *set, struct chain *chain, uint32_t event, ioasid_t id, uint32_t spid)
{
	bool gated = has_gates(chain);
	struct ioasid_event ev;
	uint32_t i;

	delivery_begin(set, event, id, spid, &ev);
	for (i = 0; i < chain->count; i++)
		notify(set, &chain->entries[i], gated, &ev);
	delivery_end();
}

void ioasid__chain_undo(struct ioasid_set *set, struct chain *chain, uint32_t count, uint32_t event, ioasid_t id,
			uint32_t spid)
{
	uint32_t undone = event == IOASID_EVENT_FREE ? IOASID_EVENT_ALLOC : IOASID_EVENT_BIND;
	bool gated = has_gates(chain);
	struct ioasid_event ev;

	delivery_begin(set, event, id, spid, &ev);
	while (count > 0) {
		const struct chain_entry *e = &chain->entries[--count];

		/* Told means that its handler was called. */
		if (e->events & undone)
			notify(set, e, gated, &ev);
	}
	delivery_end();
}

int ioasid__chain_tell(struct ioasid_set *set, struct registration *r, uint32_t event, ioasid_t id, uint32_t spid)
{
	struct ioasid_event ev;
	int ret = 0;

	delivery_begin(set, event, id, spid, &ev);
	if (r->events & event)
		ret = r->handler(r->context, &ev);
	delivery_end();
	return ret < 0 ? ret : 0;
}
