/*
 * Takes its time: park waits until the deadline of the batch has passed and says so, with half of it done.
 */
#include "plugin.h"

#include <time.h>

static int32_t slow_park(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds)
{
	const struct timespec until = {
		.tv_sec = (time_t)(binds->deadline / 1000000000u),
		.tv_nsec = (long)(binds->deadline % 1000000000u),
	};

	(void)ctx;
	binds->done = binds->count / 2;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL))
		;
	return IOASID_BE_ETIMEDOUT;
}

static const struct ioasid_be_paging_ops paging = { GOOD_PAGING };
static const struct ioasid_be_pasid_ops pasid = { GOOD_PASID, .park = slow_park };

PLUGIN_INTERFACES(&paging, &pasid)
PLUGIN_CAPS(.interfaces = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID, .max_batch = 8)

static const struct ioasid_be_core_ops core = { GOOD_CORE, .caps = caps, .get_interface = get_interface };

PLUGIN_ENTRY("slow", &core, (void)0)
