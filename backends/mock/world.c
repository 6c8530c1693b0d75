/* The other owners on the host; see world.h. */
#include "world.h"

#include "flight.h"
#include "map.h"
#include "slot.h"
#include "space.h"

int32_t world_space_create(struct ioasid_mock *mock, uint32_t type, uint32_t uses, uint32_t *id)
{
	struct space *space;
	int32_t rc = space_uses(mock, uses, NULL);

	if (rc)
		return rc;
	/* Its queue would be of a program that nobody plays here. */
	if (uses & IOASID_BE_USE_FAULT)
		return IOASID_BE_EOPNOTSUPP;
	if (!id || (type != IOASID_BE_OBJECT_IOAS && type != IOASID_BE_OBJECT_HWPT))
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	space = space_create(mock, type, uses);
	if (space) {
		space->world = true;
		*id = (uint32_t)space->id;
	}
	turnstile_leave(&mock->lock);
	return space ? 0 : IOASID_BE_ENOMEM;
}

int32_t world_space_map(struct ioasid_mock *mock, uint32_t id, const struct ioasid_be_map *map)
{
	return map_memory(mock, NULL, id, map);
}

static bool is_attached(const struct ioasid_mock *mock, const struct space *space)
{
	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		if (space->attached[i])
			return true;
	}
	return false;
}

int32_t world_space_destroy(struct ioasid_mock *mock, uint32_t id)
{
	struct space *space;
	uint64_t bytes;
	int32_t rc = 0;

	turnstile_enter(&mock->lock);
	space = space_find(mock, id);
	if (!space) {
		rc = IOASID_BE_ENOENT;
	} else if (space->handles || is_attached(mock, space)) {
		rc = IOASID_BE_EBUSY;
	} else {
		/* From here on nobody finds it, while the lock is let go. */
		space->world = false;
		space_remove(mock, space, NULL, 0, UINT64_MAX, &bytes);
		space_destroy(mock, space);
	}
	turnstile_leave(&mock->lock);
	return rc;
}

int32_t world_device_bind(struct ioasid_mock *mock, uint32_t number, uint32_t bound)
{
	struct device *device = machine_device(mock, number);
	int32_t rc = 0;

	if (!device)
		return IOASID_BE_ENODEV;
	if (bound > 1)
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	if (device->gone)
		rc = IOASID_BE_ENODEV;
	else if (device->user || device->rid.state != IOASID_MOCK_SLOT_FREE)
		rc = IOASID_BE_EBUSY;
	else
		device->bound = bound;
	turnstile_leave(&mock->lock);
	return rc;
}

/* Takes the RID off what it is on, as a detach does. */
static void rid_clear(struct ioasid_mock *mock, struct device *device)
{
	static const struct target nothing;
	const struct target old = slot_target(&device->rid);
	const struct scope scope = scope_slot(device, 0);

	slot_set(&device->rid, IOASID_MOCK_SLOT_FREE, &nothing);
	tlb_flush(mock, &scope, TLB_EVERY);
	flight_cut(mock, &scope, 0, UINT64_MAX);
	target_unuse(mock, device, &old);
}

static int32_t rid_locked(struct ioasid_mock *mock, struct device *device, uint32_t id)
{
	const struct target target = { .space = id ? space_find(mock, id) : NULL };
	int32_t rc;

	if (device->gone && id)
		return IOASID_BE_ENODEV;
	if (!device->bound)
		return IOASID_BE_EINVAL;
	if (id && !target.space)
		return IOASID_BE_ENOENT;
	if (slot_taken(&device->rid) || (id && device->bindings && mock->setup->rid_strict &&
					 !(target.space->uses & IOASID_BE_USE_PASID)))
		return IOASID_BE_EBUSY;
	if (id) {
		rc = window_fits(target.space, device, NULL);
		if (!rc)
			rc = target_use(mock, device, &target, NULL);
		if (rc)
			return rc;
	}
	if (device->rid.state == IOASID_MOCK_SLOT_FOREIGN)
		rid_clear(mock, device);
	if (id)
		slot_set(&device->rid, IOASID_MOCK_SLOT_FOREIGN, &target);
	return 0;
}

int32_t world_rid(struct ioasid_mock *mock, uint32_t number, uint32_t id)
{
	struct device *device = machine_device(mock, number);
	int32_t rc;

	if (!device)
		return IOASID_BE_ENODEV;
	turnstile_enter(&mock->lock);
	rc = rid_locked(mock, device, id);
	turnstile_leave(&mock->lock);
	return rc;
}
