/* Mapping memory into address spaces. Any thread, without the machine's lock; map_file calls the host. */
#ifndef MOCK_MAP_H
#define MOCK_MAP_H

#include "machine.h"

/* map_memory() - the operation map on @space, or on somebody else's with @id if that is NULL (ENOENT). */
int32_t map_memory(struct ioasid_mock *mock, struct space *space, uint32_t id,
		   const struct ioasid_be_map *from);

/* The operations map_file and copy. */
int32_t map_file(struct ioasid_be_as *as, const struct ioasid_be_map *from);
int32_t map_copy(struct ioasid_be_as *as, const struct ioasid_be_map *from);

#endif
