/* SPDX-License-Identifier: MIT */
/* Structures of the ABI across versions; see wire.h. */
#include "wire.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int32_t take(void *to, size_t size, const void *from, size_t from_size)
{
	const unsigned char *bytes = from;

	for (size_t i = size; i < from_size; i++)
		if (bytes[i])
			return IOASID_BE_E2BIG;
	memset(to, 0, size);
	memcpy(to, from, smaller(size, from_size));
	return 0;
}

int32_t wire_in(void *to, size_t size, size_t least, const void *from)
{
	uint32_t from_size;

	if (!from)
		return IOASID_BE_EINVAL;
	memcpy(&from_size, from, sizeof(from_size));
	if (from_size < least || from_size % 8)
		return IOASID_BE_EINVAL;
	return take(to, size, from, from_size);
}

int32_t wire_item(void *to, size_t size, const void *items, uint32_t stride, uint32_t index)
{
	return take(to, size, (const unsigned char *)items + (size_t)stride * index, stride);
}

int32_t wire_out(void *to, const void *from, size_t size)
{
	uint32_t to_size;

	if (!to)
		return IOASID_BE_EINVAL;
	memcpy(&to_size, to, sizeof(to_size));
	if (to_size < 8)
		return IOASID_BE_EINVAL;
	memset(to, 0, to_size);
	memcpy(to, from, smaller(size, to_size));
	memcpy(to, &to_size, sizeof(to_size));
	return 0;
}

void wire_put(void *items, uint32_t stride, uint32_t index, const void *from, size_t size)
{
	unsigned char *to = (unsigned char *)items + (size_t)stride * index;

	memset(to, 0, stride);
	memcpy(to, from, smaller(size, stride));
}

bool wire_array(const void *items, uint32_t stride, uint32_t count)
{
	return !count || (items && stride && stride % 8 == 0);
}

int32_t wire_batch(struct ioasid_be_batch *batch)
{
	struct ioasid_be_batch copy;
	int32_t ret = wire_in(&copy, sizeof(copy), sizeof(copy), batch);

	if (ret)
		return ret;
	batch->done = 0;
	if (!wire_array(copy.items, copy.stride, copy.count) || !wire_zero(copy.reserved, 2))
		return IOASID_BE_EINVAL;
	return 0;
}

bool wire_zero(const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (words[i])
			return false;
	return true;
}

bool wire_expired(uint64_t deadline)
{
	struct timespec now;

	if (!deadline)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec >= deadline;
}

int32_t wire_why(struct ioasid_be_text *why, int32_t error, const char *format, ...)
{
	va_list arguments;
	int length;

	if (!why || !why->buffer || !why->capacity)
		return error;
	va_start(arguments, format);
	length = vsnprintf(why->buffer, why->capacity, format, arguments);
	va_end(arguments);
	if (length < 0)
		why->buffer[0] = '\0';
	why->length = (uint32_t)strlen(why->buffer);
	return error;
}

int32_t wire_error(int32_t error)
{
	switch (error) {
	case -ENOTTY:
		return IOASID_BE_EOPNOTSUPP;
	case -EADDRINUSE:
		return IOASID_BE_EBUSY;
	case -EMSGSIZE:
		return IOASID_BE_EOVERFLOW;
	case -ENXIO:
		return IOASID_BE_ENODEV;
	case 0:
	case -EPERM:
	case -ENOENT:
	case -EIO:
	case -E2BIG:
	case -EBADF:
	case -EAGAIN:
	case -ENOMEM:
	case -EACCES:
	case -EFAULT:
	case -EBUSY:
	case -EEXIST:
	case -ENODEV:
	case -EINVAL:
	case -ENOSPC:
	case -ERANGE:
	case -EDEADLK:
	case -EOVERFLOW:
	case -EOPNOTSUPP:
	case -ETIMEDOUT:
		return error;
	default:
		return IOASID_BE_EIO;
	}
}
