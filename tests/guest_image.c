/* A guest's memory for the tests of libioasid-guest. */
#include <stdlib.h>

#include "guest_image.h"

static int read_image(void *context, uint64_t address, void *buffer, uint32_t length)
{
	struct image *image = context;

	image->reads++;
	if (!length || length > 64 || address % 4096 + length > 4096 || address >> IMAGE_BITS)
		image->straddled = true;
	if (image->hole != 1 && address / 4096 == image->hole / 4096)
		return image->answer;
	if (address > IMAGE_BYTES || length > IMAGE_BYTES - address)
		return -ENXIO;
	memcpy(buffer, image->bytes + address, length);
	return 0;
}

void image_open(struct image *image)
{
	*image = (struct image){
		.unit = { .cap = IMAGE_CAP, .ecap = IMAGE_ECAP, .address_bits = IMAGE_BITS,
			  .memory = { image, read_image } },
		.hole = 1,
		.bytes = calloc(1, IMAGE_BYTES),
	};
	REQUIRE(image->bytes);
}

void image_close(struct image *image)
{
	CHECK(!image->straddled);
	free(image->bytes);
}

void put_words(uint8_t *bytes, const uint64_t *words, unsigned int count)
{
	for (unsigned int i = 0; i < 8 * count; i++)
		bytes[i] = (uint8_t)(words[i / 8] >> 8 * (i % 8));
}

void image_put(struct image *image, uint64_t address, const uint64_t *words, unsigned int count)
{
	REQUIRE(address + 8 * count <= IMAGE_BYTES);
	put_words(image->bytes + address, words, count);
}

void image_word(struct image *image, uint64_t address, uint64_t word)
{
	image_put(image, address, &word, 1);
}

void image_machine(struct image *image)
{
	/* Root entry of bus 3: sixteen bytes each. */
	image_word(image, 0x1030, 0x2001);
	image_word(image, 0x1038, 0x3001);
	/* Device 2, function 1 is entry 0x11 of 32 bytes. PDTS 7, PRE, PASIDE, DTE, P. */
	image_word(image, 0x2220, IMAGE_DIRECTORY | 0xe1d);
}

struct ioasid_guest_vtd_context image_context(struct image *image)
{
	struct ioasid_guest_vtd_context context = { 0 };

	REQUIRE_EQ(ioasid_guest_vtd_context_find(&image->unit, IMAGE_RTADDR, IMAGE_SOURCE, &context, NULL), 0);
	return context;
}

void image_table(struct image *image, uint32_t index, uint64_t table)
{
	image_word(image, IMAGE_DIRECTORY + 8 * index, table | 1);
}

void image_entry(struct image *image, uint64_t table, uint32_t pasid, uint32_t domain, uint64_t root)
{
	/* PGTT 1, AW 48, P; the domain id; the root. */
	const uint64_t words[8] = { 0x49, domain, root };

	image_put(image, table + 64 * (pasid % 64), words, 8);
}
