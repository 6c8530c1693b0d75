/*
 * Backends are loaded only from where nobody but root and the effective user can have put them.
 *
 * Each case has folders of its own below a fresh one in /tmp, filled with copies of the plugins of
 * tests/bad-plugins.
 */
#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ioasid/backend.h>

#include "plugin_folders.h"

static void writable_file(void)
{
	folders_begin();
	folders_install("good", "a/good.so");
	folders_mode("a/good.so", 0664);
	folders_load("good", 0, -EACCES, "a/good.so can be written by others (mode 0664)");
	folders_mode("a/good.so", 0646);
	folders_load_file("a/good.so", -EACCES, "a/good.so can be written by others (mode 0646)");
	folders_mode("a/good.so", 0644);
	folders_load("good", 0, 0, "");
	folders_end();
}

static void writable_folder(void)
{
	folders_begin();
	folders_install("good", "a/good.so");
	folders_mode("a", 0775);
	folders_load("good", 0, -EACCES, "/a can be written by others (mode 0775)");
	folders_mode("a", 01777);
	folders_load_file("a/good.so", -EACCES, "/a can be written by others (mode 1777)");
	folders_end();
}

static void writable_above(void)
{
	folders_begin();
	folders_make("a/deep");
	folders_install("good", "a/deep/good.so");
	folders_mode("a", 0777);
	folders_load_file("a/deep/good.so", -EACCES, "/a can be written by others (mode 0777)");
	folders_mode("a", 01777);
	folders_load_file("a/deep/good.so", 0, "");
	folders_end();
}

static void link_out_of_the_folder(void)
{
	char link[PATH_MAX], to[PATH_MAX];

	folders_begin();
	folders_install("good", "b/good.so");
	REQUIRE_EQ(symlink(folders_path(to, "b/good.so"), folders_path(link, "a/good.so")), 0);
	folders_load("good", 0, 0, "");
	folders_mode("b", 0777);
	folders_load("good", 0, -EACCES, "/b can be written by others");
	folders_mode("b", 0755);
	folders_mode("a", 0777);
	folders_load_file("a/good.so", -EACCES, "/a can be written by others");
	folders_end();
}

static void not_regular(void)
{
	folders_begin();
	folders_make("a/good.so");
	folders_load("good", 0, -EACCES, "a/good.so is not a regular file");
	folders_end();
}

static void foreign_owner(void)
{
	char path[PATH_MAX];

	if (geteuid()) {
		test_skip("only root can give a file away");
		return;
	}
	folders_begin();
	folders_install("good", "a/good.so");
	REQUIRE_EQ(chown(folders_path(path, "a/good.so"), 12345, 0), 0);
	folders_load("good", 0, -EACCES, "a/good.so belongs to user 12345, neither root nor user 0");
	REQUIRE_EQ(chown(path, 0, 0), 0);
	REQUIRE_EQ(chown(folders_path(path, "a"), 12345, 0), 0);
	folders_load("good", 0, -EACCES, "/a belongs to user 12345");
	folders_end();
}

enum { CHILD_NOT_SECURE = 77 };

/* Runs in a set-user-id copy of this program. */
static int secure_child(void)
{
	struct ioasid_backend *backend = NULL;

	if (!getauxval(AT_SECURE))
		return CHILD_NOT_SECURE;
	return ioasid_backend_load("good", 0, &backend, NULL) == -ENOENT ? 0 : 1;
}

static void set_user_id(void)
{
	char path[PATH_MAX];
	int status;
	pid_t pid;

	if (geteuid()) {
		test_skip("only root can make a program that is run as root");
		return;
	}
	folders_begin();
	folders_install("good", "a/good.so");
	folders_copy("/proc/self/exe", folders_path(path, "program"), 04755);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		execl(path, path, "--secure-child", (char *)NULL);
		_exit(3);
	}
	REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	folders_end();
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOT_SECURE)
		test_skip("set-user-id programs do not work below /tmp");
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static const struct test_case cases[] = {
	{ "a file that others can write is refused", writable_file },
	{ "a folder that others can write is refused, with a sticky bit, too", writable_folder },
	{ "a folder further up that others can write is refused, unless it is sticky", writable_above },
	{ "a link is as good as the worse of the folders at its ends", link_out_of_the_folder },
	{ "what is not a regular file is refused", not_regular },
	{ "a file or folder of another user is refused", foreign_owner },
	{ "a set-user-id program does not look at the environment variable", set_user_id },
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--secure-child"))
		return secure_child();
	return TEST_MAIN("backend_trust", cases, argc, argv);
}
