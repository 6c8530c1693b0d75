# Tests of the plugin ABI and its loader.

# A backend that is linked into a test and counts calls. Any test may use it.
COUNTING_BACKEND = \
	%D%/counting_backend.c \
	%D%/counting_backend.h \
	%D%/counting_control.c \
	%D%/counting_faults.c

PLUGIN_FOLDERS = \
	%D%/plugin_folders.c \
	%D%/plugin_folders.h

check_PROGRAMS += \
	%D%/test_backend \
	%D%/test_backend_search \
	%D%/test_backend_trust \
	%D%/test_be_batch \
	%D%/test_be_call \
	%D%/test_host_table \
	%D%/test_loader

%C%_test_backend_SOURCES = %D%/test_backend.c %D%/bad_plugin.h $(COUNTING_BACKEND)
%C%_test_backend_search_SOURCES = %D%/test_backend_search.c $(PLUGIN_FOLDERS)
%C%_test_backend_trust_SOURCES = %D%/test_backend_trust.c $(PLUGIN_FOLDERS)
%C%_test_be_batch_SOURCES = %D%/test_be_batch.c %D%/bad_plugin.h $(COUNTING_BACKEND)
%C%_test_be_call_SOURCES = %D%/test_be_call.c %D%/bad_plugin.h
%C%_test_host_table_SOURCES = %D%/test_host_table.c $(COUNTING_BACKEND)
%C%_test_loader_SOURCES = %D%/test_loader.c %D%/bad_plugin.h

TESTS += %D%/check-abi.py
dist_check_SCRIPTS += %D%/check-abi.py

# Plugins that break the contract in one way each, and a few that do not. Not modules of libtool: it would want to install them.
BAD_PLUGINS = \
	%D%/bad-plugins/bad_name.so \
	%D%/bad-plugins/bit_without_interface.so \
	%D%/bad-plugins/good.so \
	%D%/bad-plugins/half_interface.so \
	%D%/bad-plugins/huge_table.so \
	%D%/bad-plugins/interface_without_bit.so \
	%D%/bad-plugins/liar.so \
	%D%/bad-plugins/lonely_interface.so \
	%D%/bad-plugins/missing_drain.so \
	%D%/bad-plugins/missing_operation.so \
	%D%/bad-plugins/missing_raw.so \
	%D%/bad-plugins/newer.so \
	%D%/bad-plugins/no_context.so \
	%D%/bad-plugins/no_device.so \
	%D%/bad-plugins/no_entry.so \
	%D%/bad-plugins/null_table.so \
	%D%/bad-plugins/other_name.so \
	%D%/bad-plugins/positive_entry.so \
	%D%/bad-plugins/reentrant.so \
	%D%/bad-plugins/refuses.so \
	%D%/bad-plugins/reply_size.so \
	%D%/bad-plugins/reserved_caps.so \
	%D%/bad-plugins/reserved_reply.so \
	%D%/bad-plugins/reserved_table.so \
	%D%/bad-plugins/short_table.so \
	%D%/bad-plugins/slow.so \
	%D%/bad-plugins/software.so \
	%D%/bad-plugins/thread_exit.so \
	%D%/bad-plugins/tiny_table.so \
	%D%/bad-plugins/unaligned_table.so \
	%D%/bad-plugins/unknown_caps.so \
	%D%/bad-plugins/unknown_flags.so \
	%D%/bad-plugins/unresolved.so \
	%D%/bad-plugins/wrong_minor.so \
	%D%/bad-plugins/wrong_version.so

check_DATA = $(BAD_PLUGINS)
CLEANFILES += $(BAD_PLUGINS)
dist_noinst_DATA += $(BAD_PLUGINS:.so=.c) %D%/bad-plugins/plugin.h

SUFFIXES = .so
.c.so:
	@$(MKDIR_P) $(@D)
	$(AM_V_CC)$(CC) $(CPPFLAGS_PLUGIN) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS) -fPIC -shared $(LDFLAGS) \
		-Wl,--version-script=$(PLUGIN_MAP) -o $@ $<

$(BAD_PLUGINS): $(top_srcdir)/tests/bad-plugins/plugin.h $(top_srcdir)/abi/ioasid_backend.h $(PLUGIN_MAP)
