/*
 * The version that was compiled in. PACKAGE_VERSION comes from configure.ac; a test holds it and version.h
 * together.
 */
#include <ioasid/version.h>

const char *ioasid_version(void)
{
	return PACKAGE_VERSION;
}

uint32_t ioasid_version_number(void)
{
	return IOASID_VERSION_NUMBER;
}
