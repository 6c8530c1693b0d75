/* Whose a device is: what came from elsewhere, one pool, modes, and a set that is reset (S2.7, S9.9, S9.12). */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/harness.h"
#include "tests/scene.h"

#define NONE IOASID_SPID_NONE

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---- S9.9 ---- */

/* A VMM that was there before: it has bound its device, and put the RID on an address space of its own. */
struct owner {
	struct drig *r;
	int fd, iommufd, queue;
	uint32_t space;
};

static void owner_begin(struct owner *o, struct drig *r)
{
	struct ioasid_mapping all = {
		.struct_size = sizeof(all), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
	};
	const struct ioasid_context_object object = { .type = IOASID_OBJECT_IOAS, .fd = -1 };
	struct ioasid_context_object named = object;
	struct ioasid_address_space *space;

	*o = (struct owner){ .r = r, .fd = drig_device_fd("mock0"), .iommufd = drig_device_fd("mock0") };
	REQUIRE_EQ(r->on.control->world_device_bind(r->on.mock, 0, 1), 0);
	REQUIRE_EQ(r->on.control->world_space_create(r->on.mock, IOASID_BE_OBJECT_IOAS, IOASID_BE_USE_PASID, &o->space), 0);
	REQUIRE_EQ(r->on.control->world_rid(r->on.mock, 0, o->space), 0);
	/* Its memory: page 5 where the device looks. */
	named.id = o->space;
	all.address = r->memory + (size_t)5 * DRIG_PAGE;
	REQUIRE_EQ(ioasid_address_space_adopt(r->on.context, &named, &space, NULL), 0);
	REQUIRE_EQ(ioasid_address_space_map(space, &all), 0);
	REQUIRE_EQ(ioasid_address_space_destroy(space), 0);
}

static void owner_end(struct owner *o)
{
	struct drig *r = o->r;

	CHECK(is_open(o->fd) && is_open(o->iommufd));
	CHECK_EQ(drig_slot(r, 0, 0), IOASID_MOCK_SLOT_FOREIGN);
	CHECK_EQ(drig_read(r, 0, 0), 6);
	CHECK_EQ(r->on.control->world_rid(r->on.mock, 0, 0), 0);
	CHECK_EQ(r->on.control->world_device_bind(r->on.mock, 0, 0), 0);
	CHECK_EQ(r->on.control->world_space_destroy(r->on.mock, o->space), 0);
	close(o->fd);
	close(o->iommufd);
}

static void what_is_adopted_is_never_destroyed_reconfigured_or_closed(void)
{
	struct ioasid_context_object object = { .type = IOASID_OBJECT_IOAS, .fd = -1 };
	struct ioasid_device_spec spec = drig_spec(NULL);
	struct ioasid_address_space *theirs;
	struct owner owner;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 0);
	owner_begin(&owner, &r);
	CHECK_EQ(drig_read(&r, 0, 0), 6);
	spec.kind = IOASID_DEVICE_ADOPTED;
	spec.fd = owner.fd;
	spec.iommufd = owner.iommufd;
	object.id = owner.space;
	REQUIRE_EQ(ioasid_address_space_adopt(r.on.context, &object, &theirs, NULL), 0);
	for (unsigned int round = 0; round < 2; round++) {
		REQUIRE_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &r.device[0], NULL), 0);
		CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
		id = id_make(r.set);
		/* A PASID on their space, and one on ours. */
		CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, theirs, 0), 0);
		CHECK_EQ(drig_read(&r, 0, id), 6);
		CHECK_EQ(drig_bind(&r, 0, id_make(r.set), NONE, 1, 0), 0);
		/* Nothing that ends our part of it touches theirs. */
		CHECK_EQ(ioasid_device_reset_bindings(r.device[0]), 0);
		CHECK_EQ(ioasid_set_reset(r.set), 0);
		CHECK_EQ(drig_read(&r, 0, 0), 6);
		CHECK_EQ(ioasid_device_close(r.device[0]), 0);
		CHECK_EQ(drig_read(&r, 0, 0), 6);
		r.device[0] = NULL;
	}
	CHECK_EQ(ioasid_address_space_destroy(theirs), 0);
	CHECK_EQ(drig_read(&r, 0, 0), 6);
	owner_end(&owner);
	drig_close(&r);
}

/* Also when everything is closed. */
static void what_is_passed_in_is_never_closed(void)
{
	const int machine = drig_device_fd("shared"), queue = eventfd(0, EFD_NONBLOCK);
	const struct ioasid_context_fd fds[] = { { "machine", machine, 0 }, { "queue", queue, 0 } };
	const struct ioasid_context_args args = { .struct_size = sizeof(args), .fds = fds, .fd_count = 2 };
	struct ioasid_device_spec spec = drig_spec(NULL);
	struct ioasid_pool *pool = pool_make(0);
	struct pollfd pollfd = { .events = POLLIN };
	struct ioasid_context *context;
	struct ioasid_backend *backend;
	struct ioasid_device *device;
	struct ioasid_reason why;

	spec.kind = IOASID_DEVICE_FD;
	spec.fd = drig_device_fd("mock0");
	REQUIRE_EQ(ioasid_backend_load("mock", 0, &backend, NULL), 0);
	if (!CHECK_EQ(ioasid_context_open(backend, &args, &context, &why), 0)) {
		printf("# %s\n", why.text);
		test_abandon();
	}
	ioasid_backend_put(backend);
	REQUIRE_EQ(ioasid_device_attach(context, pool, &spec, NULL, &device, NULL), 0);
	pollfd.fd = ioasid_context_fault_fd(context);
	CHECK_EQ(poll(&pollfd, 1, 0), 0);
	REQUIRE_EQ(eventfd_write(queue, 1), 0);
	CHECK_EQ(poll(&pollfd, 1, 0), 1);
	CHECK_EQ(ioasid_device_close(device), 0);
	CHECK_EQ(ioasid_context_close(context), 0);
	pool_end(pool);
	CHECK(is_open(machine) && is_open(queue) && is_open(spec.fd));
	CHECK_EQ(close(machine) + close(queue) + close(spec.fd), 0);
}

/* ---- S9.12 ---- */

/* Neither from the same context nor from another one of the same machine. */
static void a_device_in_a_second_pool_is_busy(void)
{
	struct ioasid_pool *other = pool_make(0);
	struct ioasid_device_spec spec = drig_spec("mock0");
	struct ioasid_device *again = NULL;
	struct drig_context second;
	struct drig r;

	drig_open(&r, "machine=two devices=1", 1);
	drig_context_open(&second, "machine=two", 0);
	CHECK_EQ(ioasid_device_attach(r.on.context, other, &spec, NULL, &again, NULL), -EBUSY);
	CHECK_EQ(ioasid_device_attach(second.context, other, &spec, NULL, &again, NULL), -EBUSY);
	CHECK(again == NULL);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_device_attach(second.context, other, &spec, NULL, &again, NULL), 0);
	CHECK_EQ(ioasid_device_close(again), 0);
	drig_context_close(&second);
	pool_end(other);
	drig_close(&r);
}

/* Who names it, when, and on which other device makes no difference. */
static void on_a_direct_device_the_guests_number_is_the_ioasid(void)
{
	struct drig r;

	drig_open(&r, "devices=2", 1);
	REQUIRE_EQ(drig_attach(&r, "mock1", IOASID_DEVICE_DIRECT, NULL, &r.device[1]), 0);
	r.devices = 2;
	drig_listen(&r);
	for (ioasid_t id = 10; id < 15; id++)
		id_make_at(r.set, id);
	CHECK_EQ(drig_bind(&r, 1, 10, 4, 1, 0), -EINVAL);
	CHECK_EQ(drig_bind(&r, 1, 10, 10, 1, 0), 0);
	/* Attached before. */
	CHECK_EQ(do_attach(r.set, 11, 4), 0);
	CHECK_EQ(drig_bind(&r, 1, 11, NONE, 1, 0), -EINVAL);
	CHECK_EQ(id_refs(r.set, 11), 1);
	CHECK_EQ(drig_read(&r, 1, 11), DRIG_BLOCKED);
	CHECK_EQ(tell_spid(r.set, 11), 4);
	CHECK_EQ(drig_bind(&r, 0, 11, NONE, 1, 0), 0);
	CHECK_EQ(do_detach(r.set, 11, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, 11, NONE, 1, 0), 0);
	/* Attached after. */
	journal_clear(&r.journal);
	CHECK_EQ(do_attach(r.set, 11, 4), -EINVAL);
	journal_expect(&r.journal, "");
	CHECK_EQ(find_spid(r.set, 4), -ENOENT);
	CHECK_EQ(do_attach(r.set, 11, 11), 0);
	CHECK_EQ(do_detach(r.set, 11, 0), 0);
	CHECK_EQ(drig_unbind(&r, 1, 11, 0), 0);
	CHECK_EQ(do_attach(r.set, 11, 4), 0);
	/* Named by a bind on a MEDIATED device, before and after. */
	CHECK_EQ(drig_bind(&r, 0, 12, 7, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, 12, NONE, 1, 0), -EINVAL);
	CHECK_EQ(drig_bind(&r, 1, 13, NONE, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, 13, 8, 1, 0), -EINVAL);
	CHECK_EQ(find_spid(r.set, 8), -ENOENT);
	CHECK_EQ(id_refs(r.set, 13), 2);
	CHECK_EQ(drig_bind(&r, 0, 13, 13, 1, 0), 0);
	/* The number is free for another IOASID. */
	CHECK_EQ(drig_bind(&r, 0, 14, 8, 1, 0), 0);
	drig_close(&r);
}

/* A SPID that comes while the device is being programmed: one of them is refused, and they never meet. */
static void a_spid_that_races_with_a_direct_bind_is_refused(void)
{
	struct drig_call bind;
	struct drig_stop stop;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, NULL, &r.device[0]), 0);
	r.devices = 1;
	id_make_at(r.set, 10);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_ATTACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&bind, &r, drig_call_bind, 0, 10, NONE);
	gate_await(&stop.gate, 1);
	CHECK_EQ(do_attach(r.set, 10, 4), -EINVAL);
	CHECK_EQ(do_attach(r.set, 10, 10), 0);
	drig_stop_end(&stop);
	CHECK_EQ(drig_finish(&bind), 0);
	drig_close(&r);
}

static void a_direct_device_is_one_sets_whichever_comes_first(void)
{
	struct ioasid_bind_data data;
	struct ioasid_set *other;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=1", 0);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, NULL, &r.device[0]), 0);
	r.devices = 1;
	other = set_make(r.pool, 5);
	data = drig_data(&r, id_make(other), NONE, 1, 0);
	/* Its RID is one set's: no PASID of another one. */
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), -EBUSY);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], ioasid_pool_root(r.pool), &data), -EBUSY);
	CHECK_EQ(ioasid_device_unassign(r.device[0]), 0);
	/* A PASID is one set's: no RID, no PASID of another one. */
	id = drig_bound(&r, 1);
	CHECK_EQ(ioasid_device_assign(r.device[0], other), -EBUSY);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), -EBUSY);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	drig_settle(&r, id);
	CHECK_EQ(ioasid_device_assign(r.device[0], other), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), 0);
	set_end(other);
	drig_close(&r);
}

/* S9.13: the bind of an RID that is not ours says so. */
static void an_rid_that_is_not_ours_is_busy_with_a_reason(void)
{
	struct ioasid_device_spec spec = drig_spec(NULL);
	struct ioasid_reason why = { "" };
	struct ioasid_bind_data data;
	struct owner owner;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	owner_begin(&owner, &r);
	spec.kind = IOASID_DEVICE_ADOPTED;
	spec.fd = owner.fd;
	spec.iommufd = owner.iommufd;
	REQUIRE_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &r.device[0], NULL), 0);
	r.devices = 1;
	CHECK_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	data = drig_data(&r, IOASID_NO_PASID, NONE, 1, 0);
	data.why = &why;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EBUSY);
	CHECK(strstr(why.text, "RID") != NULL);
	CHECK_EQ(drig_unbind(&r, 0, IOASID_NO_PASID, 0), -ENOENT);
	CHECK_EQ(drig_read(&r, 0, 0), 6);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	owner_end(&owner);
	drig_close(&r);
}

/* ---- S2.7 ---- */

static void a_reset_set_is_empty_and_otherwise_as_it_was(void)
{
	struct ioasid_address_space *home;
	struct ioasid_set *found = NULL;
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=2", 1);
	home = drig_space(&r, r.on.context, IOASID_USE_PASID);
	REQUIRE_EQ(drig_attach(&r, "mock1", IOASID_DEVICE_MEDIATED, home, &r.device[1]), 0);
	r.devices = 2;
	set_end(r.set);
	r.set = set_make_token(r.pool, 4711, 30);
	drig_listen(&r);
	CHECK_EQ(ioasid_caps_freeze(r.set, r.device, 2, NULL), 0);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(ioasid_device_assign(r.device[i], r.set), 0);
		CHECK_EQ(drig_bind(&r, i, IOASID_NO_PASID, NONE, i, 0), 0);
	}
	for (ioasid_t i = 20; i < 23; i++) {
		id_make_at(r.set, i);
		CHECK_EQ(drig_bind(&r, i % 2, i, i - 15, 1, 0), 0);
	}
	CHECK_EQ(ioasid_get(r.set, 22), 0);
	journal_clear(&r.journal);
	CHECK_EQ(ioasid_set_reset(r.set), 0);
	journal_expect(&r.journal, "kvm:FREE 20/5, kvm:FREE 21/6, kvm:FREE 22/7");
	for (ioasid_t i = 20; i < 23; i++)
		CHECK_EQ(drig_read(&r, i % 2, i), DRIG_BLOCKED);
	/* The RIDs are home: one at an address space, one at nothing. */
	CHECK_EQ(drig_read(&r, 0, 0), DRIG_BLOCKED);
	CHECK_EQ(drig_slot(&r, 1, 0), IOASID_MOCK_SLOT_ATTACHED);
	drig_settle(&r, 20);
	drig_settle(&r, 21);
	/* Its binding's reference goes last. */
	while (id_refs(r.set, 22) != 1)
		sched_yield();
	drig_quiet(&r);
	CHECK_EQ(ioasid_wait_reclaimed(r.pool, 22, 0), -ETIMEDOUT);
	CHECK_EQ(ioasid_wait_reclaimed(r.pool, 22, 100 * DRIG_MS), -ETIMEDOUT);
	CHECK_EQ(ioasid_put(r.set, 22), 1);
	CHECK_EQ(stats_of(r.set).allocated, 0);
	CHECK_EQ(stats_of(r.set).quota, 30);
	CHECK_EQ(ioasid_set_find(r.pool, IOASID_SET_OPAQUE, 4711, &found), 0);
	CHECK(found == r.set);
	CHECK_EQ(ioasid_set_put(found), 0);
	CHECK_EQ(ioasid_caps_thaw(r.set), 0);
	/* Its devices and subscribers go on as before. */
	id = id_make_at(r.set, 20);
	for (unsigned int i = 0; i < 2; i++) {
		CHECK_EQ(drig_bind(&r, i, IOASID_NO_PASID, NONE, i, 0), 0);
		CHECK_EQ(drig_bind(&r, i, id, 5, 1, 0), 0);
	}
	journal_expect(&r.journal, "kvm:ALLOC 20, kvm:BIND 20/5");
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(ioasid_device_close(r.device[i]), 0);
	r.device[0] = r.device[1] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "what is adopted is never destroyed, reconfigured or closed (S9.9)",
		  what_is_adopted_is_never_destroyed_reconfigured_or_closed },
		{ "what is passed in is never closed (S9.9)", what_is_passed_in_is_never_closed },
		{ "a device in a second pool is -EBUSY, from any context (S9.12)",
		  a_device_in_a_second_pool_is_busy },
		{ "on a DIRECT device the guest's number is the IOASID (S9.12)",
		  on_a_direct_device_the_guests_number_is_the_ioasid },
		{ "a SPID that races with a DIRECT bind is refused (S9.12)",
		  a_spid_that_races_with_a_direct_bind_is_refused },
		{ "a DIRECT device is one set's, whichever comes first (S9.12)",
		  a_direct_device_is_one_sets_whichever_comes_first },
		{ "an RID that is not ours is -EBUSY, with a reason (S9.13)",
		  an_rid_that_is_not_ours_is_busy_with_a_reason },
		{ "a reset set is empty, and otherwise as it was (S2.7)",
		  a_reset_set_is_empty_and_otherwise_as_it_was },
	};

	return TEST_MAIN("device_rules", cases, argc, argv);
}
