/*
 * The umbrella of libioasid-guest: includes its headers and declares nothing itself.
 */
#ifndef IOASID_GUEST_GUEST_H
#define IOASID_GUEST_GUEST_H

#include <ioasid-guest/error.h>
#include <ioasid-guest/memory.h>
#include <ioasid-guest/vtd_page_request.h>
#include <ioasid-guest/vtd_queue.h>
#include <ioasid-guest/vtd_table.h>
#include <ioasid-guest/vtd_unit.h>
#include <ioasid-guest/vtd_walk.h>

#endif
