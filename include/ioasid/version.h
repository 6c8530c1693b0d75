/*
 * The version of the library: of the headers at compile time, of the code at run time.
 *
 * Both differ when a program was compiled against one release and linked with another.
 */
#ifndef IOASID_VERSION_H
#define IOASID_VERSION_H

#include <stdint.h>

#include <ioasid/export.h>

#define IOASID_VERSION_MAJOR UINT32_C(0)
#define IOASID_VERSION_MINOR UINT32_C(1)
#define IOASID_VERSION_PATCH UINT32_C(0)

/* One number that grows with every release: eight bits each for minor and patch, the rest for major. */
#define IOASID_VERSION_NUMBER ((IOASID_VERSION_MAJOR << 16) | (IOASID_VERSION_MINOR << 8) | IOASID_VERSION_PATCH)

IOASID_BEGIN_DECLS

/*
 * ioasid_version() - tell the version of the linked library in words.
 *
 * Context: any thread, any place, signal handlers included; never blocks.
 * Return: "major.minor.patch" in ASCII, never NULL, valid as long as the library is loaded.
 */
IOASID_API const char *ioasid_version(void);

/*
 * ioasid_version_number() - tell the version of the linked library as a number that can be compared.
 *
 * Context: any thread, any place, signal handlers included; never blocks.
 * Return: IOASID_VERSION_NUMBER as it was when the library was compiled.
 */
IOASID_API uint32_t ioasid_version_number(void);

IOASID_END_DECLS

#endif
