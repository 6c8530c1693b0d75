/*
 * Capabilities in words, and what a set's guest was promised of them (S9.10).
 */
#ifndef IOASID_CAPS_PRIVATE_H
#define IOASID_CAPS_PRIVATE_H

#include <ioasid/device.h>

struct ioasid_set;

/* "PASID"; "?" for a number that is none. */
const char *ioasid__cap_name(uint32_t capability);

/*
 * Has the device all that the set's guest was promised? Lock of the devices held.
 * @why: NULL, or room for each difference. 0, -EOPNOTSUPP.
 */
int ioasid__caps_enough(const struct ioasid_set *set, const struct ioasid_device *device,
			struct ioasid_reason *why);

#endif
