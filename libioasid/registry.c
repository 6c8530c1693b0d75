/*
 * Registrations and the chains made of them.
 */
#include "libioasid/registry.h"

#include <errno.h>

#include "libioasid/rcu.h"

#define TOLD_BYTES (IOASID_CAPACITY_MAX / 8u)

static bool same_scope(const struct scope *a, const struct scope *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == SCOPE_TOKEN)
		return a->type == b->type && a->token == b->token;
	return a->kind == SCOPE_POOL || a->set == b->set;
}

bool ioasid__registry_applies(const struct registration *r, const struct ioasid_set *set)
{
	switch (r->scope.kind) {
	case SCOPE_POOL:
		return true;
	case SCOPE_SET:
		return r->scope.set == set;
	default:
		return set->type == r->scope.type && set->token == r->scope.token;
	}
}

struct registration *ioasid__registry_find(struct ioasid_pool *pool, const struct scope *scope,
					   const struct ioasid_notifier *block)
{
	struct registration *r;

	for (r = pool->registrations; r != NULL; r = r->next)
		if (r->block == block && same_scope(&r->scope, scope))
			return r;
	return NULL;
}

void ioasid__registration_free(struct registration *r)
{
	mem_unmap((void *)r->told, TOLD_BYTES);
	mem_free(r);
}

/* ---- Chains of a set ---- */

static uint32_t count_of(struct ioasid_pool *pool, const struct ioasid_set *set)
{
	struct registration *r;
	uint32_t n = 0;

	for (r = pool->registrations; r != NULL; r = r->next)
		n += ioasid__registry_applies(r, set);
	return n;
}

static struct chain *chain_alloc(uint32_t count)
{
	return mem_zalloc_line(sizeof(struct chain) + count * sizeof(struct chain_entry));
}

static void chain_free(struct chain *c)
{
	if (c != NULL)
		mem_free(c->spare);
	mem_free(c);
}

static bool is_gated(struct registration *r)
{
	return atomic_load_explicit(&r->gated, memory_order_acquire);
}

static void chain_fill(struct ioasid_pool *pool, struct chain *c, struct ioasid_set *set)
{
	struct registration *r;
	bool gated = false;

	c->count = 0;
	c->set = set;
	for (r = pool->registrations; r != NULL; r = r->next) {
		if (!ioasid__registry_applies(r, set))
			continue;
		c->entries[c->count++] = (struct chain_entry) {
			.handler = r->handler, .context = r->context, .r = r, .events = r->events,
		};
		gated |= is_gated(r);
	}
	atomic_store_explicit(&c->gated, gated, memory_order_relaxed);
}

/* A chain with its spare, unfilled; NULL: no memory. */
static struct chain *chain_make(uint32_t count)
{
	struct chain *c = chain_alloc(count);

	if (c == NULL)
		return NULL;
	c->spare = chain_alloc(count);
	if (c->spare == NULL) {
		mem_free(c);
		return NULL;
	}
	return c;
}

/* Publishes a chain, or none; returns the one before. Under the registry. */
static struct chain *publish(struct ioasid_set *set, struct chain *c)
{
	struct chain *old = atomic_exchange_explicit(&set->chain, c, memory_order_acq_rel);

	if (c != NULL)
		atomic_fetch_or_explicit(&set->slow, SET_CHAIN, memory_order_seq_cst);
	else
		atomic_fetch_and_explicit(&set->slow, ~SET_CHAIN, memory_order_seq_cst);
	return old;
}

int ioasid__registry_birth(struct ioasid_set *set)
{
	uint32_t n = count_of(set->pool, set);
	struct chain *c;

	if (n == 0)
		return 0;
	c = chain_make(n);
	if (c == NULL)
		return -ENOMEM;
	chain_fill(set->pool, c, set);
	(void)publish(set, c);
	return 0;
}

/* ---- Add ---- */

/* Chains for all sets that a new registration concerns; NULL with *err set: no memory, none is left. */
static struct chain *chains_make(struct ioasid_pool *pool, const struct registration *r, int *err)
{
	struct ioasid_set *set;
	struct chain *list = NULL, *c;

	*err = 0;
	for (set = pool->set_list; set != NULL; set = set->next) {
		if (set->reaped || !ioasid__registry_applies(r, set))
			continue;
		c = chain_make(count_of(pool, set) + 1);
		if (c == NULL) {
			while ((c = list) != NULL) {
				list = c->next;
				chain_free(c);
			}
			*err = -ENOMEM;
			return NULL;
		}
		c->set = set;
		c->next = list;
		list = c;
	}
	return list;
}

static void list_insert(struct ioasid_pool *pool, struct registration *r)
{
	struct registration **p = &pool->registrations;

	while (*p != NULL && (*p)->priority <= r->priority)
		p = &(*p)->next;
	r->next = *p;
	*p = r;
}

static void list_remove(struct ioasid_pool *pool, struct registration *r)
{
	struct registration **p = &pool->registrations;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
}

int ioasid__registry_add(struct ioasid_pool *pool, struct registration *r)
{
	struct chain *fresh, *old = NULL, *c;
	int err = 0;

	lock(&pool->registry);
	if (ioasid__registry_find(pool, &r->scope, r->block) != NULL) {
		unlock(&pool->registry);
		return -EEXIST;
	}
	fresh = chains_make(pool, r, &err);
	if (err == 0)
		list_insert(pool, r);
	while ((c = fresh) != NULL) {
		struct ioasid_set *set = c->set;
		struct chain *before;

		fresh = c->next;
		c->next = NULL;
		chain_fill(pool, c, set);
		before = publish(set, c);
		if (before != NULL) {
			before->next = old;
			old = before;
		}
	}
	unlock(&pool->registry);
	if (err != 0)
		return err;
	/* Also where there was no chain: transitions that have seen none end with the grace period. */
	if (old == NULL)
		ioasid__rcu_sync();
	ioasid__chain_drain(pool, old);
	while ((c = old) != NULL) {
		old = c->next;
		chain_free(c);
	}
	return 0;
}

void ioasid__registry_open(struct ioasid_pool *pool, struct registration *r)
{
	struct ioasid_set *set;
	struct chain *c;
	uint32_t i;

	lock(&pool->registry);
	atomic_store_explicit(&r->gated, false, memory_order_release);
	for (set = pool->set_list; set != NULL; set = set->next) {
		bool gated = false;

		c = atomic_load_explicit(&set->chain, memory_order_relaxed);
		for (i = 0; c != NULL && i < c->count; i++)
			gated |= is_gated(c->entries[i].r);
		if (c != NULL && !gated)
			atomic_store_explicit(&c->gated, false, memory_order_release);
	}
	unlock(&pool->registry);
}

/* ---- Remove ---- */

/* Replaces a set's chain by one without the registration that is off the list: its spare, or none. */
static struct chain *shrink(struct ioasid_pool *pool, struct ioasid_set *set)
{
	struct chain *old = atomic_load_explicit(&set->chain, memory_order_relaxed), *c = NULL;

	if (old->count > 1) {
		c = old->spare;
		old->spare = NULL;
		chain_fill(pool, c, set);
	}
	(void)publish(set, c);
	return old;
}

/* What was drained becomes the spare of the chain that took its place; the set may have got others, or gone,
 * meanwhile. */
static void recycle(struct ioasid_pool *pool, struct chain *list)
{
	struct chain *c, *now;

	lock(&pool->registry);
	while ((c = list) != NULL) {
		struct ioasid_set *set = c->set;

		list = c->next;
		c->next = NULL;
		now = atomic_load_explicit(&set->chain, memory_order_relaxed);
		if (now != NULL && now->spare == NULL)
			now->spare = c;
		else
			chain_free(c);
		ioasid__set_release(set);
	}
	unlock(&pool->registry);
}

/*
 * Ends all deliveries to a registration at once, before the first chain loses it. All its chains are gated
 * first, so that whoever finds it closed in one of them will find it closed in every other. Under the
 * registry.
 */
static void close_registration(struct ioasid_pool *pool, struct registration *r)
{
	struct ioasid_set *set;

	for (set = pool->set_list; set != NULL; set = set->next)
		if (!set->reaped && ioasid__registry_applies(r, set))
			atomic_store_explicit(&atomic_load_explicit(&set->chain, memory_order_relaxed)->gated, true,
					      memory_order_relaxed);
	atomic_store_explicit(&r->closed, true, memory_order_release);
}

void ioasid__registry_remove(struct ioasid_pool *pool, struct registration *r)
{
	struct chain *old = NULL, *c;
	struct ioasid_set *set;

	lock(&pool->registry);
	close_registration(pool, r);
	list_remove(pool, r);
	for (set = pool->set_list; set != NULL; set = set->next) {
		if (set->reaped || !ioasid__registry_applies(r, set))
			continue;
		c = shrink(pool, set);
		ioasid__set_hold(set);
		c->next = old;
		old = c;
	}
	unlock(&pool->registry);
	ioasid__chain_drain(pool, old);
	if (old == NULL)
		ioasid__rcu_sync();
	recycle(pool, old);
	ioasid__registration_free(r);
}

/* ---- Death ---- */

void ioasid__registry_death(struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;
	struct registration **p, *r, *gone = NULL;
	struct chain *old;

	lock(&pool->subscription);
	lock(&pool->registry);
	set->reaped = true;
	old = publish(set, NULL);
	for (p = &pool->registrations; (r = *p) != NULL;) {
		if (r->scope.kind == SCOPE_SET && r->scope.set == set) {
			*p = r->next;
			r->next = gone;
			gone = r;
		} else {
			p = &r->next;
		}
	}
	unlock(&pool->registry);
	ioasid__chain_drain(pool, old);
	chain_free(old);
	while ((r = gone) != NULL) {
		gone = r->next;
		ioasid__registration_free(r);
	}
	unlock(&pool->subscription);
}
