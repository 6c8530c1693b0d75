/* The cases of the VT-d test that are not in vtd-edu.c itself. */
#ifndef IOASID_TESTS_VM_VTD_CASES_H
#define IOASID_TESTS_VM_VTD_CASES_H

#include "tests/vm/vtd-lab.h"

/* vtd-core.c: through the library's own functions */
void core_binds_and_unbinds(void);
void core_goes_home(void);
void core_set_ends(void);
void core_device_is_closed(void);
void core_knows_the_width(void);

/* vtd-device.c: through the contract of the plugins, like those of vtd-edu.c */
void report_is_true(void);
void addresses_are_as_wide_as_told(void);
void no_device_no_attach(void);
void adopted_is_left_as_it_was(void);

#endif
