/* Devices that come, go and reset themselves: see mock_control.h. Any thread, nothing held. */
#ifndef MOCK_PLUG_H
#define MOCK_PLUG_H

#include "machine.h"

/* plug_check() - ENODEV if the device is gone. */
int32_t plug_check(struct ioasid_mock *mock, const struct device *device);

int32_t plug_unplug(struct ioasid_mock *mock, uint32_t device, uint32_t gone);
int32_t plug_flr(struct ioasid_mock *mock, uint32_t device);

#endif
