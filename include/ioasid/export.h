/*
 * Marks of what the library shows: how a function is exported, and that its name is C's.
 *
 * Every function of the public headers is declared with IOASID_API between IOASID_BEGIN_DECLS and
 * IOASID_END_DECLS. Everything else in the library is hidden (S14.3).
 */
#ifndef IOASID_EXPORT_H
#define IOASID_EXPORT_H

#if defined(__GNUC__)
#define IOASID_API __attribute__((visibility("default")))
#else
#define IOASID_API
#endif

#ifdef __cplusplus
#define IOASID_BEGIN_DECLS extern "C" {
#define IOASID_END_DECLS }
#else
#define IOASID_BEGIN_DECLS
#define IOASID_END_DECLS
#endif

#endif
