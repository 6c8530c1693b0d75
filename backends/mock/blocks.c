/* Memory of a machine; see blocks.h. */
#include "blocks.h"

#include <stdbool.h>
#include <stdlib.h>

void mock_mem_init(struct mock_mem *mem, uint64_t fail)
{
	atomic_init(&mem->blocks, 0);
	atomic_init(&mem->fail, fail);
}

/* Counts this request; is it the one that fails? */
static bool fails(struct mock_mem *mem)
{
	uint64_t left = atomic_load_explicit(&mem->fail, memory_order_relaxed);

	while (left && !atomic_compare_exchange_weak_explicit(&mem->fail, &left, left - 1,
							      memory_order_relaxed, memory_order_relaxed))
		;
	return left == 1;
}

void *mock_mem_zalloc(struct mock_mem *mem, size_t count, size_t size)
{
	void *block = fails(mem) ? NULL : calloc(count, size);

	if (block)
		atomic_fetch_add_explicit(&mem->blocks, 1, memory_order_relaxed);
	return block;
}

void mock_mem_free(struct mock_mem *mem, void *block)
{
	if (block)
		atomic_fetch_sub_explicit(&mem->blocks, 1, memory_order_relaxed);
	free(block);
}
