/*
 * Single calls in threads of their own, and answers as one number; see scene.h.
 */
#include "scene.h"

#include <string.h>

int refs_of(struct ioasid_set *set, ioasid_t id)
{
	uint32_t refs = 0;
	int err = ioasid_refs(set, id, &refs);

	return err != 0 ? err : (int)refs;
}

ioasid_spid_t spid_of(uint32_t value)
{
	return ioasid_spid_make(value);
}

int find_spid(struct ioasid_set *set, uint32_t value)
{
	ioasid_t id = IOASID_INVALID;
	int err = ioasid_find_by_spid(set, spid_of(value), &id);

	if (err != 0)
		return err;
	CHECK_EQ(ioasid_put(set, id), 0);
	return (int)id;
}

int tell_spid(struct ioasid_set *set, ioasid_t id)
{
	ioasid_spid_t spid = spid_of(IOASID_SPID_NONE);
	int err = ioasid_spid(set, id, &spid);

	return err != 0 ? err : (int)spid.value;
}

static void call_main(void *arg)
{
	struct call *call = arg;

	call->answer = call->fn(call->set, call->id, call->value);
}

void call_start(struct call *call, int (*fn)(struct ioasid_set *set, ioasid_t id, uint32_t value),
		struct ioasid_set *set, ioasid_t id, uint32_t value)
{
	call->fn = fn;
	call->set = set;
	call->id = id;
	call->value = value;
	task_start(&call->task, call_main, call);
}

bool call_blocked(struct call *call)
{
	return task_blocked(&call->task);
}

int call_join(struct call *call)
{
	task_join(&call->task);
	return call->answer;
}

int call_elsewhere(int (*fn)(struct ioasid_set *set, ioasid_t id, uint32_t value), struct ioasid_set *set,
		   ioasid_t id, uint32_t value)
{
	struct call call;

	call_start(&call, fn, set, id, value);
	return call_join(&call);
}

int do_alloc(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	ioasid_t got = IOASID_INVALID;
	int err;

	(void)unused;
	err = ioasid_alloc(set, id, id, NULL, &got);
	return err != 0 ? err : (int)got;
}

int do_free(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return ioasid_free(set, id);
}

int do_get(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return ioasid_get(set, id);
}

int do_put(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return ioasid_put(set, id);
}

int do_refs(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return refs_of(set, id);
}

int do_attach(struct ioasid_set *set, ioasid_t id, uint32_t spid)
{
	return ioasid_attach_spid(set, id, spid_of(spid));
}

int do_detach(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return ioasid_detach_spid(set, id);
}

int do_find_spid(struct ioasid_set *set, ioasid_t unused, uint32_t spid)
{
	(void)unused;
	return find_spid(set, spid);
}

int do_tell_spid(struct ioasid_set *set, ioasid_t id, uint32_t unused)
{
	(void)unused;
	return tell_spid(set, id);
}

int do_set_put(struct ioasid_set *set, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_set_put(set);
}

struct jobs_run jobs_run;

void jobs_clear(void)
{
	memset(&jobs_run, 0, sizeof(jobs_run));
	pthread_mutex_init(&jobs_run.lock, NULL);
}

static void job_run(void *context, struct ioasid_work *work)
{
	struct job *job = context;

	CHECK(work == &job->work);
	pthread_mutex_lock(&jobs_run.lock);
	jobs_run.order[jobs_run.count++] = job->number;
	if (++jobs_run.running > jobs_run.most)
		jobs_run.most = jobs_run.running;
	pthread_mutex_unlock(&jobs_run.lock);
	if (job->gate != NULL)
		gate_pass(job->gate);
	pthread_mutex_lock(&jobs_run.lock);
	jobs_run.running--;
	pthread_mutex_unlock(&jobs_run.lock);
}

void job_init(struct job *job, unsigned int number, struct gate *gate)
{
	*job = (struct job){ .number = number, .gate = gate };
	job->work.run = job_run;
	job->work.context = job;
}
