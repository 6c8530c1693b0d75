/* The queue of page requests: who gets one, when it is readable, what happens when it is full (S18.1, S16.2). */
#include <stdlib.h>
#include <string.h>

#include "tests/fault_rig.h"
#include "tests/harness.h"

static void note_table(void *arg, const void *what)
{
	const struct ioasid_be_table_args *args = what;

	*(bool *)arg = args->faultq != NULL;
}

static void note_space(void *arg, const void *what)
{
	const struct ioasid_be_as_args *args = what;

	*(bool *)arg = args->faultq != NULL && (args->uses & IOASID_BE_USE_FAULT) != 0;
}

/* S18.1: a host that reads no faults has no device that waits for it. */
static void only_who_asks_for_faults_has_them(void)
{
	struct ioasid_bind_data data;
	bool with = true;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	counting_hook(COUNTING_TABLE_CREATE, note_table, &with);
	id = id_make(r.set);
	data = frig_data(&r, id, FRIG_NONE, 0);
	data.flags = 0;
	REQUIRE_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK(!with);
	CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 0);
	/* An IOASID has one table, with or without (S9.2). */
	CHECK_EQ(frig_bind(&r, 1, id, FRIG_NONE, 0), -EINVAL);
	(void)frig_bound(&r, 0, FRIG_NONE);
	CHECK(with);
	(void)frig_bound(&r, 1, FRIG_NONE);
	CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 1);
	/* A rebind can turn them off and on. */
	data.flags = IOASID_BIND_FAULT;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	CHECK(with);
	data.flags = 0;
	CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), 0);
	CHECK(!with);
	frig_close(&r);
}

/* S16.2, S9.4: the same for address spaces. */
static void an_address_space_can_be_made_for_faults(void)
{
	struct ioasid_address_space *space;
	struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec), .kind = IOASID_DEVICE_NAME, .name = "h", .fd = -1, .iommufd = -1,
	};
	struct ioasid_device *device;
	struct ioasid_fault fault;
	uint64_t asked;
	bool with = false;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_MEDIATED);
	counting_hook(COUNTING_AS_CREATE, note_space, &with);
	REQUIRE_EQ(ioasid_address_space_create(r.context, IOASID_USE_PASID | IOASID_USE_FAULT, &space, NULL), 0);
	CHECK(with);
	id = id_make(r.set);
	REQUIRE_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 3), 0);
	fault = frig_open_group(&r, 0, id, 1, &asked);
	CHECK_EQ(fault.cookies[0], 3);
	CHECK_EQ(ioasid_fault_respond_handle(r.context, fault.handle, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	/* At home nobody would answer. */
	CHECK_EQ(ioasid_device_attach(r.context, r.pool, &spec, space, &device, NULL), -EINVAL);
	CHECK_EQ(ioasid_unbind(r.device[0], r.set, id, 3), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	frig_close(&r);
}

/* S18.1, S9.10, S16.2: the reason is given, and nothing is changed. */
static void a_device_without_page_requests_is_refused(void)
{
	for (uint32_t lacks = 0; lacks < 3; lacks++) {
		struct ioasid_reason why = { "" };
		struct ioasid_address_space *space;
		struct ioasid_bind_data data;
		ioasid_t id;
		struct frig r;

		frig_begin(&r);
		if (lacks == 0)
			counting_setup.device_caps.flags &= ~(1u << IOASID_BE_CAP_PRI);
		if (lacks >= 1)
			counting_setup.device_caps.flags &= ~(1u << IOASID_BE_CAP_FAULT);
		if (lacks == 2)
			counting_setup.ctx_caps.interfaces &= ~IOASID_BE_IF_FAULT;
		frig_open(&r, IOASID_DEVICE_DIRECT, 0);
		id = id_make(r.set);
		data = frig_data(&r, id, FRIG_NONE, 0);
		data.why = &why;
		CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EOPNOTSUPP);
		CHECK(strstr(why.text, "page requests") != NULL);
		CHECK_EQ(id_refs(r.set, id), 1);
		CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 0);
		data.flags = 0;
		CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
		data.flags = IOASID_BIND_FAULT;
		why.text[0] = '\0';
		CHECK_EQ(ioasid_rebind(r.device[0], r.set, &data), -EOPNOTSUPP);
		CHECK(strstr(why.text, "page requests") != NULL);
		CHECK_EQ(ioasid_address_space_create(r.context, IOASID_USE_PASID | IOASID_USE_FAULT, &space, &why),
			 lacks == 2 ? -EOPNOTSUPP : 0);
		if (lacks < 2) {
			CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id_make(r.set), space, 0), -EOPNOTSUPP);
			CHECK_EQ(ioasid_address_space_destroy(space), 0);
		}
		CHECK_EQ(ioasid_context_fault_fd(r.context) >= 0, lacks < 2);
		frig_close(&r);
	}
}

/* S18.1: level-triggered, also where the backend only calls. */
static void the_descriptor_is_readable_while_there_is_something(void)
{
	for (unsigned int fd = 0; fd < 2; fd++) {
		struct ioasid_fault faults[2];
		uint64_t asked;
		ioasid_t id;
		struct frig r;

		frig_begin(&r);
		counting_setup.faults_fd = fd;
		frig_open(&r, IOASID_DEVICE_DIRECT, 0);
		CHECK(!frig_readable(&r));
		CHECK_EQ(ioasid_context_fault_fd(r.context), ioasid_context_fault_fd(r.context));
		CHECK_EQ(counting_calls(COUNTING_FAULTQ_CREATE), 1);
		id = frig_bound(&r, 0, FRIG_NONE);
		for (uint32_t group = 1; group <= 3; group++)
			CHECK(frig_ask(0, id, group));
		CHECK(frig_readable(&r));
		CHECK_EQ(frig_read(&r, faults, 2), 2);
		CHECK(frig_readable(&r));
		CHECK_EQ(frig_read(&r, faults, 2), 1);
		CHECK(!frig_readable(&r));
		asked = frig_ask(0, id, 4);
		CHECK(frig_readable(&r));
		/* Answered in the queue: at most one reader comes for nothing. */
		CHECK_EQ(ioasid_unbind(r.device[0], r.set, id, 0), 0);
		CHECK_EQ(frig_read(&r, faults, 2), 0);
		CHECK(!frig_readable(&r));
		CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
		frig_close(&r);
	}
}

/* S18.1: also where the backend's own descriptor says nothing of the rest of a group that was read in part,
 * as a kernel's does; and where nothing was read for lack of places in the table. */
static void a_group_that_is_read_in_part_is_not_forgotten(void)
{
	enum { PAGES = 11, ROOM = 8 };
	struct ioasid_fault faults[ROOM];
	ioasid_t id;
	struct frig r;

	frig_begin(&r);
	counting_setup.faults_fd = 2;
	frig_open(&r, IOASID_DEVICE_DIRECT, 0);
	CHECK(!frig_readable(&r));
	id = frig_bound(&r, 0, FRIG_NONE);
	for (uint32_t page = 0; page < PAGES; page++)
		(void)counting_ask(1, id, 5, page * UINT64_C(0x1000),
				   IOASID_BE_FAULT_READ | (page == PAGES - 1 ? IOASID_BE_FAULT_LAST : 0));
	for (uint32_t page = 0; page < PAGES; page += ROOM) {
		uint32_t left = PAGES - page < ROOM ? PAGES - page : ROOM;

		REQUIRE(frig_readable(&r));
		CHECK_EQ(frig_read(&r, faults, ROOM), left);
		CHECK_EQ(faults[left - 1].address, (page + left - 1) * UINT64_C(0x1000));
	}
	CHECK(!frig_readable(&r));
	CHECK_EQ(frig_respond(&r, 0, id, 5, IOASID_FAULT_SUCCESS), 0);
	frig_close(&r);
}

static void the_rest_of_a_group_waits_for_a_place_in_the_table(void)
{
	struct ioasid_fault *faults = calloc(IOASID_FAULTS_OPEN_MAX, sizeof(*faults));
	uint32_t count = 3;
	ioasid_t id;
	struct frig r;

	REQUIRE(faults != NULL);
	frig_begin(&r);
	counting_setup.faults_fd = 2;
	frig_open(&r, IOASID_DEVICE_DIRECT, 0);
	id = frig_bound(&r, 0, FRIG_NONE);
	for (uint32_t group = 1; group < IOASID_FAULTS_OPEN_MAX; group++)
		(void)frig_ask(0, id, group);
	CHECK_EQ(frig_read(&r, faults, IOASID_FAULTS_OPEN_MAX), IOASID_FAULTS_OPEN_MAX - 1);
	CHECK(!frig_readable(&r));
	/* One place is left, so requests are read one by one; the first takes none, but the rest could. */
	(void)counting_ask(1, id, 0, 0x1000, IOASID_BE_FAULT_READ);
	(void)frig_ask(0, id, 0);
	(void)counting_ask(1, id, IOASID_FAULTS_OPEN_MAX, 0x1000, IOASID_BE_FAULT_READ);
	(void)frig_ask(0, id, IOASID_FAULTS_OPEN_MAX);
	CHECK_EQ(frig_read(&r, faults, 3), 2);
	CHECK_EQ(ioasid_fault_read(r.context, faults, sizeof(*faults), &count), -EBUSY);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_read(&r, faults, 1), 1);
	CHECK(frig_readable(&r));
	CHECK_EQ(frig_read(&r, faults, 3), 1);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	frig_close(&r);
	free(faults);
}

/* S18.1: no room in the table stops the reader, and loses nothing. */
static void a_full_table_leaves_the_rest_in_the_queue(void)
{
	const uint32_t total = IOASID_FAULTS_OPEN_MAX + 5;
	struct ioasid_fault *faults = calloc(total, sizeof(*faults));
	uint32_t count = total;
	ioasid_t id;
	struct frig r;

	REQUIRE(faults != NULL);
	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	for (uint32_t group = 1; group <= total; group++)
		CHECK(frig_ask(0, id, group));
	CHECK_EQ(ioasid_fault_read(r.context, faults, sizeof(*faults), &count), 0);
	CHECK_EQ(count, IOASID_FAULTS_OPEN_MAX);
	CHECK_EQ(ioasid_fault_read(r.context, faults, sizeof(*faults), &count), -EBUSY);
	CHECK_EQ(count, 0);
	CHECK(frig_readable(&r));
	CHECK_EQ(counting_queued(), 5);
	for (uint32_t group = 1; group <= 3; group++)
		CHECK_EQ(frig_respond(&r, 0, id, group, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(frig_read(&r, faults, total), 3);
	CHECK_EQ(faults[2].group, IOASID_FAULTS_OPEN_MAX + 3);
	/* A free answers all of them; late ones make room for new ones, the oldest first. */
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK_EQ(stats_of(r.set).faults_swallowed, IOASID_FAULTS_OPEN_MAX);
	CHECK_EQ(frig_respond(&r, 0, id, 4, IOASID_FAULT_SUCCESS), -ENOENT);
	id = frig_bound(&r, 1, FRIG_NONE);
	CHECK(frig_ask(1, id, 1));
	CHECK_EQ(frig_read(&r, faults, total), 1);
	CHECK_EQ(frig_respond(&r, 1, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(stats_of(r.set).faults_open, 0);
	for (uint32_t group = 1; group <= total; group++) {
		uint32_t code = 9;

		CHECK_EQ(counting_answers(group, &code), 1);
		CHECK_EQ(code, group <= 3 ? IOASID_FAULT_SUCCESS : IOASID_FAULT_FAILURE);
	}
	frig_close(&r);
	free(faults);
}

/* S18.1: what came before the error is delivered. */
static void a_backend_that_fails_to_read_loses_nothing(void)
{
	struct ioasid_fault faults[4];
	uint32_t count = 4;
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	asked = frig_ask(0, id, 1);
	counting_fail(COUNTING_FAULT_READ, 1, IOASID_BE_EIO);
	CHECK_EQ(frig_read(&r, faults, 4), 1);
	CHECK(frig_readable(&r));
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_SUCCESS);
	counting_fail(COUNTING_FAULT_READ, 1, IOASID_BE_ENODEV);
	CHECK_EQ(ioasid_fault_read(r.context, faults, sizeof(faults[0]), &count), -ENODEV);
	CHECK_EQ(count, 0);
	CHECK_EQ(frig_read(&r, faults, 4), 0);
	frig_close(&r);
}

/* S18.2: the caller may try again. */
static void an_answer_that_the_backend_fails_to_give_leaves_the_group_open(void)
{
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = frig_bound(&r, 0, FRIG_NONE);
	(void)frig_open_group(&r, 0, id, 1, &asked);
	counting_fail(COUNTING_RESPOND, 1, IOASID_BE_EIO);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), -EIO);
	CHECK_EQ(counting_answers(asked, NULL), 0);
	CHECK_EQ(stats_of(r.set).faults_open, 1);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_INVALID), 0);
	CHECK_ANSWERED(asked, IOASID_FAULT_INVALID);
	frig_close(&r);
}

/* S16.1: a queue that a backend keeps keeps the context. */
static void a_context_is_closed_with_its_queue(void)
{
	struct frig r;
	uint64_t asked;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	(void)frig_open_group(&r, 0, frig_bound(&r, 0, FRIG_NONE), 1, &asked);
	for (unsigned int i = 0; i < FRIG_DEVICES; i++) {
		CHECK_EQ(ioasid_device_close(r.device[i]), 0);
		r.device[i] = NULL;
	}
	CHECK_EQ(ioasid_address_space_destroy(r.parent), 0);
	counting_fail(COUNTING_FAULTQ_DESTROY, 1, IOASID_BE_EBUSY);
	CHECK_EQ(ioasid_context_close(r.context), -EBUSY);
	REQUIRE_EQ(ioasid_address_space_create(r.context, IOASID_USE_PARENT, &r.parent, NULL), 0);
	CHECK(!frig_readable(&r));
	CHECK_ANSWERED(asked, IOASID_FAULT_FAILURE);
	frig_close(&r);
}

static int append(void *context, const char *text, size_t length)
{
	char *all = context;
	size_t at = strlen(all);

	if (at + length < 4096) {
		memcpy(all + at, text, length);
		all[at + length] = '\0';
	}
	return 0;
}

/* S13.1, S13.2 */
static void statistics_and_dumps_tell_of_open_groups(void)
{
	char text[4096] = "", json[4096] = "";
	uint64_t asked;
	ioasid_t id;
	struct frig r;

	frig_make(&r, IOASID_DEVICE_DIRECT);
	id = id_make_at(r.set, 9);
	for (unsigned int i = 0; i < 2; i++) {
		REQUIRE_EQ(frig_bind(&r, i, id, FRIG_NONE, 0), 0);
		(void)frig_open_group(&r, i, id, 1, &asked);
	}
	CHECK_EQ(stats_of(r.set).faults_open, 2);
	CHECK_EQ(stats_of(ioasid_pool_root(r.pool)).faults_open, 2);
	CHECK_EQ(ioasid_pool_dump(r.pool, IOASID_DUMP_TEXT, append, text), 0);
	CHECK(strstr(text, "ioasid 9 active refs 3 bindings 2 open faults 2") != NULL);
	CHECK_EQ(ioasid_pool_dump(r.pool, IOASID_DUMP_JSON, append, json), 0);
	CHECK(strstr(json, "\"faults_open\":2") != NULL);
	CHECK_EQ(frig_respond(&r, 0, id, 1, IOASID_FAULT_SUCCESS), 0);
	CHECK_EQ(stats_of(r.set).faults_open, 1);
	frig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "only who asks for faults has them (S18.1, S9.2)", only_who_asks_for_faults_has_them },
		{ "an address space can be made for faults (S16.2, S9.4)", an_address_space_can_be_made_for_faults },
		{ "a device without page requests is refused (S18.1, S16.2)", a_device_without_page_requests_is_refused },
		{ "the descriptor is readable while there is something (S18.1)",
		  the_descriptor_is_readable_while_there_is_something },
		{ "a group that is read in part is not forgotten (S18.1)", a_group_that_is_read_in_part_is_not_forgotten },
		{ "the rest of a group waits for a place in the table (S18.1)",
		  the_rest_of_a_group_waits_for_a_place_in_the_table },
		{ "a full table leaves the rest in the queue (S18.1)", a_full_table_leaves_the_rest_in_the_queue },
		{ "a backend that fails to read loses nothing (S18.1)", a_backend_that_fails_to_read_loses_nothing },
		{ "an answer that the backend fails to give leaves the group open (S18.2)",
		  an_answer_that_the_backend_fails_to_give_leaves_the_group_open },
		{ "a context is closed with its queue (S16.1)", a_context_is_closed_with_its_queue },
		{ "statistics and dumps tell of open groups (S13.1, S13.2)", statistics_and_dumps_tell_of_open_groups },
	};

	return TEST_MAIN("fault_queue", cases, argc, argv);
}
