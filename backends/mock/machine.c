/*
 * Machines: made by the first context that names one, ended by the last.
 *
 * The registry is the plugin's only state of its own.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flight.h"
#include "ids.h"
#include "page.h"
#include "space.h"
#include "structs.h"

static struct {
	pthread_mutex_t lock;
	struct ioasid_mock *first;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void hardware_destroy(struct ioasid_mock *mock)
{
	for (uint64_t i = 0; mock->devices && i < mock->setup->devices; i++) {
		page_forget(mock, &mock->devices[i]);
		tlb_destroy(&mock->devices[i].tlb, &mock->mem);
	}
	for (uint64_t i = 0; mock->iommus && i < mock->setup->iommus; i++) {
		tlb_destroy(&mock->iommus[i].walks, &mock->mem);
		tlb_destroy(&mock->iommus[i].tlb, &mock->mem);
	}
	mock_mem_free(&mock->mem, mock->devices);
	mock_mem_free(&mock->mem, mock->iommus);
}

static int32_t hardware_create(struct ioasid_mock *mock)
{
	const struct setup *setup = mock->setup;
	int32_t rc = IOASID_BE_ENOMEM;

	mock->iommus = mock_mem_zalloc(&mock->mem, setup->iommus, sizeof(*mock->iommus));
	mock->devices = mock_mem_zalloc(&mock->mem, setup->devices, sizeof(*mock->devices));
	if (!mock->iommus || !mock->devices)
		goto fail;
	for (uint64_t i = 0; i < setup->iommus; i++) {
		rc = tlb_init(&mock->iommus[i].tlb, &mock->mem, setup->iotlb, PAGE_SHIFT);
		if (!rc)
			rc = tlb_init(&mock->iommus[i].walks, &mock->mem, setup->iotlb, TLB_WALK_SHIFT);
		if (rc)
			goto fail;
	}
	for (uint32_t i = 0; i < setup->devices; i++) {
		struct device *device = &mock->devices[i];

		device->number = i;
		device->setup = &setup->device[i];
		device->iommu = &mock->iommus[setup->device[i].iommu];
		snprintf(device->name, sizeof(device->name), "mock%u", (unsigned int)i);
		rc = tlb_init(&device->tlb, &mock->mem, setup->device[i].ats ? setup->iotlb : 0, PAGE_SHIFT);
		if (rc)
			goto fail;
	}
	return 0;
fail:
	hardware_destroy(mock);
	return rc;
}

/* The rules of the key "fail". */
static void set_rules(struct ioasid_mock *mock)
{
	for (uint32_t i = 0; i < mock->setup->fail_count; i++) {
		const struct setup_fail *fail = &mock->setup->fails[i];
		const struct ioasid_mock_rule rule = { .struct_size = sizeof(rule),
						       .op = fail->op,
						       .error = fail->error,
						       .nth = fail->nth,
						       .times = 1 };

		inject_rule(&mock->inject, &rule);
	}
}

/* Makes a machine, which owns @setup if this succeeds. */
static int32_t machine_create(struct setup *setup, struct ioasid_mock **made)
{
	struct mock_mem mem;
	struct ioasid_mock *mock;
	int32_t rc = IOASID_BE_ENOMEM;

	mock_mem_init(&mem, setup->fail_memory);
	mock = mock_mem_zalloc(&mem, 1, sizeof(*mock));
	if (!mock)
		return rc;
	mock_mem_init(&mock->mem, atomic_load(&mem.fail));
	mock->setup = setup;
	rc = inject_init(&mock->inject);
	if (rc)
		goto free_mock;
	rc = turnstile_init(&mock->lock);
	if (rc)
		goto destroy_inject;
	rc = hardware_create(mock);
	if (rc)
		goto destroy_lock;
	rc = ids_init(mock);
	if (rc)
		goto destroy_hardware;
	set_rules(mock);
	*made = mock;
	return 0;

destroy_hardware:
	hardware_destroy(mock);
destroy_lock:
	turnstile_destroy(&mock->lock);
destroy_inject:
	inject_destroy(&mock->inject);
free_mock:
	free(mock);
	return rc;
}

/* Nobody uses the machine any more: what is left belongs to other owners on the host or is in flight. */
static void machine_destroy(struct ioasid_mock *mock)
{
	while (mock->flights) {
		struct flight *flight = mock->flights;

		mock->flights = flight->next;
		mock_mem_free(&mock->mem, flight);
	}
	while (mock->spaces)
		space_destroy(mock, mock->spaces);
	ids_destroy(mock);
	hardware_destroy(mock);
	turnstile_destroy(&mock->lock);
	inject_destroy(&mock->inject);
	free(mock->setup);
	free(mock);
}

static struct ioasid_mock *find_machine(const char *name)
{
	for (struct ioasid_mock *mock = registry.first; mock; mock = mock->next) {
		if (*name && !strcmp(mock->setup->machine, name))
			return mock;
	}
	return NULL;
}

int32_t machine_get(struct setup *setup, bool *taken, struct ioasid_mock **mock, struct ioasid_be_text *why)
{
	struct ioasid_mock *found;
	int32_t rc = 0;

	*taken = false;
	pthread_mutex_lock(&registry.lock);
	found = find_machine(setup->machine);
	if (found && setup->shapes) {
		rc = wire_why(why, IOASID_BE_EINVAL,
			      "machine \"%s\" is there and has a shape already: give no other key",
			      setup->machine);
		goto out;
	}
	if (!found) {
		rc = machine_create(setup, &found);
		if (rc)
			goto out;
		*taken = true;
		found->next = registry.first;
		registry.first = found;
	}
	found->contexts++;
	*mock = found;
out:
	pthread_mutex_unlock(&registry.lock);
	return rc;
}

void machine_put(struct ioasid_mock *mock)
{
	struct ioasid_mock **at = &registry.first;
	bool last;

	pthread_mutex_lock(&registry.lock);
	last = !--mock->contexts;
	if (last) {
		while (*at != mock)
			at = &(*at)->next;
		*at = mock->next;
	}
	pthread_mutex_unlock(&registry.lock);
	if (last)
		machine_destroy(mock);
}

uint64_t machine_interfaces(const struct ioasid_mock *mock)
{
	const struct setup *setup = mock->setup;
	uint64_t all = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_NESTED |
		       IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_FAULT | IOASID_BE_IF_DIRTY;

	if (setup->ids)
		all |= IOASID_BE_IF_ID;
	if (setup->guest_tables)
		all |= IOASID_BE_IF_VIOMMU | IOASID_BE_IF_VDEVICE | IOASID_BE_IF_TABLE | IOASID_BE_IF_EVENT;
	return all & ~setup->without;
}

uint32_t machine_contexts(const struct ioasid_mock *mock)
{
	uint32_t contexts;

	pthread_mutex_lock(&registry.lock);
	contexts = mock->contexts;
	pthread_mutex_unlock(&registry.lock);
	return contexts;
}

struct device *machine_device(struct ioasid_mock *mock, uint32_t number)
{
	return number < mock->setup->devices ? &mock->devices[number] : NULL;
}

struct device *machine_device_by_name(struct ioasid_mock *mock, const char *name)
{
	for (uint64_t i = 0; i < mock->setup->devices; i++) {
		if (!strcmp(mock->devices[i].name, name))
			return &mock->devices[i];
	}
	return NULL;
}
