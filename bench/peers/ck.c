/*
 * Concurrency Kit: its hash table (one writer, many readers), epochs for what readers may still look at, and
 * a bitmap.
 */
#include <pthread.h>
#include <stdlib.h>

#include <ck_epoch.h>
#include <ck_ht.h>
#include <ck_malloc.h>

typedef struct {
	char unused;
} map_node;
typedef struct {
	char unused;
} map_guard;

#include "bench/peers/bitmap.h"
#include "bench/peers/obj.h"

static ck_epoch_t epoch;
static __thread ck_epoch_record_t *record;
static __thread unsigned int retired;

static void epoch_init(void)
{
	ck_epoch_init(&epoch);
}

static ck_epoch_record_t *my_record(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (record == NULL) {
		pthread_once(&once, epoch_init);
		record = aligned_alloc(64, (sizeof(*record) + 63) / 64 * 64);
		if (record == NULL)
			abort();
		ck_epoch_register(&epoch, record, NULL);
	}
	return record;
}

/* Memory that is retired: a header in front says how to free it. */
struct late {
	ck_epoch_entry_t entry;
	void *memory;
};

static void late_free(ck_epoch_entry_t *e)
{
	struct late *l = (struct late *)(void *)e;

	free(l->memory);
	free(l);
}

static void retire(void *memory)
{
	struct late *l = malloc(sizeof(*l));

	if (l == NULL)
		abort();
	l->memory = memory;
	ck_epoch_call(my_record(), &l->entry, late_free);
	if (++retired % 64 == 0)
		ck_epoch_poll(my_record());
}

static void *ht_malloc(size_t size)
{
	return malloc(size);
}

static void ht_free(void *memory, size_t size, bool defer)
{
	(void)size;
	if (defer)
		retire(memory);
	else
		free(memory);
}

static struct ck_malloc ht_memory = { .malloc = ht_malloc, .free = ht_free };

struct map {
	ck_ht_t table;
};

static int map_init(struct map *m)
{
	return ck_ht_init(&m->table, CK_HT_MODE_DIRECT | CK_HT_WORKLOAD_DELETE, NULL, &ht_memory, 64, 1) ? 0 : -1;
}

static void map_fini(struct map *m)
{
	ck_ht_destroy(&m->table);
}

static struct obj *map_get(struct map *m, uint32_t key, map_guard *g)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash;

	(void)g;
	ck_ht_hash_direct(&hash, &m->table, key);
	ck_ht_entry_key_set_direct(&entry, key);
	if (!ck_ht_get_spmc(&m->table, hash, &entry))
		return NULL;
	return (struct obj *)ck_ht_entry_value_direct(&entry);
}

static void map_release(map_guard *g)
{
	(void)g;
}

static void map_put(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash;

	(void)node;
	ck_ht_hash_direct(&hash, &m->table, key);
	ck_ht_entry_set_direct(&entry, hash, key, (uintptr_t)o);
	if (!ck_ht_put_spmc(&m->table, hash, &entry))
		abort();
}

static void map_del(struct map *m, uint32_t key, struct obj *o, map_node *node)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash;

	(void)o;
	(void)node;
	ck_ht_hash_direct(&hash, &m->table, key);
	ck_ht_entry_key_set_direct(&entry, key);
	(void)ck_ht_remove_spmc(&m->table, hash, &entry);
}

#define READ_BEGIN(w) ck_epoch_begin(my_record(), NULL)
#define READ_END(w) ck_epoch_end(my_record(), NULL)
#define RETIRE(o) retire(o)
#define STORE_LOCKED 0
#define STORE_NAME "ck"
#define STORE_WHAT "Concurrency Kit's ck_ht and epochs, mutex for writers + bitmap"
#define STORE_OMITS "generations, events, bindings, custom allocators"
#define STORE_PEER peer_ck
#include "bench/peers/store.h"
