/* IDs that the IOMMU hands out; see ids.c. */
#ifndef MOCK_IDS_H
#define MOCK_IDS_H

#include "machine.h"

/* ids_init(), ids_destroy() - the IDs of a machine. ENOMEM. Nobody else has it. */
int32_t ids_init(struct ioasid_mock *mock);
void ids_destroy(struct ioasid_mock *mock);

/* ids_drop() - give back all that a context has. Context: the machine's lock. */
void ids_drop(struct ioasid_mock *mock, const struct ioasid_be_ctx *ctx);

/* The control interface's part. Nothing held. */
int32_t ids_force(struct ioasid_mock *mock, uint32_t id, uint64_t times);

#endif
