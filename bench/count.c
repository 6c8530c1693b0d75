/*
 * ioasid-count: one operation of the library, over and over, for a tool that counts instructions. They repeat
 * exactly where times do not. bench/check-instructions.sh runs it.
 *
 * usage: ioasid-count OPERATION COUNT; without arguments it lists the operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ioasid/ioasid.h>

#define IDS 256u
#define SETS 100u

static struct ioasid_pool *pool;
static struct ioasid_set *set;
static struct ioasid_set *sets[SETS];
static ioasid_t ids[IDS];
static unsigned int failed, told;

static int handle(void *context, const struct ioasid_event *event)
{
	(void)context;
	(void)event;
	told++;
	return 0;
}

static int keep(void *data)
{
	return data != NULL;
}

static const struct ioasid_notifier block = {
	.handler = handle, .events = IOASID_EVENT_ALL, .priority = IOASID_PRIO_CPU,
};

/* ---- Operations ---- */

/* In count_inline.c. */
int expanded(struct ioasid_set *set, ioasid_t id);

static void op_find(unsigned int i)
{
	void *data;

	failed += ioasid_find(set, ids[i % IDS], NULL, &data) != 0;
}

static void op_find_getter(unsigned int i)
{
	void *data;

	failed += ioasid_find(set, ids[i % IDS], keep, &data) != 0;
}

static void op_miss(unsigned int i)
{
	void *data;

	failed += ioasid_find(set, 100000 + i % IDS, NULL, &data) == 0;
}

static void op_get_put(unsigned int i)
{
	failed += ioasid_get(set, ids[i % IDS]) != 0;
	failed += ioasid_put(set, ids[i % IDS]) != 0;
}

static void op_by_spid(unsigned int i)
{
	ioasid_t id = 0;

	failed += ioasid_find_by_spid(set, ioasid_spid_make(i % IDS), &id) != 0;
	failed += ioasid_put(set, id) != 0;
}

static void op_handle(unsigned int i)
{
	ioasid_handle_t handle = 0;

	failed += ioasid_handle_of(set, ids[i % IDS], &handle) != 0;
	failed += ioasid_get_handle(set, handle) != 0;
	failed += ioasid_put_handle(set, handle) != 0;
}

static void op_alloc_free(unsigned int i)
{
	ioasid_t id = 0;

	(void)i;
	failed += ioasid_alloc(set, 1, IOASID_CAPACITY_MAX - 1, NULL, &id) != 0;
	failed += ioasid_free(set, id) != 0;
}

/* More sets than a thread keeps credit of. */
static void op_many_sets(unsigned int i)
{
	ioasid_t id = 0;

	failed += ioasid_alloc(sets[i * 37 % SETS], 1, IOASID_CAPACITY_MAX - 1, NULL, &id) != 0;
	failed += ioasid_free(sets[i * 37 % SETS], id) != 0;
}

static void op_find_inline(unsigned int i)
{
	failed += expanded(set, ids[i % IDS]) != 0;
}

static void op_find_many(unsigned int i)
{
	void *data[64];

	failed += ioasid_find_many(set, &ids[i % 4 * 64], 64, data, NULL) != 64;
}

static void op_alloc_free_data(unsigned int i)
{
	ioasid_t id = 0;

	failed += ioasid_alloc(set, 1, IOASID_CAPACITY_MAX - 1, &ids[i % IDS], &id) != 0;
	failed += ioasid_free(set, id) != 0;
}

static void op_window_one(unsigned int i)
{
	ioasid_t id = 200000 + i % IDS;

	failed += ioasid_alloc(set, id, id, NULL, &id) != 0;
	failed += ioasid_free(set, id) != 0;
}

static void op_window(unsigned int i)
{
	ioasid_t min = 200000 + i % IDS * 1024, id = 0;

	failed += ioasid_alloc(set, min, min + 1023, NULL, &id) != 0;
	failed += ioasid_free(set, id) != 0;
}

static void op_range(unsigned int i)
{
	ioasid_t first = 0;
	unsigned int n;

	(void)i;
	failed += ioasid_alloc_range(set, 16, 16, 1, IOASID_CAPACITY_MAX - 1, &first) != 0;
	for (n = 0; n < 16; n++)
		failed += ioasid_free(set, first + n) != 0;
}

/* The SPIDs of the others are below. */
static void op_spid(unsigned int i)
{
	ioasid_t id = 0;

	(void)i;
	failed += ioasid_detach_spid(set, ids[i % IDS]) != 0;
	failed += ioasid_attach_spid(set, ids[i % IDS], ioasid_spid_make(i % IDS)) != 0;
	failed += ioasid_find_by_spid(set, ioasid_spid_make(i % IDS), &id) != 0;
	failed += ioasid_put(set, id) != 0;
}

static void op_wrong_set(unsigned int i)
{
	failed += ioasid_get(set, ids[i % IDS] + IDS) == 0;
}

static const struct {
	const char *name;
	void (*run)(unsigned int i);
	int listens;
} operations[] = {
	{ "find", op_find, 0 },
	{ "find-inline", op_find_inline, 0 },
	{ "find-many-of-64", op_find_many, 0 },
	{ "find-getter", op_find_getter, 0 },
	{ "find-miss", op_miss, 0 },
	{ "get-put", op_get_put, 0 },
	{ "get-of-no-id", op_wrong_set, 0 },
	{ "find-by-spid-put", op_by_spid, 0 },
	{ "handle-get-put", op_handle, 0 },
	{ "alloc-free", op_alloc_free, 0 },
	{ "alloc-free-of-100-sets", op_many_sets, 0 },
	{ "alloc-free-with-data", op_alloc_free_data, 0 },
	{ "alloc-free-of-one", op_window_one, 0 },
	{ "alloc-free-in-window", op_window, 0 },
	{ "alloc-free-range-of-16", op_range, 0 },
	{ "spid-detach-attach-find-put", op_spid, 0 },
	{ "alloc-free-one-handler", op_alloc_free, 1 },
};

/* What is counted. */
void counted(void (*run)(unsigned int i), unsigned int count);
void __attribute__((noinline)) counted(void (*run)(unsigned int i), unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		run(i);
}

static int prepare(int listens)
{
	unsigned int i;

	if (ioasid_pool_create(NULL, &pool) != 0 ||
	    ioasid_set_alloc(pool, IOASID_SET_OPAQUE, 1, IOASID_CAPACITY_MAX / 2, &set) != 0)
		return -1;
	if (listens && ioasid_register_notifier(set, &block, 0) != 0)
		return -1;
	for (i = 0; i < SETS; i++)
		if (ioasid_set_alloc(pool, IOASID_SET_OPAQUE, 2 + i, 200, &sets[i]) != 0)
			return -1;
	for (i = 0; i < IDS; i++)
		if (ioasid_alloc(set, 1, IOASID_CAPACITY_MAX - 1, ids, &ids[i]) != 0 ||
		    ioasid_attach_spid(set, ids[i], ioasid_spid_make(i)) != 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int i, count = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (argc == 1)
			printf("%s\n", operations[i].name);
		if (argc != 3 || strcmp(argv[1], operations[i].name) != 0)
			continue;
		if (prepare(operations[i].listens) != 0)
			return 1;
		/* The rare cases of a start are over before it counts. */
		for (unsigned int n = 0; n < 4 * IDS; n++)
			operations[i].run(n);
		counted(operations[i].run, count);
		printf("%s: %u failed\n", argv[1], failed);
		return failed != 0;
	}
	return argc == 1 ? 0 : 2;
}
