/*
 * The contract suite on the VT-d plugin, linked in, on the kernel's VT-d driver, inside the test machine: two
 * devices with PASIDs (pasid-device.c) behind one emulated unit. What a slot reaches is what the unit's
 * tables say (walk.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libioasid/loader.h"
#include "tests/contract.h"
#include "tests/vm/walk.h"

/* The addresses of the devices, as the machine's first process gives them. */
static char names[CONTRACT_DEVICES + 1][32];

static ioasid_be_entry_fn entry(void)
{
	return ioasid_backend_entry_v1;
}

/* System calls are made as the library makes them for a plugin. */
static struct be_context host;

static void *up(struct ioasid_be_open *args)
{
	memset(&host, 0, sizeof(host));
	REQUIRE_EQ(ioasid__host_init(&host, NULL, NULL), 0);
	args->host = &host.host;
	return &host;
}

/* Nothing is left of a context where its devices reach nothing: the tables tell. */
static void down(void *machine)
{
	(void)machine;
	for (unsigned int i = 0; i < CONTRACT_DEVICES; i++)
		for (uint32_t pasid = 0; pasid < 16; pasid++)
			CHECK_EQ(walk_count(names[i], pasid), 0);
}

static void settings(void *machine, struct ioasid_context_args *args)
{
	(void)machine;
	(void)args;
}

static const char *device(void *machine, unsigned int number)
{
	(void)machine;
	return names[number];
}

/* No emulated device sends PASIDs; what its DMA would reach the unit reads there. */
static bool attached(void *machine, unsigned int number, uint32_t pasid)
{
	uint64_t pages = walk_count(names[number], pasid);

	(void)machine;
	return pages != WALK_NOTHING && pages != WALK_ERROR;
}

int main(int argc, char **argv)
{
	const struct contract_driver driver = {
		.name = "contract on the kernel's VT-d driver", .iommus = 1,
		.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_DIRTY | IOASID_BE_IF_NESTED |
			      IOASID_BE_IF_INVALIDATE | IOASID_BE_IF_FAULT,
		.entry = entry, .up = up, .down = down, .settings = settings, .device = device, .attached = attached,
	};
	const char *devices = getenv("IOASID_TEST_DEVICES");

	if (devices == NULL || sscanf(devices, "%31s %31s", names[0], names[1]) != 2) {
		fprintf(stderr, "contract-pasid: IOASID_TEST_DEVICES has to name two devices\n");
		return 2;
	}
	snprintf(names[CONTRACT_DEVICES], sizeof(names[0]), "0000:00:1e.7");
	return contract_main(&driver, argc, argv);
}
