/*
 * Binding through the mock plugin, and what the contract with plugins costs in it. Three ways to put a PASID
 * on an address space and take it off again:
 *
 *   floor    the plugin's own functions, called by their pointers
 *   bind-abi the library's calls into a plugin, which check what comes back
 *   bind     ioasid_bind_ioas() and ioasid_unbind(), or with a page table of a guest and its SPID
 *
 * Needs the plugin: IOASID_BACKEND_PATH, as for every program that is not installed.
 */
#include "bench/bench.h"
#include "bench/mock.h"
#include "bench/rows.h"

static int prepare(struct cell *cell)
{
	return bench_world(cell) == 0 && bench_mock_start() ? 0 : -1;
}

static void loop_abi(struct lane *l, uint64_t count)
{
	l->failed += l->peer == &peer_floor ? bench_mock_direct(count) : bench_mock_abi(count);
}

static void loop_bind(struct lane *l, uint64_t count)
{
	l->failed += l->peer == &peer_floor ? bench_mock_direct(count) : bench_mock_bind(count);
}

/* The library's part has a table to make and a SPID to attach, the floor's has not. */
static void loop_guest(struct lane *l, uint64_t count)
{
	l->failed += l->peer == &peer_floor ? bench_mock_direct(count) : bench_mock_guest(count);
}

static bool able(const struct peer *p)
{
	return p == &peer_floor || p == &peer_ioasid;
}

static const uint32_t one[] = { 1, 0 };

#define LOOP(n, w, l) { .name = (n), .what = (w), .sizes = one, .threads = 1, .able = able, .prepare = prepare, .loop = (l) }

const struct row rows_bind[] = {
	LOOP("bind-abi", "mock: attach and detach by the contract alone; floor: by pointer", loop_abi),
	LOOP("bind", "mock: bind and unbind an address space; floor: by pointer", loop_bind),
	LOOP("bind-guest", "mock: bind and unbind table and SPID; floor: by pointer", loop_guest),
};
const unsigned int rows_bind_count = sizeof(rows_bind) / sizeof(rows_bind[0]);
