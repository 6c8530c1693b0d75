/*
 * A bridge between the VT-d plugin and the mock devices that the kernel has for its self-test of iommufd: a
 * host table behind which they look like two devices of VFIO with PASIDs and page requests, behind one VT-d
 * unit with nesting. Everything else is the kernel itself: its objects, its rules, its errors.
 *
 * What is translated: VFIO's calls become those of the self-test; the RID, which a mock device always has on
 * some table, is on an empty one where VFIO would have it on none; first-stage tables and their invalidations
 * become the self-test's; the unit's registers, its place in sysfs, and the configuration space are made up.
 * A page stands for an entry of the mock's IOTLB: the first four of its address space have one each.
 *
 * It serves one context at a time, on the last iommufd that was opened.
 */
#ifndef IOASID_TESTS_KERNEL_MOCK_BRIDGE_H
#define IOASID_TESTS_KERNEL_MOCK_BRIDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "ioasid_backend.h"

enum { BRIDGE_DEVICES = 2 };

struct bridge;

struct bridge *bridge_create(void);

/* bridge_destroy() - end it. Return: whether all descriptors were closed. */
bool bridge_destroy(struct bridge *bridge);

const struct ioasid_be_host *bridge_host(struct bridge *bridge);

/* bridge_fail() - let the nth allocation fail that the kernel makes in the plugin's calls from now on; 0:
 * none.
 * bridge_failed() - whether it came to that. */
void bridge_fail(struct bridge *bridge, unsigned int nth);
bool bridge_failed(const struct bridge *bridge);

/* bridge_on() - the table that a slot is on, 0 for none, as the kernel has it; -1: it has it otherwise than
 * it was told to. */
int64_t bridge_on(const struct bridge *bridge, unsigned int device, uint32_t pasid);

/* bridge_below() - what a nested table stands on. */
uint32_t bridge_below(const struct bridge *bridge, uint32_t table);

/* bridge_maps() - whether a table leads from iova to that page. */
bool bridge_maps(const struct bridge *bridge, uint32_t table, uint64_t iova, const void *page);

/* bridge_cached() - what the IOTLB of a nested table has for one of its four pages, as it was asked for or 0. */
bool bridge_cached(const struct bridge *bridge, uint32_t table, uint32_t page, uint32_t value);

/* bridge_write() - a device writes a page through a table. Return: 0 or -errno. */
int bridge_write(const struct bridge *bridge, uint32_t table, uint64_t iova);

/* bridge_ask() - a device asks for a page, in a group of one. Return: 0 or -errno. */
int bridge_ask(const struct bridge *bridge, unsigned int device, uint32_t pasid, uint32_t group, uint64_t address);

/* bridge_event() - a device has an event for the virtual IOMMU that it is behind. Return: 0 or -errno. */
int bridge_event(const struct bridge *bridge, unsigned int device);

/* bridge_iommufd() - the descriptor; bridge_id() - the kernel's number of a device, 0: none. */
int bridge_iommufd(const struct bridge *bridge);
uint32_t bridge_id(const struct bridge *bridge, unsigned int device);

#endif
