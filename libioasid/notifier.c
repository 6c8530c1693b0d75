/*
 * Subscribing and unsubscribing (S7.8, S7.9).
 */
#include <errno.h>
#include <string.h>

#include <ioasid/notifier.h>

#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/rcu.h"
#include "libioasid/registry.h"
#include "libioasid/spid.h"
#include "libioasid/thread.h"
#include "libioasid/turn.h"

/* ---- What a scope has ---- */

/* The set whose IDs a scope speaks of, held; NULL: a token without a set. */
static struct ioasid_set *scope_set(struct ioasid_pool *pool, const struct scope *scope)
{
	struct ioasid_set *set = scope->set;

	lock(&pool->registry);
	if (scope->kind == SCOPE_TOKEN)
		for (set = pool->set_list; set != NULL; set = set->next)
			if (set->type == scope->type && set->token == scope->token && !set_is_put(set))
				break;
	if (set != NULL)
		ioasid__set_hold(set);
	unlock(&pool->registry);
	return set;
}

/* The next ID at or after @id that the set has, in any state but FREE; capacity: none. */
static ioasid_t next_id(struct ioasid_set *set, ioasid_t id, uint64_t *w)
{
	while ((id = ioasid__set_next_group(set, id)) < pool_capacity(set->pool)) {
		do {
			*w = word_look(pool_slot(set->pool, id));
			if (!word_is(*w, W_FREE) && set_owns(set, *w))
				return id;
		} while (++id % GROUP_IDS != 0 && id < pool_capacity(set->pool));
	}
	return id;
}

/*
 * Looks at the IDs of the scope that the registration was not told of. One that is being born is waited for.
 * -EBUSY: one is ACTIVE; *late: one has its FREE before it.
 */
static int look(struct ioasid_set *set, struct registration *r, bool *late)
{
	ioasid_t id;
	uint64_t w;

	for (id = next_id(set, 0, &w); id < pool_capacity(set->pool); id = next_id(set, id + 1, &w)) {
		if (registration_told(r, id))
			continue;
		if (word_is(w, W_ACTIVE))
			return -EBUSY;
		if (word_is(w, W_PENDING) && (w & W_ALLOC))
			*late = true;
		if (word_is(w, W_BORN) && (w & W_TURN)) {
			(void)ioasid__park(set->pool, id, w, IOASID_FOREVER);
			id--; /* again */
		}
	}
	return 0;
}

/* ---- Replay ---- */

/* Tells of one ID, under its turn: ALLOC, and BIND if it has a SPID. */
static int replay_one(struct ioasid_set *set, struct registration *r, ioasid_t id)
{
	struct ioasid_pool *pool = set->pool;
	struct ioasid_set *owner;
	uint32_t spid;
	uint64_t w;
	int err;

	if (ioasid__turn_take(set, id, TURN_ACTIVE | TURN_BORN, &w) != 0)
		return 0; /* gone, and FREE_PENDING ones are not replayed */
	if (registration_told(r, id)) {
		(void)ioasid__turn_release(pool, id);
		return 0;
	}
	owner = pool_set_of(pool, w);
	spid = ioasid__spid_value(pool, id);
	registration_tell(r, id, true);
	err = ioasid__chain_tell(owner, r, IOASID_EVENT_ALLOC, id, IOASID_SPID_NONE);
	if (err != 0) {
		registration_tell(r, id, false);
	} else if (spid != IOASID_SPID_NONE) {
		err = ioasid__chain_tell(owner, r, IOASID_EVENT_BIND, id, spid);
		if (err != 0) {
			(void)ioasid__chain_tell(owner, r, IOASID_EVENT_FREE, id, IOASID_SPID_NONE);
			registration_tell(r, id, false);
		}
	}
	(void)ioasid__turn_release(pool, id);
	ioasid__life_settle();
	return err;
}

static int replay(struct ioasid_set *set, struct registration *r)
{
	ioasid_t id;
	uint64_t w;
	int err = 0;

	for (id = next_id(set, 0, &w); id < pool_capacity(set->pool) && err == 0; id = next_id(set, id + 1, &w))
		if (!registration_told(r, id) && !word_is(w, W_PENDING))
			err = replay_one(set, r, id);
	return err;
}

/* Is the word of an ID of a set in the scope? */
static bool in_scope(struct ioasid_pool *pool, const struct registration *r, uint64_t w)
{
	const struct ioasid_set *set;
	bool in;

	/* Nothing keeps the ID: the set may be on its way. */
	ioasid__rcu_lock();
	set = pool_set_of(pool, w);
	in = set != NULL && ioasid__registry_applies(r, set);
	ioasid__rcu_unlock();
	return in;
}

/*
 * A registration failed: UNBIND and FREE of what the block was told. No ALLOC reaches it any more. A token
 * may have got another set meanwhile, in whose chain the block has been from its birth: so its IDs are looked
 * for in the whole pool.
 */
static void undo(struct ioasid_set *set, struct registration *r)
{
	struct ioasid_pool *pool = set->pool;
	ioasid_t id;
	uint64_t w;

	if (r->scope.kind == SCOPE_TOKEN)
		set = &pool->root;
	atomic_store_explicit(&r->closing, true, memory_order_seq_cst);
	for (id = next_id(set, 0, &w); id < pool_capacity(pool); id = next_id(set, id + 1, &w)) {
		struct ioasid_set *owner;
		uint32_t spid;

		/* Of one that is being born it may be told at this moment: that is waited for. */
		if (!registration_told(r, id) && !(word_is(w, W_BORN) && (w & W_TURN)))
			continue;
		if (!in_scope(pool, r, w))
			continue;
		if (ioasid__turn_take(set, id, TURN_ACTIVE | TURN_PENDING | TURN_BORN, &w) != 0)
			continue;
		owner = pool_set_of(pool, w);
		/* What it was told of another set's ID, that has gone without FREE, says nothing of this one. */
		if (registration_told(r, id) && ioasid__registry_applies(r, owner)) {
			spid = ioasid__spid_value(pool, id);
			if (spid != IOASID_SPID_NONE)
				(void)ioasid__chain_tell(owner, r, IOASID_EVENT_UNBIND, id, spid);
			(void)ioasid__chain_tell(owner, r, IOASID_EVENT_FREE, id, IOASID_SPID_NONE);
			registration_tell(r, id, false);
		}
		(void)ioasid__turn_release(pool, id);
		ioasid__life_settle();
	}
}

/* ---- Register ---- */

/* Have dead sets that had the token FREE before them? They are not replayed, and the block is not told. */
static bool has_dying(struct ioasid_pool *pool, const struct scope *scope)
{
	struct ioasid_set *set;

	lock(&pool->registry);
	for (set = scope->kind == SCOPE_TOKEN ? pool->set_list : NULL; set != NULL; set = set->next)
		if (set->type == scope->type && set->token == scope->token && !set->reaped && set_is_put(set))
			break;
	unlock(&pool->registry);
	return set != NULL;
}

/* After the block was published: replay, or see that there is nothing it should have been told of. */
static int admit(struct ioasid_pool *pool, struct registration *r, uint32_t flags)
{
	struct ioasid_set *set = scope_set(pool, &r->scope);
	bool late = false;
	int err = 0;

	if (set == NULL) {
		if (!has_dying(pool, &r->scope))
			ioasid__registry_open(pool, r);
		return 0;
	}
	do {
		if (flags & IOASID_NOTIFIER_REPLAY)
			err = replay(set, r);
		if (err != 0)
			break;
		late = false;
		err = look(set, r, &late);
		/* With replay: one became ACTIVE that was BORN without events when the walk passed it. Again. */
	} while (err == -EBUSY && (flags & IOASID_NOTIFIER_REPLAY));
	if (err == 0 && !late && !has_dying(pool, &r->scope))
		ioasid__registry_open(pool, r);
	else if (err != 0)
		undo(set, r);
	ioasid__set_release(set);
	return err;
}

static int block_check(const struct ioasid_notifier *block, uint32_t flags)
{
	if (block == NULL || block->handler == NULL || block->events == 0 || (block->events & ~IOASID_EVENT_ALL) != 0)
		return -EINVAL;
	if (block->priority > IOASID_PRIO_LAST || (flags & ~IOASID_NOTIFIER_REPLAY) != 0)
		return -EINVAL;
	return 0;
}

static struct registration *registration_make(const struct scope *scope, const struct ioasid_notifier *block)
{
	struct registration *r = mem_zalloc(sizeof(*r));

	if (r == NULL)
		return NULL;
	r->told = mem_map(IOASID_CAPACITY_MAX / 8u);
	if (r->told == NULL) {
		mem_free(r);
		return NULL;
	}
	r->block = block;
	r->handler = block->handler;
	r->context = block->context;
	r->events = block->events;
	r->priority = block->priority;
	r->scope = *scope;
	atomic_store_explicit(&r->gated, true, memory_order_relaxed);
	return r;
}

static int do_register(struct ioasid_pool *pool, const struct scope *scope, const struct ioasid_notifier *block,
		       uint32_t flags)
{
	struct registration *r;
	int err;

	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	lock(&pool->subscription);
	if (scope->kind == SCOPE_SET && (atomic_load_explicit(&scope->set->slow, memory_order_acquire) & SET_DEAD)) {
		err = -ENOENT;
		goto out;
	}
	r = registration_make(scope, block);
	if (r == NULL) {
		lock(&pool->registry);
		err = ioasid__registry_find(pool, scope, block) != NULL ? -EEXIST : -ENOMEM;
		unlock(&pool->registry);
		goto out;
	}
	err = ioasid__registry_add(pool, r);
	if (err != 0) {
		ioasid__registration_free(r);
		goto out;
	}
	err = admit(pool, r, flags);
	if (err != 0)
		ioasid__registry_remove(pool, r);
out:
	unlock(&pool->subscription);
	ioasid__life_settle();
	return err;
}

int ioasid__scope_of_set(struct ioasid_set *set, struct scope *scope)
{
	memset(scope, 0, sizeof(*scope));
	if (set == NULL)
		return -EINVAL;
	scope->kind = set_is_root(set) ? SCOPE_POOL : SCOPE_SET;
	scope->set = set;
	return 0;
}

int ioasid__scope_of_token(struct ioasid_pool *pool, uint32_t type, uint64_t token, struct scope *scope)
{
	memset(scope, 0, sizeof(*scope));
	if (pool == NULL || (type != IOASID_SET_MM && type != IOASID_SET_OPAQUE) || token == 0)
		return -EINVAL;
	scope->kind = SCOPE_TOKEN;
	scope->type = type;
	scope->token = token;
	return 0;
}

int ioasid_register_notifier(struct ioasid_set *set, const struct ioasid_notifier *block, uint32_t flags)
{
	struct scope scope;

	if (ioasid__forked())
		return -EPERM;
	if (ioasid__scope_of_set(set, &scope) != 0 || block_check(block, flags) != 0)
		return -EINVAL;
	return do_register(set->pool, &scope, block, flags);
}

int ioasid_register_notifier_token(struct ioasid_pool *pool, uint32_t type, uint64_t token,
				   const struct ioasid_notifier *block, uint32_t flags)
{
	struct scope scope;

	if (ioasid__forked())
		return -EPERM;
	if (ioasid__scope_of_token(pool, type, token, &scope) != 0 || block_check(block, flags) != 0)
		return -EINVAL;
	return do_register(pool, &scope, block, flags);
}

/* ---- Unregister ---- */

static int do_unregister(struct ioasid_pool *pool, const struct scope *scope, const struct ioasid_notifier *block)
{
	struct registration *r;

	lock(&pool->subscription);
	lock(&pool->registry);
	r = ioasid__registry_find(pool, scope, block);
	unlock(&pool->registry);
	if (r != NULL)
		ioasid__registry_remove(pool, r);
	unlock(&pool->subscription);
	return r != NULL ? 0 : -ENOENT;
}

int ioasid_unregister_notifier(struct ioasid_set *set, const struct ioasid_notifier *block)
{
	struct scope scope;

	if (ioasid__forked())
		return -EPERM;
	if (ioasid__scope_of_set(set, &scope) != 0 || block == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	return do_unregister(set->pool, &scope, block);
}

int ioasid_unregister_notifier_token(struct ioasid_pool *pool, uint32_t type, uint64_t token,
				     const struct ioasid_notifier *block)
{
	struct scope scope;

	if (ioasid__forked())
		return -EPERM;
	if (ioasid__scope_of_token(pool, type, token, &scope) != 0 || block == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	return do_unregister(pool, &scope, block);
}
