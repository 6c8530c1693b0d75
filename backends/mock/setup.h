/*
 * The configuration of a machine: what key/value pairs say, checked, in numbers. docs/backend-mock.md lists
 * the keys.
 */
#ifndef MOCK_SETUP_H
#define MOCK_SETUP_H

#include <stdbool.h>
#include <stdint.h>

#include "ioasid_backend.h"

#define SETUP_DEVICES_MAX  256u
#define SETUP_RESERVED_MAX 8u
#define SETUP_NAME_MAX     31u /* of a machine or a device, without the NUL */
#define SETUP_FAIL_MAX     8u

struct setup_range {
	uint64_t first;
	uint64_t last; /* inclusive */
};

/* Numbers are 64 bits wide, switches 0 or 1, so that one table can describe them all. */
struct setup_device {
	uint64_t iommu;
	uint64_t pasid_bits;
	uint64_t iova_bits;
	uint64_t max_bindings;
	uint64_t exec;
	uint64_t priv;
	uint64_t ats;
	uint64_t pri; /* of no use without ats: setup_pri() */
	uint64_t dirty;
	uint64_t fault; /* the IOMMU takes page requests */
	uint64_t nesting;
	uint64_t hitless;
	uint64_t block;
	uint64_t rid;
	uint64_t viommu;
	uint64_t event;
	uint64_t owner; /* of the PASID table: IOASID_BE_OWNER_* */
	struct setup_range reserved[SETUP_RESERVED_MAX];
	uint32_t reserved_count;
	uint8_t denied[IOASID_BE_CAP_COUNT]; /* IOASID_BE_WHY_*; NONE: not denied */
};

struct setup_fail {
	uint32_t op; /* IOASID_MOCK_OP_* */
	int32_t error;
	uint64_t nth;
};

struct setup {
	char machine[SETUP_NAME_MAX + 1]; /* empty: one of its own */
	bool shapes;                      /* a key other than "machine" was there */
	uint64_t iommus;
	uint64_t devices;
	uint64_t ids;   /* 0: the IOMMU hands out none */
	uint64_t iotlb; /* entries of each TLB: 0 or a power of two */
	uint64_t drain_waits;
	uint64_t patience; /* ns */
	uint64_t rid_strict;
	uint64_t guest_tables; /* guests may own PASID tables, by virtual IOMMUs */
	uint64_t shares_tables;
	uint64_t separate_drain;
	uint64_t separate_invalidate;
	uint64_t probe;
	uint64_t without; /* IOASID_BE_IF_* that are switched off */
	uint64_t max_batch;
	uint64_t max_devices;
	uint64_t max_spaces;
	uint64_t max_tables;
	uint64_t max_bindings;
	uint64_t domains;
	uint64_t fail_memory;
	struct setup_fail fails[SETUP_FAIL_MAX];
	uint32_t fail_count;
	struct setup_device device[SETUP_DEVICES_MAX];
};

/* setup_pri() - does the device make page requests? */
static inline bool setup_pri(const struct setup_device *device)
{
	return device->pri && device->ats;
}

/* setup_takes_requests() - and does the IOMMU take them? */
static inline bool setup_takes_requests(const struct setup_device *device)
{
	return setup_pri(device) && device->fault;
}

/* setup_has_viommu() - can there be virtual IOMMUs of the device's? */
static inline bool setup_has_viommu(const struct setup_device *device)
{
	return device->viommu && device->nesting;
}

/*
 * setup_parse() - read the pairs of an open.
 *
 * Context: any thread; does not block or take memory; @setup is too large for a stack of a small thread.
 * Return: 0; EINVAL with the offending key in @why; E2BIG.
 */
int32_t setup_parse(struct setup *setup, const struct ioasid_be_array *config, struct ioasid_be_text *why);

#endif
