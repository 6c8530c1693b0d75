/*
 * The floor: an array of 16 byte entries, and no more atomic operations than the work cannot do without. Each
 * set has a stack of free numbers of its own, so that nothing is shared but the entries.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bench/peers/peer.h"

#define HANDLERS_MAX 16

struct entry {
	_Atomic uint64_t word; /* references; 0: free */
	_Atomic(void *) data;
};

struct floor_world {
	struct entry *table;
	uint32_t next; /* numbers that no set has yet */
};

struct floor_handler {
	int (*handler)(void *context, const void *event);
	void *context;
};

struct floor_set {
	struct entry *table;
	ioasid_t *stack;
	uint32_t free, quota, first;
	_Atomic uint32_t *spids;
	uint32_t *spid_of;
	struct floor_handler handlers[HANDLERS_MAX];
	unsigned int listening;
	_Atomic uint64_t users;
	uint64_t told;
};

static void *pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static struct floor_set *mine(struct ioasid_set *set)
{
	return (struct floor_set *)(void *)set;
}

static void *floor_open(void)
{
	struct floor_world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->next = 1;
	w->table = pages(PEER_CAPACITY * sizeof(*w->table));
	if (w->table != NULL)
		return w;
	free(w);
	return NULL;
}

static void floor_close(void *world)
{
	struct floor_world *w = world;

	munmap(w->table, PEER_CAPACITY * sizeof(*w->table));
	free(w);
}

static struct ioasid_set *floor_set_new(void *world, uint32_t quota)
{
	struct floor_world *w = world;
	struct floor_set *s = calloc(1, sizeof(*s));
	uint32_t i;

	if (s == NULL)
		return NULL;
	if (quota > PEER_CAPACITY - w->next)
		quota = PEER_CAPACITY - w->next;
	s->stack = pages((quota + 1) * sizeof(*s->stack));
	s->spids = pages(PEER_CAPACITY * sizeof(*s->spids));
	s->spid_of = pages(PEER_CAPACITY * sizeof(*s->spid_of));
	if (s->stack == NULL || s->spids == NULL || s->spid_of == NULL)
		return NULL;
	s->table = w->table;
	s->quota = quota;
	s->first = w->next;
	for (i = 0; i < quota; i++)
		s->stack[i] = s->first + quota - 1 - i;
	s->free = quota;
	w->next += quota;
	return (struct ioasid_set *)(void *)s;
}

static void floor_set_end(struct ioasid_set *set)
{
	struct floor_set *s = mine(set);
	uint32_t i;

	for (i = s->first; i < s->first + s->quota; i++)
		if (atomic_load_explicit(&s->table[i].word, memory_order_relaxed) != 0)
			(void)atomic_exchange_explicit(&s->table[i].word, 0, memory_order_acq_rel);
	munmap(s->stack, (s->quota + 1) * sizeof(*s->stack));
	munmap((void *)s->spids, PEER_CAPACITY * sizeof(*s->spids));
	munmap(s->spid_of, PEER_CAPACITY * sizeof(*s->spid_of));
	free(s);
}

static int floor_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id)
{
	struct floor_set *s = mine(set);
	uint64_t none = 0;

	if (min == max)
		*id = min;
	else if (s->free != 0)
		*id = s->stack[--s->free];
	else
		return -ENOSPC;
	if (!atomic_compare_exchange_strong_explicit(&s->table[*id].word, &none, 1, memory_order_acq_rel,
						     memory_order_relaxed))
		return -ENOSPC;
	if (data != NULL)
		atomic_store_explicit(&s->table[*id].data, data, memory_order_release);
	return 0;
}

static int floor_free(struct ioasid_set *set, ioasid_t id)
{
	struct floor_set *s = mine(set);

	(void)atomic_exchange_explicit(&s->table[id].word, 0, memory_order_acq_rel);
	if (s->free < s->quota)
		s->stack[s->free++] = id;
	return 0;
}

static int floor_get(struct ioasid_set *set, ioasid_t id)
{
	atomic_fetch_add_explicit(&mine(set)->table[id].word, 1, memory_order_acq_rel);
	return 0;
}

static int floor_put(struct ioasid_set *set, ioasid_t id)
{
	atomic_fetch_sub_explicit(&mine(set)->table[id].word, 1, memory_order_acq_rel);
	return 0;
}

static int floor_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	void *found = atomic_load_explicit(&mine(set)->table[id].data, memory_order_acquire);

	(void)getter;
	*data = found;
	return found == NULL ? -ENOENT : 0;
}

static uint64_t floor_find_loop(struct ioasid_set *set, const ioasid_t *ids, uint32_t mask, uint32_t at, uint64_t count)
{
	uint64_t failed = 0;
	void *data;

	for (; count > 0; count--)
		failed += floor_find(set, ids[at++ & mask], NULL, &data) != 0;
	return failed;
}

static uint32_t floor_find_many(struct ioasid_set *set, const ioasid_t *ids, uint32_t count, void **data)
{
	uint32_t i, failed = 0;

	for (i = 0; i < count; i++)
		failed += floor_find(set, ids[i], NULL, &data[i]) != 0;
	return failed;
}

static int floor_find_by_spid(struct ioasid_set *set, ioasid_spid_t spid, ioasid_t *id)
{
	*id = atomic_load_explicit(&mine(set)->spids[spid.value], memory_order_acquire);
	return floor_get(set, *id);
}

static int floor_attach_spid(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid)
{
	mine(set)->spid_of[id] = spid.value;
	(void)atomic_exchange_explicit(&mine(set)->spids[spid.value], id, memory_order_acq_rel);
	return 0;
}

static int floor_detach_spid(struct ioasid_set *set, ioasid_t id)
{
	(void)atomic_exchange_explicit(&mine(set)->spids[mine(set)->spid_of[id]], 0, memory_order_acq_rel);
	return 0;
}

static int floor_listen(struct ioasid_set *set, unsigned int handlers, unsigned int scopes)
{
	struct floor_set *s = mine(set);

	(void)scopes;
	for (s->listening = 0; s->listening < handlers && s->listening < HANDLERS_MAX; s->listening++) {
		s->handlers[s->listening].handler = peer_handler;
		s->handlers[s->listening].context = &s->told;
	}
	return 0;
}

static void floor_unlisten(struct ioasid_set *set)
{
	mine(set)->listening = 0;
}

/* The two atomics that keep a list of handlers from being changed under the calls. */
static int floor_notify(struct ioasid_set *set, ioasid_t id)
{
	struct floor_set *s = mine(set);
	unsigned int i;

	atomic_fetch_add_explicit(&s->users, 1, memory_order_acq_rel);
	for (i = 0; i < s->listening; i++)
		(void)s->handlers[i].handler(s->handlers[i].context, &id);
	atomic_fetch_sub_explicit(&s->users, 1, memory_order_acq_rel);
	return 0;
}

const struct peer peer_floor = {
	.name = "floor",
	.what = "array of 16 byte entries, a stack of free numbers per set",
	.omits = "owner check, state, quota, generations, events, bindings; knows no windows but of one ID",
	.open = floor_open,
	.close = floor_close,
	.set_new = floor_set_new,
	.set_end = floor_set_end,
	.alloc = floor_alloc,
	.free = floor_free,
	.get = floor_get,
	.put = floor_put,
	.find = floor_find,
	.find_by_spid = floor_find_by_spid,
	.attach_spid = floor_attach_spid,
	.detach_spid = floor_detach_spid,
	.listen = floor_listen,
	.unlisten = floor_unlisten,
	.notify = floor_notify,
	.find_loop = floor_find_loop,
	.find_many = floor_find_many,
};
