/*
 * Calls left to a worker.
 *
 * A job is one block of memory with a queue of its own, which the executor frees when it has run. It keeps
 * the set's memory; the pool stays because it is destroyed only after what is queued has run.
 */
#include <errno.h>

#include <ioasid/async.h>
#include <ioasid/id.h>
#include <ioasid/set.h>
#include <ioasid/spid.h>

#include "libioasid/fork.h"
#include "libioasid/pool.h"
#include "libioasid/registry.h"

struct job {
	struct ioasid_work work;
	struct workq queue;
	int (*call)(const struct job *job);
	struct ioasid_set *set; /* held; NULL where the call is about a token */
	struct ioasid_pool *pool;
	ioasid_t id;
	ioasid_spid_t spid;
	uint32_t type, flags;
	uint64_t token;
	const struct ioasid_notifier *block;
	ioasid_done_t done;
	void *context;
};

static void job_run(void *context, struct ioasid_work *work)
{
	struct job *job = context;
	int ret = job->call(job);

	(void)work;
	if (job->done != NULL)
		job->done(job->context, ret);
	if (job->set != NULL)
		ioasid__set_release(job->set);
}

/* The job is a copy of @what. */
static int start(const struct job *what)
{
	struct job *job = mem_alloc(sizeof(*job));

	if (job == NULL)
		return -ENOMEM;
	*job = *what;
	job->work.run = job_run;
	job->work.context = job;
	if (job->set != NULL)
		ioasid__set_hold(job->set);
	ioasid__workq_init(&job->queue, job->pool->executor, WORK_CALLS);
	workq_own(&job->queue, job);
	(void)ioasid__workq_queue(&job->queue, &job->work);
	return 0;
}

static int start_for_set(struct job *what, struct ioasid_set *set)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	what->set = set;
	what->pool = set->pool;
	return start(what);
}

static int start_for_pool(struct job *what, struct ioasid_pool *pool)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL)
		return -EINVAL;
	what->pool = pool;
	return start(what);
}

/* ---- IDs, SPIDs, sets ---- */

static int call_free(const struct job *job)
{
	return ioasid_free(job->set, job->id);
}

int ioasid_free_async(struct ioasid_set *set, ioasid_t id, ioasid_done_t done, void *context)
{
	struct job job = { .call = call_free, .id = id, .done = done, .context = context };

	return start_for_set(&job, set);
}

static int call_attach_spid(const struct job *job)
{
	return ioasid_attach_spid(job->set, job->id, job->spid);
}

int ioasid_attach_spid_async(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid, ioasid_done_t done, void *context)
{
	struct job job = { .call = call_attach_spid, .id = id, .spid = spid, .done = done, .context = context };

	return start_for_set(&job, set);
}

static int call_detach_spid(const struct job *job)
{
	return ioasid_detach_spid(job->set, job->id);
}

int ioasid_detach_spid_async(struct ioasid_set *set, ioasid_t id, ioasid_done_t done, void *context)
{
	struct job job = { .call = call_detach_spid, .id = id, .done = done, .context = context };

	return start_for_set(&job, set);
}

static int call_reset(const struct job *job)
{
	return ioasid_set_reset(job->set);
}

int ioasid_set_reset_async(struct ioasid_set *set, ioasid_done_t done, void *context)
{
	struct job job = { .call = call_reset, .done = done, .context = context };

	return start_for_set(&job, set);
}

static int call_put(const struct job *job)
{
	return ioasid_set_put(job->set);
}

int ioasid_set_put_async(struct ioasid_set *set, ioasid_done_t done, void *context)
{
	struct job job = { .call = call_put, .done = done, .context = context };

	return start_for_set(&job, set);
}

/* ---- Work ---- */

/* An item of the set's own queue: what was queued before has run. Nothing of it is used after its function
 * has begun. */
static void flush_run(void *context, struct ioasid_work *work)
{
	struct job *job = context;

	(void)work;
	job->done(job->context, 0);
	mem_free(job);
}

int ioasid_flush_work_async(struct ioasid_set *set, ioasid_done_t done, void *context)
{
	struct job *job;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || done == NULL)
		return -EINVAL;
	job = mem_zalloc(sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	job->done = done;
	job->context = context;
	job->work.run = flush_run;
	job->work.context = job;
	(void)ioasid__workq_queue(&set->works, &job->work);
	return 0;
}

/* ---- Notifiers ---- */

static int call_register(const struct job *job)
{
	return ioasid_register_notifier(job->set, job->block, job->flags);
}

int ioasid_register_notifier_async(struct ioasid_set *scope, const struct ioasid_notifier *block, uint32_t flags,
				   ioasid_done_t done, void *context)
{
	struct job job = {
		.call = call_register, .block = block, .flags = flags, .done = done, .context = context
	};

	return start_for_set(&job, scope);
}

static int call_register_token(const struct job *job)
{
	return ioasid_register_notifier_token(job->pool, job->type, job->token, job->block, job->flags);
}

int ioasid_register_notifier_token_async(struct ioasid_pool *pool, uint32_t type, uint64_t token,
					 const struct ioasid_notifier *block, uint32_t flags, ioasid_done_t done,
					 void *context)
{
	struct job job = {
		.call = call_register_token,
		.type = type,
		.token = token,
		.block = block,
		.flags = flags,
		.done = done,
		.context = context,
	};

	return start_for_pool(&job, pool);
}

/* Whether the block is registered is said at once. */
static int find(struct ioasid_pool *pool, const struct scope *scope, const struct ioasid_notifier *block)
{
	bool there;

	lock(&pool->registry);
	there = ioasid__registry_find(pool, scope, block) != NULL;
	unlock(&pool->registry);
	return there ? 0 : -ENOENT;
}

static int call_unregister(const struct job *job)
{
	return ioasid_unregister_notifier(job->set, job->block);
}

int ioasid_unregister_notifier_async(struct ioasid_set *scope, const struct ioasid_notifier *block, ioasid_done_t done,
				     void *context)
{
	struct job job = { .call = call_unregister, .block = block, .done = done, .context = context };
	struct scope where;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (ioasid__scope_of_set(scope, &where) != 0 || block == NULL || done == NULL)
		return -EINVAL;
	err = find(scope->pool, &where, block);
	return err != 0 ? err : start_for_set(&job, scope);
}

static int call_unregister_token(const struct job *job)
{
	return ioasid_unregister_notifier_token(job->pool, job->type, job->token, job->block);
}

int ioasid_unregister_notifier_token_async(struct ioasid_pool *pool, uint32_t type, uint64_t token,
					   const struct ioasid_notifier *block, ioasid_done_t done, void *context)
{
	struct job job = {
		.call = call_unregister_token, .type = type, .token = token, .block = block, .done = done, .context = context
	};
	struct scope where;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (ioasid__scope_of_token(pool, type, token, &where) != 0 || block == NULL || done == NULL)
		return -EINVAL;
	err = find(pool, &where, block);
	return err != 0 ? err : start_for_pool(&job, pool);
}
