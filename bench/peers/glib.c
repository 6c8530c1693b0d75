/*
 * A mutex, GLib's hash table and a bitmap.
 */
#include <glib.h>

typedef struct {
	char unused;
} map_node;
typedef struct {
	char unused;
} map_guard;

#include "bench/peers/bitmap.h"
#include "bench/peers/obj.h"

struct map {
	GHashTable *table;
};

static int map_init(struct map *m)
{
	m->table = g_hash_table_new(g_direct_hash, g_direct_equal);
	return 0;
}

static void map_fini(struct map *m)
{
	g_hash_table_destroy(m->table);
}

static struct obj *map_get(struct map *m, uint32_t key, map_guard *g)
{
	(void)g;
	return g_hash_table_lookup(m->table, GUINT_TO_POINTER(key));
}

static void map_release(map_guard *g)
{
	(void)g;
}

static void map_put(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)node;
	g_hash_table_insert(m->table, GUINT_TO_POINTER(key), o);
}

static void map_del(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	(void)o;
	(void)node;
	g_hash_table_remove(m->table, GUINT_TO_POINTER(key));
}

/* ---- Handlers: a list under the mutex ---- */

static pthread_mutex_t listen_lock = PTHREAD_MUTEX_INITIALIZER;
static GSList *listeners;
static uint64_t listen_count;

static int list_listen(struct ioasid_set *set, unsigned int handlers, unsigned int scopes)
{
	(void)set;
	if (scopes != 1)
		return -1;
	for (; handlers > 0; handlers--)
		listeners = g_slist_append(listeners, (gpointer)&listen_count);
	return 0;
}

static void list_unlisten(struct ioasid_set *set)
{
	(void)set;
	g_slist_free(listeners);
	listeners = NULL;
}

static int list_notify(struct ioasid_set *set, ioasid_t id)
{
	int (*volatile handler)(void *, const void *) = peer_handler;
	GSList *l;

	(void)set;
	pthread_mutex_lock(&listen_lock);
	for (l = listeners; l != NULL; l = l->next)
		(void)handler(l->data, &id);
	pthread_mutex_unlock(&listen_lock);
	return 0;
}

#define STORE_LOCKED 1
#define STORE_NAME "glib"
#define STORE_WHAT "mutex + GLib hash table + bitmap"
#define STORE_OMITS "generations, veto and order of events, bindings, custom allocators; one set scope of handlers"
#define STORE_PEER peer_glib
#define STORE_LISTEN list_listen, list_unlisten, list_notify
#include "bench/peers/store.h"
