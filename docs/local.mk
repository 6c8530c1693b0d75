# Documents, one per line, sorted.
dist_doc_DATA += \
	%D%/backend-mock.md \
	%D%/backend-vtd.md \
	%D%/bindings.md \
	%D%/concurrency.md \
	%D%/design.md \
	%D%/guest-vtd.md \
	%D%/faults.md \
	%D%/flows.md \
	%D%/performance.md \
	%D%/sandbox.md \
	%D%/semantics.md

dist_noinst_DATA += \
	%D%/plots/crowd-alloc-one.svg \
	%D%/plots/crowd-alloc.svg \
	%D%/plots/crowd-same.svg \
	%D%/plots/sets-alloc.svg \
	%D%/plots/sets-by-spid.svg \
	%D%/plots/sets-find.svg \
	%D%/plots/sets-get-put.svg \
	%D%/plots/size-alloc.svg \
	%D%/plots/size-by-spid.svg \
	%D%/plots/size-find.svg \
	%D%/plots/size-get-put.svg \
	%D%/plots/size-teardown.svg \
	%D%/rules-in-scope.txt
