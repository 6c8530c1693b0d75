/*
 * TBB's concurrent hash map, whose accessors lock an entry, and a bitmap under a mutex.
 */
#include <tbb/concurrent_hash_map.h>

struct obj;
typedef struct {
	char unused;
} map_node;
typedef tbb::concurrent_hash_map<uint32_t, struct obj *> table_t;
typedef table_t::const_accessor map_guard;

#include "bench/peers/bitmap.h"
#include "bench/peers/obj.h"

struct map {
	table_t *table;
};

static int map_init(struct map *m)
{
	m->table = new table_t;
	return 0;
}

static void map_fini(struct map *m)
{
	delete m->table;
}

static struct obj *map_get(struct map *m, uint32_t key, map_guard *g)
{
	return m->table->find(*g, key) ? (*g)->second : nullptr;
}

static void map_release(map_guard *g)
{
	g->release();
}

static void map_put(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)node;
	m->table->insert(std::make_pair(key, o));
}

static void map_del(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)o;
	(void)node;
	m->table->erase(key);
}

#define READ_BEGIN(w) (void)(w)
#define READ_END(w) (void)(w)
#define RETIRE(o) free(o)
#define STORE_LOCKED 0
#define STORE_NAME "tbb"
#define STORE_WHAT "TBB's concurrent_hash_map, mutex for numbers and quota + bitmap"
#define STORE_OMITS "generations, events, bindings, custom allocators"
#define STORE_PEER peer_tbb
#include "bench/peers/store.h"
