/* The host with two guests: its devices, its end, and what has to be true all the time; see hostile.h. */
#include "tests/hostile.h"

#include <stdio.h>
#include <string.h>

bool hostile_true(struct hostile *h, bool ok, const char *what)
{
	if (!test_check(ok, what, __FILE__, __LINE__)) {
		printf("# seed %llu, on machines that began with seed %llu: move %u, %s: not %s\n",
		       (unsigned long long)h->first_seed, (unsigned long long)h->machine_seed, h->move, h->what, what);
		test_abandon();
	}
	return ok;
}

uint32_t hostile_number(struct hostile *h, uint32_t below)
{
	return rnd(&h->seed) % below;
}

struct h_id *hostile_id(struct hostile *h, unsigned int pool, unsigned int device, ioasid_t id)
{
	if (id >= H_IDS || (id == 0 && pool == 0))
		return NULL;
	return id == 0 && device == 1 ? &h->rid_b : &h->ids[pool][id];
}

/* ---- Begin and end ---- */

static struct ioasid_address_space *own_space(struct drig *r, unsigned int page)
{
	const struct ioasid_mapping mapping = {
		.struct_size = sizeof(mapping), .access = IOASID_MAP_READ | IOASID_MAP_WRITE, .iova = DRIG_IOVA,
		.length = DRIG_PAGE, .address = r->memory + (size_t)page * DRIG_PAGE,
	};
	struct ioasid_address_space *space;

	REQUIRE_EQ(ioasid_address_space_create(r->on.context, IOASID_USE_PASID, &space, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(space, &mapping), 0);
	return space;
}

/* What the model knows when neither guest has anything. */
static void model_begin(struct hostile *h, uint64_t seed)
{
	h->seed = seed;
	h->first_seed = seed;
	h->move = 0;
	h->what = "begin";
	for (unsigned int p = 0; p < H_POOLS; p++)
		for (unsigned int i = 0; i < H_IDS; i++)
			h->ids[p][i] = H_ID(H_NOBODY, H_NOBODY);
	h->ids[1][0].owner = H_A;
	h->rid_b = H_ID(H_B, H_NOBODY);
	memset(h->group, 0, sizeof(h->group));
	memset(&h->last, 0, sizeof(h->last));
}

void hostile_open(struct hostile *h, uint64_t seed, uint32_t pool_flags)
{
	memset(h, 0, sizeof(*h));
	h->machine_seed = seed;
	model_begin(h, seed);
	for (unsigned int p = 0; p < H_POOLS; p++) {
		struct drig *r = &h->rig[p];

		drig_open_with(r, "devices=2 iommus=2 ats=on pri=on", p == 0 ? H_DEVICES : 0, pool_flags, 0);
		for (; r->devices < H_DEVICES; r->devices++)
			REQUIRE_EQ(drig_attach(r, r->devices ? "mock1" : "mock0", IOASID_DEVICE_DIRECT, NULL,
					       &r->device[r->devices]), 0);
		h->set[p][H_A] = r->set;
		h->set[p][H_B] = set_make(r->pool, 100);
		for (unsigned int g = 0; g < H_GUESTS; g++)
			h->space[p][g] = own_space(r, 6 + g);
	}
	for (unsigned int g = 0; g < H_GUESTS; g++)
		REQUIRE_EQ(ioasid_device_assign(h->rig[1].device[g], h->set[1][g]), 0);
}

static void reset_guests(struct hostile *h)
{
	for (unsigned int p = 0; p < H_POOLS; p++)
		for (unsigned int g = 0; g < H_GUESTS; g++)
			H_TRUE(h, ioasid_set_reset(h->set[p][g]) == 0);
	hostile_pump(h);
}

/* Nothing of any guest is left, neither in the pool nor in the machine. */
static void check_empty(struct hostile *h, unsigned int pool)
{
	struct drig *r = &h->rig[pool];
	const struct ioasid_mock_live live = drig_live(r);
	const struct ioasid_stats stats = stats_of(ioasid_pool_root(r->pool));

	H_TRUE(h, stats.allocated == 0 && stats.faults_open == 0 && stats.quarantined == 0);
	H_TRUE(h, live.bindings == 0 && live.tables == 0);
}

void hostile_again(struct hostile *h, uint64_t seed)
{
	h->what = "end";
	reset_guests(h);
	for (unsigned int p = 0; p < H_POOLS; p++) {
		/* With workers it may take a moment. */
		for (ioasid_t id = 1; ioasid_pool_fd(h->rig[p].pool) < 0 && id < H_IDS; id++)
			drig_settle(&h->rig[p], id);
		drig_quiet(&h->rig[p]);
		check_empty(h, p);
	}
	model_begin(h, seed);
}

static void close_pool(struct hostile *h, unsigned int pool)
{
	struct drig *r = &h->rig[pool];

	while (r->devices > 0)
		CHECK_EQ(ioasid_device_close(r->device[--r->devices]), 0);
	for (ioasid_t id = 1; id < H_IDS; id++)
		drig_settle(r, id);
	drig_quiet(r);
	check_empty(h, pool);
	set_end(h->set[pool][H_B]);
	for (unsigned int g = 0; g < H_GUESTS; g++)
		CHECK_EQ(ioasid_address_space_destroy(h->space[pool][g]), 0);
	drig_close(r);
}

void hostile_close(struct hostile *h)
{
	h->what = "end";
	reset_guests(h);
	for (unsigned int p = 0; p < H_POOLS; p++)
		close_pool(h, p);
}

/* ---- What is true ---- */

static int expected_byte(const struct h_id *id, unsigned int device)
{
	if (!id || id->owner == H_NOBODY || !id->users[device])
		return DRIG_BLOCKED;
	return id->on == H_SPACE ? 7 + (int)id->owner : DRIG_BYTE(id->on);
}

bool hostile_holds(struct hostile *h, unsigned int pool, ioasid_t id)
{
	for (unsigned int d = 0; d < H_DEVICES; d++)
		if (drig_read(&h->rig[pool], d, id) != expected_byte(hostile_id(h, pool, d, id), d))
			return false;
	return true;
}

void hostile_check_id(struct hostile *h, unsigned int pool, ioasid_t id)
{
	const struct h_id *mine = hostile_id(h, pool, 0, id);
	uint32_t refs = 0, users = 0;

	H_TRUE(h, hostile_holds(h, pool, id));
	for (unsigned int d = 0; d < H_DEVICES; d++) {
		const struct h_id *slot = hostile_id(h, pool, d, id);

		for (unsigned int c = 0; slot && c < H_COOKIES; c++)
			users += slot->users[d] >> c & 1;
	}
	if (id == 0 || mine->owner == H_NOBODY)
		return;
	/* Every bind has one reference, and alloc has one. */
	H_TRUE(h, ioasid_refs(h->set[pool][mine->owner], id, &refs) == 0);
	H_TRUE(h, refs == users + 1);
	if (mine->spid != IOASID_SPID_NONE) {
		ioasid_t found = IOASID_INVALID;

		H_TRUE(h, ioasid_find_by_spid(h->set[pool][mine->owner], ioasid_spid_make(mine->spid), &found) == 0);
		H_TRUE(h, found == id);
		H_TRUE(h, ioasid_put(h->set[pool][mine->owner], found) == 0);
	}
}

void hostile_check_all(struct hostile *h)
{
	for (unsigned int p = 0; p < H_POOLS; p++) {
		unsigned int held[H_GUESTS] = { 0, 0 };

		for (ioasid_t id = p == 0 ? 1 : 0; id < H_IDS; id++) {
			const struct h_id *mine = &h->ids[p][id];

			hostile_check_id(h, p, id);
			if (id != 0 && mine->owner != H_NOBODY)
				held[mine->owner]++;
		}
		for (unsigned int g = 0; g < H_GUESTS; g++) {
			const struct ioasid_stats stats = stats_of(h->set[p][g]);

			H_TRUE(h, stats.allocated - stats.pending == held[g]);
			H_TRUE(h, stats.quarantined == 0);
		}
	}
	/* Nobody but B answers B's page requests. */
	for (uint32_t g = 0; g < H_GROUPS; g++) {
		struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
		const struct h_group *group = &h->group[g];
		struct drig *r = &h->rig[group->pool];

		if (group->open)
			H_TRUE(h, r->on.control->page_response(r->on.mock, group->device, group->id, g, 0, &answer) ==
					  IOASID_BE_EAGAIN);
	}
}

/* ---- The VMM's event loop ---- */

static void take_fault(struct hostile *h, unsigned int pool, const struct ioasid_fault *fault)
{
	struct h_group *group = &h->group[fault->group % H_GROUPS];

	if (fault->set != h->set[pool][H_B]) {
		h->last = *fault;
		h->last_pool = pool;
		return;
	}
	H_TRUE(h, group->open && group->pool == pool && group->id == fault->id);
	group->spid = fault->spid.value;
}

void hostile_pump(struct hostile *h)
{
	for (unsigned int p = 0; p < H_POOLS; p++) {
		struct ioasid_fault faults[16];
		uint32_t count;

		do {
			count = 16;
			H_TRUE(h, ioasid_fault_read(h->rig[p].on.context, faults, sizeof(faults[0]), &count) == 0);
			for (uint32_t i = 0; i < count; i++)
				take_fault(h, p, &faults[i]);
		} while (count == 16);
		if (ioasid_pool_fd(h->rig[p].pool) >= 0)
			H_TRUE(h, ioasid_pool_dispatch(h->rig[p].pool) >= 0);
	}
}
