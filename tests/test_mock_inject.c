/* The mock as a rule or a hook wants it: failing, slow, silent, held. S9.8, S9.15. */
#include "tests/harness.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "tests/mock_rig.h"

#define IOVA UINT64_C(0x10000)

/* ---- Rules ---- */

static void a_rule_holds_for_as_many_calls_as_it_says(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_mock_rule rule = { .struct_size = sizeof(rule),
					 .op = IOASID_MOCK_OP_PARK,
					 .error = IOASID_BE_EIO,
					 .nth = 2,
					 .times = 2 };

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	rig_rule(&rig, &rule);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), IOASID_BE_EIO);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), IOASID_BE_EIO);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	rule.nth = 1;
	rule.times = UINT64_MAX;
	rig_rule(&rig, &rule);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(rig_park(&rig, 0, 1, 0), IOASID_BE_EIO);
	rule.times = 0;
	rig_rule(&rig, &rule);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	rule.op = IOASID_MOCK_OP_COUNT;
	CHECK_EQ(rig.control->inject(rig.mock, &rule), IOASID_BE_EINVAL);
	rule.op = 0;
	rule.error = 5;
	CHECK_EQ(rig.control->inject(rig.mock, &rule), IOASID_BE_EINVAL);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void a_failing_item_stops_its_batch_there(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_bind binds[4];
	struct ioasid_be_batch batch = rig_batch(binds, 4);

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	for (uint32_t i = 0; i < 4; i++)
		binds[i] = rig_bind(&rig, 0, i + 1, as, NULL);
	rig_fail(&rig, IOASID_MOCK_OP_ATTACH, 3, IOASID_BE_EIO);
	CHECK_EQ(rig.pasid->attach(rig.ctx, &batch, NULL), IOASID_BE_EIO);
	CHECK_EQ(batch.done, 2);
	CHECK_EQ(rig_live(&rig).bindings, 2);
	for (uint32_t i = 0; i < 2; i++)
		CHECK_EQ(rig_detach(&rig, 0, i + 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* S9.15: a backend call waits at most for its deadline. */
static void a_slow_operation_is_late_and_one_slower_than_its_deadline_times_out_without_effect(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_mock_rule rule = { .struct_size = sizeof(rule),
					 .op = IOASID_MOCK_OP_DETACH,
					 .nth = 1,
					 .times = 9,
					 .delay = 3 * RIG_MS };
	uint64_t begun;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	rig_rule(&rig, &rule);
	begun = rig_now();
	CHECK_EQ(rig_detach(&rig, 0, 1, RIG_MS), IOASID_BE_ETIMEDOUT);
	CHECK(rig_now() - begun >= RIG_MS);
	CHECK_EQ(rig_slot(&rig, 0, 1).state, IOASID_MOCK_SLOT_ATTACHED);
	begun = rig_now();
	CHECK_EQ(rig_detach(&rig, 0, 1, 60000 * RIG_MS), 0);
	CHECK(rig_now() - begun >= 3 * RIG_MS);
	/* Late and then an error. */
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	rule.error = IOASID_BE_EIO;
	rig_rule(&rig, &rule);
	begun = rig_now();
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), IOASID_BE_EIO);
	CHECK(rig_now() - begun >= 3 * RIG_MS);
	rule.times = 0;
	rig_rule(&rig, &rule);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* S9.8: a backend that cannot finish. */
static void hardware_that_does_not_answer_times_out_at_the_deadline(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	const struct ioasid_mock_rule rule = { .struct_size = sizeof(rule),
					       .op = IOASID_MOCK_OP_PARK,
					       .nth = 1,
					       .times = 2,
					       .flags = IOASID_MOCK_RULE_TIMEOUT };
	uint64_t begun;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	rig_rule(&rig, &rule);
	begun = rig_now();
	CHECK_EQ(rig_park(&rig, 0, 1, 2 * RIG_MS), IOASID_BE_ETIMEDOUT);
	CHECK(rig_now() - begun >= 2 * RIG_MS);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* ---- Hooks ---- */

struct record {
	struct ioasid_mock_call calls[8];
	unsigned int count;
	int32_t answer;
};

static int32_t remember(void *cookie, const struct ioasid_mock_call *call)
{
	struct record *record = cookie;

	if (CHECK(record->count < 8))
		record->calls[record->count++] = *call;
	return record->answer;
}

static void a_hook_sees_every_phase_and_can_refuse_in_the_first(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct record record = { .count = 0 };

	rig_open(&rig, "devices=2", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&rig, 1, 9, as, NULL), 0);
	CHECK_EQ(rig.control->hook(rig.mock, IOASID_MOCK_OP_DETACH, remember, &record), 0);
	CHECK_EQ(rig.control->hook(rig.mock, IOASID_MOCK_OP_COUNT, remember, &record), IOASID_BE_EINVAL);
	record.answer = IOASID_BE_EIO;
	CHECK_EQ(rig_detach(&rig, 1, 9, 0), IOASID_BE_EIO);
	REQUIRE_EQ(record.count, 2);
	CHECK_EQ(record.calls[0].phase, IOASID_MOCK_PHASE_BEGIN);
	CHECK_EQ(record.calls[0].op, IOASID_MOCK_OP_DETACH);
	CHECK_EQ(record.calls[0].device, 1);
	CHECK_EQ(record.calls[0].pasid, 9);
	CHECK_EQ(record.calls[1].phase, IOASID_MOCK_PHASE_END);
	CHECK_EQ(record.calls[1].result, IOASID_BE_EIO);
	CHECK_EQ(rig_slot(&rig, 1, 9).state, IOASID_MOCK_SLOT_ATTACHED);
	record.count = 0;
	record.answer = 0;
	CHECK_EQ(rig_detach(&rig, 1, 9, 0), 0);
	REQUIRE_EQ(record.count, 3);
	CHECK_EQ(record.calls[1].phase, IOASID_MOCK_PHASE_BLOCKED);
	CHECK_EQ(record.calls[2].phase, IOASID_MOCK_PHASE_END);
	CHECK_EQ(record.calls[2].result, 0);
	CHECK_EQ(rig.control->hook(rig.mock, IOASID_MOCK_OP_DETACH, NULL, NULL), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

struct hold {
	struct rig *rig;
	sem_t inside;
	sem_t go;
	_Atomic bool unhooked;
	int32_t answer;
};

static int32_t hold_at_begin(void *cookie, const struct ioasid_mock_call *call)
{
	struct hold *hold = cookie;

	if (call->phase == IOASID_MOCK_PHASE_BEGIN) {
		sem_post(&hold->inside);
		while (sem_wait(&hold->go))
			;
	}
	return 0;
}

static void *park_held(void *argument)
{
	struct hold *hold = argument;

	hold->answer = rig_park(hold->rig, 0, 1, 0);
	return NULL;
}

static void *unhook(void *argument)
{
	struct hold *hold = argument;

	CHECK_EQ(hold->rig->control->hook(hold->rig->mock, IOASID_MOCK_OP_PARK, NULL, NULL), 0);
	atomic_store(&hold->unhooked, true);
	return NULL;
}

static void a_held_call_holds_nothing_else_and_its_hook_is_waited_for(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct hold hold = { .rig = &rig, .answer = 1 };
	pthread_t parker, unhooker;

	rig_open(&rig, "", 1);
	sem_init(&hold.inside, 0, 0);
	sem_init(&hold.go, 0, 0);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig.control->hook(rig.mock, IOASID_MOCK_OP_PARK, hold_at_begin, &hold), 0);
	REQUIRE_EQ(pthread_create(&parker, NULL, park_held, &hold), 0);
	while (sem_wait(&hold.inside))
		;
	/* The park is on its way and has done nothing; all else goes on. */
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
	CHECK_EQ(rig_attach(&rig, 0, 2, as, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 2, 0), 0);
	REQUIRE_EQ(pthread_create(&unhooker, NULL, unhook, &hold), 0);
	usleep(2000);
	CHECK(!atomic_load(&hold.unhooked));
	sem_post(&hold.go);
	pthread_join(parker, NULL);
	pthread_join(unhooker, NULL);
	CHECK(atomic_load(&hold.unhooked));
	CHECK_EQ(hold.answer, 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	sem_destroy(&hold.inside);
	sem_destroy(&hold.go);
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "a rule holds for as many calls as it says", a_rule_holds_for_as_many_calls_as_it_says },
	{ "a failing item stops its batch there", a_failing_item_stops_its_batch_there },
	{ "a slow operation is late, and one slower than its deadline times out without effect (S9.15)",
	  a_slow_operation_is_late_and_one_slower_than_its_deadline_times_out_without_effect },
	{ "hardware that does not answer times out at the deadline (S9.8)",
	  hardware_that_does_not_answer_times_out_at_the_deadline },
	{ "a hook sees every phase and can refuse in the first",
	  a_hook_sees_every_phase_and_can_refuse_in_the_first },
	{ "a held call holds nothing else, and its hook is waited for",
	  a_held_call_holds_nothing_else_and_its_hook_is_waited_for },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_inject", cases, argc, argv);
}
