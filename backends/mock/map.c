/* Three ways of mapping: memory of the process, of a file, of another address space. */
#include "map.h"

#include <sys/mman.h>

#include "space.h"
#include "structs.h"

/* Checks what all three ways of mapping have in common and gives the last address. */
static int32_t map_in(struct ioasid_be_map *map, const struct ioasid_be_map *from, uint64_t *last)
{
	int32_t rc = wire_struct_in(map, sizeof(*map), from);

	if (rc)
		return rc;
	if (!map->access || map->access & ~(IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE) || !map->length ||
	    map->flags || map->reserved[0] || map->reserved[1] ||
	    (map->iova | map->length | map->source) & PAGE_MASK_LOW)
		return IOASID_BE_EINVAL;
	if (map->iova > UINT64_MAX - (map->length - 1))
		return IOASID_BE_ERANGE;
	if (map->source > UINT64_MAX - (map->length - 1))
		return IOASID_BE_EFAULT;
	*last = map->iova + (map->length - 1);
	return 0;
}

/* Is there memory at all of [address, address + length)? */
static bool is_memory(uint64_t address, uint64_t length)
{
	unsigned char pages[4096];

	while (length) {
		uint64_t step = length < sizeof(pages) << PAGE_SHIFT ? length : sizeof(pages) << PAGE_SHIFT;

		if (mincore((void *)(uintptr_t)address, step, pages))
			return false;
		address += step;
		length -= step;
	}
	return true;
}

int32_t map_memory(struct ioasid_mock *mock, struct space *space, uint32_t id,
		   const struct ioasid_be_map *from)
{
	struct ioasid_be_map map;
	uint64_t last;
	int32_t rc = map_in(&map, from, &last);

	if (rc)
		return rc;
	if (map.from || map.fd != -1)
		return IOASID_BE_EINVAL;
	if (!map.source || (mock->setup->probe && !is_memory(map.source, map.length)))
		return IOASID_BE_EFAULT;
	turnstile_enter(&mock->lock);
	if (!space)
		space = space_find(mock, id);
	rc = IOASID_BE_ENOENT;
	if (space)
		rc = space_insert(mock, space,
				  &(struct mapping){ .first = map.iova,
						     .last = last,
						     .memory = (char *)(uintptr_t)map.source,
						     .access = map.access },
				  1);
	turnstile_leave(&mock->lock);
	return rc;
}

/* The host's memory of a file; EBADF if there is none. */
static int32_t file_open(struct ioasid_be_ctx *ctx, const struct ioasid_be_map *map, struct file **file)
{
	const struct ioasid_be_host *host = &ctx->host;
	struct file *made;
	char byte;
	int32_t rc;

	/* Memory behind the end of a file would end this process at the first DMA. */
	if (host->read(host->host, map->fd, &byte, 1, map->source + map->length - 1) != 1)
		return IOASID_BE_EBADF;
	made = mock_mem_zalloc(&ctx->mock->mem, 1, sizeof(*made));
	if (!made)
		return IOASID_BE_ENOMEM;
	rc = host->mmap(host->host, map->fd, map->source, map->length,
			map->access & IOASID_BE_MAP_WRITE ? IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE
							  : IOASID_BE_MAP_READ,
			&made->address);
	if (rc) {
		mock_mem_free(&ctx->mock->mem, made);
		return rc == IOASID_BE_ENOMEM ? rc : IOASID_BE_EBADF;
	}
	made->ctx = ctx;
	made->size = map->length;
	*file = made;
	return 0;
}

int32_t map_file(struct ioasid_be_as *as, const struct ioasid_be_map *from)
{
	struct ioasid_be_ctx *ctx = as->ctx;
	struct ioasid_be_map map;
	struct file *file;
	uint64_t last;
	int32_t rc = map_in(&map, from, &last);

	if (rc)
		return rc;
	if (map.from)
		return IOASID_BE_EINVAL;
	if (map.fd < 0)
		return IOASID_BE_EBADF;
	rc = file_open(ctx, &map, &file);
	if (rc)
		return rc;
	turnstile_enter(&ctx->mock->lock);
	rc = space_insert(ctx->mock, as->space,
			  &(struct mapping){ .first = map.iova,
					     .last = last,
					     .memory = file->address,
					     .access = map.access,
					     .file = file },
			  1);
	ctx->mock->files += !rc;
	turnstile_leave(&ctx->mock->lock);
	if (rc) {
		ctx->host.munmap(ctx->host.host, file->address, file->size);
		mock_mem_free(&ctx->mock->mem, file);
	}
	return rc;
}

/* The pieces of @from under a range, as they will be at @map->iova; how many, or an error. */
static int64_t copy_pieces(const struct space *from, const struct ioasid_be_map *map, struct mapping *pieces)
{
	const uint64_t end = map->source + (map->length - 1);
	uint64_t at = map->source;

	for (int64_t count = 0;; count++) {
		const struct mapping *under = space_at(from, at);
		uint64_t last;

		if (!under)
			return IOASID_BE_ENOENT;
		if (map->access & ~under->access)
			return IOASID_BE_EPERM;
		last = under->last < end ? under->last : end;
		if (pieces)
			pieces[count] = (struct mapping){
				.first = map->iova + (at - map->source),
				.last = map->iova + (last - map->source),
				.memory = under->memory + (at - under->first),
				.access = map->access,
				.file = under->file,
			};
		if (last == end)
			return count + 1;
		at = last + 1;
	}
}

int32_t map_copy(struct ioasid_be_as *as, const struct ioasid_be_map *from)
{
	struct ioasid_mock *mock = as->ctx->mock;
	struct mapping *pieces = NULL;
	struct ioasid_be_map map;
	uint64_t last;
	int64_t count;
	int32_t rc = map_in(&map, from, &last);

	if (rc)
		return rc;
	if (!map.from || map.from->ctx != as->ctx || map.fd != -1)
		return IOASID_BE_EINVAL;
	turnstile_enter(&mock->lock);
	count = copy_pieces(map.from->space, &map, NULL);
	rc = count < 0 ? (int32_t)count : 0;
	if (!rc) {
		pieces = mock_mem_zalloc(&mock->mem, (size_t)count, sizeof(*pieces));
		rc = pieces ? 0 : IOASID_BE_ENOMEM;
	}
	if (!rc) {
		copy_pieces(map.from->space, &map, pieces);
		rc = space_insert(mock, as->space, pieces, (uint64_t)count);
	}
	turnstile_leave(&mock->lock);
	mock_mem_free(&mock->mem, pieces);
	return rc;
}
