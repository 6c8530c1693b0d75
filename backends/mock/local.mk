# The software IOMMU. docs/backend-mock.md tells how to configure and drive it.
plugin_LTLIBRARIES += %D%/mock.la
%C%_mock_la_SOURCES = \
	%D%/bell.c \
	%D%/bell.h \
	%D%/bind.c \
	%D%/bind.h \
	%D%/blocks.c \
	%D%/blocks.h \
	%D%/clock.h \
	%D%/control.c \
	%D%/core.c \
	%D%/device.c \
	%D%/dirty.c \
	%D%/dirty.h \
	%D%/dma.c \
	%D%/dma.h \
	%D%/entry.c \
	%D%/event.c \
	%D%/event.h \
	%D%/fault.c \
	%D%/fault.h \
	%D%/flight.c \
	%D%/flight.h \
	%D%/guest_table.c \
	%D%/ids.c \
	%D%/ids.h \
	%D%/inject.c \
	%D%/inject.h \
	%D%/invalidate.c \
	%D%/machine.c \
	%D%/machine.h \
	%D%/map.c \
	%D%/map.h \
	%D%/mock_control.h \
	%D%/mock_formats.h \
	%D%/nested.c \
	%D%/paging.c \
	%D%/page.c \
	%D%/page.h \
	%D%/pasid.c \
	%D%/plug.c \
	%D%/plug.h \
	%D%/report.c \
	%D%/setup.c \
	%D%/setup.h \
	%D%/setup_lists.c \
	%D%/setup_lists.h \
	%D%/slot.c \
	%D%/slot.h \
	%D%/space.c \
	%D%/space.h \
	%D%/structs.c \
	%D%/structs.h \
	%D%/tlb.c \
	%D%/tlb.h \
	%D%/turnstile.c \
	%D%/turnstile.h \
	%D%/viommu.c \
	%D%/viommu.h \
	%D%/walk.c \
	%D%/walk.h \
	%D%/window.c \
	%D%/world.c \
	%D%/world.h
%C%_mock_la_CPPFLAGS = $(CPPFLAGS_PLUGIN)
%C%_mock_la_LDFLAGS = $(LDFLAGS_PLUGIN)
EXTRA_%C%_mock_la_DEPENDENCIES = $(DEPS_PLUGIN)
