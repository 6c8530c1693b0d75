/*
 * The umbrella: includes the library's headers and declares nothing itself.
 */
#ifndef IOASID_IOASID_H
#define IOASID_IOASID_H

#include <ioasid/address_space.h>
#include <ioasid/allocator.h>
#include <ioasid/async.h>
#include <ioasid/backend.h>
#include <ioasid/binding.h>
#include <ioasid/context.h>
#include <ioasid/device.h>
#include <ioasid/fault.h>
#include <ioasid/id.h>
#include <ioasid/invalidate.h>
#include <ioasid/notifier.h>
#include <ioasid/pool.h>
#include <ioasid/reason.h>
#include <ioasid/record.h>
#include <ioasid/set.h>
#include <ioasid/spid.h>
#include <ioasid/stats.h>
#include <ioasid/types.h>
#include <ioasid/version.h>
#include <ioasid/work.h>

#endif
