/* The contract suite: a backend as the library's users see it, and what the library owes the backend. R35,
 * R38, R41. */
#include "tests/contract.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/support.h"

struct library {
	struct contract_world w; /* the machine and its memory; no context of its own */
	struct ioasid_context *context;
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct ioasid_device *device[CONTRACT_DEVICES];
	struct ioasid_address_space *space[2];
};

static struct ioasid_address_space *make_space(struct library *l, unsigned int page)
{
	const struct ioasid_mapping mapping = {
		.struct_size = sizeof(mapping), .access = IOASID_MAP_READ | IOASID_MAP_WRITE, .iova = CONTRACT_IOVA,
		.length = CONTRACT_PAGE, .address = l->w.memory + (size_t)page * CONTRACT_PAGE,
	};
	struct ioasid_address_space *space;

	REQUIRE_EQ(ioasid_address_space_create(l->context, IOASID_USE_PASID, &space, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(space, &mapping), 0);
	return space;
}

static void library_up(struct library *l)
{
	struct ioasid_context_args args = { .struct_size = sizeof(args) };
	struct ioasid_reason why = { "" };
	struct ioasid_backend *backend;

	contract_machine(&l->w);
	l->w.driver->settings(l->w.machine, &args);
	REQUIRE_EQ(ioasid_backend_register(contract_watched(), &backend, &why), 0);
	if (!CHECK_EQ(ioasid_context_open(backend, &args, &l->context, &why), 0)) {
		printf("# %s\n", why.text);
		test_abandon();
	}
	ioasid_backend_put(backend);
	l->pool = pool_make(0);
	l->set = set_make(l->pool, 64);
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++) {
		const struct ioasid_device_spec spec = {
			.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME,
			.name = l->w.driver->device(l->w.machine, i), .fd = -1, .iommufd = -1, .mode = IOASID_DEVICE_MEDIATED,
		};

		REQUIRE_EQ(ioasid_device_attach(l->context, l->pool, &spec, NULL, &l->device[i], &why), 0);
	}
	l->space[0] = make_space(l, 0);
	l->space[1] = make_space(l, 1);
}

/* Nothing of the host broke the contract, nothing of the backend did, and nothing is left. */
static void library_down(struct library *l)
{
	struct contract_watch seen;

	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		if (l->device[i])
			CHECK_EQ(ioasid_device_close(l->device[i]), 0);
	set_end(l->set);
	pool_end(l->pool);
	CHECK_EQ(ioasid_address_space_destroy(l->space[0]), 0);
	CHECK_EQ(ioasid_address_space_destroy(l->space[1]), 0);
	CHECK_EQ(ioasid_context_violations(l->context), 0);
	CHECK_EQ(ioasid_context_close(l->context), 0);
	seen = contract_seen();
	CHECK(seen.calls > 0);
	CHECK_EQ(seen.crowded, 0);
	CHECK_EQ(seen.early, 0);
	CHECK_EQ(seen.large, 0);
	CHECK_EQ(seen.sizes, 0);
	contract_machine_end(&l->w);
}

static int bind(struct library *l, unsigned int device, ioasid_t id, unsigned int space)
{
	return ioasid_bind_ioas(l->device[device], l->set, id, l->space[space], IOASID_COOKIE_NONE);
}

static void a_binding_lives_and_dies(void)
{
	struct library l;
	ioasid_t id, second;

	library_up(&l);
	id = id_make(l.set);
	second = id_make(l.set);
	CHECK(contract_blocked(&l.w, 0, id));
	CHECK_EQ(bind(&l, 0, id, 0), 0);
	CHECK_EQ(bind(&l, 1, id, 0), 0);
	CHECK_EQ(bind(&l, 0, second, 1), 0);
	CHECK(contract_reaches(&l.w, 0, id, 0) && contract_reaches(&l.w, 1, id, 0) && contract_reaches(&l.w, 0, second, 1));
	CHECK_EQ(ioasid_unbind(l.device[0], l.set, id, IOASID_COOKIE_NONE), 0);
	CHECK(contract_blocked(&l.w, 0, id) && contract_reaches(&l.w, 1, id, 0));
	/* Free before unbind: when it answers, nothing reaches memory any more (S10.1). */
	CHECK_EQ(ioasid_free(l.set, id), 0);
	CHECK(contract_blocked(&l.w, 1, id));
	CHECK_EQ(ioasid_unbind(l.device[1], l.set, id, IOASID_COOKIE_NONE), -ENOENT);
	CHECK_EQ(ioasid_wait_reclaimed(l.pool, id, IOASID_FOREVER), 0);
	CHECK(contract_reaches(&l.w, 0, second, 1));
	/* A device goes with what is on it. */
	CHECK_EQ(ioasid_device_close(l.device[0]), 0);
	l.device[0] = NULL;
	CHECK(contract_blocked(&l.w, 0, second));
	CHECK_EQ(ioasid_free(l.set, second), 0);
	library_down(&l);
}

static void a_wide_id_is_out_of_range(void)
{
	struct library l;
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	ioasid_t id;

	library_up(&l);
	CHECK_EQ(ioasid_device_caps(l.device[0], &caps), 0);
	CHECK_EQ(caps.flags >> IOASID_CAP_PASID & 1, 1);
	id = id_make(l.set);
	CHECK_EQ(bind(&l, 0, id, 0), 0);
	CHECK_EQ(ioasid_free(l.set, id), 0);
	if (caps.pasid_bits < 20) {
		id = id_make_at(l.set, UINT32_C(1) << caps.pasid_bits);
		CHECK_EQ(bind(&l, 0, id, 0), -ERANGE);
		CHECK_EQ(ioasid_free(l.set, id), 0);
	}
	library_down(&l);
}

/* ---- Many threads on few slots ---- */

enum { THREADS = 4, SHARED = 3 };

struct fight {
	struct library *l;
	_Atomic ioasid_t ids[SHARED];
};

/* Binds, unbinds and frees whatever the others do with the same IDs; who finds one gone makes another. */
static void fight_over_slots(void *arg, unsigned int index)
{
	struct fight *f = arg;
	uint64_t seed = index + 1;
	unsigned int times = rounds(300);

	for (unsigned int i = 0; i < times; i++) {
		unsigned int which = rnd(&seed) % SHARED, device = rnd(&seed) % CONTRACT_DEVICES;
		ioasid_t id = atomic_load(&f->ids[which]);

		switch (rnd(&seed) % 8) {
		case 0:
			if (ioasid_free(f->l->set, id) != 0)
				break;
			if (ioasid_alloc(f->l->set, 1, UINT32_MAX - 1, NULL, &id) == 0)
				atomic_store(&f->ids[which], id);
			break;
		case 1:
			(void)ioasid_device_reset_bindings(f->l->device[device]);
			break;
		case 2:
		case 3:
			(void)ioasid_unbind(f->l->device[device], f->l->set, id, IOASID_COOKIE_NONE);
			break;
		default:
			(void)bind(f->l, device, id, which % 2);
			break;
		}
	}
}

static void calls_for_a_slot_come_one_at_a_time(void)
{
	struct library l;
	struct fight f = { .l = &l };

	library_up(&l);
	for (unsigned int i = 0; i < SHARED; i++)
		atomic_store(&f.ids[i], id_make(l.set));
	crowd(THREADS, fight_over_slots, &f);
	CHECK_EQ(ioasid_set_reset(l.set), 0);
	for (unsigned int i = 0; i < SHARED; i++)
		CHECK(contract_blocked(&l.w, 0, atomic_load(&f.ids[i])) && contract_blocked(&l.w, 1, atomic_load(&f.ids[i])));
	library_down(&l);
}

/* ---- A thread that is to be cancelled ---- */

/* A cancelled thread that comes to its end by itself has passed no point of cancellation. */
static void *go_through_cancelled(void *arg)
{
	struct library *l = arg;
	ioasid_t id;

	CHECK_EQ(pthread_cancel(pthread_self()), 0);
	CHECK_EQ(ioasid_alloc(l->set, 1, UINT32_MAX - 1, NULL, &id), 0);
	CHECK_EQ(bind(l, 0, id, 0), 0);
	CHECK_EQ(bind(l, 1, id, 0), 0);
	CHECK_EQ(ioasid_unbind(l->device[0], l->set, id, IOASID_COOKIE_NONE), 0);
	CHECK_EQ(ioasid_free(l->set, id), 0);
	CHECK_EQ(ioasid_wait_reclaimed(l->pool, id, IOASID_FOREVER), 0);
	CHECK_EQ(ioasid_device_close(l->device[1]), 0);
	return l;
}

static void no_call_is_a_cancellation_point(void)
{
	struct library l;
	pthread_t thread;
	void *result = NULL;

	library_up(&l);
	if (l.w.driver->slow)
		l.w.driver->slow(l.w.machine);
	REQUIRE_EQ(pthread_create(&thread, NULL, go_through_cancelled, &l), 0);
	REQUIRE_EQ(pthread_join(thread, &result), 0);
	REQUIRE(result == &l);
	l.device[1] = NULL;
	library_down(&l);
}

#define PASID IOASID_BE_IF_PASID

static const struct contract_case cases[] = {
	{ "a binding through the library reaches its space, and nothing when it is gone (S10.1, R56)", a_binding_lives_and_dies,
	  PASID, CONTRACT_SEEN },
	{ "an ID that is too wide for a device is out of range at bind (S9.10, R59)", a_wide_id_is_out_of_range, PASID, 0 },
	{ "calls for one slot come one at a time, last calls last, batches no larger than wanted (S9.15, R35, R38)",
	  calls_for_a_slot_come_one_at_a_time, PASID, CONTRACT_SEEN },
	{ "no call into a backend ends a thread that is to be cancelled (S14.1, R41)", no_call_is_a_cancellation_point, PASID, 0 },
};

CONTRACT_SUITE(contract_public, cases);
