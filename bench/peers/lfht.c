/*
 * liburcu's lock-free hash table, the bp flavour as in the library, and a bitmap under a mutex.
 */
#define _LGPL_SOURCE
#include <urcu-bp.h>
#include <urcu/rculfhash.h>
#undef _LGPL_SOURCE

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct obj;
typedef struct {
	struct cds_lfht_node node;
	struct obj *obj;
	uint32_t key;
} map_node;
typedef struct {
	char unused;
} map_guard;

#include "bench/peers/bitmap.h"
#include "bench/peers/obj.h"

struct map {
	struct cds_lfht *table;
};

/* Retired objects: the callback wants a head, which is kept beside. */
struct late {
	struct rcu_head head;
	void *memory;
};

static void late_free(struct rcu_head *head)
{
	struct late *l = (struct late *)(void *)head;

	free(l->memory);
	free(l);
}

static void retire(void *memory)
{
	struct late *l = malloc(sizeof(*l));

	if (l == NULL)
		abort();
	l->memory = memory;
	call_rcu(&l->head, late_free);
}

static unsigned long hash_of(uint32_t key)
{
	return (unsigned long)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20);
}

static int same(struct cds_lfht_node *node, const void *key)
{
	return ((map_node *)(void *)node)->key == *(const uint32_t *)key;
}

static int map_init(struct map *m)
{
	m->table = cds_lfht_new_flavor(64, 64, 0, CDS_LFHT_AUTO_RESIZE, &urcu_bp_flavor, NULL);
	return m->table == NULL ? -1 : 0;
}

static void map_fini(struct map *m)
{
	rcu_barrier();
	(void)cds_lfht_destroy(m->table, NULL);
}

static struct obj *map_get(struct map *m, uint32_t key, map_guard *g)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	(void)g;
	rcu_read_lock();
	cds_lfht_lookup(m->table, hash_of(key), same, &key, &iter);
	node = cds_lfht_iter_get_node(&iter);
	rcu_read_unlock();
	return node == NULL ? NULL : ((map_node *)(void *)node)->obj;
}

static void map_release(map_guard *g)
{
	(void)g;
}

static void map_put(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	node->obj = o;
	node->key = key;
	cds_lfht_node_init(&node->node);
	rcu_read_lock();
	cds_lfht_add(m->table, hash_of(key), &node->node);
	rcu_read_unlock();
}

static void map_del(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)o;
	(void)key;
	rcu_read_lock();
	(void)cds_lfht_del(m->table, &node->node);
	rcu_read_unlock();
}

#define READ_BEGIN(w) rcu_read_lock()
#define READ_END(w) rcu_read_unlock()
#define RETIRE(o) retire(o)
#define STORE_LOCKED 0
#define STORE_NAME "lfht"
#define STORE_WHAT "liburcu's rculfhash (bp flavour), mutex for numbers and quota + bitmap"
#define STORE_OMITS "generations, events, bindings, custom allocators"
#define STORE_PEER peer_lfht
#define STORE_READY store_ready
static void store_ready(void *world, struct ioasid_set *set);
#include "bench/peers/store.h"

/* Tables grow in a thread of their own, which may be late. */
static void fit(struct cds_lfht *table)
{
	unsigned long count, size;
	long before, after;

	rcu_read_lock();
	cds_lfht_count_nodes(table, &before, &count, &after);
	rcu_read_unlock();
	for (size = 64; size < count; size *= 2)
		;
	cds_lfht_resize(table, size);
}

static void store_ready(void *world, struct ioasid_set *set)
{
	fit(((struct world *)world)->ids.table);
	fit(store_of(set)->spids.table);
}
