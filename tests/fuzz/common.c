/* What the fuzz targets share. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

const struct fuzz_target fuzz_target[FUZZ_TARGETS] = {
	{ "tables", fuzz_tables, fuzz_seed_tables },
	{ "queue", fuzz_queue, fuzz_seed_queue },
	{ "pages", fuzz_pages, fuzz_seed_pages },
};

void fuzz_check(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return;
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

uint64_t fuzz_take(struct fuzz_input *input, unsigned int bytes)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < bytes && input->size; i++) {
		word |= (uint64_t)*input->data++ << 8 * i;
		input->size--;
	}
	return word;
}

struct ioasid_guest_vtd_unit fuzz_unit(struct fuzz_input *input)
{
	struct ioasid_guest_vtd_unit unit = { .address_bits = FUZZ_BITS };

	unit.cap = FUZZ_CAP ^ fuzz_take(input, 8);
	unit.ecap = FUZZ_ECAP ^ fuzz_take(input, 8);
	return unit;
}

void fuzz_check_error(int rc, const struct ioasid_guest_error *error)
{
	static const int answers[] = { 0, -EINVAL, -EFAULT, -ENOENT, -ENOENT, -ERANGE, -EBADMSG, -EBADMSG, -EBADMSG,
				       -EBADMSG, -EBADMSG, -EBADMSG, -ENOSPC };

	MUST(error->code <= IOASID_GUEST_WRONG_FULL);
	MUST(answers[error->code] == rc);
	MUST(error->where <= IOASID_GUEST_IN_PAGE_QUEUE);
	MUST((error->where == IOASID_GUEST_IN_CALL) == (rc == -EINVAL || !rc));
}
