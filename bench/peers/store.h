/*
 * A contestant out of a map and a source of numbers: the part that all of them have in common. A file that
 * includes this defines before:
 *
 *   struct map, map_node, map_guard; map_init, map_fini, map_get, map_release, map_put, map_del
 *   struct numbers; numbers_init, numbers_fini, numbers_take, numbers_give
 *   STORE_NAME, STORE_WHAT, STORE_OMITS, STORE_PEER
 *   STORE_LOCKED   1: the map is used under the lock only, and references are plain numbers;
 *                  0: it is read beside writers, between READ_BEGIN and READ_END, RETIRE frees an object
 *
 * Atomics are the compiler's builtins, so that C and C++ can both include it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bench/peers/peer.h"

enum { ST_ACTIVE = 1, ST_PENDING };

struct world {
	pthread_mutex_t lock;
	struct map ids;
	struct numbers numbers;
};

#if STORE_LOCKED
#define READ_BEGIN(w) pthread_mutex_lock(&(w)->lock)
#define READ_END(w) pthread_mutex_unlock(&(w)->lock)
#define RETIRE(o) free(o)
#endif

struct store {
	struct world *world;
	struct map spids;
	struct obj *list; /* of all its IDs */
	uint32_t held, quota;
};

static struct store *store_of(struct ioasid_set *set)
{
	return (struct store *)(void *)set;
}

static bool ref_get(struct obj *o)
{
#if STORE_LOCKED
	o->refs++;
	return true;
#else
	uint32_t r = __atomic_load_n(&o->refs, __ATOMIC_RELAXED);

	while (r != 0)
		if (__atomic_compare_exchange_n(&o->refs, &r, r + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	return false;
#endif
}

/* True: it was the last. */
static bool ref_put(struct obj *o)
{
#if STORE_LOCKED
	return --o->refs == 0;
#else
	return __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) == 0;
#endif
}

/* In a read section. */
static int check(const struct store *s, const struct obj *o)
{
	if (o == NULL)
		return -ENOENT;
	if (o->store != s)
		return -EACCES;
	return __atomic_load_n(&o->state, __ATOMIC_ACQUIRE) == ST_ACTIVE ? 0 : -ENOENT;
}

/* With the lock held. The object is retired by the caller, without it. */
static void reclaim(struct store *s, struct obj *o)
{
	map_del(&s->world->ids, o->id, o, &o->id_node);
	if (o->spid != 0)
		map_del(&s->spids, o->spid, o, &o->spid_node);
	if (o->prev != NULL)
		o->prev->next = o->next;
	else
		s->list = o->next;
	if (o->next != NULL)
		o->next->prev = o->prev;
	numbers_give(&s->world->numbers, o->id);
	s->held--;
}

/* ---- Operations ---- */

static int store_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	struct store *s = store_of(set);
	map_guard g;
	struct obj *o;
	int err;

	READ_BEGIN(s->world);
	o = map_get(&s->world->ids, id, &g);
	err = check(s, o);
	if (err == 0) {
		*data = __atomic_load_n(&o->data, __ATOMIC_ACQUIRE);
		if (getter != NULL && *data != NULL && !getter(*data))
			*data = NULL;
	}
	map_release(&g);
	READ_END(s->world);
	return err;
}

static int store_get(struct ioasid_set *set, ioasid_t id)
{
	struct store *s = store_of(set);
	map_guard g;
	struct obj *o;
	int err;

	READ_BEGIN(s->world);
	o = map_get(&s->world->ids, id, &g);
	err = check(s, o);
	if (err == 0 && !ref_get(o))
		err = -ENOENT;
	map_release(&g);
	READ_END(s->world);
	return err;
}

static int store_put(struct ioasid_set *set, ioasid_t id)
{
	struct store *s = store_of(set);
	struct obj *o, *dead = NULL;
	map_guard g;
	int err = 0;

	READ_BEGIN(s->world);
	o = map_get(&s->world->ids, id, &g);
	if (o == NULL)
		err = -ENOENT;
	else if (o->store != s)
		err = -EACCES;
	else if (ref_put(o))
		dead = o;
	map_release(&g);
#if STORE_LOCKED
	if (dead != NULL)
		reclaim(s, dead);
#endif
	READ_END(s->world);
	if (dead == NULL)
		return err;
#if !STORE_LOCKED
	pthread_mutex_lock(&s->world->lock);
	reclaim(s, dead);
	pthread_mutex_unlock(&s->world->lock);
#endif
	RETIRE(dead);
	return 1;
}

static int store_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id)
{
	struct store *s = store_of(set);
	struct obj *o = (struct obj *)calloc(1, sizeof(*o));
	int err = 0;

	if (o == NULL)
		return -ENOMEM;
	if (min == 0)
		min = 1;
	if (max >= PEER_CAPACITY)
		max = PEER_CAPACITY - 1;
	o->store = s;
	o->data = data;
	o->refs = 1;
	o->state = ST_ACTIVE;
	pthread_mutex_lock(&s->world->lock);
	if (s->held >= s->quota)
		err = -EDQUOT;
	else if ((o->id = numbers_take(&s->world->numbers, min, max)) == 0)
		err = -ENOSPC;
	else {
		*id = o->id;
		s->held++;
		o->next = s->list;
		if (o->next != NULL)
			o->next->prev = o;
		s->list = o;
		map_put(&s->world->ids, o->id, o, &o->id_node);
	}
	pthread_mutex_unlock(&s->world->lock);
	if (err != 0)
		free(o);
	return err;
}

static int store_free(struct ioasid_set *set, ioasid_t id)
{
	struct store *s = store_of(set);
	bool last = false;
	struct obj *o;
	int err;

	pthread_mutex_lock(&s->world->lock);
	{
		map_guard g;

		o = map_get(&s->world->ids, id, &g);
		err = check(s, o);
		map_release(&g);
	}
	if (err == 0) {
		__atomic_store_n(&o->state, ST_PENDING, __ATOMIC_RELEASE);
		last = ref_put(o);
		if (last)
			reclaim(s, o);
	}
	pthread_mutex_unlock(&s->world->lock);
	if (last)
		RETIRE(o);
	return err;
}

static int store_find_by_spid(struct ioasid_set *set, ioasid_spid_t spid, ioasid_t *id)
{
	struct store *s = store_of(set);
	map_guard g;
	struct obj *o;
	int err;

	READ_BEGIN(s->world);
	o = map_get(&s->spids, spid.value + 1, &g);
	err = check(s, o);
	if (err == 0 && !ref_get(o))
		err = -ENOENT;
	if (err == 0)
		*id = o->id;
	map_release(&g);
	READ_END(s->world);
	return err;
}

/* @spid 0: none. */
static int spid_change(struct ioasid_set *set, ioasid_t id, uint32_t spid)
{
	struct store *s = store_of(set);
	struct obj *o;
	int err;

	pthread_mutex_lock(&s->world->lock);
	{
		map_guard g;

		o = map_get(&s->world->ids, id, &g);
		err = check(s, o);
		map_release(&g);
	}
	if (err == 0 && (spid != 0) == (o->spid != 0))
		err = spid != 0 ? -EBUSY : -ENOENT;
	if (err == 0 && spid != 0) {
		map_guard g;

		if (map_get(&s->spids, spid, &g) != NULL)
			err = -EEXIST;
		map_release(&g);
	}
	if (err == 0 && spid != 0)
		map_put(&s->spids, spid, o, &o->spid_node);
	else if (err == 0)
		map_del(&s->spids, o->spid, o, &o->spid_node);
	if (err == 0)
		o->spid = spid;
	pthread_mutex_unlock(&s->world->lock);
	return err;
}

static int store_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid)
{
	return spid_change(set, id, spid.value + 1);
}

static int store_detach_spid(struct ioasid_set *set, ioasid_t id)
{
	return spid_change(set, id, 0);
}

/* ---- Worlds and sets ---- */

static void *store_open(void)
{
	struct world *w = (struct world *)calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	if (map_init(&w->ids) == 0 && numbers_init(&w->numbers) == 0)
		return w;
	free(w);
	return NULL;
}

static void store_close(void *world)
{
	struct world *w = (struct world *)world;

	map_fini(&w->ids);
	numbers_fini(&w->numbers);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static struct ioasid_set *store_set_new(void *world, uint32_t quota)
{
	struct store *s = (struct store *)calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->world = (struct world *)world;
	s->quota = quota;
	if (map_init(&s->spids) != 0) {
		free(s);
		return NULL;
	}
	return (struct ioasid_set *)(void *)s;
}

static void store_set_end(struct ioasid_set *set)
{
	struct store *s = store_of(set);
	struct obj *o;

	while ((o = s->list) != NULL) {
		pthread_mutex_lock(&s->world->lock);
		reclaim(s, o);
		pthread_mutex_unlock(&s->world->lock);
		RETIRE(o);
	}
	map_fini(&s->spids);
	free(s);
}

#ifndef STORE_READY
#define STORE_READY NULL
#endif
#ifndef STORE_LISTEN
#define STORE_LISTEN NULL, NULL, NULL
#endif

const struct peer STORE_PEER = {
	STORE_NAME, STORE_WHAT, STORE_OMITS,
	store_open, store_close, store_set_new, store_set_end, NULL, STORE_READY,
	store_alloc, NULL, store_free, store_get, store_put, store_find,
	store_find_by_spid, store_attach_spid, store_detach_spid,
	STORE_LISTEN, NULL, NULL
};
