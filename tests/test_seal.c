/* What a seal makes ready, what it refuses, and what it waits for (S14.5); tests/test_sandbox.c has the
 * filter. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libioasid/context.h"
#include "libioasid/work.h"
#include "tests/device_rig.h"
#include "tests/harness.h"
#include "tests/scene.h"

enum { WORKERS = 5 };
/* All there are: for items and for calls, for the library's own work, and one for lanes that come later. */
enum { THREADS = 2 * WORKERS + CORE_THREADS + 1 };
#define FAULTS "devices=2 ats=on pri=on"

/* How many entries a folder of /proc/self has: descriptors. */
static unsigned int entries(const char *folder)
{
	unsigned int count = 0;
	DIR *dir = opendir(folder);

	REQUIRE(dir != NULL);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* The threads of the process. One that was joined may be listed for a while more, so that they are told apart
 * by their numbers, and not only counted. */
struct threads {
	unsigned int count;
	long tid[512];
};

static void threads_look(struct threads *threads)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;

	REQUIRE(dir != NULL);
	threads->count = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		REQUIRE(threads->count < 512);
		threads->tid[threads->count++] = strtol(entry->d_name, NULL, 10);
	}
	closedir(dir);
}

/* How many there are that were not there before. */
static unsigned int threads_new(const struct threads *before)
{
	struct threads now;
	unsigned int known = 0;

	threads_look(&now);
	for (unsigned int i = 0; i < now.count; i++)
		for (unsigned int n = 0; n < before->count; n++)
			known += before->tid[n] == now.tid[i];
	return now.count - known;
}

/* The same, when those have left the list that are on their way out of it; too many stay too many. */
static unsigned int threads_new_at_last(const struct threads *before, unsigned int most)
{
	const uint64_t until = drig_now() + 30000 * DRIG_MS;

	while (threads_new(before) > most && drig_now() < until)
		sched_yield();
	return threads_new(before);
}

static struct ioasid_pool *pool_of(uint32_t workers)
{
	const struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .max_workers = workers };
	struct ioasid_pool *pool = NULL;

	REQUIRE_EQ(ioasid_pool_create(&attr, &pool), 0);
	return pool;
}

/* ---- Threads and descriptors ---- */

static void all_threads_are_there_and_no_other_comes(void)
{
	struct ioasid_pool *pool = pool_of(WORKERS);
	struct ioasid_set *sets[WORKERS + 2];
	struct job jobs[WORKERS + 2];
	struct gate gate = GATE_CLOSED;
	static struct threads before;

	jobs_clear();
	threads_look(&before);
	CHECK_EQ(ioasid_pool_seal(pool, NULL), 0);
	CHECK_EQ(threads_new_at_last(&before, THREADS - 1), THREADS - 1);
	for (unsigned int i = 0; i < WORKERS + 2; i++) {
		sets[i] = set_make(pool, 1);
		job_init(&jobs[i], i, &gate);
		CHECK_EQ(ioasid_queue_work(sets[i], &jobs[i].work), 0);
	}
	gate_await(&gate, WORKERS);
	CHECK_EQ(threads_new(&before), THREADS - 1);
	gate_open(&gate);
	for (unsigned int i = 0; i < WORKERS + 2; i++) {
		CHECK_EQ(ioasid_flush_work(sets[i]), 0);
		set_end(sets[i]);
	}
	CHECK_EQ(jobs_run.count, WORKERS + 2);
	CHECK_EQ(ioasid_pool_seal(pool, NULL), 0);
	CHECK_EQ(threads_new_at_last(&before, THREADS - 1), THREADS - 1);
	pool_end(pool);
}

/* S14.4: without workers the seal leaves none behind. */
static void a_pool_without_workers_gets_none(void)
{
	struct ioasid_pool *pool = pool_make_with(0, IOASID_POLICY_ANY, IOASID_POOL_NO_WORKER);
	static struct threads before;

	threads_look(&before);
	CHECK_EQ(ioasid_pool_seal(pool, NULL), 0);
	CHECK_EQ(threads_new_at_last(&before, 0), 0);
	CHECK_EQ(ioasid_pool_dispatch(pool), 0);
	pool_end(pool);
}

/* S18.1: the queue of page requests is there before the first bind that asks for it. */
static void the_queue_of_page_requests_is_made_at_the_seal(void)
{
	struct ioasid_bind_data data;
	unsigned int before;
	struct drig r;

	drig_open(&r, FAULTS, 1);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_FAULTQ_CREATE), 0);
	CHECK_EQ(ioasid_pool_seal(r.pool, NULL), 0);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_FAULTQ_CREATE), 1);
	before = entries("/proc/self/fd");
	data = drig_data(&r, id_make(r.set), IOASID_SPID_NONE, 1, 0);
	data.flags |= IOASID_BIND_FAULT;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK(ioasid_context_fault_fd(r.on.context) >= 0);
	CHECK_EQ(entries("/proc/self/fd"), before);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_FAULTQ_CREATE), 1);
	drig_close(&r);
	/* A backend without page requests needs none. */
	drig_open(&r, "devices=1 without=fault", 1);
	CHECK_EQ(ioasid_pool_seal(r.pool, NULL), 0);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_FAULTQ_CREATE), 0);
	drig_close(&r);
}

/* ---- What is refused ---- */

static int32_t broker_open(void *host, const char *path, uint32_t flags)
{
	(void)path;
	(void)flags;
	++*(unsigned int *)host;
	return -ENODEV;
}

static int64_t broker_list(void *host, const char *path, char *buffer, uint64_t size)
{
	(void)path;
	(void)buffer;
	(void)size;
	++*(unsigned int *)host;
	return 0;
}

static void a_backend_opens_nothing_by_name_any_more(void)
{
	const struct ioasid_be_host *host;
	char names[64];
	struct drig r;
	int32_t fd;

	drig_open(&r, "devices=1", 0);
	host = &r.on.context->be.host;
	fd = host->open_by_name(host->host, "/dev/null", IOASID_BE_OPEN_READ);
	CHECK(fd >= 0);
	CHECK_EQ(ioasid_context_seal(r.on.context, NULL), 0);
	CHECK_EQ(host->open_by_name(host->host, "/dev/null", IOASID_BE_OPEN_READ), -EPERM);
	CHECK_EQ(host->open_by_name(host->host, "/nowhere", IOASID_BE_OPEN_READ), -EPERM);
	CHECK_EQ(host->list(host->host, "/proc/self/task", names, sizeof(names)), -EPERM);
	/* What it has it keeps. */
	CHECK_EQ(host->read(host->host, fd, names, 1, IOASID_BE_OFFSET_NONE), 0);
	CHECK_EQ(host->close(host->host, fd), 0);
	CHECK_EQ(ioasid_context_seal(r.on.context, NULL), 0);
	drig_close(&r);
}

static void a_programs_own_table_is_asked_as_before(void)
{
	struct ioasid_be_host broker;
	unsigned int asked = 0;
	const struct ioasid_context_args args = { .struct_size = sizeof(args), .system = &broker };
	struct ioasid_context *context;
	struct ioasid_backend *backend;
	const struct ioasid_be_host *host;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	broker = r.on.context->be.system;
	broker.host = &asked;
	broker.open_by_name = broker_open;
	broker.list = broker_list;
	REQUIRE_EQ(ioasid_backend_load("mock", 0, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, &args, &context, NULL), 0);
	ioasid_backend_put(backend);
	CHECK_EQ(ioasid_context_seal(context, NULL), 0);
	host = &context->be.host;
	CHECK_EQ(host->open_by_name(host->host, "/dev/null", IOASID_BE_OPEN_READ), -ENODEV);
	CHECK_EQ(host->list(host->host, "/dev", NULL, 0), 0);
	CHECK_EQ(asked, 2);
	CHECK_EQ(ioasid_context_close(context), 0);
	drig_close(&r);
}

static void a_sealed_pool_takes_devices_of_sealed_contexts_only(void)
{
	struct ioasid_device_spec spec = drig_spec("mock0");
	struct ioasid_reason why = { "" };
	struct ioasid_device *device = NULL;
	struct drig_context other;
	struct drig r;

	drig_open(&r, "devices=2", 1);
	drig_context_open(&other, "devices=1", 0);
	CHECK_EQ(ioasid_pool_seal(r.pool, NULL), 0);
	CHECK_EQ(ioasid_device_attach(other.context, r.pool, &spec, NULL, &device, &why), -EPERM);
	CHECK(strstr(why.text, "sealed") != NULL);
	CHECK(device == NULL);
	/* Its own context was sealed with it. */
	CHECK_EQ(drig_attach(&r, "mock1", IOASID_DEVICE_DIRECT, NULL, &r.device[1]), 0);
	r.devices = 2;
	CHECK_EQ(ioasid_context_seal(other.context, NULL), 0);
	CHECK_EQ(ioasid_device_attach(other.context, r.pool, &spec, NULL, &device, &why), 0);
	CHECK_EQ(why.text[0], '\0');
	CHECK_EQ(ioasid_device_close(device), 0);
	drig_context_close(&other);
	drig_close(&r);
}

static int seal_in_work_answer;

static void seal_in_work(void *context, struct ioasid_work *work)
{
	(void)work;
	seal_in_work_answer = ioasid_pool_seal(context, NULL);
}

static void seals_are_refused_where_they_would_wait_for_themselves(void)
{
	struct ioasid_work work = { .run = seal_in_work };
	struct ioasid_reason why = { "" };
	struct drig r;

	drig_open(&r, "devices=1", 0);
	work.context = r.pool;
	CHECK_EQ(ioasid_pool_seal(NULL, &why), -EINVAL);
	CHECK(why.text[0] != '\0');
	CHECK_EQ(ioasid_context_seal(NULL, NULL), -EINVAL);
	ioasid_read_begin();
	CHECK_EQ(ioasid_pool_seal(r.pool, NULL), -EDEADLK);
	CHECK_EQ(ioasid_context_seal(r.on.context, NULL), -EDEADLK);
	ioasid_read_end();
	CHECK_EQ(ioasid_queue_work(r.set, &work), 0);
	CHECK_EQ(ioasid_flush_work(r.set), 0);
	CHECK_EQ(seal_in_work_answer, -EDEADLK);
	/* Nothing of this has sealed it. */
	CHECK_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_DIRECT, NULL, &r.device[0]), 0);
	r.devices = 1;
	drig_close(&r);
}

/* ---- Races ---- */

/* What a thread begins with; the pool's own stop here. */
void __real_ioasid__thread_warm(void);
void __wrap_ioasid__thread_warm(void);
static struct gate warm_gate = GATE_OPEN;
static __thread bool seals;

void __wrap_ioasid__thread_warm(void)
{
	if (!seals)
		gate_pass(&warm_gate);
	__real_ioasid__thread_warm();
}

static void call_seal(void *call)
{
	struct drig_call *c = call;

	seals = true;
	c->answer = ioasid_pool_seal(c->r->pool, NULL);
}

static void call_attach(void *call)
{
	struct drig_call *c = call;

	c->answer = drig_attach(c->r, "mock0", IOASID_DEVICE_DIRECT, NULL, &c->r->device[0]);
}

/* A thread that has only just begun still has to find its way in. */
static void a_seal_waits_for_its_threads(void)
{
	struct drig r = { 0 };
	struct drig_call seal;

	r.pool = pool_of(WORKERS);
	gate_close(&warm_gate);
	drig_start(&seal, &r, call_seal, 0, 0, 0);
	gate_await(&warm_gate, THREADS - 1);
	CHECK(task_blocked(&seal.task));
	gate_open(&warm_gate);
	CHECK_EQ(drig_finish(&seal), 0);
	pool_end(r.pool);
}

/* The context of a device that is being attached is sealed, too. */
static void a_seal_waits_for_an_attach_under_way(void)
{
	struct drig_call attach, seal;
	struct drig_stop stop;
	struct drig r;

	drig_open(&r, FAULTS, 0);
	drig_stop_begin(&stop, &r, IOASID_MOCK_OP_DEVICE_ATTACH, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
	drig_start(&attach, &r, call_attach, 0, 0, 0);
	gate_await(&stop.gate, 1);
	drig_start(&seal, &r, call_seal, 0, 0, 0);
	CHECK(task_blocked(&seal.task));
	drig_stop_end(&stop);
	CHECK_EQ(drig_finish(&attach), 0);
	CHECK_EQ(drig_finish(&seal), 0);
	r.devices = 1;
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_FAULTQ_CREATE), 1);
	CHECK(atomic_load(&r.on.context->be.sealed));
	drig_close(&r);
}

/* Who comes second answers when it is done, and does it himself where the first one failed. */
static void a_second_seal_waits_for_the_first(void)
{
	struct drig_call first, second;
	struct drig_stop stop;
	struct drig r;

	for (int fails = 0; fails < 2; fails++) {
		drig_open(&r, FAULTS, 1);
		drig_stop_begin(&stop, &r, IOASID_MOCK_OP_FAULTQ_CREATE, IOASID_MOCK_PHASE_BEGIN, IOASID_MOCK_NO_DEVICE);
		if (fails)
			drig_fail(&r, IOASID_MOCK_OP_FAULTQ_CREATE, 1, 1, IOASID_BE_EIO);
		drig_start(&first, &r, call_seal, 0, 0, 0);
		gate_await(&stop.gate, 1);
		drig_start(&second, &r, call_seal, 0, 0, 0);
		CHECK(task_blocked(&second.task));
		drig_stop_end(&stop);
		CHECK_EQ(drig_finish(&first), fails ? -EIO : 0);
		CHECK_EQ(drig_finish(&second), 0);
		CHECK(atomic_load(&r.on.context->be.sealed));
		drig_close(&r);
	}
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "all threads are there, and no other comes (S14.5)", all_threads_are_there_and_no_other_comes },
		{ "a pool without workers gets none (S14.4, S14.5)", a_pool_without_workers_gets_none },
		{ "the queue of page requests is made at the seal (S14.5, S18.1)",
		  the_queue_of_page_requests_is_made_at_the_seal },
		{ "a backend opens nothing by name any more (S14.5)", a_backend_opens_nothing_by_name_any_more },
		{ "a program's own table of system calls is asked as before (S14.5)",
		  a_programs_own_table_is_asked_as_before },
		{ "a sealed pool takes devices of sealed contexts only (S14.5)",
		  a_sealed_pool_takes_devices_of_sealed_contexts_only },
		{ "seals are refused where they would wait for themselves (S7.6, S14.5)",
		  seals_are_refused_where_they_would_wait_for_themselves },
		{ "a seal waits until its threads have begun (S14.5)", a_seal_waits_for_its_threads },
		{ "a seal waits for an attach under way (S14.5)", a_seal_waits_for_an_attach_under_way },
		{ "a second seal waits for the first (S14.5)", a_second_seal_waits_for_the_first },
	};

	return TEST_MAIN("seal", cases, argc, argv);
}
