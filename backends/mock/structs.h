/*
 * The contract's rules about structs, arrays and texts, once for all operations.
 *
 * Any thread. Nothing here blocks or takes memory.
 */
#ifndef MOCK_STRUCTS_H
#define MOCK_STRUCTS_H

#include <stddef.h>
#include <stdint.h>

#include "ioasid_backend.h"

/*
 * wire_in() - take @size bytes of a struct whose first @known ones we know.
 *
 * Return: 0; IOASID_BE_E2BIG if one of the rest is not zero.
 */
int32_t wire_in(void *to, size_t known, const void *from, size_t size);

/* wire_struct_in() - the same with a struct that begins with its size. EINVAL: @from is NULL, or its size is
 * nonsense. */
int32_t wire_struct_in(void *to, size_t known, const void *from);

/* wire_struct_out() - fill a caller's struct, which keeps its size. EINVAL: @to is NULL, or its size is
 * nonsense. */
int32_t wire_struct_out(void *to, size_t known, const void *from);

/* wire_item() - item @index of an array; the stride was looked at by wire_array(). */
int32_t wire_item(void *to, size_t known, const struct ioasid_be_array *array, uint32_t index);

/* wire_array() - EINVAL if an array that a caller gave cannot be walked. */
int32_t wire_array(const struct ioasid_be_array *array);

/* wire_why() - say why a call failed, if the caller gave room. Return: @error. */
__attribute__((format(printf, 3, 4))) int32_t wire_why(struct ioasid_be_text *why, int32_t error,
						       const char *format, ...);

/* wire_batch_in() - take a caller's batch; `done` is 0 afterwards, in the caller's too. EINVAL, E2BIG. */
int32_t wire_batch_in(struct ioasid_be_batch *to, struct ioasid_be_batch *from);

/* wire_item_out() - fill item @index of a caller's batch. */
void wire_item_out(const struct ioasid_be_batch *batch, uint32_t index, const void *from, size_t known);

/* wire_batch_done() - say in the caller's batch how many items took effect. */
void wire_batch_done(struct ioasid_be_batch *to, uint32_t done);

#endif
