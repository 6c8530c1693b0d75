# The public headers, one per line, sorted.
ioasidincludedir = $(includedir)/ioasid
ioasidinclude_HEADERS = \
	%D%/ioasid/address_space.h \
	%D%/ioasid/allocator.h \
	%D%/ioasid/async.h \
	%D%/ioasid/backend.h \
	%D%/ioasid/binding.h \
	%D%/ioasid/context.h \
	%D%/ioasid/device.h \
	%D%/ioasid/export.h \
	%D%/ioasid/fault.h \
	%D%/ioasid/id.h \
	%D%/ioasid/inline.h \
	%D%/ioasid/invalidate.h \
	%D%/ioasid/ioasid.h \
	%D%/ioasid/notifier.h \
	%D%/ioasid/pool.h \
	%D%/ioasid/reason.h \
	%D%/ioasid/record.h \
	%D%/ioasid/set.h \
	%D%/ioasid/spid.h \
	%D%/ioasid/stats.h \
	%D%/ioasid/types.h \
	%D%/ioasid/version.h \
	%D%/ioasid/work.h

# Those of libioasid-guest.
guestincludedir = $(includedir)/ioasid-guest
guestinclude_HEADERS = \
	%D%/ioasid-guest/error.h \
	%D%/ioasid-guest/guest.h \
	%D%/ioasid-guest/memory.h \
	%D%/ioasid-guest/vtd_page_request.h \
	%D%/ioasid-guest/vtd_queue.h \
	%D%/ioasid-guest/vtd_table.h \
	%D%/ioasid-guest/vtd_unit.h \
	%D%/ioasid-guest/vtd_walk.h
