/* The life cycles of S11, as the examples show them: each step, in order, with its reference count. */
#include <stdio.h>
#include <string.h>

#include "examples/lifecycle.h"
#include "tests/harness.h"
#include "tests/support.h"

/* Checks that a life cycle has these steps: "who: what: references", and nothing else. */
static void check_steps(int (*lifecycle)(struct run *run), const char *const *steps, unsigned int count)
{
	static struct run run;
	char line[128];

	memset(&run, 0, sizeof(run));
	if (!CHECK_EQ(lifecycle(&run), 0))
		printf("# %s\n", run.wrong);
	for (unsigned int i = 0; i < run.count && i < count; i++) {
		snprintf(line, sizeof(line), "%s: %s: %u", run.step[i].who, run.step[i].what,
			 run.step[i].refs);
		if (!CHECK(strcmp(line, steps[i]) == 0))
			printf("# step %u is \"%s\", not \"%s\"\n", i, line, steps[i]);
	}
	CHECK_EQ(run.count, count);
}

#define CHECK_STEPS(lifecycle, steps) check_steps(lifecycle, steps, sizeof(steps) / sizeof((steps)[0]))

/* The same in S11.2 to S11.4. */
#define GUEST_BEGINS \
	"VMM: alloc: 1", \
	"library: bind: reference, hardware, record; BIND: 2", \
	"KVM: takes a reference, fills its table: 3", \
	"VMM: bind: 3", \
	"VDCM: finds the guest PASID, writes the host PASID: 4", \
	"device: DMA reaches memory: 4"

static void native_sva(void)
{
	static const char *const steps[] = {
		"process: opens the device: 0",
		"process: alloc: 1",
		"process: bind: 2",
		"device: DMA reaches memory: 2",
		"process: close, DMA stopped: unbind: 1",
		"device: DMA is blocked: 1",
		"process: free: 0",
	};

	CHECK_STEPS(lifecycle_native, steps);
}

static void native_sva_of_a_process_that_dies(void)
{
	static const char *const steps[] = {
		"process: opens the device: 0",
		"process: alloc: 1",
		"process: bind: 2",
		"device: DMA reaches memory: 2",
		"process: dies: its set is put: 1",
		"device: DMA is blocked: 1",
		"library: teardown: detaches, drops its reference: 0",
		"driver: closes the device: 0",
	};

	CHECK_STEPS(lifecycle_native_dies, steps);
}

static void guest_sva(void)
{
	static const char *const steps[] = {
		GUEST_BEGINS,
		"VDCM: clears the host PASID, puts: 3",
		"library: unbind: UNBIND: 3",
		"KVM: clears its table, puts: 2",
		"VMM: unbind: 1",
		"device: DMA is blocked: 1",
		"library: free: marked, blocked; FREE: 1",
		"VMM: free: 0",
	};

	CHECK_STEPS(lifecycle_guest, steps);
}

static void guest_sva_with_free_before_unbind(void)
{
	static const char *const steps[] = {
		GUEST_BEGINS,
		"library: free: marked, blocked; FREE: 4",
		"KVM: clears its table, puts: 3",
		"VDCM: queues work: 3",
		"VMM: free, while bound and in use: 2",
		"device: DMA is blocked: 2",
		"guest 2: asks for that number: -EBUSY: 2",
		"VDCM: work: stops the device, puts: 1",
		"library: teardown: detaches, drops its reference: 0",
		"VMM: unbind, too late: -ENOENT: 0",
		"guest 2: gets that number: 1",
		"device: DMA is blocked: 1",
	};

	CHECK_STEPS(lifecycle_misbehaving, steps);
}

static void kvm_that_ends_first(void)
{
	static const char *const steps[] = {
		GUEST_BEGINS,
		"KVM: exits: clears its table, puts: 3",
		"VDCM: clears the host PASID, puts: 2",
		"VMM: unbind: 1",
		"VMM: free: 0",
	};

	CHECK_STEPS(lifecycle_kvm_exit, steps);
}

/* With every 64th IOASID bound; the number can be set like rounds, for slow machines and long runs. */
static void a_vm_dies_while_another_allocates(void)
{
	unsigned int ids = rounds(65536);
	struct crash crash = { .ids = ids < IOASID_CAPACITY_MAX / 2 ? ids : IOASID_CAPACITY_MAX / 2, .bound = 64 };
	static struct run run;

	memset(&run, 0, sizeof(run));
	if (!CHECK_EQ(lifecycle_crash(&run, &crash), 0))
		printf("# %s\n", run.wrong);
	CHECK_EQ(crash.missing, 0);
	CHECK_EQ(crash.failed, 0);
	CHECK(crash.others > 0);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "native SVA (S11.1)", native_sva },
		{ "native SVA of a process that dies before its device is closed (S11.1)",
		  native_sva_of_a_process_that_dies },
		{ "guest SVA (S11.2)", guest_sva },
		{ "guest SVA with free before unbind (S11.3)", guest_sva_with_free_before_unbind },
		{ "KVM that ends before FREE and UNBIND (S11.4)", kvm_that_ends_first },
		{ "a VM dies with 64k IOASIDs while another allocates (S11.5)", a_vm_dies_while_another_allocates },
	};

	return TEST_MAIN("lifecycles", cases, argc, argv);
}
