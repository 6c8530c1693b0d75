/*
 * The contract suite on the VT-d plugin, linked in, on the kernel's mock devices
 * (tests/kernel-mock/bridge.h), inside the test machine: two devices behind one unit, whose tables, slots and
 * dirty pages are the kernel's.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/iommufd/uapi.h"
#include "tests/contract.h"
#include "tests/kernel-mock/bridge.h"

static ioasid_be_entry_fn entry(void)
{
	return ioasid_backend_entry_v1;
}

static void *up(struct ioasid_be_open *args)
{
	struct bridge *bridge = bridge_create();

	args->host = bridge_host(bridge);
	return bridge;
}

static void down(void *machine)
{
	CHECK(bridge_destroy(machine));
}

static void settings(void *machine, struct ioasid_context_args *args)
{
	args->system = bridge_host(machine);
}

static const char *device(void *machine, unsigned int number)
{
	static const char *const names[] = { "vfio0", "vfio1", "vfio2" };

	(void)machine;
	return names[number];
}

/* Mock devices move no memory, but the kernel knows what a slot is on. */
static bool attached(void *machine, unsigned int number, uint32_t pasid)
{
	return bridge_on(machine, number, pasid) > 0;
}

/* Nobody reads the tables, so that a root of its own is all that one needs. */
static void guest_table(unsigned char *memory, unsigned int table, unsigned int page, struct ioasid_be_record *record)
{
	const struct uapi_hwpt_vtd_s1 data = { .pgtbl_addr = CONTRACT_GUEST + table * UINT64_C(0x1000), .addr_width = 48 };

	(void)memory;
	(void)page;
	*record = (struct ioasid_be_record){ .type = IOASID_BE_PT_VTD_S1, .length = sizeof(data) };
	memcpy(record->bytes, &data, sizeof(data));
}

int main(int argc, char **argv)
{
	const struct contract_driver driver = {
		.name = "contract on the kernel's mock devices", .iommus = 1,
		.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_DIRTY | IOASID_BE_IF_NESTED |
			      IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_FAULT,
		.entry = entry, .up = up, .down = down, .settings = settings, .device = device, .attached = attached,
		.guest_table = guest_table,
	};

	return contract_main(&driver, argc, argv);
}
