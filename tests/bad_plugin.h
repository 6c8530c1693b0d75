/*
 * Where the plugins of tests/bad-plugins are, for the tests of the loader.
 */
#ifndef IOASID_TESTS_BAD_PLUGIN_H
#define IOASID_TESTS_BAD_PLUGIN_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* bad_plugin_path() - make the path of a plugin: name "good", or "" for their folder with a slash. Return:
 * @path. */
static inline const char *bad_plugin_path(char path[PATH_MAX], const char *name)
{
	const char *top = getenv("top_builddir");

	snprintf(path, PATH_MAX, "%s/tests/bad-plugins/%s%s", top ? top : ".", name, name[0] ? ".so" : "");
	return path;
}

#endif
