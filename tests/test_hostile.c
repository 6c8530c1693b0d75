/* A hostile guest beside one that behaves: what it does to itself, it may; to the other one, nothing. S2.6,
 * S4.2, S9.7, S10.2,
 * S17.3, S18.2. */
#include "tests/hostile.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Many short sequences find more than few long ones, so most have less than a hundred moves, and some have
 * many. Each begins with guests that have nothing; only every so often with new machines, for those take
 * longer than it. IOASID_TEST_ROUNDS says how many sequences, IOASID_TEST_SEED where the random
 * numbers begin. A failure tells its seed, which is that of a sequence; which IDs it gets depends on what was
 * before, so to see it again begin with the seed of its machines.
 */
enum { SEQUENCES = 8000, MACHINE = 500, SHORT = 20, LONG = 2000, LONG_EACH = 200, BEGIN = 60 };

static uint64_t seed_of(unsigned int sequence)
{
	const char *text = getenv("IOASID_TEST_SEED");
	uint64_t first = text ? strtoull(text, NULL, 0) : UINT64_C(0x9e3779b97f4a7c15);

	return first + UINT64_C(0x9e3779b97f4a7c15) * sequence;
}

static unsigned int moves_of(uint64_t seed)
{
	return (seed >> 20) % LONG_EACH == 0 ? LONG : SHORT + (unsigned int)(seed >> 40) % 80;
}

static void play(struct hostile *h, unsigned int moves)
{
	/* So that there is something to reach for, and something to reach with. */
	hostile_begin(h, BEGIN);
	while (h->move < moves) {
		if (hostile_number(h, 12) == 0)
			hostile_move_b(h);
		else
			hostile_move_a(h);
		if (hostile_number(h, 3) == 0)
			hostile_pump(h);
		if (h->move % 100 == 0)
			hostile_check_all(h);
	}
	hostile_check_all(h);
}

static void nothing_of_b_changes(void)
{
	unsigned int sequences = rounds(SEQUENCES);
	uint64_t done[H_MOVES] = { 0 }, moves = 0;
	struct hostile h;

	for (unsigned int s = 0; s < sequences; s++) {
		if (s % MACHINE == 0)
			hostile_open(&h, seed_of(s), IOASID_POOL_NO_WORKER);
		else
			hostile_again(&h, seed_of(s));
		play(&h, moves_of(seed_of(s)));
		moves += h.move;
		if (s + 1 < sequences && (s + 1) % MACHINE != 0)
			continue;
		for (unsigned int k = 0; k < H_MOVES; k++)
			done[k] += h.done[k];
		hostile_close(&h);
	}
	printf("# %u sequences, %llu moves; of the hostile guest's had an effect:", sequences, (unsigned long long)moves);
	for (unsigned int k = 0; k < H_MOVES; k++) {
		printf(" %s %llu", hostile_move_name(k), (unsigned long long)done[k]);
		/* A guest that is refused everything would be no test; one sequence alone has not everything. */
		CHECK(done[k] > 0 || sequences < MACHINE);
	}
	printf("\n");
}

/* ---- Many threads ---- */

enum { STORMS = 200, STORM = 400, STORMERS = 2, STORMS_MACHINE = 10 };

struct storm {
	struct hostile *h;
	atomic_uint busy;
};

/* Any call that A can cause, about anything; the answers are of no interest. */
static void one_call(struct hostile *h, uint64_t *seed)
{
	unsigned int p = rnd(seed) % H_POOLS, d = rnd(seed) % H_DEVICES;
	struct ioasid_device *device = h->rig[p].device[d];
	struct ioasid_set *set = h->set[p][H_A];
	ioasid_t id = rnd(seed) % H_IDS;
	uint32_t spid = p == 1 ? id : rnd(seed) % H_SPIDS;
	struct ioasid_bind_data data = drig_data(&h->rig[p], id, rnd(seed) % 2 ? spid : IOASID_SPID_NONE, rnd(seed) % 3,
						 rnd(seed) % H_COOKIES);
	const struct ioasid_invalidation item = {
		.struct_size = sizeof(item), .scope = 1 + rnd(seed) % 6, .id = id, .spid = ioasid_spid_make(spid % H_SPIDS),
		.device = device, .length = UINT64_MAX,
	};

	switch (rnd(seed) % 12) {
	case 0:
	case 1:
		(void)ioasid_alloc(set, 1, H_IDS - 1, NULL, &id);
		break;
	case 2:
		(void)ioasid_free(set, id);
		break;
	case 3:
		(void)ioasid_attach_spid(set, id, ioasid_spid_make(spid));
		break;
	case 4:
		(void)ioasid_detach_spid(set, id);
		break;
	case 5:
	case 6:
		data.flags |= rnd(seed) % 2 ? IOASID_BIND_FAULT : 0;
		(void)ioasid_bind_gpasid(device, set, &data);
		break;
	case 7:
		(void)ioasid_bind_ioas(device, set, id, h->space[p][H_A], data.cookie);
		break;
	case 8:
		(void)ioasid_unbind(device, set, id, data.cookie);
		break;
	case 9:
		data.flags = 0;
		(void)ioasid_rebind(device, set, &data);
		break;
	case 10:
		(void)ioasid_invalidate(set, &item, 1, NULL);
		break;
	default:
		(void)ioasid_fault_respond(device, set, ioasid_spid_make(spid), rnd(seed) % H_GROUPS, rnd(seed) % 3);
		break;
	}
	if (rnd(seed) % 512 == 0)
		(void)ioasid_set_reset(set);
	if (rnd(seed) % 256 == 0)
		(void)ioasid_device_reset_bindings(h->rig[1].device[H_A]);
}

static void storm(void *arg, unsigned int index)
{
	struct storm *s = arg;
	uint64_t seed = s->h->first_seed + index;

	if (index < STORMERS) {
		for (unsigned int i = 0; i < STORM; i++)
			one_call(s->h, &seed);
		atomic_fetch_sub(&s->busy, 1);
		return;
	}
	/* B looks at what it has, and reads page requests. */
	while (atomic_load(&s->busy)) {
		for (unsigned int p = 0; p < H_POOLS; p++) {
			for (ioasid_t id = 1; id < H_IDS; id++)
				if (s->h->ids[p][id].owner == H_B)
					CHECK(hostile_holds(s->h, p, id));
		}
		sched_yield();
	}
}

static void threads_of_a_do_not_reach_b(void)
{
	unsigned int storms = rounds(STORMS);
	struct hostile h;

	for (unsigned int n = 0; n < storms; n++) {
		struct storm s = { .h = &h, .busy = STORMERS };

		if (n % STORMS_MACHINE == 0)
			hostile_open(&h, seed_of(n), 0);
		else
			hostile_again(&h, seed_of(n));
		for (unsigned int i = 0; i < 100; i++)
			hostile_move_b(&h);
		hostile_pump(&h);
		crowd(STORMERS + 1, storm, &s);
		/* What A has now the model does not know; B's is as it was. */
		for (unsigned int p = 0; p < H_POOLS; p++)
			for (ioasid_t id = 1; id < H_IDS; id++)
				if (h.ids[p][id].owner == H_B)
					hostile_check_id(&h, p, id);
		if (n + 1 == storms || (n + 1) % STORMS_MACHINE == 0)
			hostile_close(&h);
	}
	printf("# %u storms of %u calls\n", storms, STORMERS * STORM);
}

static const struct test_case cases[] = {
	{ "whatever a guest does, nothing of another one changes (S2.6, S4.3, S9.7, S17.3, S18.2)", nothing_of_b_changes },
	{ "threads of a hostile guest reach nothing of another one, and all ends (S2.6, S4.2, S10.2)",
	  threads_of_a_do_not_reach_b },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("hostile", cases, argc, argv);
}
