/*
 * What is installed: the list of backends, for the public list and for the search for one that has hardware.
 */
#ifndef IOASID_LOADER_SEARCH_H
#define IOASID_LOADER_SEARCH_H

#include <stddef.h>
#include <stdint.h>

struct backend_found {
	char name[32];
	char *path;  /* as found, links not resolved */
};

/*
 * ioasid__search() - list what is installed, by folder in search order and by name within one.
 * @flags: 0 or IOASID_BACKEND_NO_ENVIRONMENT
 * @found: gets an array of @count, to be freed with ioasid__search_free()
 *
 * Return: 0, -ENOMEM, -ENAMETOOLONG, or the errno of a folder that is there but cannot be read.
 */
int ioasid__search(uint32_t flags, struct backend_found **found, size_t *count);

/* ioasid__search_free() - free such an array. */
void ioasid__search_free(struct backend_found *found, size_t count);

#endif
