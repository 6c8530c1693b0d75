/*
 * A mutex, CRoaring for the free numbers, and a table of pointers.
 */
#include <stdlib.h>

#include <roaring/roaring.h>

#include "bench/peers/peer.h"

typedef struct {
	char unused;
} map_node;
typedef struct {
	char unused;
} map_guard;

#include "bench/peers/obj.h"

struct map {
	struct obj **table;
};

/* The SPIDs of a set, too, would be a table; calloc maps it, so it costs what is used of it. */
static int map_init(struct map *m)
{
	m->table = calloc(PEER_CAPACITY + 1, sizeof(*m->table));
	return m->table == NULL ? -1 : 0;
}

static void map_fini(struct map *m)
{
	free(m->table);
}

static struct obj *map_get(struct map *m, uint32_t key, map_guard *g)
{
	(void)g;
	return key <= PEER_CAPACITY ? m->table[key] : NULL;
}

static void map_release(map_guard *g)
{
	(void)g;
}

static void map_put(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)node;
	m->table[key] = o;
}

static void map_del(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)o;
	(void)node;
	m->table[key] = NULL;
}

struct numbers {
	roaring_bitmap_t *free;
};

static int numbers_init(struct numbers *n)
{
	n->free = roaring_bitmap_from_range(1, PEER_CAPACITY, 1);
	return n->free == NULL ? -1 : 0;
}

static void numbers_fini(struct numbers *n)
{
	roaring_bitmap_free(n->free);
}

static uint32_t numbers_take(struct numbers *n, uint32_t min, uint32_t max)
{
	roaring_uint32_iterator_t i;
	uint32_t id;

	if (min == max)
		return roaring_bitmap_remove_checked(n->free, min) ? min : 0;
	roaring_init_iterator(n->free, &i);
	if (!roaring_move_uint32_iterator_equalorlarger(&i, min) || i.current_value > max)
		return 0;
	id = i.current_value;
	roaring_bitmap_remove(n->free, id);
	return id;
}

static void numbers_give(struct numbers *n, uint32_t id)
{
	roaring_bitmap_add(n->free, id);
}

#define STORE_LOCKED 1
#define STORE_NAME "roaring"
#define STORE_WHAT "mutex + CRoaring of free numbers + table of pointers"
#define STORE_OMITS "generations, events, bindings, custom allocators"
#define STORE_PEER peer_roaring
#include "bench/peers/store.h"
