/*
 * The loader refuses what does not keep the contract, and says why; what it accepts, it keeps.
 *
 * Each refusal has a plugin in tests/bad-plugins that breaks one thing; a good one shows that nothing else is
 * in the way. A refused plugin has to be gone from the process, an accepted one has to stay.
 */
#include "harness.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <ioasid/backend.h>
#include <ioasid/context.h>

#include "bad_plugin.h"

/* What an out argument points to that nobody may touch. */
static char untouched;

static int in_process(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);

	if (library)
		dlclose(library);
	return library != NULL;
}

/* A plugin is refused with an errno and a reason that has some words, and is closed again. */
static void refused(const char *plugin, int error, const char *words)
{
	struct ioasid_backend *backend = (void *)&untouched;
	struct ioasid_reason why;
	char path[PATH_MAX];

	bad_plugin_path(path, plugin);
	CHECK_EQ(ioasid_backend_load_file(path, &backend, &why), error);
	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	CHECK(backend == (void *)&untouched);
	CHECK(!in_process(path));
	/* The same without room for a reason. */
	CHECK_EQ(ioasid_backend_load_file(path, &backend, NULL), error);
}

static struct ioasid_backend *loaded(const char *plugin)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_reason why;
	char path[PATH_MAX];

	if (!CHECK_EQ(ioasid_backend_load_file(bad_plugin_path(path, plugin), &backend, &why), 0))
		printf("# the reason was: %s\n", why.text);
	REQUIRE(backend != NULL);
	CHECK_EQ(strlen(why.text), 0);
	return backend;
}

/* A plugin is accepted, but no context of it can be opened. */
static void not_opened(const char *plugin, int error, const char *words)
{
	struct ioasid_backend *backend = loaded(plugin);
	struct ioasid_context *context = (void *)&untouched;
	struct ioasid_reason why;

	CHECK_EQ(ioasid_context_open(backend, NULL, &context, &why), error);
	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	CHECK(context == (void *)&untouched);
	CHECK_EQ(ioasid_context_open(backend, NULL, &context, NULL), error);
	ioasid_backend_put(backend);
}

static void good_is_accepted(void)
{
	struct ioasid_backend *backend = loaded("good");
	struct ioasid_context *context = NULL;
	char path[PATH_MAX], real[PATH_MAX];

	CHECK(!strcmp(ioasid_backend_name(backend), "good"));
	CHECK(!strcmp(ioasid_backend_vendor(backend), "the tests"));
	CHECK_EQ(ioasid_backend_version(backend), 0x10000);
	CHECK_EQ(ioasid_backend_is_software(backend), 0);
	REQUIRE(realpath(bad_plugin_path(path, "good"), real) != NULL);
	CHECK(!strcmp(ioasid_backend_path(backend), real));
	REQUIRE_EQ(ioasid_context_open(backend, NULL, &context, NULL), 0);
	CHECK(ioasid_context_backend(context) == backend);
	CHECK_EQ(ioasid_context_violations(context), 0);
	CHECK_EQ(ioasid_context_close(context), 0);
	ioasid_backend_put(backend);
	CHECK(in_process(path));
}

static void newer_is_accepted(void)
{
	struct ioasid_backend *backend = loaded("newer");

	CHECK(!strcmp(ioasid_backend_name(backend), "newer"));
	ioasid_backend_put(backend);
}

static void missing_file(void)
{
	struct ioasid_backend *backend;
	struct ioasid_reason why;

	CHECK_EQ(ioasid_backend_load_file("/nowhere/at/all.so", &backend, &why), -ENOENT);
	CHECK(strstr(why.text, "/nowhere/at/all.so: No such file") != NULL);
}

static void not_a_library(void)
{
	struct ioasid_backend *backend;
	struct ioasid_reason why;

	CHECK_EQ(ioasid_backend_load_file("/etc/passwd", &backend, &why), -ENOEXEC);
	CHECK(strstr(why.text, "invalid ELF header") != NULL);
}

static void no_entry(void)
{
	refused("no_entry", -ENOEXEC, "has no ioasid_backend_entry_v1");
}

static void unresolved(void)
{
	refused("unresolved", -ENOEXEC, "undefined symbol: ioasid_symbol_of_the_host");
}

static void wrong_version(void)
{
	refused("wrong_version", -EPROTONOSUPPORT, "speaks no common version: this plugin needs 1.9");
}

static void wrong_minor(void)
{
	refused("wrong_minor", -EPROTONOSUPPORT, "picked version 1.7, asked for 1.0 to 1.0");
}

static void positive_entry(void)
{
	refused("positive_entry", -EPROTO, "the entry answered 22");
}

static void refuses(void)
{
	refused("refuses", -EPERM, "the backend refused (-1): no?licence ?\xc3\xa9xxx");
}

static void reserved_reply(void)
{
	refused("reserved_reply", -EPROTO, "reserved words are not 0");
}

static void unknown_flags(void)
{
	refused("unknown_flags", -EPROTO, "unknown flags");
}

static void reply_size(void)
{
	refused("reply_size", -EPROTO, "struct_size was changed");
}

static void reserved_table(void)
{
	refused("reserved_table", -EPROTO, "table core: the reserved word is 0xbad, not 0");
}

static void null_table(void)
{
	refused("null_table", -EPROTO, "table core: is NULL");
}

static void unaligned_table(void)
{
	refused("unaligned_table", -EPROTO, "table core: is not aligned");
}

static void short_table(void)
{
	refused("short_table", -EPROTO, "table core: the mandatory operation device_report is missing");
}

static void tiny_table(void)
{
	refused("tiny_table", -EPROTO, "table core: struct_size is 4");
}

static void huge_table(void)
{
	refused("huge_table", -EPROTO, "table core: struct_size is 4294967288");
}

static void missing_operation(void)
{
	refused("missing_operation", -EPROTO, "table core: the mandatory operation device_detach is missing");
}

static void bad_name(void)
{
	refused("bad_name", -EPROTO, "no name, or a malformed one");
}

static void no_device(void)
{
	not_opened("no_device", -ENODEV, "no such IOMMU in this machine");
}

static void no_context(void)
{
	not_opened("no_context", -EIO, "");
}

static void bit_without_interface(void)
{
	not_opened(
		"bit_without_interface", -EPROTO,
		"interface ioasid.be.paging/1: get_interface answered -2 though its capability bit is set");
}

static void interface_without_bit(void)
{
	not_opened("interface_without_bit", -EPROTO,
		   "interface ioasid.be.paging/1 is there, but its capability bit is not set");
}

static void half_interface(void)
{
	not_opened("half_interface", -EPROTO,
		   "table ioasid.be.pasid/1: the mandatory operation park is missing");
}

static void lonely_interface(void)
{
	not_opened("lonely_interface", -EPROTO,
		   "interface ioasid.be.pasid/1 is there without one that it needs");
}

static void unknown_caps(void)
{
	not_opened("unknown_caps", -EPROTO,
		   "unknown bits (interfaces 0x10000000000, flags 0x0, reserved 0x0)");
}

static void reserved_caps(void)
{
	not_opened("reserved_caps", -EPROTO, "unknown bits (interfaces 0x0, flags 0x0, reserved 0x1)");
}

static void missing_drain(void)
{
	not_opened("missing_drain", -EPROTO, "drain is missing, but the context says that it is separate");
}

static void missing_raw(void)
{
	not_opened("missing_raw", -EPROTO, "raw is missing, but there are virtual IOMMUs");
}

static const struct test_case cases[] = {
	{ "a plugin that keeps the contract is accepted, and stays in the process when its handle goes",
	  good_is_accepted },
	{ "a plugin with a longer table than the host knows is accepted", newer_is_accepted },
	{ "a file that does not exist is refused", missing_file },
	{ "a file that is no shared object is refused", not_a_library },
	{ "a plugin without an entry is refused", no_entry },
	{ "a plugin that wants a symbol of the host is refused when it is loaded", unresolved },
	{ "a plugin that speaks no common version is refused with its own words", wrong_version },
	{ "a plugin that picks a minor it was not offered is refused", wrong_minor },
	{ "a plugin whose entry answers a positive number is refused", positive_entry },
	{ "a plugin's own refusal comes through, its words made printable", refuses },
	{ "a plugin with garbage in the reserved words of the reply is refused", reserved_reply },
	{ "a plugin with an unknown flag in the reply is refused", unknown_flags },
	{ "a plugin that changes the size of the reply is refused", reply_size },
	{ "a plugin with garbage in the reserved word of its core table is refused", reserved_table },
	{ "a plugin without a core table is refused", null_table },
	{ "a plugin with a core table at an odd address is refused", unaligned_table },
	{ "a plugin with a core table that is too short is refused, naming what is missing", short_table },
	{ "a plugin with a core table too small for its head is refused", tiny_table },
	{ "a plugin with a core table of an absurd size is refused", huge_table },
	{ "a plugin with a mandatory operation missing is refused, naming it", missing_operation },
	{ "a plugin whose name is malformed is refused", bad_name },
	{ "a backend without its hardware answers -ENODEV, and why (S9.16)", no_device },
	{ "a backend that opens with success and no context is not believed", no_context },
	{ "a capability bit without its interface refuses the context", bit_without_interface },
	{ "an interface without its capability bit refuses the context", interface_without_bit },
	{ "an interface that is not whole refuses the context, naming what is missing", half_interface },
	{ "an interface without one that it needs refuses the context", lonely_interface },
	{ "an unknown capability bit refuses the context", unknown_caps },
	{ "garbage in the reserved words of the capabilities refuses the context", reserved_caps },
	{ "a separate drain that is missing refuses the context", missing_drain },
	{ "virtual IOMMUs without raw commands refuse the context", missing_raw },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("loader", cases, argc, argv);
}
