/*
 * Trust in files: code is only loaded from where nobody but root and the effective user can have put it.
 *
 * Who can write the file can run code as us; so can who can rename or replace a folder above it. A folder
 * with the sticky bit (/tmp) lets others add names but not move ours, so it is good enough above the plugin's
 * folder, but not as the plugin's own folder, where a new name is a new plugin. Access lists need no look of
 * their own: what they grant shows in the mode's group bits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libioasid/loader.h"

enum kind { KIND_FILE, KIND_FOLDER, KIND_ABOVE };

static int check_one(const char *path, enum kind kind, struct ioasid_reason *why)
{
	struct stat st;

	if (stat(path, &st)) {
		int err = errno;

		ioasid__reason_set(why, "%s: %s", path, strerrordesc_np(err));
		return -err;
	}
	if (kind == KIND_FILE ? !S_ISREG(st.st_mode) : !S_ISDIR(st.st_mode)) {
		ioasid__reason_set(why, "%s is not a %s", path,
				   kind == KIND_FILE ? "regular file" : "directory");
		return -EACCES;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		ioasid__reason_set(why, "%s belongs to user %u, neither root nor user %u who loads it", path,
				   (unsigned int)st.st_uid, (unsigned int)geteuid());
		return -EACCES;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH) && !(kind == KIND_ABOVE && st.st_mode & S_ISVTX)) {
		ioasid__reason_set(why, "%s can be written by others (mode %04o)", path,
				   (unsigned int)(st.st_mode & 07777));
		return -EACCES;
	}
	return 0;
}

/* Looks at the folder @real and all above it; @real has no links, and is as it was afterwards. */
static int check_folders(char *real, struct ioasid_reason *why)
{
	int rc = check_one(real, KIND_FOLDER, why);

	for (char *slash = strrchr(real, '/'); !rc && slash && slash != real; ) {
		char *above;

		*slash = '\0';
		rc = check_one(real, KIND_ABOVE, why);
		above = strrchr(real, '/');
		*slash = '/';
		slash = above;
	}
	if (!rc && strcmp(real, "/"))
		rc = check_one("/", KIND_ABOVE, why);
	return rc;
}

static int resolve(const char *path, char real[PATH_MAX], struct ioasid_reason *why)
{
	int err;

	if (realpath(path, real))
		return 0;
	err = errno;
	ioasid__reason_set(why, "%s: %s", path, strerrordesc_np(err));
	return -err;
}

int ioasid__trust_dir(const char *path, struct ioasid_reason *why)
{
	char real[PATH_MAX];
	int rc = resolve(path, real, why);

	return rc ? rc : check_folders(real, why);
}

/* The folder part of a path that ends in a file's name: "." if there is none. */
static int folder_of(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;

	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!slash)
		strcpy(folder, ".");
	else if (!length)
		strcpy(folder, "/");
	else
		*(char *)mempcpy(folder, path, length) = '\0';
	return 0;
}

int ioasid__trust_file(const char *path, char real[PATH_MAX], struct ioasid_reason *why)
{
	char folder[PATH_MAX];
	int rc = folder_of(path, folder);

	if (rc) {
		ioasid__reason_set(why, "the path is too long");
		return rc;
	}
	rc = resolve(path, real, why);
	if (!rc)
		rc = ioasid__trust_dir(folder, why);
	if (!rc)
		rc = check_one(real, KIND_FILE, why);
	if (!rc) {
		folder_of(real, folder);
		rc = check_folders(folder, why);
	}
	return rc;
}
