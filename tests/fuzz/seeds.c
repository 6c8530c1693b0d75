/* usage: seeds FOLDER: writes the seeds of each target into FOLDER/<target>/, which has to be there. */
#include <stdio.h>

#include "tests/fuzz/fuzz.h"

static int write_seed(const char *folder, const char *target, unsigned int index, const uint8_t *data, size_t size)
{
	char path[4096];
	FILE *file;
	size_t done;

	if (snprintf(path, sizeof(path), "%s/%s/seed-%u", folder, target, index) >= (int)sizeof(path))
		return 1;
	file = fopen(path, "wb");
	if (!file)
		return 1;
	done = fwrite(data, 1, size, file);
	return fclose(file) || done != size;
}

int main(int argc, char **argv)
{
	static uint8_t data[FUZZ_SEED_MAX];
	size_t size;

	if (argc != 2)
		return 2;
	for (unsigned int t = 0; t < FUZZ_TARGETS; t++) {
		for (unsigned int i = 0; (size = fuzz_target[t].seed(i, data)); i++) {
			if (write_seed(argv[1], fuzz_target[t].name, i, data, size)) {
				fprintf(stderr, "%s: a seed of %s could not be written\n", argv[1], fuzz_target[t].name);
				return 1;
			}
		}
	}
	return 0;
}
