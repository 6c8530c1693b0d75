/*
 * Folders with plugins in them, for tests of the search: below a fresh one in /tmp, gone at the end of the
 * case.
 *
 * Names are relative to that fresh folder, folders_root. The plugins are copies of those of
 * tests/bad-plugins.
 */
#ifndef IOASID_TESTS_PLUGIN_FOLDERS_H
#define IOASID_TESTS_PLUGIN_FOLDERS_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

extern char folders_root[64];

/* folders_begin() - make the fresh folder with "a" and "b" in it, and have them searched in this order. */
void folders_begin(void);

/* folders_end() - remove all of it and search where it was searched before. */
void folders_end(void);

/* folders_path() - make an absolute path of a name. Return: @path. */
char *folders_path(char path[PATH_MAX], const char *name);

/* folders_make() - make another folder, with mode 0755. */
void folders_make(const char *name);

/* folders_mode() - change the mode of a file or folder. */
void folders_mode(const char *name, mode_t mode);

/* folders_copy() - copy any file to an absolute path. */
void folders_copy(const char *from, const char *to, mode_t mode);

/* folders_install() - copy a plugin of tests/bad-plugins, "good", to a name, "a/good.so", with mode 0644. */
void folders_install(const char *plugin, const char *to);

/* folders_search() - have two folders searched: names, absolute paths, or "" for an empty element. */
void folders_search(const char *first, const char *second);

/* folders_load() - load by name, and check the answer and that the reason has some words. */
void folders_load(const char *name, uint32_t flags, int want, const char *words);

/* folders_load_file() - the same by path. */
void folders_load_file(const char *name, int want, const char *words);

#endif
