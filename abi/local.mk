# The contract between host and plugin. The header is installed where a plugin's author finds it without the library:
# pkg-config --variable=abidir libioasid
abidir = $(includedir)/ioasid/abi
abi_HEADERS = %D%/ioasid_backend.h
dist_doc_DATA += %D%/SPEC.md
dist_noinst_DATA += %D%/layout-0.json

# Freeze the layout anew, after the header was changed on purpose while its minor is a draft.
abi-layout:
	CC='$(CC)' $(PYTHON3) $(top_srcdir)/tools/abi-layout.py write $(top_srcdir)/abi/ioasid_backend.h >layout.tmp
	mv layout.tmp $(top_srcdir)/abi/layout-0.json
.PHONY: abi-layout
