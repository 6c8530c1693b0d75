/* Devices that come, go and reset themselves; see plug.h. */
#include "plug.h"

#include "flight.h"
#include "page.h"

int32_t plug_check(struct ioasid_mock *mock, const struct device *device)
{
	bool gone;

	turnstile_enter(&mock->lock);
	gone = device->gone;
	turnstile_leave(&mock->lock);
	return gone ? IOASID_BE_ENODEV : 0;
}

/* What the device had under way and in its TLB is no more. */
static void forget(struct ioasid_mock *mock, const struct scope *scope)
{
	tlb_flush(mock, scope, TLB_DEVICE);
	flight_cut(mock, scope, 0, UINT64_MAX);
}

int32_t plug_unplug(struct ioasid_mock *mock, uint32_t number, uint32_t gone)
{
	struct device *device = machine_device(mock, number);
	const struct scope scope = { .kind = SCOPE_DEVICE, .device = device };
	int32_t rc = 0;

	if (!device)
		return IOASID_BE_ENODEV;
	if (gone > 1)
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	if (!gone && device->gone && device->user) {
		rc = IOASID_BE_EBUSY;
	} else {
		device->gone = gone;
		device->pri_off = false;
		if (gone) {
			forget(mock, &scope);
			page_end(mock, &scope, 0, UINT64_MAX);
		}
	}
	turnstile_leave(&mock->lock);
	return rc;
}

int32_t plug_flr(struct ioasid_mock *mock, uint32_t number)
{
	struct device *device = machine_device(mock, number);
	const struct scope scope = { .kind = SCOPE_DEVICE, .device = device };
	int32_t rc;

	if (!device)
		return IOASID_BE_ENODEV;
	turnstile_enter(&mock->lock);
	rc = device->gone ? IOASID_BE_ENODEV : 0;
	if (!rc) {
		forget(mock, &scope);
		page_lose(mock, device);
		device->pri_off = true;
	}
	turnstile_leave(&mock->lock);
	return rc;
}
