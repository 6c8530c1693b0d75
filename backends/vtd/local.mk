# The backend for VT-d: a library that its tests link, and the plugin that is nothing else. Sources, one per line, sorted.
noinst_LTLIBRARIES += %D%/libvtd.la
%C%_libvtd_la_SOURCES = \
	%D%/core.c \
	%D%/cover.c \
	%D%/decode.c \
	%D%/device.c \
	%D%/dirty.c \
	%D%/fault.c \
	%D%/group.c \
	%D%/invalidate.c \
	%D%/known.c \
	%D%/nested.c \
	%D%/queue.c \
	%D%/queue.h \
	%D%/ranges.c \
	%D%/slot.c \
	%D%/space.c \
	%D%/table.c \
	%D%/vtd.h
%C%_libvtd_la_CPPFLAGS = $(CPPFLAGS_PLUGIN) -I$(top_srcdir)/backends
# Part of a plugin, though an archive by itself.
%C%_libvtd_la_CFLAGS = $(AM_CFLAGS) -fPIC
%C%_libvtd_la_LIBADD = backends/iommufd/libiommufd.la

plugin_LTLIBRARIES += %D%/vtd.la
%C%_vtd_la_SOURCES =
%C%_vtd_la_LIBADD = %D%/libvtd.la
%C%_vtd_la_LDFLAGS = $(LDFLAGS_PLUGIN)
EXTRA_%C%_vtd_la_DEPENDENCIES = $(DEPS_PLUGIN)
