/*
 * Nothing that a backend answers is believed unseen: what cannot be becomes -EIO, is counted and is logged.
 *
 * The plugin "liar" lies in the one way that its context is told to.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "bad_plugin.h"
#include "libioasid/be_call.h"
#include "libioasid/context.h"

struct run {
	struct ioasid_context *context;
	struct be_context *be;
	char last_error[512];
	char last_info[512];
};

static void keep_log(void *arg, uint32_t level, const char *text)
{
	struct run *run = arg;

	if (level == IOASID_LOG_ERROR)
		snprintf(run->last_error, sizeof(run->last_error), "%s", text);
	else if (level == IOASID_LOG_INFO)
		snprintf(run->last_info, sizeof(run->last_info), "%s", text);
}

static int open_plugin(struct run *run, const char *plugin, const char *lie, struct ioasid_reason *why)
{
	const struct ioasid_context_setting setting = { .key = "lie", .value = lie };
	const struct ioasid_context_args args = {
		.struct_size = sizeof(args),
		.settings = &setting,
		.setting_count = lie ? 1 : 0,
		.log = keep_log,
		.log_context = run,
	};
	struct ioasid_backend *backend = NULL;
	char path[PATH_MAX];
	int rc;

	memset(run, 0, sizeof(*run));
	REQUIRE_EQ(ioasid_backend_load_file(bad_plugin_path(path, plugin), &backend, why), 0);
	rc = ioasid_context_open(backend, &args, &run->context, why);
	ioasid_backend_put(backend);
	run->be = run->context ? &run->context->be : NULL;
	return rc;
}

static void begin(struct run *run, const char *lie)
{
	REQUIRE_EQ(open_plugin(run, "liar", lie, NULL), 0);
}

/* The lie was found out: counted, logged in words, and nothing else was. */
static void end(struct run *run, const char *words)
{
	CHECK_EQ(ioasid_context_violations(run->context), words ? 1 : 0);
	if (words && !CHECK(strstr(run->last_error, words) != NULL))
		printf("# the log was: %s\n", run->last_error);
	CHECK_EQ(ioasid_context_close(run->context), 0);
}

static struct ioasid_be_dev *some_device(struct run *run)
{
	const struct ioasid_be_device spec = {
		.kind = IOASID_BE_DEVICE_NAME, .name = "a", .fd = -1, .iommufd = -1
	};
	struct ioasid_be_dev *dev = NULL;

	REQUIRE_EQ(ioasid__be_device_attach(run->be, &spec, &dev, NULL), 0);
	return dev;
}

static void device_lie(const char *lie, int error, const char *words)
{
	const struct ioasid_be_device spec = {
		.kind = IOASID_BE_DEVICE_NAME, .name = "a", .fd = -1, .iommufd = -1
	};
	struct ioasid_be_dev *dev = NULL;
	struct ioasid_reason why;
	struct run run;

	begin(&run, lie);
	CHECK_EQ(ioasid__be_device_attach(run.be, &spec, &dev, &why), error);
	CHECK(dev == NULL);
	end(&run, words);
}

static void positive_answers(void)
{
	device_lie("device-positive", -EIO, "core.device_attach answered what is no error of the contract");
}

static void unknown_errors(void)
{
	device_lie("device-unknown", -EIO, "core.device_attach answered what is no error of the contract");
}

static void success_without_object(void)
{
	device_lie("device-null", -EIO, "core.device_attach succeeded without an object");
}

static void text_is_cleaned(void)
{
	const struct ioasid_be_device spec = {
		.kind = IOASID_BE_DEVICE_NAME, .name = "a", .fd = -1, .iommufd = -1
	};
	struct ioasid_be_dev *dev = NULL;
	struct ioasid_reason why;
	struct run run;

	begin(&run, "device-text");
	CHECK_EQ(ioasid__be_device_attach(run.be, &spec, &dev, &why), -ENOSPC);
	CHECK_EQ(strlen(why.text), sizeof(why.text) - 1);
	CHECK(strspn(why.text, "?") == sizeof(why.text) - 1);
	end(&run, NULL);
}

static void open_positive(void)
{
	struct ioasid_reason why;
	struct run run;

	CHECK_EQ(open_plugin(&run, "liar", "open-positive", &why), -EIO);
	CHECK(strstr(run.last_error, "core.open answered what is no error") != NULL);
}

static void unknown_setting(void)
{
	struct ioasid_reason why;
	struct run run;

	CHECK_EQ(open_plugin(&run, "liar", NULL, &why), -EINVAL);
	CHECK(!strcmp(why.text, "tell me how to lie"));
}

static void close_error(void)
{
	struct run run;

	begin(&run, "close-fails");
	CHECK_EQ(ioasid_context_close(run.context), 0);
}

static void caps_lie(const char *lie, const char *words)
{
	struct ioasid_be_device_caps caps = { .pasid_bits = 99 };
	struct ioasid_be_dev *dev;
	struct run run;

	begin(&run, lie);
	dev = some_device(&run);
	CHECK_EQ(ioasid__be_device_caps(run.be, dev, &caps), words ? -EIO : 0);
	CHECK_EQ(caps.pasid_bits, words ? 99 : 20);
	end(&run, words);
}

static void device_caps(void)
{
	caps_lie("nothing", NULL);
	caps_lie("caps-width", "core.device_caps gave a PASID width that cannot be");
	caps_lie("caps-no-width", "core.device_caps gave a PASID width that cannot be");
	caps_lie("caps-owner", "core.device_caps gave an owner, width or page size that cannot be");
	caps_lie("caps-iova", "core.device_caps gave an owner, width or page size that cannot be");
	caps_lie("caps-reserved", "core.device_caps set unknown bits");
	caps_lie("caps-unknown", "core.device_caps set unknown bits");
	caps_lie("caps-size", "core.device_caps changed struct_size");
	caps_lie("caps-claims", "core.device_caps claims what the context has no interface for");
}

static void record_lie(const char *lie, const char *words)
{
	struct ioasid_be_record registers = { .type = 7 };
	struct ioasid_be_dev *dev;
	struct run run;

	begin(&run, lie);
	dev = some_device(&run);
	CHECK_EQ(ioasid__be_device_registers(run.be, dev, &registers), words ? -EIO : 0);
	CHECK_EQ(registers.type, words ? 7 : IOASID_BE_REGS_MOCK);
	end(&run, words);
}

static void records(void)
{
	record_lie("nothing", NULL);
	record_lie("record-long", "gave a record longer than 256 bytes");
	record_lie("record-garbage", "gave a record with garbage behind its end");
}

static void report_lie(const char *lie, const char *words)
{
	struct ioasid_be_report_line line;
	struct ioasid_reason text;
	struct ioasid_be_dev *dev;
	struct run run;

	begin(&run, lie);
	dev = some_device(&run);
	CHECK_EQ(ioasid__be_device_report(run.be, dev, 0, &line, &text), words ? -EIO : 0);
	CHECK(!strcmp(text.text, "fine?"));
	CHECK_EQ(ioasid__be_device_report(run.be, dev, 1, &line, NULL), -ENOENT);
	end(&run, words);
}

static void reports(void)
{
	report_lie("nothing", NULL);
	report_lie("report-number", "gave a line that contradicts itself");
	report_lie("report-why", "gave a line that contradicts itself");
}

static struct ioasid_be_as *some_as(struct run *run)
{
	const struct ioasid_be_as_args args = { .uses = IOASID_BE_USE_PASID };
	struct ioasid_be_as *as = NULL;

	REQUIRE_EQ(ioasid__be_as_create(run->be, &args, &as, NULL), 0);
	return as;
}

static void unmap_more(void)
{
	uint64_t unmapped = 5;
	struct run run;

	begin(&run, "unmap-more");
	CHECK_EQ(ioasid__be_unmap(run.be, some_as(&run), 0, 4096, &unmapped), -EIO);
	CHECK_EQ(unmapped, 5);
	end(&run, "unmapped more than it was asked to");
}

static void ranges_lie(const char *lie, const char *words)
{
	struct ioasid_be_range ranges[4];
	uint32_t count = 4;
	struct run run;

	begin(&run, lie);
	CHECK_EQ(ioasid__be_ranges(run.be, some_as(&run), ranges, &count), words ? -EIO : 0);
	CHECK_EQ(count, words ? 4 : 1);
	end(&run, words);
}

static void ranges(void)
{
	ranges_lie("nothing", NULL);
	ranges_lie("ranges-done", "counted the ranges wrongly");
	ranges_lie("ranges-total", "counted the ranges wrongly");
	ranges_lie("ranges-order", "gave a range that cannot be");
	ranges_lie("ranges-kind", "gave a range that cannot be");
}

enum { ITEMS = 10 };

static void batch_lie(const char *lie, int error, uint32_t want, const char *words)
{
	struct ioasid_be_bind binds[ITEMS] = { 0 };
	struct ioasid_reason why;
	uint32_t done = 99;
	struct run run;

	begin(&run, lie);
	CHECK_EQ(ioasid__be_attach(run.be, binds, ITEMS, 0, &done, &why), error);
	CHECK_EQ(done, want);
	if (!strcmp(lie, "batch-middle"))
		CHECK(!strcmp(why.text, "out of bindings"));
	end(&run, words);
	begin(&run, lie);
	CHECK_EQ(ioasid__be_park(run.be, binds, ITEMS, 0, &done), error);
	CHECK_EQ(done, want);
	end(&run, words);
}

static void batches(void)
{
	batch_lie("nothing", 0, ITEMS, NULL);
	batch_lie("batch-middle", -ENOSPC, ITEMS / 2, NULL);
	batch_lie("batch-beyond", -EIO, 0, "counted what was done wrongly");
	batch_lie("batch-short", -EIO, 0, "counted what was done wrongly");
	batch_lie("batch-all-failed", -EIO, 0, "counted what was done wrongly");
	batch_lie("batch-positive", -EIO, 0, "answered what is no error of the contract");
}

static void id_outside(void)
{
	uint32_t id = 1234;
	struct run run;

	begin(&run, "id-outside");
	/* Handed on, not given back: it may be somebody's. */
	CHECK_EQ(ioasid__be_id_alloc(run.be, 10, 20, &id), 0);
	CHECK_EQ(id, 21);
	CHECK(!strstr(run.last_info, "given back"));
	end(&run, "gave an ID outside the window");
	begin(&run, "nothing");
	CHECK_EQ(ioasid__be_id_alloc(run.be, 10, 20, &id), 0);
	CHECK_EQ(id, 10);
	end(&run, NULL);
}

static void absent_operations(void)
{
	const struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .fd = -1 };
	struct ioasid_be_as *as = NULL;
	struct ioasid_be_map map = { .length = 4096, .fd = -1 };
	struct ioasid_be_eventq *queue = NULL;
	const struct ioasid_be_queue_args args = { .depth = 1 };
	uint32_t done;
	int32_t fd = -5;
	struct run run;

	begin(&run, "nothing");
	CHECK_EQ(ioasid__be_as_adopt(run.be, &object, &as, NULL), -EOPNOTSUPP);
	CHECK_EQ(ioasid__be_map_file(run.be, some_as(&run), &map), -EOPNOTSUPP);
	CHECK_EQ(ioasid__be_drain(run.be, &(struct ioasid_be_bind){ 0 }, 1, 0, &done), -EOPNOTSUPP);
	CHECK_EQ(ioasid__be_table_destroy(run.be, NULL), -EOPNOTSUPP);
	CHECK_EQ(ioasid__be_entry_set(run.be, NULL, IOASID_BE_ENTRY_ABORT, 0), -EOPNOTSUPP);
	CHECK_EQ(ioasid__be_eventq_create(run.be, NULL, &args, &queue, &fd), -EOPNOTSUPP);
	CHECK_EQ(ioasid__be_device_reset(run.be, NULL), -EOPNOTSUPP);
	CHECK_EQ(fd, -5);
	end(&run, NULL);
}

static const struct test_case cases[] = {
	{ "a positive answer is -EIO", positive_answers },
	{ "an errno that the contract does not have is -EIO", unknown_errors },
	{ "a success without an object is -EIO", success_without_object },
	{ "a backend's reason without an end is cut and made printable", text_is_cleaned },
	{ "a positive answer to open is -EIO", open_positive },
	{ "a setting that a backend does not know is refused with its words", unknown_setting },
	{ "a backend that fails to close does not keep its context", close_error },
	{ "device capabilities that cannot be are -EIO and change nothing", device_caps },
	{ "a record that is too long or has garbage behind its end is -EIO", records },
	{ "a line of a report that contradicts itself is -EIO", reports },
	{ "unmapping more than was asked for is -EIO", unmap_more },
	{ "ranges that cannot be, or are counted wrongly, are -EIO", ranges },
	{ "a batch that fails in the middle tells what was done; a count that cannot be is nothing done",
	  batches },
	{ "an ID outside the window is given back and -EIO (S8.4)", id_outside },
	{ "an operation that a backend does not have answers -EOPNOTSUPP", absent_operations },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("be_call", cases, argc, argv);
}
