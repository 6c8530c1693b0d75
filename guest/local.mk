# libioasid-guest: decoders of what guests of emulated IOMMUs write. It stands by itself: neither library needs the other.
# Sources and private headers, one per line, sorted.
lib_LTLIBRARIES += libioasid-guest.la
libioasid_guest_la_SOURCES = \
	%D%/guest.h \
	%D%/unit.c \
	%D%/vtd_context.c \
	%D%/vtd_descriptor.c \
	%D%/vtd_descriptor.h \
	%D%/vtd_entry.c \
	%D%/vtd_page_request.c \
	%D%/vtd_queue.c \
	%D%/vtd_walk.c
libioasid_guest_la_LDFLAGS = $(SAN_CFLAGS) -version-info 0:0:0
if !BUILD_SHARED
libioasid_guest_la_LDFLAGS += -static
endif

pkgconfig_DATA += libioasid-guest.pc
