/* Page requests that are open when their table goes away: answered with failure, once. S18.3, S10.1. */
#include "tests/harness.h"

#include <pthread.h>
#include <semaphore.h>

#include "tests/mock_faults.h"

#define LAST IOASID_BE_FAULT_LAST

/* ---- Every way of taking a table away ---- */

struct end_scene {
	struct faults_scene s;
	struct ioasid_be_as *other; /* without a queue */
};

static int32_t by_park(struct end_scene *e)
{
	return rig_park(&e->s.rig, 0, 1, 0);
}

static int32_t by_detach(struct end_scene *e)
{
	return rig_detach(&e->s.rig, 0, 1, 0);
}

static int32_t by_replace(struct end_scene *e)
{
	return rig_replace(&e->s.rig, 0, 1, e->other, NULL, 0);
}

static int32_t by_block(struct end_scene *e)
{
	return e->s.rig.pasid->device_block(e->s.rig.dev[0], 0);
}

static int32_t by_reset(struct end_scene *e)
{
	return e->s.rig.core->device_reset(e->s.rig.dev[0]);
}

static const struct end {
	int32_t (*run)(struct end_scene *e);
	const char *config;
	bool whole_device;
} ends[] = {
	{ by_park, FAULTS_CONFIG, false },
	{ by_park, FAULTS_CONFIG " separate_drain=on separate_invalidate=on", false },
	{ by_detach, FAULTS_CONFIG, false },
	{ by_replace, FAULTS_CONFIG, false },
	{ by_replace, FAULTS_CONFIG " hitless=off", false },
	{ by_block, FAULTS_CONFIG, true },
	{ by_reset, FAULTS_CONFIG, true },
};

static void check_failed(struct end_scene *e, uint32_t pasid, uint32_t group)
{
	const struct ioasid_mock_page_answer answer = faults_answer(&e->s.rig, 0, pasid, group);

	CHECK_EQ(answer.code, IOASID_BE_RESPOND_FAILURE);
	CHECK_EQ(answer.by, IOASID_MOCK_BY_TEARDOWN);
}

/* One group that the host has, one in the queue, one that is not complete; and one of another PASID. */
static void end_it(const struct end *end)
{
	struct end_scene e;
	struct ioasid_be_page_request read, beside;

	faults_scene_open(&e.s, end->config, 0);
	e.other = rig_space(&e.s.rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_attach(&e.s.rig, 0, 2, e.s.as, NULL), 0);
	CHECK_EQ(faults_ask(&e.s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	REQUIRE_EQ(faults_read(&e.s.rig, e.s.queue, &read, 1), 1);
	CHECK_EQ(faults_ask(&e.s.rig, 0, 1, 2, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(faults_ask(&e.s.rig, 0, 1, 3, FAULTS_IOVA, 0), 0);
	CHECK_EQ(faults_ask(&e.s.rig, 0, 2, 1, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(end->run(&e), 0);
	for (uint32_t group = 1; group <= 3; group++)
		check_failed(&e, 1, group);
	CHECK_EQ(faults_respond(&e.s.rig, e.s.queue, read.handle, 0), IOASID_BE_ENOENT);
	CHECK_EQ(faults_read(&e.s.rig, e.s.queue, &beside, 1), !end->whole_device);
	if (end->whole_device)
		check_failed(&e, 2, 1);
	else
		CHECK_EQ(faults_respond(&e.s.rig, e.s.queue, beside.handle, 0), 0);
	CHECK_EQ(faults_read(&e.s.rig, e.s.queue, &beside, 1), 0);
	CHECK_EQ(faults_pages(&e.s.rig, 0).by_teardown, end->whole_device ? 4 : 3);
	CHECK_EQ(faults_pages(&e.s.rig, 0).by_host, !end->whole_device);
	if (rig_slot(&e.s.rig, 0, 1).state != IOASID_MOCK_SLOT_FREE)
		CHECK_EQ(rig_detach(&e.s.rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&e.s.rig, 0, 2, 0), 0);
	CHECK_EQ(e.s.rig.paging->destroy(e.other), 0);
	faults_scene_close(&e.s);
}

static void whatever_takes_a_table_away_answers_what_is_open(void)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		end_it(&ends[i]);
}

/* ---- Replace ---- */

struct replacing {
	struct faults_scene *s;
	struct ioasid_be_page_request record;
	uint32_t got;
};

/* In the middle of a hitless replace the new table is in use already. */
static int32_t asks_in_the_middle(void *cookie, const struct ioasid_mock_call *call)
{
	struct replacing *r = cookie;

	if (call->phase == IOASID_MOCK_PHASE_BLOCKED)
		CHECK_EQ(faults_ask(&r->s->rig, 0, 1, 2, FAULTS_IOVA, LAST), 0);
	return 0;
}

static void a_replace_answers_requests_of_the_old_table_only(void)
{
	struct faults_scene s;
	struct replacing r = { .s = &s };
	struct ioasid_be_as *other;

	faults_scene_open(&s, FAULTS_CONFIG, 0);
	other = faults_space(&s.rig, s.queue);
	CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, asks_in_the_middle, &r), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(rig_replace(&s.rig, 0, 1, other, NULL, 0), 0);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 1).by, IOASID_MOCK_BY_TEARDOWN);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &r.record, 1), 1);
	CHECK_EQ(r.record.group, 2);
	CHECK_EQ(faults_respond(&s.rig, s.queue, r.record.handle, 0), 0);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 2).by, IOASID_MOCK_BY_HOST);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	CHECK_EQ(s.rig.paging->destroy(other), 0);
	faults_scene_close(&s);
}

/* R58: the old table stays, and so do its requests; those that the new one let in are answered. */
static void a_replace_that_fails_leaves_the_old_requests_open(void)
{
	struct faults_scene s;
	struct replacing r = { .s = &s };
	struct ioasid_be_as *other;
	unsigned char byte;
	uint64_t token;

	faults_scene_open(&s, FAULTS_CONFIG " drain=wait", 0);
	other = faults_space(&s.rig, s.queue);
	rig_map(&s.rig, s.as, FAULTS_IOVA, 0);
	token = rig_begin(&s.rig, 0, 1, IOASID_MOCK_DMA_READ, FAULTS_IOVA, &byte, 1);
	CHECK_EQ(s.rig.control->hook(s.rig.mock, IOASID_MOCK_OP_REPLACE, asks_in_the_middle, &r), 0);
	CHECK_EQ(faults_ask(&s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	CHECK_EQ(rig_replace(&s.rig, 0, 1, other, NULL, RIG_MS), IOASID_BE_ETIMEDOUT);
	CHECK_EQ(faults_answer(&s.rig, 0, 1, 2).by, IOASID_MOCK_BY_TEARDOWN);
	REQUIRE_EQ(faults_read(&s.rig, s.queue, &r.record, 1), 1);
	CHECK_EQ(r.record.group, 1);
	CHECK_EQ(faults_respond(&s.rig, s.queue, r.record.handle, 0), 0);
	CHECK_EQ(rig_finish(&s.rig, token), IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(rig_detach(&s.rig, 0, 1, 0), 0);
	CHECK_EQ(s.rig.paging->destroy(other), 0);
	CHECK_EQ(rig_unmap(&s.rig, s.as, FAULTS_IOVA, RIG_PAGE), RIG_PAGE);
	faults_scene_close(&s);
}

/* ---- Races ---- */

enum { ROUNDS = 300 };

struct race {
	struct faults_scene s;
	pthread_barrier_t line;
	struct ioasid_be_page_request record;
	int32_t answered;
};

static void *answers(void *arg)
{
	struct race *r = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&r->line);
		r->answered =
			faults_respond(&r->s.rig, r->s.queue, r->record.handle, IOASID_BE_RESPOND_SUCCESS);
		pthread_barrier_wait(&r->line);
	}
	return NULL;
}

/* R63: whoever comes first answers, and the device is told that and nothing else. */
static void an_answer_and_a_detach_at_once_give_one_answer(void)
{
	struct race r;
	pthread_t thread;
	uint64_t host = 0;

	faults_scene_open(&r.s, FAULTS_CONFIG, 0);
	REQUIRE_EQ(pthread_barrier_init(&r.line, NULL, 2), 0);
	REQUIRE_EQ(pthread_create(&thread, NULL, answers, &r), 0);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		struct ioasid_mock_page_answer answer;

		CHECK_EQ(faults_ask(&r.s.rig, 0, 1, i, FAULTS_IOVA, LAST), 0);
		CHECK_EQ(faults_read(&r.s.rig, r.s.queue, &r.record, 1), 1);
		pthread_barrier_wait(&r.line);
		CHECK_EQ(rig_detach(&r.s.rig, 0, 1, 0), 0);
		pthread_barrier_wait(&r.line);
		answer = faults_answer(&r.s.rig, 0, 1, i);
		CHECK(r.answered == 0 || r.answered == IOASID_BE_ENOENT);
		CHECK_EQ(answer.by, r.answered ? IOASID_MOCK_BY_TEARDOWN : IOASID_MOCK_BY_HOST);
		CHECK_EQ(answer.code, r.answered ? IOASID_BE_RESPOND_FAILURE : IOASID_BE_RESPOND_SUCCESS);
		host += !r.answered;
		CHECK_EQ(rig_attach(&r.s.rig, 0, 1, r.s.as, NULL), 0);
	}
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(faults_pages(&r.s.rig, 0).by_host, host);
	CHECK_EQ(faults_pages(&r.s.rig, 0).by_teardown, ROUNDS - host);
	pthread_barrier_destroy(&r.line);
	CHECK_EQ(rig_detach(&r.s.rig, 0, 1, 0), 0);
	faults_scene_close(&r.s);
}

struct ringing {
	struct faults_scene s;
	sem_t rings, go;
	atomic_bool rung;
};

static void waits_in_ready(void *arg)
{
	struct ringing *r = arg;

	sem_post(&r->rings);
	sem_wait(&r->go);
	atomic_store(&r->rung, true);
}

static void *asks_once(void *arg)
{
	struct ringing *r = arg;

	CHECK_EQ(faults_ask(&r->s.rig, 0, 1, 1, FAULTS_IOVA, LAST), 0);
	return NULL;
}

static void *lets_it_ring(void *arg)
{
	struct ringing *r = arg;

	/* Long enough for a destroy that does not wait to come back first. */
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	sem_post(&r->go);
	return NULL;
}

/* A cookie is good until destroy returns. */
static void the_end_of_a_queue_waits_for_whoever_rings(void)
{
	struct ringing r;
	pthread_t device, later;

	faults_scene_open(&r.s, FAULTS_CONFIG, 0);
	REQUIRE_EQ(sem_init(&r.rings, 0, 0), 0);
	REQUIRE_EQ(sem_init(&r.go, 0, 0), 0);
	atomic_init(&r.rung, false);
	r.s.rig.host.on_ready = waits_in_ready;
	r.s.rig.host.on_ready_arg = &r;
	REQUIRE_EQ(pthread_create(&device, NULL, asks_once, &r), 0);
	sem_wait(&r.rings);
	/* Ringing keeps nobody from ending the request itself. */
	CHECK_EQ(rig_detach(&r.s.rig, 0, 1, 0), 0);
	CHECK_EQ(faults_answer(&r.s.rig, 0, 1, 1).by, IOASID_MOCK_BY_TEARDOWN);
	CHECK_EQ(r.s.rig.paging->destroy(r.s.as), 0);
	REQUIRE_EQ(pthread_create(&later, NULL, lets_it_ring, &r), 0);
	CHECK_EQ(r.s.rig.fault->destroy(r.s.queue), 0);
	CHECK(atomic_load(&r.rung));
	REQUIRE_EQ(pthread_join(later, NULL), 0);
	REQUIRE_EQ(pthread_join(device, NULL), 0);
	sem_destroy(&r.rings);
	sem_destroy(&r.go);
	rig_close(&r.s.rig);
}

static const struct test_case cases[] = {
	{ "whatever takes a table away answers what is open (S18.3)",
	  whatever_takes_a_table_away_answers_what_is_open },
	{ "a replace answers requests of the old table only (S18.3)",
	  a_replace_answers_requests_of_the_old_table_only },
	{ "a replace that fails leaves the old requests open (S18.3)",
	  a_replace_that_fails_leaves_the_old_requests_open },
	{ "an answer and a detach at once give one answer (S18.3)",
	  an_answer_and_a_detach_at_once_give_one_answer },
	{ "the end of a queue waits for whoever rings", the_end_of_a_queue_waits_for_whoever_rings },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_fault_end", cases, argc, argv);
}
