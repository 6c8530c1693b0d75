/* The other owners on the host: see mock_control.h. Any thread, nothing held. */
#ifndef MOCK_WORLD_H
#define MOCK_WORLD_H

#include "machine.h"

int32_t world_space_create(struct ioasid_mock *mock, uint32_t type, uint32_t uses, uint32_t *id);
int32_t world_space_map(struct ioasid_mock *mock, uint32_t id, const struct ioasid_be_map *map);
int32_t world_space_destroy(struct ioasid_mock *mock, uint32_t id);
int32_t world_device_bind(struct ioasid_mock *mock, uint32_t number, uint32_t bound);
int32_t world_rid(struct ioasid_mock *mock, uint32_t number, uint32_t id);

#endif
