/*
 * guest-sva - shows the life cycles of an IOASID on the software IOMMU: each step with its reference count.
 *
 * usage: guest-sva [normal | misbehaving | native | kvm-exit | crash [IDS]]
 *
 * Without an argument: normal. IOASID_BACKEND_PATH names the directory with mock.so if that is not installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/lifecycle.h"

static void tell(const struct step *step)
{
	if (step->refs > 0)
		printf("  %-8s  %-44s  %u\n", step->who, step->what, step->refs);
	else
		printf("  %-8s  %-44s  -\n", step->who, step->what);
}

static int show(const char *title, int (*lifecycle)(struct run *run))
{
	static struct run run;
	int rc;

	run = (struct run){ .tell = tell };
	printf("%s\n  %-8s  %-44s  %s\n", title, "who", "step", "references");
	rc = lifecycle(&run);
	if (rc != 0)
		fprintf(stderr, "guest-sva: %s\n", run.wrong);
	printf("\n");
	return rc;
}

static int show_native(void)
{
	int rc = show("Native SVA (S11.1)", lifecycle_native);

	return rc != 0 ? rc : show("Native SVA, and the process dies before its device is closed (S11.1)",
				   lifecycle_native_dies);
}

static int show_crash(uint32_t ids)
{
	struct crash crash = { .ids = ids, .bound = 64 };
	static struct run run;
	int rc = lifecycle_crash(&run, &crash);

	printf("A VM dies with %u IOASIDs, each %uth of them bound (S11.5)\n", crash.ids, crash.bound);
	printf("  %-52s  %10.3f ms\n", "its last put returned after", (double)crash.death_ns / 1e6);
	printf("  %-52s  %10.3f ms\n", "its last IOASID was reclaimed after", (double)crash.reclaim_ns / 1e6);
	printf("  %-52s  %10llu\n", "another VM meanwhile allocated and freed",
	       (unsigned long long)crash.others);
	printf("  %-52s  %10.3f ms\n", "the slowest pair of those took", (double)crash.slowest_ns / 1e6);
	printf("  %-52s  %10u\n", "and of those failed", crash.failed);
	if (rc != 0)
		fprintf(stderr, "guest-sva: %s\n", run.wrong);
	return rc;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "normal";
	unsigned long ids = argc > 2 ? strtoul(argv[2], NULL, 10) : 65536;
	int rc;

	if (strcmp(mode, "normal") == 0)
		rc = show("Guest SVA (S11.2)", lifecycle_guest);
	else if (strcmp(mode, "misbehaving") == 0)
		rc = show("Guest SVA, free before unbind (S11.3)", lifecycle_misbehaving);
	else if (strcmp(mode, "native") == 0)
		rc = show_native();
	else if (strcmp(mode, "kvm-exit") == 0)
		rc = show("Guest SVA, KVM ends before FREE and UNBIND (S11.4)", lifecycle_kvm_exit);
	else if (strcmp(mode, "crash") == 0 && ids > 0 && ids < IOASID_CAPACITY_MAX / 2)
		rc = show_crash((uint32_t)ids);
	else {
		fprintf(stderr, "usage: %s [normal | misbehaving | native | kvm-exit | crash [IDS]]\n",
			argv[0]);
		return 2;
	}
	return rc != 0;
}
