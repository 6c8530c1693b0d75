/*
 * The head that the caller's structs have in common: struct_size, and bytes that this version does not know.
 */
#ifndef IOASID_ARGS_H
#define IOASID_ARGS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Is a caller's struct as large as we need, and zero beyond what we know? 0, -EINVAL, -E2BIG. */
static inline int args_in(const void *args, size_t known)
{
	const unsigned char *bytes = args;
	uint32_t size;

	memcpy(&size, args, sizeof(size));
	if (size < known)
		return -EINVAL;
	for (size_t i = known; i < size; i++)
		if (bytes[i] != 0)
			return -E2BIG;
	return 0;
}

/* Writes a result as far as both sides know it; the rest of the caller's struct becomes zero. 0, -EINVAL. */
static inline int args_out(void *result, const void *ours, size_t known)
{
	uint32_t size;

	memcpy(&size, result, sizeof(size));
	if (size < 8)
		return -EINVAL;
	memset(result, 0, size);
	memcpy(result, ours, size < known ? size : known);
	memcpy(result, &size, sizeof(size));
	return 0;
}

#endif
