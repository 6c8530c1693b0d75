/*
 * Calls of devices and bindings left to a worker, as async.c does for the rest (S14.4).
 *
 * A job has a queue of its own, which the executor frees when it has run. Devices and address spaces are kept
 * by the caller until `done` was told; the set's memory is kept here.
 */
#include <errno.h>

#include <ioasid/async.h>

#include "libioasid/bind.h"
#include "libioasid/device.h"
#include "libioasid/fork.h"
#include "libioasid/mem.h"
#include "libioasid/set.h"

struct device_job {
	struct ioasid_work work;
	struct workq queue;
	int (*call)(const struct device_job *job);
	struct ioasid_device *device;
	struct ioasid_set *set;            /* held, NULL: none */
	struct ioasid_address_space *space;
	struct ioasid_bind_data data;      /* entry points to `entry` */
	struct ioasid_record entry;
	ioasid_t id;
	uint64_t cookie;
	ioasid_done_t done;
	void *context;
};

static void job_run(void *context, struct ioasid_work *work)
{
	struct device_job *job = context;
	int rc = job->call(job);

	(void)work;
	if (job->done != NULL)
		job->done(job->context, rc);
	if (job->set != NULL)
		ioasid__set_release(job->set);
}

/* The job is a copy of @what, with memory of its own for the page table. */
static int start(const struct device_job *what, struct ioasid_pool *pool)
{
	struct device_job *job = mem_alloc(sizeof(*job));

	if (job == NULL)
		return -ENOMEM;
	*job = *what;
	if (job->data.entry != NULL) {
		job->entry = *job->data.entry;
		job->data.entry = &job->entry;
	}
	job->work.run = job_run;
	job->work.context = job;
	if (job->set != NULL)
		ioasid__set_hold(job->set);
	ioasid__workq_init(&job->queue, pool->executor, WORK_CALLS);
	workq_own(&job->queue, job);
	(void)ioasid__workq_queue(&job->queue, &job->work);
	return 0;
}

/* ---- Devices ---- */

static int start_for_device(int (*call)(const struct device_job *job), struct ioasid_device *device,
			    ioasid_done_t done,
			    void *context)
{
	const struct device_job job = { .call = call, .device = device, .done = done, .context = context };

	if (ioasid__forked())
		return -EPERM;
	return device == NULL ? -EINVAL : start(&job, device->pool);
}

static int call_close(const struct device_job *job)
{
	return ioasid_device_close(job->device);
}

int ioasid_device_close_async(struct ioasid_device *device, ioasid_done_t done, void *context)
{
	return start_for_device(call_close, device, done, context);
}

static int call_reset_bindings(const struct device_job *job)
{
	return ioasid_device_reset_bindings(job->device);
}

int ioasid_device_reset_bindings_async(struct ioasid_device *device, ioasid_done_t done, void *context)
{
	return start_for_device(call_reset_bindings, device, done, context);
}

static int call_was_reset(const struct device_job *job)
{
	return ioasid_device_was_reset(job->device);
}

int ioasid_device_was_reset_async(struct ioasid_device *device, ioasid_done_t done, void *context)
{
	return start_for_device(call_was_reset, device, done, context);
}

/* ---- Bindings ---- */

/* Checks and starts a call that comes with bind data. @flags: those allowed. */
static int start_with_data(int (*call)(const struct device_job *job), struct ioasid_device *device,
			   struct ioasid_set *set, const struct ioasid_bind_data *data, uint32_t flags,
			   ioasid_done_t done, void *context)
{
	struct device_job job = { .call = call, .device = device, .set = set, .done = done, .context = context };
	struct bind_request rq;
	int rc = ioasid__bind_request(device, set, data, flags, &rq);

	/* Here it is allowed everywhere. */
	if (rc != 0 && rc != -EDEADLK)
		return rc;
	job.data = *data;
	job.data.struct_size = sizeof(job.data);
	return start(&job, device->pool);
}

static int call_bind(const struct device_job *job)
{
	return ioasid_bind_gpasid(job->device, job->set, &job->data);
}

int ioasid_bind_gpasid_async(struct ioasid_device *device, struct ioasid_set *set,
			     const struct ioasid_bind_data *data,
			     ioasid_done_t done, void *context)
{
	return start_with_data(call_bind, device, set, data, BIND_FLAGS, done, context);
}

static int call_rebind(const struct device_job *job)
{
	return ioasid_rebind(job->device, job->set, &job->data);
}

int ioasid_rebind_async(struct ioasid_device *device, struct ioasid_set *set,
			const struct ioasid_bind_data *data,
			ioasid_done_t done, void *context)
{
	return start_with_data(call_rebind, device, set, data, REBIND_FLAGS, done, context);
}

static int call_bind_ioas(const struct device_job *job)
{
	return ioasid_bind_ioas(job->device, job->set, job->id, job->space, job->cookie);
}

int ioasid_bind_ioas_async(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id,
			   struct ioasid_address_space *space, uint64_t cookie, ioasid_done_t done, void *context)
{
	const struct device_job job = {
		.call = call_bind_ioas, .device = device, .set = set, .id = id, .space = space, .cookie = cookie,
		.done = done, .context = context,
	};

	if (ioasid__forked())
		return -EPERM;
	if (device == NULL || set == NULL || space == NULL || set->pool != device->pool)
		return -EINVAL;
	return start(&job, device->pool);
}

static int call_unbind(const struct device_job *job)
{
	return ioasid_unbind(job->device, job->set, job->id, job->cookie);
}

int ioasid_unbind_async(struct ioasid_device *device, struct ioasid_set *set, ioasid_t id, uint64_t cookie,
			ioasid_done_t done, void *context)
{
	const struct device_job job = {
		.call = call_unbind, .device = device, .set = set, .id = id, .cookie = cookie,
		.done = done, .context = context,
	};

	if (ioasid__forked())
		return -EPERM;
	if (device == NULL || set == NULL || set->pool != device->pool)
		return -EINVAL;
	return start(&job, device->pool);
}

static int call_retry(const struct device_job *job)
{
	return ioasid_quarantine_retry(job->set, job->id);
}

int ioasid_quarantine_retry_async(struct ioasid_set *set, ioasid_t id, ioasid_done_t done, void *context)
{
	const struct device_job job = { .call = call_retry, .set = set, .id = id, .done = done, .context = context };

	if (ioasid__forked())
		return -EPERM;
	return set == NULL ? -EINVAL : start(&job, set->pool);
}
