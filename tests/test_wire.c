/* What the kernel-backed plugins share: structures of the ABI across versions, reasons and errors. */
#include <errno.h>
#include <string.h>

#include "backends/iommufd/wire.h"
#include "tests/harness.h"

struct small {
	uint32_t struct_size, a;
	uint64_t b;
};

struct large {
	struct small small;
	uint64_t c, d;
};

static void structures_come_in(void)
{
	struct large from = { .small = { .struct_size = sizeof(from), .a = 1, .b = 2 } }, to;
	struct small *narrow = &to.small;

	CHECK_EQ(wire_in(narrow, sizeof(*narrow), sizeof(*narrow), &from), 0);
	CHECK(narrow->a == 1 && narrow->b == 2);
	from.d = UINT64_C(1) << 63;
	CHECK_EQ(wire_in(narrow, sizeof(*narrow), sizeof(*narrow), &from), IOASID_BE_E2BIG);
	from.small.struct_size = sizeof(from.small);
	memset(&to, 0xff, sizeof(to));
	CHECK_EQ(wire_in(&to, sizeof(to), sizeof(from.small), &from), 0);
	CHECK(to.small.b == 2 && !to.c && !to.d);
	CHECK_EQ(wire_in(&to, sizeof(to), sizeof(to), &from), IOASID_BE_EINVAL);
	from.small.struct_size = sizeof(from.small) + 4;
	CHECK_EQ(wire_in(&to, sizeof(to), sizeof(from.small), &from), IOASID_BE_EINVAL);
	CHECK_EQ(wire_in(&to, sizeof(to), 8, NULL), IOASID_BE_EINVAL);
}

static void structures_go_out(void)
{
	struct small ours = { .a = 1, .b = 2 };
	struct large theirs;

	memset(&theirs, 0xff, sizeof(theirs));
	theirs.small.struct_size = sizeof(theirs);
	CHECK_EQ(wire_out(&theirs, &ours, sizeof(ours)), 0);
	CHECK(theirs.small.struct_size == sizeof(theirs) && theirs.small.a == 1 && theirs.small.b == 2);
	CHECK(!theirs.c && !theirs.d);
	memset(&theirs, 0xff, sizeof(theirs));
	theirs.small.struct_size = 8;
	CHECK_EQ(wire_out(&theirs, &ours, sizeof(ours)), 0);
	CHECK(theirs.small.a == 1 && theirs.small.b == UINT64_MAX);
	theirs.small.struct_size = 4;
	CHECK_EQ(wire_out(&theirs, &ours, sizeof(ours)), IOASID_BE_EINVAL);
}

static void reasons_fit(void)
{
	char buffer[8] = "zzzzzzz";
	struct ioasid_be_text text = { .struct_size = sizeof(text), .capacity = 6, .buffer = buffer };

	CHECK_EQ(wire_why(&text, -7, "%s", "0123456789"), -7);
	CHECK(!strcmp(buffer, "01234"));
	CHECK_EQ(text.length, 5);
	CHECK_EQ(buffer[6], 'z');
	CHECK_EQ(wire_why(NULL, -7, "nobody asked"), -7);
	text.capacity = 0;
	CHECK_EQ(wire_why(&text, -7, "no room"), -7);
	CHECK(!strcmp(buffer, "01234"));
}

static void kernel_errors_become_the_contracts(void)
{
	CHECK_EQ(wire_error(0), 0);
	CHECK_EQ(wire_error(-EADDRINUSE), IOASID_BE_EBUSY);
	CHECK_EQ(wire_error(-EMSGSIZE), IOASID_BE_EOVERFLOW);
	CHECK_EQ(wire_error(-ENOTTY), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(wire_error(-EXDEV), IOASID_BE_EIO);
	CHECK_EQ(wire_error(-ENOSPC), IOASID_BE_ENOSPC);
	CHECK_EQ(wire_error(7), IOASID_BE_EIO);
}

static const struct test_case cases[] = {
	{ "a structure of another size comes in whole or is refused", structures_come_in },
	{ "a structure goes out as far as its reader knows it", structures_go_out },
	{ "a reason is cut to its room", reasons_fit },
	{ "an errno that the contract does not have becomes one that it has",
		kernel_errors_become_the_contracts },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("wire", cases, argc, argv);
}
