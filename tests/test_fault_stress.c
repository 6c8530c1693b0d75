/*
 * Page requests under load (S18, S10.2): devices ask, two readers answer by both names and twice, while
 * IOASIDs are bound, rebound, unbound and freed. In the end every group was answered exactly once.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/fault_rig.h"
#include "tests/harness.h"

enum { IDS = 6, GROUPS = 40000, THREADS = 5 };

struct stress {
	struct frig r;
	_Atomic ioasid_t ids[IDS];
	atomic_uint asked;
	atomic_bool over;
	unsigned int groups;
	atomic_uint late;
};

static void ask_all(struct stress *s)
{
	uint64_t seed = 7;

	for (unsigned int i = 1; i <= s->groups; i++) {
		uint32_t which = rnd(&seed) % IDS;

		CHECK(frig_ask(which % FRIG_DEVICES, atomic_load(&s->ids[which]), i) == i);
		/* The table need not be full all the time. */
		while (counting_queued() > 2000)
			sched_yield();
	}
	atomic_store(&s->over, true);
}

static void answer(struct stress *s, const struct ioasid_fault *fault, uint64_t *seed)
{
	uint32_t code = rnd(seed) % 3;
	bool twice = rnd(seed) % 4 == 0;
	int rc = -1;

	for (unsigned int i = 0; i <= twice; i++) {
		if (rnd(seed) % 2)
			rc = ioasid_fault_respond_handle(s->r.context, fault->handle, code);
		else
			rc = ioasid_fault_respond(fault->device, s->r.set, fault->spid, fault->group, code);
		CHECK(rc == 0 || rc == -ENOENT);
	}
	if (rc == -ENOENT)
		atomic_fetch_add(&s->late, 1);
}

static void read_all(struct stress *s, uint64_t seed)
{
	struct ioasid_fault faults[24];
	uint32_t count;
	bool over;

	do {
		over = atomic_load(&s->over);
		count = 1 + rnd(&seed) % 24;
		CHECK_EQ(ioasid_fault_read(s->r.context, faults, sizeof(faults[0]), &count), 0);
		for (uint32_t i = 0; i < count; i++)
			if (rnd(&seed) % 16)
				answer(s, &faults[i], &seed);
		if (count == 0)
			sched_yield();
	} while (count != 0 || !over);
}

/* Freed IOASIDs use up the quota until the pool's worker has torn them down (S3.2), which may get no
 * processor. */
static ioasid_t alloc_one(struct ioasid_set *set)
{
	ioasid_t id = IOASID_INVALID;
	int rc;

	while ((rc = ioasid_alloc(set, 1, IOASID_CAPACITY_MAX, NULL, &id)) == -EDQUOT)
		sched_yield();
	CHECK_EQ(rc, 0);
	return id;
}

static void change(struct stress *s, uint64_t seed, unsigned int mine)
{
	struct frig *r = &s->r;

	while (!atomic_load(&s->over)) {
		/* Of the ID's two threads one has even numbers, so each ID has one owner. */
		unsigned int which = rnd(&seed) % (IDS / 2) * 2 + mine, device = which % FRIG_DEVICES;
		ioasid_t id = atomic_load(&s->ids[which]);
		struct ioasid_bind_data data = frig_data(r, id, FRIG_NONE, 0);

		switch (rnd(&seed) % 4) {
		case 0:
			CHECK_EQ(ioasid_rebind(r->device[device], r->set, &data), 0);
			break;
		case 1:
			CHECK_EQ(ioasid_unbind(r->device[device], r->set, id, 0), 0);
			CHECK_EQ(frig_bind(r, device, id, FRIG_NONE, 0), 0);
			break;
		case 2:
			CHECK_EQ(ioasid_free(r->set, id), 0);
			id = alloc_one(r->set);
			CHECK_EQ(frig_bind(r, device, id, FRIG_NONE, 0), 0);
			atomic_store(&s->ids[which], id);
			break;
		default:
			(void)ioasid_fault_expire(r->context, 1000000, NULL);
			sched_yield();
		}
	}
}

static void play(void *arg, unsigned int index)
{
	struct stress *s = arg;

	if (index == 0)
		ask_all(s);
	else if (index < 3)
		read_all(s, index);
	else
		change(s, index, index - 3);
}

/* S18.2, S18.3, S10.2 */
static void every_group_is_answered_exactly_once(void)
{
	static struct stress s;
	struct ioasid_fault fault;
	unsigned int wrong = 0;

	s = (struct stress){ .groups = rounds(GROUPS) < 65000 ? rounds(GROUPS) : 65000 };
	frig_make(&s.r, IOASID_DEVICE_DIRECT);
	for (unsigned int i = 0; i < IDS; i++)
		atomic_store(&s.ids[i], frig_bound(&s.r, i % FRIG_DEVICES, FRIG_NONE));
	crowd(THREADS, play, &s);
	CHECK_EQ(frig_read(&s.r, &fault, 1), 0);
	for (unsigned int i = 0; i < FRIG_DEVICES; i++) {
		CHECK_EQ(ioasid_device_close(s.r.device[i]), 0);
		s.r.device[i] = NULL;
	}
	for (unsigned int i = 1; i <= s.groups; i++)
		wrong += counting_answers(i, NULL) != 1;
	CHECK_EQ(wrong, 0);
	printf("# %u groups: %u late answers, %u refused reads and answers of the library, %u rebinds, %u detaches\n", s.groups,
	       atomic_load(&s.late), (unsigned int)stats_of(s.r.set).faults_swallowed,
	       (unsigned int)counting_calls(COUNTING_REPLACE), (unsigned int)counting_calls(COUNTING_DETACH));
	frig_close(&s.r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "every group is answered exactly once (S18.2, S18.3, S10.2)", every_group_is_answered_exactly_once },
	};

	return TEST_MAIN("fault_stress", cases, argc, argv);
}
