/* Structs, arrays and texts as the contract wants them; see structs.h. */
#include "structs.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What every struct that begins with its size has at least. */
#define STRUCT_MIN 8u

int32_t wire_in(void *to, size_t known, const void *from, size_t size)
{
	const unsigned char *bytes = from;

	for (size_t i = known; i < size; i++) {
		if (bytes[i])
			return IOASID_BE_E2BIG;
	}
	memset(to, 0, known);
	memcpy(to, from, size < known ? size : known);
	return 0;
}

/* The size that a struct says it has; 0 if that is nonsense. */
static uint32_t size_of(const void *from)
{
	uint32_t size;

	if (!from)
		return 0;
	memcpy(&size, from, sizeof(size));
	return size < STRUCT_MIN || size % 8 ? 0 : size;
}

int32_t wire_struct_in(void *to, size_t known, const void *from)
{
	uint32_t size = size_of(from);

	return size ? wire_in(to, known, from, size) : IOASID_BE_EINVAL;
}

int32_t wire_struct_out(void *to, size_t known, const void *from)
{
	uint32_t size = size_of(to);
	const size_t head = sizeof(size);

	if (!size)
		return IOASID_BE_EINVAL;
	memset((char *)to + head, 0, size - head);
	memcpy((char *)to + head, (const char *)from + head, (size < known ? size : known) - head);
	return 0;
}

int32_t wire_array(const struct ioasid_be_array *array)
{
	bool bad = array->count && (!array->items || !array->stride || array->stride % 8);

	return bad ? IOASID_BE_EINVAL : 0;
}

int32_t wire_item(void *to, size_t known, const struct ioasid_be_array *array, uint32_t index)
{
	return wire_in(to, known, (const char *)array->items + (size_t)index * array->stride, array->stride);
}

int32_t wire_why(struct ioasid_be_text *why, int32_t error, const char *format, ...)
{
	va_list arguments;
	int length;

	if (!why || why->struct_size < sizeof(*why) || !why->buffer || !why->capacity)
		return error;
	va_start(arguments, format);
	length = vsnprintf(why->buffer, why->capacity, format, arguments);
	va_end(arguments);
	if (length < 0)
		length = 0;
	why->length = (uint32_t)length < why->capacity ? (uint32_t)length : why->capacity - 1;
	return error;
}

void wire_item_out(const struct ioasid_be_batch *batch, uint32_t index, const void *from, size_t known)
{
	char *item = (char *)batch->items + (size_t)index * batch->stride;

	memset(item, 0, batch->stride);
	memcpy(item, from, batch->stride < known ? batch->stride : known);
}

void wire_batch_done(struct ioasid_be_batch *to, uint32_t done)
{
	if (to->struct_size >= offsetof(struct ioasid_be_batch, done) + sizeof(done))
		to->done = done;
}

int32_t wire_batch_in(struct ioasid_be_batch *to, struct ioasid_be_batch *from)
{
	int32_t rc;

	if (!from)
		return IOASID_BE_EINVAL;
	wire_batch_done(from, 0);
	rc = wire_struct_in(to, sizeof(*to), from);
	if (rc)
		return rc;
	to->done = 0;
	if (to->reserved[0] || to->reserved[1])
		return IOASID_BE_EINVAL;
	return to->count && (!to->items || !to->stride || to->stride % 8) ? IOASID_BE_EINVAL : 0;
}
