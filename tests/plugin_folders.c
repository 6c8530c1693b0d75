/*
 * Folders with plugins in them, for tests of the search; see plugin_folders.h.
 */
#include "plugin_folders.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ioasid/backend.h>

#include "bad_plugin.h"
#include "harness.h"

#define VARIABLE "IOASID_BACKEND_PATH"

char folders_root[64];
static char variable_before[4096];

char *folders_path(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", folders_root, name);
	return path;
}

void folders_make(const char *name)
{
	char path[PATH_MAX];

	REQUIRE_EQ(mkdir(folders_path(path, name), 0755), 0);
	REQUIRE_EQ(chmod(path, 0755), 0);
}

void folders_copy(const char *from, const char *to, mode_t mode)
{
	struct stat st;
	int in, out;

	in = open(from, O_RDONLY | O_CLOEXEC);
	REQUIRE(in >= 0);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	REQUIRE(out >= 0);
	REQUIRE_EQ(fstat(in, &st), 0);
	while (st.st_size > 0) {
		ssize_t n = sendfile(out, in, NULL, (size_t)st.st_size);

		REQUIRE(n > 0);
		st.st_size -= n;
	}
	REQUIRE_EQ(fchmod(out, mode), 0);
	close(in);
	close(out);
}

void folders_install(const char *plugin, const char *to)
{
	char from[PATH_MAX], path[PATH_MAX];

	folders_copy(bad_plugin_path(from, plugin), folders_path(path, to), 0644);
}

void folders_mode(const char *name, mode_t mode)
{
	char path[PATH_MAX];

	REQUIRE_EQ(chmod(folders_path(path, name), mode), 0);
}

void folders_search(const char *first, const char *second)
{
	char value[2 * PATH_MAX], a[PATH_MAX], b[PATH_MAX];

	snprintf(value, sizeof(value), "%s:%s", first[0] == '/' || !first[0] ? first : folders_path(a, first),
		 second[0] == '/' || !second[0] ? second : folders_path(b, second));
	REQUIRE_EQ(setenv(VARIABLE, value, 1), 0);
}

void folders_begin(void)
{
	const char *before = getenv(VARIABLE);

	snprintf(variable_before, sizeof(variable_before), "%s", before ? before : "");
	snprintf(folders_root, sizeof(folders_root), "/tmp/ioasid-test-XXXXXX");
	REQUIRE(mkdtemp(folders_root) != NULL);
	REQUIRE_EQ(chmod(folders_root, 0755), 0);
	folders_make("a");
	folders_make("b");
	folders_search("a", "b");
}

void folders_end(void)
{
	char command[256];

	setenv(VARIABLE, variable_before, 1);
	snprintf(command, sizeof(command), "chmod -R u+rwx '%s' && rm -rf '%s'", folders_root, folders_root);
	CHECK_EQ(system(command), 0);
}

void folders_load(const char *name, uint32_t flags, int want, const char *words)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_reason why;

	CHECK_EQ(ioasid_backend_load(name, flags, &backend, &why), want);
	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	ioasid_backend_put(backend);
}

void folders_load_file(const char *name, int want, const char *words)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_reason why;
	char path[PATH_MAX];

	CHECK_EQ(ioasid_backend_load_file(folders_path(path, name), &backend, &why), want);
	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	ioasid_backend_put(backend);
}
