/*
 * A mutex, JudyL arrays, and a Judy1 of the free numbers.
 */
#include <stddef.h>

#include <Judy.h>

#include "bench/peers/peer.h"

typedef struct {
	char unused;
} map_node;
typedef struct {
	char unused;
} map_guard;

#include "bench/peers/obj.h"

struct map {
	Pvoid_t array;
};

static int map_init(struct map *m)
{
	m->array = NULL;
	return 0;
}

static void map_fini(struct map *m)
{
	JudyLFreeArray(&m->array, PJE0);
}

static struct obj *map_get(struct map *m, uint32_t key, map_guard *g)
{
	PPvoid_t at = JudyLGet(m->array, key, PJE0);

	(void)g;
	return at == NULL ? NULL : *at;
}

static void map_release(map_guard *g)
{
	(void)g;
}

static void map_put(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	PPvoid_t at = JudyLIns(&m->array, key, PJE0);

	(void)node;
	if (at != NULL && at != PPJERR)
		*at = o;
}

static void map_del(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)o;
	(void)node;
	JudyLDel(&m->array, key, PJE0);
}

struct numbers {
	Pvoid_t free;
};

static int numbers_init(struct numbers *n)
{
	Word_t i;

	n->free = NULL;
	for (i = 1; i < PEER_CAPACITY; i++)
		if (Judy1Set(&n->free, i, PJE0) != 1)
			return -1;
	return 0;
}

static void numbers_fini(struct numbers *n)
{
	Judy1FreeArray(&n->free, PJE0);
}

static uint32_t numbers_take(struct numbers *n, uint32_t min, uint32_t max)
{
	Word_t at = min;

	if (Judy1First(n->free, &at, PJE0) != 1 || at > max)
		return 0;
	Judy1Unset(&n->free, at, PJE0);
	return (uint32_t)at;
}

static void numbers_give(struct numbers *n, uint32_t id)
{
	Judy1Set(&n->free, id, PJE0);
}

#define STORE_LOCKED 1
#define STORE_NAME "judy"
#define STORE_WHAT "mutex + JudyL + Judy1 of free numbers"
#define STORE_OMITS "generations, events, bindings, custom allocators"
#define STORE_PEER peer_judy
#include "bench/peers/store.h"
