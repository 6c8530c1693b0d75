/*
 * Calls about devices, address spaces, bindings and what belongs to them: none of those that change or wait
 * can be made from a handler, a read section or a child of fork (S7.6, S14.2).
 */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

/* What the calls work on. */
struct refused {
	struct drig r;
	ioasid_t id;      /* bound on device 0 */
	int want;         /* what each call has to answer */
	unsigned int bad; /* how many did not */
	unsigned int runs;
};

#define TRY(call) \
	do { \
		int rc = (call); \
		if (rc != want) { \
			s->bad++; \
			test_check(false, #call, __FILE__, __LINE__); \
		} \
	} while (0)

static int write_nothing(void *context, const char *text, size_t length)
{
	(void)context;
	(void)text;
	(void)length;
	return 0;
}

static void try_devices(struct refused *s, int want)
{
	const struct ioasid_device_spec spec = drig_spec("mock1");
	struct ioasid_report_line line = { .struct_size = sizeof(line) };
	struct drig *r = &s->r;
	struct ioasid_device *device;
	struct ioasid_record registers;

	TRY(ioasid_device_attach(r->on.context, r->pool, &spec, NULL, &device, NULL));
	TRY(ioasid_device_close(r->device[0]));
	TRY(ioasid_device_assign(r->device[0], r->set));
	TRY(ioasid_device_unassign(r->device[0]));
	TRY(ioasid_device_was_reset(r->device[0]));
	TRY(ioasid_device_reset_bindings(r->device[0]));
	TRY(ioasid_device_report(r->device[0], 0, &line, NULL));
	TRY(ioasid_device_report_write(r->device[0], IOASID_DUMP_TEXT, write_nothing, NULL));
	TRY(ioasid_device_registers(r->device[0], &registers));
	TRY(ioasid_caps_freeze(r->set, r->device, 1, NULL));
	TRY(ioasid_caps_check(r->set, r->device[0], NULL));
	TRY(ioasid_caps_thaw(r->set));
}

/* Calls that can be made in a handler, but take a lock. */
static void try_looks(struct refused *s, bool child)
{
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	int want = child ? -EPERM : 0;

	TRY(ioasid_device_caps(s->r.device[0], &caps));
	want = child ? -EPERM : -ENOENT;
	TRY(ioasid_caps_frozen(s->r.set, &caps));
	want = child ? -EPERM : -EINVAL;
	TRY(ioasid_device_caps(NULL, &caps));
	TRY(ioasid_caps_frozen(NULL, &caps));
}

static void try_bindings(struct refused *s, int want)
{
	struct drig *r = &s->r;
	const struct ioasid_bind_data data = drig_data(r, s->id, IOASID_SPID_NONE, 2, 0);
	struct ioasid_invalidation item = {
		.struct_size = sizeof(item), .scope = IOASID_INVALIDATE_SET, .length = IOASID_INVALIDATE_ALL,
	};
	struct drig_listing listing = { 0 };
	struct ioasid_fault fault;
	uint32_t count = 1;
	size_t done;

	TRY(ioasid_bind_gpasid(r->device[0], r->set, &data));
	TRY(ioasid_bind_ioas(r->device[0], r->set, s->id, r->parent, 0));
	TRY(ioasid_unbind(r->device[0], r->set, s->id, 0));
	TRY(ioasid_rebind(r->device[0], r->set, &data));
	TRY(ioasid_quarantine_retry(r->set, s->id));
	TRY(ioasid_parked_for_each(r->set, drig_list_one, &listing));
	TRY(ioasid_invalidate(r->set, &item, 1, &done));
	TRY(ioasid_invalidate(r->set, NULL, 0, &done));
	TRY(ioasid_context_fault_fd(r->on.context));
	TRY(ioasid_fault_read(r->on.context, &fault, sizeof(fault), &count));
	TRY(ioasid_fault_respond(r->device[0], r->set, ioasid_spid_make(1), 1, IOASID_FAULT_SUCCESS));
	TRY(ioasid_fault_respond_handle(r->on.context, 1, IOASID_FAULT_SUCCESS));
	TRY(ioasid_fault_expire(r->on.context, 0, NULL));
}

static void try_spaces(struct refused *s, int want)
{
	const struct ioasid_context_object object = { .type = IOASID_OBJECT_IOAS, .id = 1, .fd = -1 };
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE, .fd = 0,
	};
	struct drig *r = &s->r;
	uint64_t bitmap = 0;
	const struct ioasid_dirty dirty = {
		.struct_size = sizeof(dirty), .length = DRIG_PAGE, .page_size = DRIG_PAGE, .bitmap = &bitmap, .words = 1,
	};
	struct ioasid_address_space *space;
	uint32_t count = 0;

	TRY(ioasid_address_space_create(r->on.context, 0, &space, NULL));
	TRY(ioasid_address_space_adopt(r->on.context, &object, &space, NULL));
	TRY(ioasid_address_space_destroy(r->parent));
	TRY(ioasid_address_space_map_file(r->parent, &map));
	TRY(ioasid_address_space_copy(r->parent, &map, r->parent));
	map.address = r->memory;
	TRY(ioasid_address_space_map(r->parent, &map));
	TRY(ioasid_address_space_unmap(r->parent, 0, UINT64_MAX, NULL));
	TRY(ioasid_address_space_ranges(r->parent, NULL, &count));
	TRY(ioasid_address_space_allow(r->parent, NULL, 0));
	TRY(ioasid_address_space_dirty_start(r->parent));
	TRY(ioasid_address_space_dirty_stop(r->parent));
	TRY(ioasid_address_space_dirty_read(r->parent, &dirty));
	TRY(ioasid_register_context_allocator(r->pool, r->on.context));
	TRY(ioasid_unregister_context_allocator(r->pool, r->on.context));
	TRY(ioasid_context_close(r->on.context));
}

static void try_all(struct refused *s, int want)
{
	try_devices(s, want);
	try_bindings(s, want);
	try_spaces(s, want);
	try_looks(s, want == -EPERM);
	s->runs++;
}

static void begin(struct refused *s)
{
	*s = (struct refused){ 0 };
	drig_open(&s->r, "devices=2 ids=64 ats=on pri=on", 1);
	CHECK_EQ(ioasid_address_space_destroy(s->r.parent), 0);
	s->r.parent = drig_space(&s->r, s->r.on.context,
				 IOASID_USE_PARENT | IOASID_USE_PASID | IOASID_USE_DIRTY);
	s->id = drig_bound(&s->r, 1);
}

/* What there was still works, and nothing else has come. */
static void end(struct refused *s)
{
	CHECK_EQ(s->bad, 0);
	CHECK_EQ(s->runs, 1);
	CHECK_EQ(drig_read(&s->r, 0, s->id), DRIG_BYTE(1));
	CHECK_EQ(drig_live(&s->r).devices, 1);
	CHECK_EQ(drig_live(&s->r).spaces, 1);
	drig_close(&s->r);
}

static int try_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_ALLOC)
		try_all(self->context, -EDEADLK);
	return 0;
}

static void a_handler_cannot_make_them(void)
{
	struct refused s;

	begin(&s);
	subscriber_init(&s.r.kvm, "kvm", &s.r.journal, IOASID_PRIO_CPU);
	s.r.kvm.hook = try_in_handler;
	s.r.kvm.context = &s;
	REQUIRE_EQ(ioasid_register_notifier(ioasid_pool_root(s.r.pool), &s.r.kvm.block, IOASID_NOTIFIER_REPLAY), 0);
	CHECK_EQ(ioasid_unregister_notifier(ioasid_pool_root(s.r.pool), &s.r.kvm.block), 0);
	end(&s);
}

static void a_read_section_cannot_make_them(void)
{
	struct refused s;

	begin(&s);
	ioasid_read_begin();
	try_all(&s, -EDEADLK);
	ioasid_read_end();
	end(&s);
}

static void a_child_of_fork_cannot_make_them(void)
{
	struct refused s;
	int status;
	pid_t pid;

	begin(&s);
	pid = fork();
	REQUIRE(pid >= 0);
	if (pid == 0) {
		try_all(&s, -EPERM);
		_exit(s.bad != 0);
	}
	REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	s.runs++;
	end(&s);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "a handler cannot make calls that change devices or what they have (S7.6)", a_handler_cannot_make_them },
		{ "a read section cannot make them (S5.1, S7.6)", a_read_section_cannot_make_them },
		{ "a child of fork cannot make them (S14.2)", a_child_of_fork_cannot_make_them },
	};

	return TEST_MAIN("device_refused", cases, argc, argv);
}
