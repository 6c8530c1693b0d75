# What the kernel-backed plugins share: the client of iommufd and VFIO. Sources, one per line, sorted.
noinst_LTLIBRARIES += %D%/libiommufd.la
%C%_libiommufd_la_SOURCES = \
	%D%/client.c \
	%D%/client.h \
	%D%/uapi.h \
	%D%/vfio.c \
	%D%/vfio.h \
	%D%/virtual.c \
	%D%/virtual.h \
	%D%/wire.c \
	%D%/wire.h
%C%_libiommufd_la_CPPFLAGS = $(CPPFLAGS_PLUGIN)
# Part of plugins, though an archive by itself.
%C%_libiommufd_la_CFLAGS = $(AM_CFLAGS) -fPIC
