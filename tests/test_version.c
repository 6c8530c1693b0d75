/*
 * The version: one number in three places (configure.ac, the header, the library) must be one.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include <ioasid/version.h>

static void words_and_number_agree(void)
{
	char text[64];

	snprintf(text, sizeof(text), "%u.%u.%u", ioasid_version_number() >> 16, (ioasid_version_number() >> 8) & 0xff,
		 ioasid_version_number() & 0xff);
	CHECK(!strcmp(text, ioasid_version()));
}

static void header_and_library_agree(void)
{
	CHECK_EQ(ioasid_version_number(), IOASID_VERSION_NUMBER);
}

static void package_and_library_agree(void)
{
	CHECK(!strcmp(ioasid_version(), PACKAGE_VERSION));
}

static const struct test_case cases[] = {
	{ "the version in words and the version number say the same", words_and_number_agree },
	{ "the header and the library are of one version", header_and_library_agree },
	{ "the library is of the version that configure.ac gives the package", package_and_library_agree },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("version", cases, argc, argv);
}
