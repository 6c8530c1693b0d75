/* The VT-d plugin on a made-up kernel, with several threads in it at once. */
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "tests/fake-kernel/fake-private.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

struct worker {
	struct rig *rig;
	pthread_t thread;
	unsigned int number;
	unsigned int failed;
};

/* Each has a PASID of its own on each device, so that the turns of the slots are kept. */
static void *work(void *argument)
{
	struct worker *worker = argument;
	struct rig *rig = worker->rig;
	uint32_t pasid = worker->number + 1;

	for (unsigned int i = 0; i < 300; i++) {
		unsigned int device = (i + worker->number) % FAKE_DEVICES;

		worker->failed += rig_put_on(rig, rig->pasid->attach, device, pasid, i % 2) != 0;
		worker->failed += rig_put_on(rig, rig->pasid->replace, device, pasid, !(i % 2)) != 0;
		if (i % 16 == 0)
			worker->failed += rig->pasid->device_block(rig->dev[device], 0) != 0;
		worker->failed += rig_take_off(rig, rig->pasid->park, device, pasid) != 0;
		worker->failed += rig_take_off(rig, rig->pasid->detach, device, pasid) != 0;
	}
	return NULL;
}

static void slots_are_worked_on_at_once(void)
{
	struct worker workers[4];
	struct rig rig;

	rig_init(&rig);
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	/* Nobody wants to be told why, and its buffer has room for one. */
	rig.text.capacity = 0;
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	REQUIRE_EQ(rig_attach(&rig, 1), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID), 0);
	REQUIRE_EQ(rig_space(&rig, 1, IOASID_BE_USE_PASID), 0);
	for (unsigned int i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .rig = &rig, .number = i };
		REQUIRE_EQ(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		pthread_join(workers[i].thread, NULL);
		CHECK_EQ(workers[i].failed, 0);
	}
	CHECK_EQ(fake_tables(rig.kernel), 0);
	CHECK(rig_down(&rig));
}

/* ---- Guests: their tables come and go while devices ask and the host answers ---- */

enum { GUESTS = 2, ROUNDS = 300 };

struct guests {
	struct rig *rig;
	atomic_bool over;
	atomic_uint failed, asked, answered;
};

struct guest {
	struct guests *all;
	pthread_t thread;
	unsigned int number;
};

/* PASID and table of its own. */
static void *live(void *argument)
{
	struct guest *guest = argument;
	struct guests *all = guest->all;
	struct rig *rig = all->rig;
	uint32_t pasid = guest->number + 1;
	unsigned int failed = 0;

	/* On until the host has come to answer at least once. */
	for (unsigned int i = 0; i < ROUNDS || atomic_load(&all->answered) == 0; i++) {
		failed += rig_put_on_table(rig, rig->pasid->attach, 0, pasid, guest->number) != 0;
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
		failed += rig_put_on(rig, rig->pasid->replace, 0, pasid, 1) != 0;
		failed += rig_put_on_table(rig, rig->pasid->replace, 0, pasid, guest->number) != 0;
		if (i % 3 == 0)
			failed += rig_take_off(rig, rig->pasid->park, 0, pasid) != 0;
		failed += rig_take_off(rig, rig->pasid->detach, 0, pasid) != 0;
	}
	atomic_fetch_add(&all->failed, failed);
	return NULL;
}

/* Groups of one and of two; a device waits for its answers when it has asked for many. */
static void *ask_for_pages(void *argument)
{
	struct guests *all = argument;
	struct fake_kernel *kernel = all->rig->kernel;

	for (uint32_t i = 0; !atomic_load(&all->over); i++) {
		struct fake_ask ask = { .pasid = i % GUESTS + 1, .group = i, .last = i % 4 != 0 };

		pthread_mutex_lock(&kernel->lock);
		if (atomic_load(&all->asked) - kernel->told_count < 500) {
			if (!ask.last)
				(void)fake_ask(kernel, &ask);
			ask.last = true;
			(void)fake_ask(kernel, &ask);
			atomic_fetch_add(&all->asked, 1);
		}
		pthread_mutex_unlock(&kernel->lock);
		sched_yield();
	}
	return NULL;
}

/* Each group that was read is answered by the host or, before that, by the kernel: never by both, nor by
 * nobody. */
static void *answer(void *argument)
{
	struct guests *all = argument;
	struct ioasid_be_page_request r[4];
	unsigned int failed = 0;

	while (!atomic_load(&all->over)) {
		struct ioasid_be_batch batch = {
			.struct_size = sizeof(batch), .stride = sizeof(r[0]), .count = 4, .items = r,
		};

		failed += all->rig->fault->read(all->rig->queue, &batch) != 0;
		for (uint32_t i = 0, count = batch.done; i < count; i++) {
			struct ioasid_be_page_response response = { .handle = r[i].handle };
			int32_t ret;

			batch = (struct ioasid_be_batch){
				.struct_size = sizeof(batch), .stride = sizeof(response), .count = 1, .items = &response,
			};
			ret = all->rig->fault->respond(all->rig->queue, &batch);
			failed += ret != 0 && ret != IOASID_BE_ENOENT;
			atomic_fetch_add(&all->answered, ret == 0);
		}
	}
	atomic_fetch_add(&all->failed, failed);
	return NULL;
}

static void *invalidate(void *argument)
{
	struct guests *all = argument;
	unsigned int failed = 0;

	for (unsigned int i = 0; !atomic_load(&all->over); i++) {
		struct ioasid_be_inv items[2] = {
			{ .scope = IOASID_BE_SCOPE_DEVICE, .dev = all->rig->dev[0] },
			{ .scope = IOASID_BE_SCOPE_PASID, .dev = all->rig->dev[0], .pasid = i % GUESTS + 1, .length = 4096 },
		};
		struct ioasid_be_batch batch = {
			.struct_size = sizeof(batch), .stride = sizeof(items[0]), .count = 2, .items = items,
		};

		failed += all->rig->invalidate->scopes(all->rig->ctx, &batch) != 0;
	}
	atomic_fetch_add(&all->failed, failed);
	return NULL;
}

static void guests_live_beside_their_faults(void)
{
	static void *(*const others[])(void *) = { ask_for_pages, answer, invalidate };
	pthread_t threads[3];
	struct guest guests[GUESTS];
	struct rig rig;
	struct guests all = { .rig = &rig };

	rig_init(&rig);
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	rig.text.capacity = 0;
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	REQUIRE_EQ(rig_queue(&rig), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT), 0);
	REQUIRE_EQ(rig_space(&rig, 1, IOASID_BE_USE_PASID | IOASID_BE_USE_FAULT), 0);
	for (unsigned int i = 0; i < GUESTS; i++)
		REQUIRE_EQ(rig_nest(&rig, i, 0, 0), 0);
	for (unsigned int i = 0; i < 3; i++)
		REQUIRE_EQ(pthread_create(&threads[i], NULL, others[i], &all), 0);
	for (unsigned int i = 0; i < GUESTS; i++) {
		guests[i] = (struct guest){ .all = &all, .number = i };
		REQUIRE_EQ(pthread_create(&guests[i].thread, NULL, live, &guests[i]), 0);
	}
	for (unsigned int i = 0; i < GUESTS; i++)
		pthread_join(guests[i].thread, NULL);
	atomic_store(&all.over, true);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(atomic_load(&all.failed), 0);
	CHECK_EQ(rig.kernel->told_count, atomic_load(&all.asked));
	CHECK(atomic_load(&all.answered) > 0);
	printf("# %u groups, %u of them answered by the host\n", atomic_load(&all.asked), atomic_load(&all.answered));
	CHECK(rig_down(&rig));
}

/* ---- Address spaces: whatever order threads map and unmap in, the plugin knows what the kernel has ---- */

enum { MAPPERS = 3, SPACE_PAGES = 16 };

static void *map_and_unmap(void *argument)
{
	struct worker *worker = argument;
	struct rig *rig = worker->rig;
	uint32_t seed = worker->number;

	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t first, length;
		int32_t ret;

		seed = seed * 1664525 + 1013904223;
		first = (seed >> 20) % SPACE_PAGES * UINT64_C(0x1000);
		length = ((seed >> 16) % 3 + 1) * UINT64_C(0x1000);
		ret = seed >> 31 ? rig_map(rig, 0, first, length) : rig->paging->unmap(rig->as[0], first, length, NULL);
		worker->failed += ret && ret != IOASID_BE_EEXIST && ret != IOASID_BE_ENOENT && ret != IOASID_BE_EBUSY;
	}
	return NULL;
}

/* What the kernel has mapped, bit by page. */
static uint64_t kernel_has(const struct fake_kernel *kernel)
{
	uint64_t pages = 0;

	for (unsigned int i = 0; i < FAKE_OBJECTS; i++) {
		const struct fake_object *object = &kernel->objects[i];

		for (uint32_t k = 0; object->type == FAKE_IOAS && k < object->count; k++)
			for (uint64_t at = object->mappings[k].first; at < object->mappings[k].last; at += 0x1000)
				pages |= UINT64_C(1) << at / 0x1000;
	}
	return pages;
}

static void mappings_are_known_to_the_last(void)
{
	struct worker workers[MAPPERS];
	struct rig rig;

	rig_init(&rig);
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	REQUIRE_EQ(rig_space(&rig, 0, IOASID_BE_USE_PASID | IOASID_BE_USE_DIRTY), 0);
	REQUIRE_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 4, 0), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	for (unsigned int round = 0; round < 10; round++) {
		uint64_t bitmap = 0;
		const struct ioasid_be_dirty_args args = {
			.struct_size = sizeof(args), .length = 0x40000, .page_size = 0x1000, .bitmap = &bitmap,
		};

		for (unsigned int i = 0; i < MAPPERS; i++) {
			workers[i] = (struct worker){ .rig = &rig, .number = round * MAPPERS + i };
			REQUIRE_EQ(pthread_create(&workers[i].thread, NULL, map_and_unmap, &workers[i]), 0);
		}
		for (unsigned int i = 0; i < MAPPERS; i++) {
			pthread_join(workers[i].thread, NULL);
			CHECK_EQ(workers[i].failed, 0);
		}
		for (unsigned int page = 0; page < SPACE_PAGES + 3; page++)
			CHECK(fake_write(rig.kernel, 0, 4, page * UINT64_C(0x1000)));
		CHECK_EQ(rig.dirty->read(rig.as[0], &args), 0);
		CHECK_EQ(bitmap, kernel_has(rig.kernel));
	}
	CHECK(rig_down(&rig));
}

static const struct test_case cases[] = {
	{ "slots of two devices are worked on by four threads at once", slots_are_worked_on_at_once },
	{ "guests' tables come and go beside page requests and invalidations, each request answered once (R61, R63)",
		guests_live_beside_their_faults },
	{ "what threads map and unmap at once is known as the kernel has it (R54, S16.4)", mappings_are_known_to_the_last },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_threads", cases, argc, argv);
}
