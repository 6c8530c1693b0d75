/*
 * A machine of the mock plugin with one device, one address space and one IOASID; made once. Each function
 * puts the IOASID on something and takes it off again, @count times; answers how many calls failed.
 */
#ifndef BENCH_MOCK_H
#define BENCH_MOCK_H

#include <stdbool.h>
#include <stdint.h>

/* False: there is no plugin "mock" where backends are looked for. */
bool bench_mock_start(void);

unsigned int bench_mock_direct(uint64_t count); /* the plugin's functions by their pointers */
unsigned int bench_mock_abi(uint64_t count);    /* the library's checked calls into a plugin */
unsigned int bench_mock_bind(uint64_t count);   /* ioasid_bind_ioas(), ioasid_unbind() */
unsigned int bench_mock_guest(uint64_t count);  /* ioasid_bind_gpasid() with a table and a SPID, ioasid_unbind() */

#endif
