# Scripts for those who build and test; not installed.
dist_noinst_SCRIPTS += \
	%D%/abi-layout.py \
	%D%/check-variant.sh \
	%D%/count-tests.sh \
	%D%/install-packages.sh \
	%D%/quickstart.sh \
	%D%/run-tests.sh \
	%D%/under-valgrind.sh \
	%D%/wrap-comments.py

dist_noinst_DATA += \
	%D%/packages.txt
