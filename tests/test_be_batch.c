/*
 * A batch reaches a backend in pieces of its size, with its deadline, and ends where one fails.
 */
#include "harness.h"

#include <errno.h>

#include "bad_plugin.h"
#include "counting_backend.h"
#include "libioasid/be_call.h"
#include "libioasid/context.h"
#include "libioasid/lock.h"

/* Three batches of at most eight: the first one stops half way at its deadline, so nothing follows it. */
static void slow_backend(void)
{
	struct ioasid_be_bind binds[20] = { 0 };
	uint64_t deadline = ioasid__now() + UINT64_C(30000000);
	uint32_t done = 99;
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;
	char path[PATH_MAX];

	REQUIRE_EQ(ioasid_backend_load_file(bad_plugin_path(path, "slow"), &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, NULL, &context, NULL), 0);
	CHECK_EQ(ioasid__be_park(&context->be, binds, 20, deadline, &done), -ETIMEDOUT);
	CHECK_EQ(done, 4);
	CHECK(ioasid__now() >= deadline);
	CHECK_EQ(ioasid_context_violations(context), 0);
	CHECK_EQ(ioasid_context_close(context), 0);
	ioasid_backend_put(backend);
}

/* What the counting backend has seen of a split batch. */
static uint32_t pieces[8];
static uint32_t piece_count;

static void note_piece(void *arg, const void *what)
{
	const struct ioasid_be_batch *batch = what;

	(void)arg;
	if (CHECK(piece_count < 8))
		pieces[piece_count++] = batch->count;
	CHECK_EQ(batch->stride, sizeof(struct ioasid_be_bind));
	CHECK_EQ(batch->struct_size, sizeof(*batch));
}

static void split_batches(void)
{
	struct ioasid_be_bind binds[10] = { 0 };
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;
	uint32_t done = 0;

	counting_reset();
	counting_setup.ctx_caps.max_batch = 4;
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, NULL, &context, NULL), 0);
	for (uint32_t i = 0; i < 10; i++)
		binds[i].pasid = i + 100;
	piece_count = 0;
	counting_hook(COUNTING_ATTACH, note_piece, NULL);
	CHECK_EQ(ioasid__be_attach(&context->be, binds, 10, 777, &done, NULL), 0);
	CHECK_EQ(done, 10);
	CHECK(piece_count == 3 && pieces[0] == 4 && pieces[1] == 4 && pieces[2] == 2);
	CHECK_EQ(counting_last_bind().pasid, 109);
	CHECK_EQ(counting_last_deadline(), 777);
	/* The second piece of the next one fails: what came before it is done, nothing after it is tried. */
	counting_fail(COUNTING_ATTACH, 2, IOASID_BE_EBUSY);
	CHECK_EQ(ioasid__be_attach(&context->be, binds, 10, 0, &done, NULL), -EBUSY);
	CHECK_EQ(done, 4);
	CHECK_EQ(counting_calls(COUNTING_ATTACH), 5);
	CHECK_EQ(ioasid__be_attach(&context->be, binds, 0, 0, &done, NULL), 0);
	CHECK_EQ(done, 0);
	CHECK_EQ(counting_calls(COUNTING_ATTACH), 5);
	CHECK_EQ(ioasid_context_close(context), 0);
	ioasid_backend_put(backend);
}

static const struct test_case cases[] = {
	{ "a slow backend gets the deadline, and its -ETIMEDOUT ends the batch", slow_backend },
	{ "a batch is split as the backend wants it, and ends at the first failure", split_batches },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("be_batch", cases, argc, argv);
}
