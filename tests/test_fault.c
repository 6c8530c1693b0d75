/* Page requests: what is delivered, and how it is answered (S18.1, S18.2). */
#include <string.h>

#include "tests/fault_rig.h"
#include "tests/harness.h"

/* S18.1 */
static void a_fault_tells_all_that_there_is_to_it(void)
{
	struct ioasid_fault fault;
	struct frig r;
	ioasid_t id;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	id = id_make(r.set);
	for (uint64_t cookie = 11; cookie < 13; cookie++)
		REQUIRE_EQ(frig_bind(&r, 1, id, 4, cookie), 0);
	CHECK(counting_ask(2, id, 7, 0x7000, IOASID_BE_FAULT_LAST | IOASID_BE_FAULT_WRITE | IOASID_BE_FAULT_PRIV));
	fault = frig_one(&r);
	CHECK(fault.device == r.device[1]);
	CHECK(fault.set == r.set);
	CHECK_EQ(fault.id, id);
	CHECK_EQ(fault.spid.value, 4);
	CHECK_EQ(fault.group, 7);
	CHECK_EQ(fault.flags, IOASID_FAULT_LAST | IOASID_FAULT_WRITE | IOASID_FAULT_PRIV);
	CHECK_EQ(fault.address, 0x7000);
	CHECK(fault.handle != 0);
	CHECK_EQ(fault.cookie_count, 2);
	CHECK_EQ(fault.cookies[0] + fault.cookies[1], 23);
	CHECK_EQ(fault.cookies[2], 0);
	CHECK_EQ(frig_read(&r, &fault, 1), 0);
	frig_close(&r);
}

/* S18.1: more sub-devices than a fault has room for, and none. */
static void a_fault_names_the_first_of_many_sub_devices_and_counts_all(void)
{
	struct ioasid_fault fault;
	ioasid_t many, alone;
	uint64_t asked;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	many = id_make(r.set);
	for (uint64_t cookie = 1; cookie <= IOASID_FAULT_COOKIES + 3; cookie++)
		REQUIRE_EQ(frig_bind(&r, 0, many, FRIG_NONE, cookie), 0);
	fault = frig_open_group(&r, 0, many, 1, &asked);
	CHECK_EQ(fault.cookie_count, IOASID_FAULT_COOKIES + 3);
	for (uint32_t i = 0; i < IOASID_FAULT_COOKIES; i++)
		CHECK(fault.cookies[i] != 0);
	alone = frig_bound(&r, 0, FRIG_NONE);
	fault = frig_open_group(&r, 0, alone, 1, &asked);
	CHECK_EQ(fault.cookie_count, 0);
	frig_close(&r);
}

/* S18.1: two pools number their devices for themselves. */
static void devices_of_two_pools_share_the_queue_of_their_context(void)
{
	struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "b", .fd = -1, .iommufd = -1,
	};
	struct ioasid_device *device;
	struct ioasid_bind_data data;
	struct ioasid_fault fault;
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	pool = pool_make(0);
	set = set_make(pool, 5);
	REQUIRE_EQ(ioasid_device_attach(r.context, pool, &spec, NULL, &device, NULL), 0);
	id = id_make(set);
	data = frig_data(&r, id, FRIG_NONE, 0);
	REQUIRE_EQ(ioasid_bind_gpasid(device, set, &data), 0);
	CHECK(frig_ask(FRIG_DEVICES, id, 3));
	fault = frig_one(&r);
	CHECK(fault.device == device);
	CHECK(fault.set == set);
	CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 1);
	CHECK_EQ(ioasid_fault_respond(device, r.set, fault.spid, 3, IOASID_FAULT_SUCCESS), -EINVAL);
	CHECK_EQ(ioasid_device_close(device), 0);
	set_end(set);
	pool_end(pool);
	frig_close(&r);
}

/* S18.1: read in pieces, the answer is for the whole. */
static void a_group_of_many_pages_wants_one_answer(void)
{
	struct ioasid_fault fault;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	for (uint64_t page = 1; page < 4; page++)
		CHECK(counting_ask(1, id, 9, page * 0x1000, IOASID_BE_FAULT_READ));
	asked = counting_ask(1, id, 9, 0x4000, IOASID_BE_FAULT_READ | IOASID_BE_FAULT_LAST);
	for (uint64_t page = 1; page < 4; page++) {
		CHECK_EQ(frig_read(&r, &fault, 1), 1);
		CHECK_EQ(fault.address, page * 0x1000);
		CHECK_EQ(fault.flags, IOASID_FAULT_READ);
		CHECK_EQ(fault.handle, 0);
		/* Nothing is open yet. */
		CHECK_EQ(frig_respond(&r, 0, id, 9, IOASID_FAULT_SUCCESS), 0);
		CHECK_EQ(stats_of(r.set).faults_open, 0);
	}
	CHECK_EQ(counting_calls(COUNTING_RESPOND), 0);
	CHECK_EQ(frig_one(&r).flags, IOASID_FAULT_READ | IOASID_FAULT_LAST);
	CHECK_EQ(frig_respond(&r, 0, id, 9, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	frig_close(&r);
}

/* S18.2: on a MEDIATED device the SPID, on a DIRECT one the IOASID, for the RID none. */
static void a_group_is_answered_by_what_the_guest_knows(void)
{
	static const uint32_t codes[] = { IOASID_FAULT_SUCCESS, IOASID_FAULT_INVALID, IOASID_FAULT_FAILURE };

	for (uint32_t i = 0; i < 3; i++) {
		struct ioasid_fault fault;
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_make(&r, i == 0 ? IOASID_DEVICE_MEDIATED : IOASID_DEVICE_DIRECT);
		if (i == 2) {
			REQUIRE_EQ(ioasid_device_assign(r.device[2], r.set), 0);
			REQUIRE_EQ(frig_bind(&r, 2, IOASID_NO_PASID, FRIG_NONE, 0), 0);
			id = IOASID_NO_PASID;
		} else {
			id = frig_bound(&r, 2, i == 0 ? 77 : FRIG_NONE);
		}
		fault = frig_open_group(&r, 2, id, 5, &asked);
		CHECK_EQ(fault.spid.value, i == 0 ? 77 : i == 1 ? id : FRIG_NONE);
		CHECK_EQ(frig_respond(&r, 2, fault.spid.value, 5, codes[i]), 0);
		CHECK_ANSWERED(asked, codes[i]);
		/* Again, with another answer: it is not. */
		CHECK_EQ(frig_respond(&r, 2, fault.spid.value, 5, codes[(i + 1) % 3]), 0);
		CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, codes[(i + 1) % 3]), 0);
		CHECK_ANSWERED(asked, codes[i]);
		CHECK_EQ(counting_calls(COUNTING_RESPOND), 1);
		frig_close(&r);
	}
}

/* S18.2: an IOASID without SPID on a MEDIATED device has no name that a guest knows. */
static void a_group_is_answered_by_its_handle(void)
{
	struct ioasid_fault first, second;
	uint64_t asked, asked2;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	id = frig_bound(&r, 0, FRIG_NONE);
	first = frig_open_group(&r, 0, id, 5, &asked);
	CHECK_EQ(first.spid.value, FRIG_NONE);
	/* None is the RID, not this. */
	CHECK_EQ(frig_respond(&r, 0, FRIG_NONE, 5, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_respond(&r, 0, id, 5, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_answers(asked, NULL), 0);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, first.handle, IOASID_FAULT_INVALID), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_INVALID);
	/* The same group again is another one; the old handle is not its. */
	second = frig_open_group(&r, 0, id, 5, &asked2);
	CHECK(second.handle != first.handle);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, first.handle, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_answers(asked2, NULL), 0);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, second.handle, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked2, IOASID_FAULT_SUCCESS);
	frig_close(&r);
}

/* S18.2 */
static void an_unknown_group_is_a_success_without_effect(void)
{
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	/* Also before there is a queue. */
	CHECK_EQ(frig_respond(&r, 0, 3, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, 77, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 0);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &asked);
	CHECK_EQ(frig_respond(&r, 0, id, 2, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_respond(&r, 1, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_respond(&r, 0, id + 1, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_respond(&r, 0, FRIG_NONE, 1, IOASID_FAULT_SUCCESS), 0);
	for (uint64_t handle = 0; handle < 3; handle++)
		CHECK_EQ(ioasid_fault_respond_handle(r.context, handle, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, UINT64_MAX, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_calls(COUNTING_RESPOND), 0);
	CHECK_EQ(stats_of(r.set).faults_open, 1);
	CHECK_EQ(stats_of(r.set).misuse, 0);
	frig_close(&r);
}

/* S2.6, S18.2: the same SPID, the same group, the same device. */
static void a_set_reaches_its_own_groups_only(void)
{
	struct ioasid_set *other;
	struct ioasid_bind_data data;
	uint64_t mine, theirs;
	struct frig r;
	ioasid_t id;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	other = set_make(r.pool, 5);
	id = id_make(other);
	data = frig_data(&r, id, 4, 0);
	REQUIRE_EQ(ioasid_bind_gpasid(r.device[0], other, &data), 0);
	(void)frig_open_group(&r, 0, id, 1, &theirs);
	CHECK_EQ(frig_respond(&r, 0, 4, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_answers(theirs, NULL), 0);
	(void)frig_open_group(&r, 0, frig_bound(&r, 0, 4), 1, &mine);
	CHECK_EQ(frig_respond(&r, 0, 4, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_answers(theirs, NULL), 0);
	CHECK_ANSWERED(mine, IOASID_FAULT_SUCCESS);
	CHECK_EQ(stats_of(r.set).faults_open, 0);
	CHECK_EQ(stats_of(other).faults_open, 1);
	CHECK_EQ(ioasid_fault_respond(r.device[0], other, ioasid_spid_make(4), 1, IOASID_FAULT_INVALID), 0);
	CHECK_ANSWERED(theirs, IOASID_FAULT_INVALID);
	set_end(other);
	frig_close(&r);
}

/* S2.8, S9.11, S18.2 */
static void an_rid_is_answered_by_its_set_or_root(void)
{
	struct ioasid_set *other;
	uint64_t asked;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	other = set_make(r.pool, 5);
	REQUIRE_EQ(ioasid_device_assign(r.device[0], r.set), 0);
	REQUIRE_EQ(frig_bind(&r, 0, IOASID_NO_PASID, FRIG_NONE, 0), 0);
	(void)frig_open_group(&r, 0, IOASID_NO_PASID, 1, &asked);
	CHECK_EQ(ioasid_fault_respond(r.device[0], other, ioasid_spid_make(FRIG_NONE), 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(counting_answers(asked, NULL), 0);
	CHECK_EQ(ioasid_fault_respond(r.device[0], ioasid_pool_root(r.pool), ioasid_spid_make(FRIG_NONE), 1,
				      IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	set_end(other);
	frig_close(&r);
}

/* S0.1 */
static void malformed_calls_are_refused_and_touch_nothing(void)
{
	struct ioasid_fault fault = { 0 };
	struct ioasid_set *root;
	uint32_t none = 0, one = 1;
	ioasid_spid_t id, wide = ioasid_spid_make(IOASID_SPID_MAX + 1);
	uint64_t asked;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	root = ioasid_pool_root(r.pool);
	id = ioasid_spid_make(frig_bound(&r, 0, FRIG_NONE));
	asked = frig_ask(0, id.value, 1);
	CHECK_EQ(ioasid_fault_read(NULL, &fault, sizeof(fault), &one), -EINVAL);
	CHECK_EQ(ioasid_fault_read(r.context, NULL, sizeof(fault), &one), -EINVAL);
	CHECK_EQ(ioasid_fault_read(r.context, &fault, sizeof(fault), NULL), -EINVAL);
	CHECK_EQ(ioasid_fault_read(r.context, &fault, sizeof(fault), &none), -EINVAL);
	CHECK_EQ(ioasid_fault_read(r.context, &fault, sizeof(fault) - 8, &one), -EINVAL);
	CHECK_EQ(ioasid_fault_read(r.context, &fault, sizeof(fault) + 4, &one), -EINVAL);
	CHECK_EQ(one, 1);
	CHECK_EQ(counting_calls(COUNTING_FAULT_READ), 0);
	(void)frig_one(&r);
	CHECK_EQ(ioasid_fault_respond(NULL, r.set, id, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_fault_respond(r.device[0], NULL, id, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_fault_respond(r.device[0], root, id, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_fault_respond(r.device[0], r.set, wide, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_fault_respond(r.device[0], r.set, id, 1, IOASID_FAULT_FAILURE + 1), -EINVAL);
	CHECK_EQ(ioasid_fault_respond_handle(NULL, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, 1, IOASID_FAULT_FAILURE + 1), -EINVAL);
	CHECK_EQ(ioasid_fault_expire(NULL, 0, NULL), -EINVAL);
	CHECK_EQ(ioasid_context_fault_fd(NULL), -EINVAL);
	CHECK_EQ(counting_answers(asked, NULL), 0);
	CHECK_EQ(stats_of(r.set).faults_open, 1);
	frig_close(&r);
}

/* A program that was built with a larger struct. */
static void a_larger_fault_than_is_known_is_zeroed_behind(void)
{
	struct {
		struct ioasid_fault fault;
		uint64_t more;
	} faults[3];
	uint32_t count = 3;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	memset(faults, 0xff, sizeof(faults));
	CHECK(frig_ask(0, id, 1) && frig_ask(0, id, 2));
	CHECK_EQ(ioasid_fault_read(r.context, &faults[0].fault, sizeof(faults[0]), &count), 0);
	CHECK_EQ(count, 2);
	CHECK_EQ(faults[1].fault.group, 2);
	CHECK_EQ(faults[0].more, 0);
	CHECK_EQ(faults[1].more, 0);
	CHECK_EQ(faults[2].more, UINT64_MAX);
	frig_close(&r);
}

static int call_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	struct ioasid_fault fault;
	struct frig *r = self->context;
	uint32_t count = 1;

	(void)event;
	CHECK_EQ(ioasid_fault_read(r->context, &fault, sizeof(fault), &count), -EDEADLK);
	CHECK_EQ(frig_respond(r, 0, 1, 1, 0), -EDEADLK);
	CHECK_EQ(ioasid_fault_respond_handle(r->context, 1, 0), -EDEADLK);
	CHECK_EQ(ioasid_fault_expire(r->context, 0, NULL), -EDEADLK);
	CHECK_EQ(ioasid_context_fault_fd(r->context), -EDEADLK);
	return 0;
}

/* S7.6 */
static void faults_are_no_business_of_handlers(void)
{
	struct subscriber kvm;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	subscriber_init(&kvm, "kvm", NULL, IOASID_PRIO_CPU);
	kvm.hook = call_in_handler;
	kvm.context = &r;
	REQUIRE_EQ(ioasid_register_notifier(r.set, &kvm.block, 0), 0);
	(void)id_make(r.set);
	CHECK_EQ(ioasid_unregister_notifier(r.set, &kvm.block), 0);
	frig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a fault tells all that there is to it (S18.1)", a_fault_tells_all_that_there_is_to_it },
		{ "a fault names the first of many sub-devices and counts all (S18.1)",
		  a_fault_names_the_first_of_many_sub_devices_and_counts_all },
		{ "devices of two pools share the queue of their context (S18.1)",
		  devices_of_two_pools_share_the_queue_of_their_context },
		{ "a group of many pages wants one answer (S18.1)", a_group_of_many_pages_wants_one_answer },
		{ "a group is answered by what the guest knows (S18.2)", a_group_is_answered_by_what_the_guest_knows },
		{ "a group is answered by its handle (S18.2)", a_group_is_answered_by_its_handle },
		{ "an unknown group is a success without effect (S18.2)", an_unknown_group_is_a_success_without_effect },
		{ "a set reaches its own groups only (S2.6, S18.2)", a_set_reaches_its_own_groups_only },
		{ "an RID is answered by its set or root (S2.8, S9.11)", an_rid_is_answered_by_its_set_or_root },
		{ "malformed calls are refused and touch nothing (S0.1)", malformed_calls_are_refused_and_touch_nothing },
		{ "a larger fault than is known is zeroed behind", a_larger_fault_than_is_known_is_zeroed_behind },
		{ "faults are no business of handlers (S7.6)", faults_are_no_business_of_handlers },
	};

	return TEST_MAIN("fault", cases, argc, argv);
}
