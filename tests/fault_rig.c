/* What tests of page requests share; see fault_rig.h. */
#include "tests/fault_rig.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness.h"

void frig_begin(struct frig *r)
{
	memset(r, 0, sizeof(*r));
	counting_reset();
	counting_faults_setup();
}

static struct ioasid_device_spec spec_of(uint32_t mode)
{
	return (struct ioasid_device_spec){
		.struct_size = sizeof(struct ioasid_device_spec), .kind = IOASID_DEVICE_NAME, .name = "a", .fd = -1,
		.iommufd = -1, .mode = mode,
	};
}

void frig_open(struct frig *r, uint32_t mode, uint32_t pool_flags)
{
	/* No call that a test stops on its way comes near this deadline. */
	const struct ioasid_context_args args = { .struct_size = sizeof(args), .deadline = UINT64_C(600000000000) };
	const struct ioasid_device_spec spec = spec_of(mode);
	struct ioasid_backend *backend;

	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, &args, &r->context, NULL), 0);
	ioasid_backend_put(backend);
	r->pool = pool_make_with(0, IOASID_POLICY_ANY, pool_flags);
	r->set = set_make(r->pool, 1000);
	REQUIRE_EQ(ioasid_address_space_create(r->context, IOASID_USE_PARENT, &r->parent, NULL), 0);
	for (unsigned int i = 0; i < FRIG_DEVICES; i++)
		REQUIRE_EQ(ioasid_device_attach(r->context, r->pool, &spec, NULL, &r->device[i], NULL), 0);
	r->entry = (struct ioasid_record){ .type = IOASID_BE_PT_VTD_S1, .length = 24 };
}

void frig_make(struct frig *r, uint32_t mode)
{
	frig_begin(r);
	frig_open(r, mode, 0);
}

void frig_answering(struct frig *r, bool answered)
{
	frig_begin(r);
	counting_setup.faults_answered = answered;
	frig_open(r, IOASID_DEVICE_DIRECT, 0);
}

void frig_close(struct frig *r)
{
	for (unsigned int i = 0; i < FRIG_DEVICES; i++)
		if (r->device[i] != NULL)
			CHECK_EQ(ioasid_device_close(r->device[i]), 0);
	CHECK_EQ(stats_of(ioasid_pool_root(r->pool)).faults_open, 0);
	if (r->set != NULL)
		set_end(r->set);
	pool_end(r->pool);
	CHECK_EQ(ioasid_address_space_destroy(r->parent), 0);
	CHECK_EQ(ioasid_context_violations(r->context), 0);
	CHECK_EQ(ioasid_context_close(r->context), 0);
	for (int kind = 0; kind < COUNTING_OBJECTS; kind++)
		CHECK_EQ(counting_live((enum counting_object)kind), 0);
}

struct ioasid_bind_data frig_data(struct frig *r, ioasid_t id, uint32_t spid, uint64_t cookie)
{
	return (struct ioasid_bind_data){
		.struct_size = sizeof(struct ioasid_bind_data), .id = id, .entry = &r->entry, .parent = r->parent,
		.flags = IOASID_BIND_FAULT | (spid != FRIG_NONE ? IOASID_BIND_SPID : 0),
		.spid = ioasid_spid_make(spid), .cookie = cookie,
	};
}

int frig_bind(struct frig *r, unsigned int device, ioasid_t id, uint32_t spid, uint64_t cookie)
{
	const struct ioasid_bind_data data = frig_data(r, id, spid, cookie);

	return ioasid_bind_gpasid(r->device[device], r->set, &data);
}

ioasid_t frig_bound(struct frig *r, unsigned int device, uint32_t spid)
{
	ioasid_t id = id_make(r->set);

	REQUIRE_EQ(frig_bind(r, device, id, spid, 0), 0);
	return id;
}

uint64_t frig_ask(unsigned int device, uint32_t pasid, uint32_t group)
{
	return counting_ask(device + 1, pasid, group, 0x1000 * (uint64_t)group,
			    IOASID_BE_FAULT_LAST | IOASID_BE_FAULT_READ);
}

uint32_t frig_read(struct frig *r, struct ioasid_fault *faults, uint32_t room)
{
	uint32_t count = room;

	return CHECK_EQ(ioasid_fault_read(r->context, faults, sizeof(*faults), &count), 0) ? count : 0;
}

struct ioasid_fault frig_one(struct frig *r)
{
	struct ioasid_fault faults[2] = { { 0 }, { 0 } };

	CHECK_EQ(frig_read(r, faults, 2), 1);
	return faults[0];
}

struct ioasid_fault frig_open_group(struct frig *r, unsigned int device, uint32_t pasid, uint32_t group, uint64_t *asked)
{
	struct ioasid_fault fault;

	*asked = frig_ask(device, pasid, group);
	fault = frig_one(r);
	CHECK_EQ(fault.group, group);
	CHECK_EQ(fault.id, pasid);
	CHECK(fault.handle != 0);
	return fault;
}

int frig_respond(struct frig *r, unsigned int device, uint32_t spid, uint32_t group, uint32_t code)
{
	return ioasid_fault_respond(r->device[device], r->set, ioasid_spid_make(spid), group, code);
}

bool frig_readable(struct frig *r)
{
	struct pollfd p = { .fd = ioasid_context_fault_fd(r->context), .events = POLLIN };

	CHECK(p.fd >= 0);
	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

void frig_answered_at(uint64_t asked, uint32_t code, const char *file, unsigned int line)
{
	uint32_t got = UINT32_MAX;

	test_check_eq(counting_answers(asked, &got), 1, "answers", file, line);
	test_check_eq(got, code, "answer", file, line);
}

static void stop_hook(void *arg, const void *what)
{
	struct frig_stop *stop = arg;

	(void)what;
	gate_pass(&stop->gate);
}

void frig_stop_begin(struct frig_stop *stop, enum counting_op op)
{
	*stop = (struct frig_stop){ .op = op, .gate = GATE_CLOSED };
	counting_hook(op, stop_hook, stop);
}

void frig_stop_end(struct frig_stop *stop)
{
	counting_hook(stop->op, NULL, NULL);
	gate_open(&stop->gate);
}

/* ---- Calls ---- */

void frig_call_read(void *arg)
{
	struct frig_call *c = arg;

	c->count = 1;
	c->answer = ioasid_fault_read(c->r->context, &c->fault, sizeof(c->fault), &c->count);
}

void frig_call_success(void *arg)
{
	struct frig_call *c = arg;

	c->answer = frig_respond(c->r, 0, c->id, 1, IOASID_FAULT_SUCCESS);
}

void frig_call_free(void *arg)
{
	struct frig_call *c = arg;

	c->answer = ioasid_free(c->r->set, c->id);
}

void frig_call_unbind(void *arg)
{
	struct frig_call *c = arg;

	c->answer = ioasid_unbind(c->r->device[0], c->r->set, c->id, 0);
}

void frig_call_rebind(void *arg)
{
	struct frig_call *c = arg;
	const struct ioasid_bind_data data = frig_data(c->r, c->id, FRIG_NONE, 0);

	c->answer = ioasid_rebind(c->r->device[0], c->r->set, &data);
}

void frig_call_bind(void *arg)
{
	struct frig_call *c = arg;

	c->answer = frig_bind(c->r, 0, c->id, FRIG_NONE, 0);
}

void frig_call_close(void *arg)
{
	struct frig_call *c = arg;

	c->answer = ioasid_device_close(c->r->device[0]);
	c->r->device[0] = NULL;
}

void frig_start(struct frig_call *c, struct frig *r, void (*fn)(void *), ioasid_t id)
{
	*c = (struct frig_call){ .r = r, .id = id, .answer = 1 };
	task_start(&c->task, fn, c);
}

int frig_finish(struct frig_call *c)
{
	task_join(&c->task);
	return c->answer;
}
