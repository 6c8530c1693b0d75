/* Capabilities of the mock's devices, each off by itself with a reason that the report tells. S9.10. */
#include "tests/harness.h"

#include <stdio.h>
#include <string.h>

#include "tests/mock_faults.h"
#include "tests/mock_guest.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/* What else goes with it is no capability of its own: PRI wants ATS, page requests want PRI, and
 * virtual IOMMUs want nested tables. */
static const struct denial {
	const char *name;
	uint32_t capability;
	uint64_t also;
} denials[] = {
	{ "pasid", IOASID_BE_CAP_PASID, 0 },
	{ "exec", IOASID_BE_CAP_EXEC, 0 },
	{ "priv", IOASID_BE_CAP_PRIV, 0 },
	{ "ats", IOASID_BE_CAP_ATS, BIT(IOASID_BE_CAP_PRI) | BIT(IOASID_BE_CAP_FAULT) },
	{ "pri", IOASID_BE_CAP_PRI, BIT(IOASID_BE_CAP_FAULT) },
	{ "nesting", IOASID_BE_CAP_NESTING, BIT(IOASID_BE_CAP_VIOMMU) | BIT(IOASID_BE_CAP_EVENT) },
	{ "hitless", IOASID_BE_CAP_HITLESS, 0 },
	{ "dirty", IOASID_BE_CAP_DIRTY, 0 },
	{ "fault", IOASID_BE_CAP_FAULT, 0 },
	{ "block", IOASID_BE_CAP_BLOCK, 0 },
	{ "rid", IOASID_BE_CAP_RID, 0 },
	{ "viommu", IOASID_BE_CAP_VIOMMU, BIT(IOASID_BE_CAP_EVENT) },
	{ "event", IOASID_BE_CAP_EVENT, 0 },
};

static const char *const reasons[] = { "kernel", "mode",       "hardware", "acs",
				       "rid",    "permission", "backend",  "other" };
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

static uint64_t caps_of(struct rig *rig, uint32_t device)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };

	CHECK_EQ(rig->core->device_caps(rig->dev[device], &caps), 0);
	CHECK_EQ(!(caps.flags & BIT(IOASID_BE_CAP_PASID)), !caps.pasid_bits);
	return caps.flags;
}

/* Of two devices the first is without it, whatever its switch says, and the second as before. */
static void each_capability_goes_alone_and_the_report_says_why(void)
{
	for (size_t i = 0; i < sizeof(denials) / sizeof(denials[0]); i++) {
		const uint64_t bit = BIT(denials[i].capability);
		const uint32_t why = 1 + (uint32_t)(i % REASONS);
		struct rig rig;
		char config[128];

		snprintf(config, sizeof(config),
			 "devices=2 ats=on pri=on guest_tables=on mock0.deny=%s:%s mock0.ats=on",
			 denials[i].name, reasons[why - 1]);
		rig_open(&rig, config, 2);
		CHECK_EQ(caps_of(&rig, 0), caps_of(&rig, 1) & ~(bit | denials[i].also));
		CHECK(caps_of(&rig, 1) & bit);
		CHECK_EQ(rig_why_not(&rig, denials[i].capability), why);
		CHECK(strstr(rig.text, "deny") != NULL);
		rig_close(&rig);
	}
}

static void a_denial_that_cannot_be_is_refused(void)
{
	static const char *const bad[] = { "pasid",     "pasid:",      "pasid:none", ":acs",
					   "acs:pasid", "mapping:acs", "pasid:acs,", "pasid:acs,exec" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct rig rig;
		char config[64];

		snprintf(config, sizeof(config), "deny=%s", bad[i]);
		rig_core(&rig);
		CHECK_EQ(rig_try(&rig, config), IOASID_BE_EINVAL);
		CHECK(strstr(rig.text, "deny") != NULL);
	}
}

/* Not only the report knows. */
static void what_is_denied_is_refused(void)
{
	struct mock_guest g;
	struct ioasid_be_as *as;
	struct ioasid_be_faultq *queue;
	struct ioasid_be_bind bind;
	struct ioasid_be_batch batch = rig_batch(&bind, 1);

	mock_guest_open(
		&g, "devices=2 ats=on pri=on mock1.deny=exec:hardware,nesting:mode,fault:kernel,rid:other",
		2);
	as = rig_space(&g.rig, IOASID_BE_USE_PASID);
	queue = faults_queue(&g.rig, 0, NULL);
	CHECK_EQ(rig_attach(&g.rig, 1, 0, as, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_attach(&g.rig, 1, 1, NULL, g.table), IOASID_BE_EOPNOTSUPP);
	bind = rig_bind(&g.rig, 1, 1, as, NULL);
	bind.flags = IOASID_BE_BIND_EXEC;
	CHECK_EQ(g.rig.pasid->attach(g.rig.ctx, &batch, &g.rig.why), IOASID_BE_EOPNOTSUPP);
	bind.flags = IOASID_BE_BIND_PRIV;
	CHECK_EQ(g.rig.pasid->attach(g.rig.ctx, &batch, &g.rig.why), 0);
	CHECK_EQ(rig_detach(&g.rig, 1, 1, 0), 0);
	CHECK_EQ(g.rig.paging->destroy(as), 0);
	as = faults_space(&g.rig, queue);
	CHECK_EQ(rig_attach(&g.rig, 1, 1, as, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_attach(&g.rig, 0, 1, as, NULL), 0);
	/* The device has PRI and asks all the same: nobody takes it. */
	CHECK_EQ(faults_ask(&g.rig, 1, 1, 1, 0, IOASID_BE_FAULT_LAST), 0);
	CHECK_EQ(faults_answer(&g.rig, 1, 1, 1).by, IOASID_MOCK_BY_IOMMU);
	CHECK_EQ(rig_detach(&g.rig, 0, 1, 0), 0);
	CHECK_EQ(g.rig.paging->destroy(as), 0);
	CHECK_EQ(g.rig.fault->destroy(queue), 0);
	mock_guest_close(&g);
}

static const struct test_case cases[] = {
	{ "each capability goes alone and the report says why (S9.10)",
	  each_capability_goes_alone_and_the_report_says_why },
	{ "a denial that cannot be is refused", a_denial_that_cannot_be_is_refused },
	{ "what is denied is refused (S9.10)", what_is_denied_is_refused },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_deny", cases, argc, argv);
}
