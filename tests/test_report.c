/* What a device's report says, line by line and as a whole (S9.10, S9.13). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bad_plugin.h"
#include "tests/counting_backend.h"
#include "tests/device_rig.h"
#include "tests/harness.h"
#include "tests/json.h"

enum { CAPS = 15 };

struct lines {
	struct ioasid_report_line line[CAPS];
	struct ioasid_reason text[CAPS];
};

/* Reads all lines of a device that has exactly one for each capability. */
static void lines_read(struct ioasid_device *device, struct lines *lines)
{
	struct ioasid_report_line line = { .struct_size = sizeof(line) };
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_reason text;
	uint32_t seen = 0;

	memset(lines, 0, sizeof(*lines));
	CHECK_EQ(ioasid_device_caps(device, &caps), 0);
	for (uint32_t i = 0; i < CAPS; i++) {
		REQUIRE_EQ(ioasid_device_report(device, i, &line, &text), 0);
		REQUIRE(line.capability < CAPS && (seen >> line.capability & 1) == 0);
		CHECK_EQ(line.usable, line.why == IOASID_WHY_NONE);
		if (line.capability != IOASID_CAP_MAPPING && line.usable != 0)
			CHECK((caps.flags >> line.capability & 1) != 0);
		seen |= 1u << line.capability;
		lines->line[line.capability] = line;
		lines->text[line.capability] = text;
	}
	CHECK_EQ(ioasid_device_report(device, CAPS, &line, NULL), -ENOENT);
	CHECK_EQ(ioasid_device_report(device, UINT32_MAX, &line, NULL), -ENOENT);
}

/* A device of a backend that is not the mock, with the pool and context that it needs. */
struct stranger {
	struct ioasid_context *context;
	struct ioasid_pool *pool;
	struct ioasid_device *device;
};

static void stranger_open(struct stranger *s, struct ioasid_backend *backend, const char *key, const char *value)
{
	const struct ioasid_context_setting setting = { key, value };
	const struct ioasid_context_args args = {
		.struct_size = sizeof(args), .settings = &setting, .setting_count = key != NULL,
	};
	const struct ioasid_device_spec spec = drig_spec("any");

	REQUIRE_EQ(ioasid_context_open(backend, &args, &s->context, NULL), 0);
	ioasid_backend_put(backend);
	s->pool = pool_make(0);
	REQUIRE_EQ(ioasid_device_attach(s->context, s->pool, &spec, NULL, &s->device, NULL), 0);
}

static void stranger_close(struct stranger *s)
{
	CHECK_EQ(ioasid_device_close(s->device), 0);
	pool_end(s->pool);
	CHECK_EQ(ioasid_context_close(s->context), 0);
}

static void every_capability_has_a_line(void)
{
	struct lines lines;
	struct drig r;

	drig_open(&r, "devices=1 mock0.pasid_bits=12 mock0.exec=off", 1);
	lines_read(r.device[0], &lines);
	CHECK_EQ(lines.line[IOASID_CAP_PASID].usable, 1);
	CHECK(strcmp(lines.text[IOASID_CAP_PASID].text, "12 bits") == 0);
	CHECK_EQ(lines.line[IOASID_CAP_EXEC].why, IOASID_WHY_HARDWARE);
	drig_close(&r);
}

/* The counting backend speaks of ATS only. */
static void what_the_backend_does_not_mention_comes_from_the_flags(void)
{
	struct ioasid_backend *backend;
	struct stranger s;
	struct lines lines;

	counting_reset();
	counting_setup.device_caps.flags = UINT64_C(1) << IOASID_CAP_PASID | UINT64_C(1) << IOASID_CAP_NESTING;
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	stranger_open(&s, backend, NULL, NULL);
	lines_read(s.device, &lines);
	CHECK_EQ(lines.line[IOASID_CAP_ATS].why, IOASID_WHY_HARDWARE);
	CHECK(strcmp(lines.text[IOASID_CAP_ATS].text, "it counts, it does not cache") == 0);
	CHECK_EQ(lines.line[IOASID_CAP_PASID].usable, 1);
	CHECK_EQ(lines.line[IOASID_CAP_NESTING].usable, 1);
	CHECK_EQ(lines.line[IOASID_CAP_MAPPING].usable, 1);
	CHECK_EQ(lines.line[IOASID_CAP_PRI].why, IOASID_WHY_BACKEND);
	CHECK(lines.text[IOASID_CAP_PRI].text[0] != '\0');
	stranger_close(&s);
}

/* The liar says that ATS is usable, and its flags do not have it. */
static void no_line_says_more_than_the_flags(void)
{
	struct ioasid_backend *backend;
	char path[PATH_MAX];
	struct stranger s;
	struct lines lines;

	REQUIRE_EQ(ioasid_backend_load_file(bad_plugin_path(path, "liar"), &backend, NULL), 0);
	stranger_open(&s, backend, "lie", "nothing");
	lines_read(s.device, &lines);
	CHECK_EQ(lines.line[IOASID_CAP_ATS].usable, 0);
	CHECK_EQ(lines.line[IOASID_CAP_ATS].why, IOASID_WHY_OTHER);
	CHECK(strstr(lines.text[IOASID_CAP_ATS].text, "attached") != NULL);
	stranger_close(&s);
}

static char *report(struct ioasid_device *device, uint32_t format)
{
	struct written w = { 0 };

	CHECK_EQ(ioasid_device_report_write(device, format, write_down, &w), 0);
	REQUIRE(w.at != NULL);
	return w.at;
}

static bool says(const char *text, const char *part)
{
	return test_check(strstr(text, part) != NULL, part, __FILE__, __LINE__);
}

static void text_tells_everything(void)
{
	struct drig r;
	char *text;

	drig_open(&r, "devices=2 iommus=2 mock1.pasid_bits=12 mock1.iova_bits=40 mock1.exec=off mock1.bindings=7", 2);
	text = report(r.device[1], IOASID_DUMP_TEXT);
	says(text, "device 2 of mock: mediated, pasid_bits 12, table_owner host, iova_bits 40, iommu 1, max_bindings 7, "
		   "page_sizes 4K\n");
	says(text, "\n  PASID    yes  12 bits\n");
	says(text, "\n  EXEC     no   hardware: the device makes no execute requests (key exec)\n");
	says(text, "\n  PRIV     yes\n");
	says(text, "\n  registers 0x8a510002: ");
	free(text);
	drig_close(&r);
}

/* The raw registers are byte for byte what ioasid_device_registers() gives. */
static void registers_hex(struct ioasid_device *device, char hex[2 * IOASID_RECORD_MAX + 1])
{
	struct ioasid_record registers;

	REQUIRE_EQ(ioasid_device_registers(device, &registers), 0);
	REQUIRE(registers.length > 0);
	for (uint32_t i = 0; i < registers.length; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", registers.bytes[i]);
}

static void json_tells_the_same(void)
{
	char hex[2 * IOASID_RECORD_MAX + 1], part[700];
	struct ioasid_device *direct;
	struct drig r;
	char *text;

	drig_open(&r, "devices=2 mock1.pri=off", 1);
	REQUIRE_EQ(drig_attach(&r, "mock1", IOASID_DEVICE_DIRECT, NULL, &direct), 0);
	text = report(direct, IOASID_DUMP_JSON);
	CHECK(is_json(text));
	CHECK(strchr(text, '\n') == text + strlen(text) - 1);
	says(text, "\"backend\":\"mock\",\"mode\":\"direct\",\"pasid_bits\":20,\"table_owner\":\"host\",");
	says(text, "\"page_sizes\":[4096],");
	says(text, "{\"capability\":\"PASID\",\"usable\":true,\"why\":\"\",\"text\":\"20 bits\"}");
	says(text, "{\"capability\":\"PRI\",\"usable\":false,\"why\":\"hardware\",\"text\":\"");
	registers_hex(direct, hex);
	snprintf(part, sizeof(part), "\"registers\":{\"type\":%u,\"bytes\":\"%s\"}}\n", IOASID_BE_REGS_MOCK, hex);
	says(text, part);
	free(text);
	CHECK_EQ(ioasid_device_close(direct), 0);
	drig_close(&r);
}

static void a_writer_ends_the_report_and_bad_arguments_do_not_begin_it(void)
{
	struct written w = { 0 };
	unsigned int pieces = 0;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	for (w.stop_after = 1;; w.stop_after++) {
		w.pieces = 0;
		if (ioasid_device_report_write(r.device[0], IOASID_DUMP_JSON, write_down, &w) == 0)
			break;
		CHECK_EQ(w.pieces, w.stop_after);
		pieces++;
	}
	CHECK(pieces > CAPS);
	free(w.at);
	w = (struct written){ 0 };
	CHECK_EQ(ioasid_device_report_write(NULL, 0, write_down, &w), -EINVAL);
	CHECK_EQ(ioasid_device_report_write(r.device[0], 2, write_down, &w), -EINVAL);
	CHECK_EQ(ioasid_device_report_write(r.device[0], 0, NULL, &w), -EINVAL);
	ioasid_read_begin();
	CHECK_EQ(ioasid_device_report_write(r.device[0], 0, write_down, &w), -EDEADLK);
	ioasid_read_end();
	/* A device that does not answer: an error, and no half of a report. */
	drig_fail(&r, IOASID_MOCK_OP_DEVICE_REPORT, 1, UINT64_MAX, IOASID_BE_ENODEV);
	CHECK_EQ(ioasid_device_report_write(r.device[0], 0, write_down, &w), -ENODEV);
	CHECK(w.at == NULL);
	drig_heal(&r);
	drig_close(&r);
}

/* S9.13: somebody else has put the RID where PASIDs are ruled out. The bind says so, the report says so. */
static void pasids_beside_an_rid_that_rules_them_out_are_refused_and_explained(void)
{
	struct ioasid_device_spec spec = drig_spec("mock0");
	struct ioasid_reason why = { "" };
	struct ioasid_bind_data data;
	struct lines lines;
	uint32_t space;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	spec.kind = IOASID_DEVICE_ADOPTED;
	spec.fd = spec.iommufd = drig_device_fd("mock0");
	REQUIRE_EQ(r.on.control->world_device_bind(r.on.mock, 0, 1), 0);
	REQUIRE_EQ(r.on.control->world_space_create(r.on.mock, IOASID_BE_OBJECT_IOAS, 0, &space), 0);
	REQUIRE_EQ(r.on.control->world_rid(r.on.mock, 0, space), 0);
	REQUIRE_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, NULL, &r.device[0], NULL), 0);
	r.devices = 1;
	data = drig_data(&r, id_make(r.set), IOASID_SPID_NONE, 1, 0);
	data.why = &why;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EBUSY);
	CHECK(strstr(why.text, "RID") != NULL);
	CHECK_EQ(drig_slot(&r, 0, 0), IOASID_MOCK_SLOT_FOREIGN);
	CHECK_EQ(id_refs(r.set, data.id), 1);
	lines_read(r.device[0], &lines);
	CHECK_EQ(lines.line[IOASID_CAP_PASID].why, IOASID_WHY_RID);
	says(lines.text[IOASID_CAP_PASID].text, "RID is on an address space");
	/* Once its owner has moved it, both are fine. */
	REQUIRE_EQ(r.on.control->world_rid(r.on.mock, 0, 0), 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	lines_read(r.device[0], &lines);
	CHECK_EQ(lines.line[IOASID_CAP_PASID].usable, 1);
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(r.on.control->world_device_bind(r.on.mock, 0, 0), 0);
	CHECK_EQ(r.on.control->world_space_destroy(r.on.mock, space), 0);
	close(spec.fd);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "every capability has a line (S9.10)", every_capability_has_a_line },
		{ "what the backend does not mention comes from the flags (S9.10)",
		  what_the_backend_does_not_mention_comes_from_the_flags },
		{ "no line says more than the flags (S9.10)", no_line_says_more_than_the_flags },
		{ "the text tells everything (S9.10)", text_tells_everything },
		{ "the JSON tells the same, registers byte for byte (S9.10)", json_tells_the_same },
		{ "a writer ends the report, and bad arguments do not begin it (S0.1, S9.10)",
		  a_writer_ends_the_report_and_bad_arguments_do_not_begin_it },
		{ "PASIDs beside an RID that rules them out are refused and explained (S9.13)",
		  pasids_beside_an_rid_that_rules_them_out_are_refused_and_explained },
	};

	return TEST_MAIN("report", cases, argc, argv);
}
