/* The contract suite: the entry, contexts, their interfaces. R1 - R20, R28, R40 - R44. */
#include "tests/contract.h"

#include <dirent.h>
#include <string.h>

#include "tests/support.h"

static unsigned int open_files(void)
{
	unsigned int count = 0;
	DIR *folder = opendir("/proc/self/fd");

	REQUIRE(folder != NULL);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static struct ioasid_be_reply ask_entry(void)
{
	const struct ioasid_be_query query = { .struct_size = sizeof(query), .major = IOASID_BE_MAJOR, .host = "contract" };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply) };

	CHECK_EQ(contract_driver()->entry()(&query, &reply), 0);
	return reply;
}

static void ask_often(void *arg, unsigned int index)
{
	const struct ioasid_be_reply *want = arg;

	(void)index;
	for (int i = 0; i < 50; i++) {
		struct ioasid_be_reply got = ask_entry();

		CHECK(!memcmp(&got, want, sizeof(got)));
	}
}

static void the_entry_answers_the_same(void)
{
	struct ioasid_be_reply reply = ask_entry();
	unsigned int files = open_files();

	CHECK(reply.core && reply.name);
	CHECK_EQ(reply.minor, IOASID_BE_MINOR);
	CHECK_EQ(reply.flags & ~IOASID_BE_REPLY_SOFTWARE, 0);
	CHECK(!reply.reserved0 && !reply.reserved1[0] && !reply.reserved1[1]);
	crowd(4, ask_often, &reply);
	CHECK_EQ(open_files(), files);
}

static void the_entry_refuses_versions(void)
{
	ioasid_be_entry_fn entry = contract_driver()->entry();
	struct ioasid_be_query query = { .struct_size = sizeof(query), .major = IOASID_BE_MAJOR + 1 };
	char words[64] = "";
	struct ioasid_be_text text = { .struct_size = sizeof(text), .capacity = sizeof(words), .buffer = words };
	struct ioasid_be_reply reply = { .struct_size = sizeof(reply), .reason = &text };

	CHECK_EQ(entry(&query, &reply), IOASID_BE_EPROTONOSUPPORT);
	CHECK(words[0] && text.length && text.length == strlen(words));
	CHECK(reply.core == NULL);
	query.major = IOASID_BE_MAJOR;
	query.minor_min = UINT32_MAX;
	query.minor_max = UINT32_MAX;
	CHECK_EQ(entry(&query, &reply), IOASID_BE_EPROTONOSUPPORT);
	reply.reason = NULL;
	CHECK_EQ(entry(&query, &reply), IOASID_BE_EPROTONOSUPPORT);
	query.minor_min = 0;
	CHECK_EQ(entry(&query, &reply), 0);
	CHECK_EQ(reply.minor, IOASID_BE_MINOR);
}

/* ---- Interfaces ---- */

static void interfaces_are_what_is_said(void)
{
	struct contract_world w;
	uint64_t found = 0;

	contract_up(&w, 0);
	for (unsigned int bit = 0; contract_interface_name(bit); bit++) {
		const void *table = NULL, *again = NULL;
		uint32_t head[2];

		if (w.core->get_interface(w.ctx, contract_interface_name(bit), &table))
			continue;
		found |= UINT64_C(1) << bit;
		REQUIRE(table != NULL);
		memcpy(head, table, sizeof(head));
		CHECK_EQ((uintptr_t)table % 8, 0);
		CHECK(head[0] >= 8 && head[0] <= 65536 && head[0] % 8 == 0);
		CHECK_EQ(head[1], 0);
		CHECK_EQ(w.core->get_interface(w.ctx, contract_interface_name(bit), &again), 0);
		CHECK(again == table);
	}
	CHECK_EQ(w.caps.interfaces, found);
	/* What the driver's author knows of: nothing may vanish unseen, nor come without tests. */
	CHECK_EQ(found, w.driver->interfaces);
	contract_down(&w);
}

static void interfaces_have_what_they_need(void)
{
	static const struct {
		uint64_t one, needs;
	} pairs[] = {
		{ IOASID_BE_IF_DIRTY | IOASID_BE_IF_PASID | IOASID_BE_IF_FAULT, IOASID_BE_IF_PAGING },
		{ IOASID_BE_IF_NESTED, IOASID_BE_IF_PASID },
		{ IOASID_BE_IF_VIOMMU, IOASID_BE_IF_PAGING | IOASID_BE_IF_INVALIDATE },
		{ IOASID_BE_IF_VDEVICE | IOASID_BE_IF_HWQUEUE | IOASID_BE_IF_EVENT | IOASID_BE_IF_TABLE, IOASID_BE_IF_VIOMMU },
		{ IOASID_BE_IF_TABLE, IOASID_BE_IF_VDEVICE },
	};
	struct contract_world w;

	contract_up(&w, 0);
	for (unsigned int i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (w.caps.interfaces & pairs[i].one)
			CHECK_EQ(w.caps.interfaces & pairs[i].needs, pairs[i].needs);
	if (w.caps.flags & IOASID_BE_CTX_SEPARATE_DRAIN)
		CHECK(w.pasid && w.pasid->drain);
	if (w.caps.flags & IOASID_BE_CTX_SEPARATE_INVALIDATE)
		CHECK(w.invalidate != NULL);
	if (w.viommu)
		CHECK(w.invalidate && w.invalidate->raw);
	CHECK_EQ(w.caps.flags & ~(IOASID_BE_CTX_SEPARATE_DRAIN | IOASID_BE_CTX_SEPARATE_INVALIDATE |
				  IOASID_BE_CTX_SHARES_TABLES), 0);
	CHECK_EQ(w.caps.interfaces >> 12, 0);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(w.caps.reserved[i], 0);
	contract_down(&w);
}

static void unknown_interfaces_are_not_there(void)
{
	static const char *const ids[] = { "", "ioasid.be.paging/2", "ioasid.be.paging", "ioasid.be.paging/11", "com.example/1" };
	struct contract_world w;
	const void *table = &w;

	contract_up(&w, 0);
	for (unsigned int i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		CHECK_EQ(w.core->get_interface(w.ctx, ids[i], &table), IOASID_BE_ENOENT);
	CHECK(table == &w);
	contract_down(&w);
}

/* ---- Contexts ---- */

static void contexts_stay_as_they_are(void)
{
	struct contract_world w;
	struct ioasid_be_ctx_caps again = { .struct_size = sizeof(again) };

	contract_up(&w, 1);
	CHECK_EQ(w.core->caps(w.ctx, &again), 0);
	CHECK(!memcmp(&again, &w.caps, sizeof(again)));
	/* While there is something in it, it cannot go, and works on. */
	CHECK_EQ(w.core->close(w.ctx), IOASID_BE_EBUSY);
	CHECK_EQ(w.core->caps(w.ctx, &again), 0);
	CHECK_EQ(w.core->device_detach(w.dev[0]), 0);
	w.dev[0] = NULL;
	if (w.paging) {
		struct ioasid_be_as *as = contract_space(&w, 0, NULL);

		CHECK_EQ(w.core->close(w.ctx), IOASID_BE_EBUSY);
		contract_destroy(&w, as);
	}
	contract_down(&w);
}

static void unknown_settings_are_named(void)
{
	static const struct ioasid_be_pair pair = { "org.example.nonsense", "7" };
	static const struct ioasid_be_fd label = { .key = "org.example.nothing", .fd = 0 };
	struct contract_world w;
	struct ioasid_be_open args;
	struct ioasid_be_ctx *ctx = NULL;

	contract_machine(&w);
	args = w.args;
	args.config = (struct ioasid_be_array){ &pair, sizeof(pair), 1 };
	CHECK_EQ(w.core->open(&args, &ctx, &w.why), IOASID_BE_EINVAL);
	CHECK(strstr(w.text, pair.key) != NULL);
	CHECK_EQ(w.core->open(&args, &ctx, NULL), IOASID_BE_EINVAL);
	args = w.args;
	args.fds = (struct ioasid_be_array){ &label, sizeof(label), 1 };
	CHECK_EQ(w.core->open(&args, &ctx, &w.why), IOASID_BE_EINVAL);
	CHECK(ctx == NULL);
	contract_machine_end(&w);
}

static void a_reason_fits_its_room(void)
{
	static const struct ioasid_be_pair pair = { "org.example.a-rather-long-key-for-a-short-buffer", "7" };
	char words[9];
	struct ioasid_be_text text = { .struct_size = sizeof(text), .capacity = 8, .buffer = words };
	struct contract_world w;
	struct ioasid_be_open args;
	struct ioasid_be_ctx *ctx = NULL;

	contract_machine(&w);
	args = w.args;
	args.config = (struct ioasid_be_array){ &pair, sizeof(pair), 1 };
	memset(words, '#', sizeof(words));
	CHECK_EQ(w.core->open(&args, &ctx, &text), IOASID_BE_EINVAL);
	CHECK(memchr(words, '\0', 8) != NULL);
	CHECK_EQ(words[8], '#');
	CHECK_EQ(text.length, strlen(words));
	CHECK_EQ(text.capacity, 8);
	text.capacity = 0;
	memset(words, '#', sizeof(words));
	CHECK_EQ(w.core->open(&args, &ctx, &text), IOASID_BE_EINVAL);
	CHECK_EQ(words[0], '#');
	contract_machine_end(&w);
}

static void contexts_come_and_go(void)
{
	for (int i = 0; i < 3; i++) {
		struct contract_world w;

		contract_up(&w, CONTRACT_DEVICES);
		contract_down(&w);
	}
}

static const struct contract_case cases[] = {
	{ "the entry answers the same, from any thread, and opens nothing (R2)", the_entry_answers_the_same, 0, 0 },
	{ "the entry refuses what it does not speak, and says why (R3)", the_entry_refuses_versions, 0, 0 },
	{ "an interface is there if and only if its bit is set, and its table is well made (R14, R18)",
	  interfaces_are_what_is_said, 0, 0 },
	{ "interfaces and flags have what they need (R19, R20, R21)", interfaces_have_what_they_need, 0, 0 },
	{ "an unknown interface is not there (R18, R32)", unknown_interfaces_are_not_there, 0, 0 },
	{ "a context that is in use stays open, and its capabilities as they are (R44)", contexts_stay_as_they_are, 0, 0 },
	{ "unknown settings and descriptors are refused, the setting named (R42)", unknown_settings_are_named, 0, 0 },
	{ "a reason ends inside the room that there is for it (R40)", a_reason_fits_its_room, 0, 0 },
	{ "contexts come and go", contexts_come_and_go, 0, 0 },
};

CONTRACT_SUITE(contract_core, cases);
