/*
 * Backends are found by name in trusted folders only, in a known order, and never by chance.
 *
 * Each case has folders of its own below a fresh one in /tmp, filled with copies of the plugins of
 * tests/bad-plugins.
 */
#include "harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ioasid/backend.h>
#include <ioasid/context.h>

#include "plugin_folders.h"

static void found_in_second(void)
{
	folders_begin();
	folders_install("good", "b/good.so");
	folders_load("good", 0, 0, "");
	folders_search("", "b");
	folders_load("good", 0, 0, "");
	folders_search("/nowhere/at/all", "b");
	folders_load("good", 0, 0, "");
	folders_end();
}

static void first_decides(void)
{
	folders_begin();
	folders_install("missing_operation", "a/good.so");
	folders_install("good", "b/good.so");
	folders_load("good", 0, -EPROTO, "is called missing_operation, not good");
	folders_search("b", "a");
	folders_load("good", 0, 0, "");
	folders_end();
}

static void dangling_link_decides(void)
{
	char link[PATH_MAX];

	folders_begin();
	folders_install("good", "b/good.so");
	REQUIRE_EQ(symlink("/nowhere/at/all.so", folders_path(link, "a/good.so")), 0);
	folders_load("good", 0, -ENOENT, "a/good.so: No such file");
	folders_end();
}

static void not_installed(void)
{
	folders_begin();
	folders_load("good", 0, -ENOENT, "no good.so in IOASID_BACKEND_PATH or /");
	folders_end();
}

static void environment_switched_off(void)
{
	folders_begin();
	folders_install("good", "a/good.so");
	folders_load("good", IOASID_BACKEND_NO_ENVIRONMENT, -ENOENT, "no good.so in /");
	folders_end();
}

static void relative_folder(void)
{
	folders_begin();
	setenv("IOASID_BACKEND_PATH", "plugins:/usr/lib", 1);
	folders_load("good", 0, -EACCES, "plugins is not an absolute path");
	folders_end();
}

static void malformed_names(void)
{
	static const char *const names[] = {
		"", "..", "a/good", "../a/good", "good.so", "Good", "1good", "-x", "g\xc3\xb6od", "good ",
		"abcdefghijklmnopqrstuvwxyzabcdef",
	};

	folders_begin();
	folders_install("good", "a/good.so");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		folders_load(names[i], 0, -EINVAL, "malformed name");
	folders_load(NULL, 0, -EINVAL, "malformed name");
	folders_load("good", 2, -EINVAL, "unknown flag");
	folders_load("abcdefghijklmnopqrstuvwxyzabcde", 0, -ENOENT, "no abcdefghijklmnopqrstuvwxyzabcde.so");
	folders_end();
}

static void other_name(void)
{
	folders_begin();
	folders_install("other_name", "a/other_name.so");
	folders_load("other_name", 0, -EPROTO, "is called vtd, not other_name");
	folders_load_file("a/other_name.so", 0, "");
	folders_end();
}

/* ---- The list ---- */

struct seen {
	char text[512];
	int stop_at;
};

/* Writes down what lies below the fresh folder. */
static int visit(void *arg, const char *name, const char *path, int status, const struct ioasid_reason *why)
{
	struct seen *seen = arg;
	size_t length = strlen(seen->text);

	if (strncmp(path, folders_root, strlen(folders_root)))
		return 0;
	snprintf(seen->text + length, sizeof(seen->text) - length, "%s=%s(%d)%s ", name,
		 path + strlen(folders_root), status, why->text[0] ? "!" : "");
	return seen->stop_at && !--seen->stop_at ? 55 : 0;
}

static void list(void)
{
	struct seen seen = { 0 };

	folders_begin();
	folders_install("good", "a/zeta.so");
	folders_install("good", "a/alpha.so");
	folders_install("good", "b/beta.so");
	folders_install("good", "b/zeta.so");
	folders_install("good", "b/libgood.so.1");
	folders_install("good", "b/UPPER.so");
	folders_mode("b/beta.so", 0666);
	CHECK_EQ(ioasid_backend_list(0, visit, &seen), 0);
	CHECK(!strcmp(seen.text, "alpha=/a/alpha.so(0) zeta=/a/zeta.so(0) beta=/b/beta.so(-13)! "));
	seen = (struct seen) { .stop_at = 2 };
	CHECK_EQ(ioasid_backend_list(0, visit, &seen), 55);
	CHECK(!strcmp(seen.text, "alpha=/a/alpha.so(0) zeta=/a/zeta.so(0) "));
	seen = (struct seen) { 0 };
	CHECK_EQ(ioasid_backend_list(IOASID_BACKEND_NO_ENVIRONMENT, visit, &seen), 0);
	CHECK_EQ(strlen(seen.text), 0);
	CHECK_EQ(ioasid_backend_list(0, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_backend_list(8, visit, &seen), -EINVAL);
	folders_end();
}

/* ---- The first that has hardware ---- */

static int open_any(const char *want_backend, const char *words)
{
	struct ioasid_context *context = NULL;
	struct ioasid_reason why;
	int rc = ioasid_context_open_any(0, NULL, &context, &why);

	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	CHECK((context != NULL) == !rc);
	if (context) {
		CHECK(want_backend &&
		      !strcmp(ioasid_backend_name(ioasid_context_backend(context)), want_backend));
		CHECK_EQ(ioasid_context_close(context), 0);
	}
	return rc;
}

static void never_software(void)
{
	folders_begin();
	folders_install("software", "a/software.so");
	CHECK_EQ(open_any(NULL, "software: a software IOMMU is only used when asked for"), -ENODEV);
	folders_load("software", 0, 0, "");
	folders_install("no_device", "b/no_device.so");
	CHECK_EQ(open_any(NULL, "no_device: no such IOMMU in this machine"), -ENODEV);
	folders_end();
}

static void first_with_hardware(void)
{
	folders_begin();
	folders_install("missing_operation", "a/missing_operation.so");
	CHECK_EQ(open_any(NULL, "the mandatory operation device_detach is missing"), -EPROTO);
	folders_install("no_device", "a/no_device.so");
	folders_install("software", "a/software.so");
	folders_install("newer", "b/newer.so");
	folders_install("good", "b/good.so");
	CHECK_EQ(open_any("good", ""), 0);
	folders_end();
}

static const struct test_case cases[] = {
	{ "a backend is found in a later folder when earlier ones are empty, missing or do not have it",
	  found_in_second },
	{ "the first folder that has the name decides, even if that file is refused", first_decides },
	{ "a link that leads nowhere decides, too", dangling_link_decides },
	{ "a name that is not installed answers -ENOENT and says where it was looked for", not_installed },
	{ "a host can switch the environment variable off", environment_switched_off },
	{ "a folder that is not absolute is refused", relative_folder },
	{ "a malformed name is refused and never becomes a path", malformed_names },
	{ "a backend that is not called like its file is refused by name and accepted by path", other_name },
	{ "the list has each name once, in search order, and says which would be refused", list },
	{ "a software IOMMU is never opened by a program that did not name it (S9.16)", never_software },
	{ "the first backend that has hardware is opened, whatever is wrong with the others",
	  first_with_hardware },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("backend_search", cases, argc, argv);
}
