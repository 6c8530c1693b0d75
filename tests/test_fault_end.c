/* Page requests that the library answers: at a free, and where a binding goes or changes (S10.2, S18.3). */
#include "tests/fault_rig.h"
#include "tests/harness.h"

static void settle(struct frig *r, ioasid_t id)
{
	CHECK_EQ(ioasid_wait_reclaimed(r->pool, id, IOASID_FOREVER), 0);
}

/* S10.2: by both names, and also when the IOASID is long gone; in sets that block, notify, or do both. */
static void what_is_open_at_a_free_is_answered_and_the_late_answer_is_told(void)
{
	static const uint32_t modes[] = {
		IOASID_TEARDOWN_BLOCK, IOASID_TEARDOWN_NOTIFY, IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY,
	};

	for (unsigned int i = 0; i < 3; i++) {
		struct ioasid_fault fault;
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_make(&r, IOASID_DEVICE_MEDIATED);
		REQUIRE_EQ(ioasid_set_teardown_mode(r.set, modes[i]), 0);
		id = frig_bound(&r, 0, 4);
		fault = frig_open_group(&r, 0, id, 1, &asked);
		REQUIRE_EQ(ioasid_get(r.set, id), 0);
		CHECK_EQ(ioasid_free(r.set, id), 0);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		CHECK_EQ(frig_respond(&r, 0, 4, 1, IOASID_FAULT_SUCCESS), -ENOENT);
		CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS), -ENOENT);
		CHECK_EQ(stats_of(r.set).faults_swallowed, 1);
		CHECK_EQ(stats_of(r.set).faults_open, 0);
		CHECK_EQ(ioasid_put(r.set, id) >= 0, 1);
		settle(&r, id);
		CHECK_EQ(frig_respond(&r, 0, 4, 1, IOASID_FAULT_SUCCESS), -ENOENT);
		CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS), -ENOENT);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		CHECK_EQ(counting_calls(COUNTING_RESPOND), 1);
		frig_close(&r);
	}
}

/* S10.2, S18.2: the device asks again by the same name. */
static void a_name_that_is_given_out_again_is_not_late(void)
{
	struct ioasid_fault old;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	id = frig_bound(&r, 0, 4);
	old = frig_open_group(&r, 0, id, 1, &asked);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	settle(&r, id);
	id = frig_bound(&r, 0, 4);
	(void)frig_open_group(&r, 0, id, 1, &asked);
	CHECK_EQ(frig_respond(&r, 0, 4, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	CHECK_EQ(frig_respond(&r, 0, 4, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, old.handle, IOASID_FAULT_SUCCESS), 0);
	frig_close(&r);
}

/* S10.2: a set that only tells does not block, so the device can still ask. */
static void from_the_mark_on_a_fault_is_answered_and_not_delivered(void)
{
	struct ioasid_fault faults[4];
	uint64_t asked[2], other;
	ioasid_t id, alive;
	struct frig r;

	frig_begin(&r);
	counting_setup.faults_answered = 0;
	frig_open(&r, IOASID_DEVICE_DIRECT, IOASID_POOL_NO_WORKER);
	REQUIRE_EQ(ioasid_set_teardown_mode(r.set, IOASID_TEARDOWN_NOTIFY), 0);
	id = frig_bound(&r, 0, FRIG_NONE);
	alive = frig_bound(&r, 0, FRIG_NONE);
	asked[0] = frig_ask(0, id, 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK(counting_ask(1, id, 2, 0, IOASID_BE_FAULT_READ));
	asked[1] = frig_ask(0, id, 2);
	other = frig_ask(0, alive, 1);
	CHECK_EQ(counting_calls(COUNTING_RESPOND), 0);
	CHECK_EQ(frig_read(&r, faults, 4), 1);
	CHECK_EQ(faults[0].id, alive);
	CHECK_ANSWERED(asked[0], IOASID_FAULT_FAILURE);
	CHECK_ANSWERED(asked[1], IOASID_FAULT_FAILURE);
	CHECK_EQ(counting_answers(other, NULL), 0);
	/* Groups are counted, not pages; and only those of the freed one. */
	CHECK_EQ(stats_of(r.set).faults_swallowed, 2);
	/* Nobody was told of it, so no answer to it is late. */
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK(ioasid_pool_dispatch(r.pool) >= 1);
	CHECK_EQ(frig_respond(&r, 0, alive, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(other, IOASID_FAULT_SUCCESS);
	CHECK_EQ(stats_of(r.set).faults_swallowed, 2);
	frig_close(&r);
}

struct victim {
	struct frig *r;
	ioasid_t id;
	int answer;
};

static void answer_success(void *arg)
{
	struct victim *victim = arg;

	victim->answer = frig_respond(victim->r, 0, victim->id, 1, IOASID_FAULT_SUCCESS);
}

/* Between the mark and the library's answer; no handler of a program may wait like this. */
static int free_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	struct victim *victim = self->context;
	struct task task;

	(void)event;
	CHECK_EQ(ioasid_free(victim->r->set, victim->id), -EINPROGRESS);
	task_start(&task, answer_success, victim);
	task_join(&task);
	CHECK_EQ(victim->answer, -ENOENT);
	CHECK_EQ(counting_calls(COUNTING_RESPOND), 0);
	return 0;
}

/* S7.6, S10.2: the mark is made in a handler, the answer follows; an answer in between is late already. */
static void a_free_from_a_handler_answers_too(void)
{
	struct victim victim;
	struct ioasid_set *other;
	struct subscriber kvm;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &asked);
	subscriber_init(&kvm, "kvm", NULL, IOASID_PRIO_CPU);
	kvm.block.events = IOASID_EVENT_ALLOC;
	kvm.hook = free_in_handler;
	kvm.context = &victim;
	victim = (struct victim){ .r = &r, .id = id };
	other = set_make(r.pool, 5);
	REQUIRE_EQ(ioasid_register_notifier(other, &kvm.block, 0), 0);
	(void)id_make(other);
	CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), -ENOENT);
	CHECK_EQ(stats_of(r.set).faults_swallowed, 1);
	CHECK_EQ(ioasid_unregister_notifier(other, &kvm.block), 0);
	set_end(other);
	frig_close(&r);
}

/* Ways for a binding to go, or to lose what it had asked for. */
enum way { UNBIND, REBIND, RESET_BINDINGS, WAS_RESET, SET_RESET, CLOSE, WAYS };

static void go(struct frig *r, enum way way, ioasid_t id)
{
	struct ioasid_bind_data data = frig_data(r, id, FRIG_NONE, 0);

	switch (way) {
	case UNBIND:
		CHECK_EQ(ioasid_unbind(r->device[0], r->set, id, 0), 0);
		break;
	case REBIND:
		CHECK_EQ(ioasid_rebind(r->device[0], r->set, &data), 0);
		break;
	case RESET_BINDINGS:
		CHECK_EQ(ioasid_device_reset_bindings(r->device[0]), 0);
		break;
	case WAS_RESET:
		CHECK_EQ(ioasid_device_was_reset(r->device[0]), 0);
		break;
	case SET_RESET:
		CHECK_EQ(ioasid_set_reset(r->set), 0);
		break;
	default:
		CHECK_EQ(ioasid_device_close(r->device[0]), 0);
		r->device[0] = NULL;
	}
}

/* S18.3: with a backend that answers itself, as it should, and with one that leaves it to us; IOASID and RID. */
static void what_is_open_is_answered_once_whichever_way_the_binding_goes(void)
{
	for (unsigned int i = 0; i < WAYS * 4; i++) {
		enum way way = (enum way)(i / 4);
		bool rid = (i & 1) != 0;
		struct ioasid_fault fault, elsewhere;
		uint64_t asked, queued, other;
		ioasid_t id;
		struct frig r;

		frig_begin(&r);
		counting_setup.faults_answered = (i & 2) != 0;
		frig_open(&r, IOASID_DEVICE_DIRECT, 0);
		REQUIRE_EQ(ioasid_device_assign(r.device[0], r.set), 0);
		id = rid ? IOASID_NO_PASID : id_make(r.set);
		REQUIRE_EQ(frig_bind(&r, 0, id, FRIG_NONE, 0), 0);
		elsewhere = frig_open_group(&r, 1, frig_bound(&r, 1, FRIG_NONE), 1, &other);
		fault = frig_open_group(&r, 0, id, 1, &asked);
		go(&r, way, id);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		if (way != SET_RESET)
			CHECK_EQ(counting_answers(other, NULL), 0);
		/* Late only where the IOASID was freed. */
		CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS),
			 way == SET_RESET && !rid ? -ENOENT : 0);
		if (way != SET_RESET)
			CHECK_EQ(ioasid_fault_respond_handle(r.context, elsewhere.handle, IOASID_FAULT_SUCCESS), 0);
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		CHECK_EQ(stats_of(r.set).faults_swallowed, way != SET_RESET ? 0 : rid ? 1 : 2);
		CHECK_EQ(stats_of(r.set).faults_open, 0);
		/* What still stands in the queue of a binding that is gone is answered, what is of one that
		 * stays is delivered. */
		queued = frig_ask(0, id, 2);
		if (way == REBIND || way == WAS_RESET) {
			CHECK_EQ(frig_one(&r).group, 2);
			CHECK_EQ(frig_respond(&r, 0, rid ? FRIG_NONE : id, 2, IOASID_FAULT_INVALID), 0);
			CHECK_ANSWERED(queued, IOASID_FAULT_INVALID);
		} else {
			CHECK_EQ(frig_read(&r, &fault, 1), 0);
			CHECK_ANSWERED(queued, IOASID_FAULT_FAILURE);
		}
		frig_close(&r);
	}
}

/* S9.3, S18.3 */
static void a_rebind_that_fails_leaves_what_is_open(void)
{
	struct ioasid_bind_data data;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &asked);
	counting_fail(COUNTING_REPLACE, 1, IOASID_BE_EIO);
	data = frig_data(&r, id, FRIG_NONE, 0);
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EIO);
	/* The counting backend answers only if it replaces. */
	CHECK_EQ(counting_answers(asked, NULL), 0);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	frig_close(&r);
}

/* S9.8, S18.3: the hardware could not be told; its faults are nobody's. */
static void what_a_quarantined_binding_asks_for_is_refused(void)
{
	struct ioasid_fault fault;
	uint64_t open, later;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &open);
	counting_fail(COUNTING_PARK, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_unbind(r.device[0], r.set, id, 0), -EIO);
	CHECK_ANSWERED(open, IOASID_FAULT_FAILURE);
	later = frig_ask(0, id, 2);
	CHECK_EQ(frig_read(&r, &fault, 1), 0);
	CHECK_ANSWERED(later, IOASID_FAULT_FAILURE);
	CHECK_EQ(stats_of(r.set).faults_swallowed, 0);
	CHECK_EQ(ioasid_quarantine_retry(r.set, id), 0);
	frig_close(&r);
}

/* S18.1, S18.3: requests of devices, PASIDs and bindings that are not there. */
static void requests_of_nobody_are_refused(void)
{
	struct ioasid_fault fault;
	uint64_t asked[4];
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	(void)frig_bound(&r, 0, FRIG_NONE);
	asked[0] = frig_ask(FRIG_DEVICES + 5, 1, 1);
	asked[1] = frig_ask(0, 0xffffffff, 1);
	asked[2] = frig_ask(0, 999, 1);
	asked[3] = frig_ask(1, IOASID_NO_PASID, 1);
	CHECK_EQ(frig_read(&r, &fault, 1), 0);
	for (unsigned int i = 0; i < 4; i++)
		CHECK_ANSWERED(asked[i], IOASID_FAULT_FAILURE);
	CHECK_EQ(stats_of(ioasid_pool_root(r.pool)).faults_swallowed, 0);
	frig_close(&r);
}

/* S18.3 */
static void only_who_asks_for_a_time_limit_has_one(void)
{
	uint64_t old, marked;
	struct ioasid_fault fault;
	uint32_t count = 7;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	CHECK_EQ(ioasid_fault_expire(r.context, 0, &count), 0);
	CHECK_EQ(count, 0);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &old);
	fault = frig_open_group(&r, 0, id, 2, &marked);
	CHECK_EQ(ioasid_fault_expire(r.context, UINT64_C(3600000000000), &count), 0);
	CHECK_EQ(count, 0);
	CHECK_EQ(stats_of(r.set).faults_open, 2);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS), 0);
	counting_fail(COUNTING_RESPOND, 1, IOASID_BE_EIO);
	CHECK_EQ(ioasid_fault_expire(r.context, 0, &count), -EIO);
	CHECK_EQ(count, 0);
	CHECK_EQ(ioasid_fault_expire(r.context, 0, &count), 0);
	CHECK_EQ(count, 1);
	CHECK_ANSWERED(old, IOASID_FAULT_FAILURE);
	CHECK_ANSWERED(marked, IOASID_FAULT_SUCCESS);
	/* Too late, but not S10.2's late. */
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(ioasid_fault_expire(r.context, 0, NULL), 0);
	frig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "what is open at a free is answered, and the late answer is told (S10.2)",
		  what_is_open_at_a_free_is_answered_and_the_late_answer_is_told },
		{ "a name that is given out again is not late (S10.2, S18.2)", a_name_that_is_given_out_again_is_not_late },
		{ "from the mark on a fault is answered and not delivered (S10.2)",
		  from_the_mark_on_a_fault_is_answered_and_not_delivered },
		{ "a free from a handler answers, too (S7.6, S10.2)", a_free_from_a_handler_answers_too },
		{ "what is open is answered once, whichever way the binding goes (S18.3, S9.14)",
		  what_is_open_is_answered_once_whichever_way_the_binding_goes },
		{ "a rebind that fails leaves what is open (S9.3, S18.3)", a_rebind_that_fails_leaves_what_is_open },
		{ "what a quarantined binding asks for is refused (S9.8, S18.3)",
		  what_a_quarantined_binding_asks_for_is_refused },
		{ "requests of nobody are refused (S18.1, S18.3)", requests_of_nobody_are_refused },
		{ "only who asks for a time limit has one (S18.3)", only_who_asks_for_a_time_limit_has_one },
	};

	return TEST_MAIN("fault_end", cases, argc, argv);
}
