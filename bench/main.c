/*
 * ioasid-bench: the library beside other ways to do the same work.
 *
 * All contestants of a row are prepared first and then take turns, a round of about a millisecond each, so
 * that what disturbs the machine disturbs all of them alike. What counts is the ratio.
 */
#include <dlfcn.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/memory.h"
#include "bench/rows.h"

#define PEERS_MAX 32
#define PLUGINS_MAX 4

static const struct peer *all_peers[PEERS_MAX] = {
	&peer_floor, &peer_call, &peer_ioasid,
#ifdef HAVE_GLIB
	&peer_glib,
#endif
#ifdef HAVE_ROARING
	&peer_roaring,
#endif
#ifdef HAVE_JUDY
	&peer_judy,
#endif
#ifdef HAVE_CK
	&peer_ck,
#endif
#ifdef HAVE_LFHT
	&peer_lfht,
#endif
#ifdef HAVE_TBB
	&peer_tbb,
#endif
};

#define WARM_ROUNDS 4
#define ONCE_ROUNDS 5

static const struct peer *peers[PEERS_MAX];
static unsigned int peer_count;
static bool curves;
static const char *want_rows, *want_sizes, *plot_prefix;
static unsigned int want_threads; /* a bit per number; 0: all */
static double seconds = 0.2;
static enum bench_format format = BENCH_TABLE;
static struct cell *cells;
static size_t cell_count;

int peer_handler(void *context, const void *event)
{
	(void)event;
	++*(uint64_t *)context;
	return 0;
}

/* Is a word in a list with commas? A list that is not there has all. */
static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *at;

	if (list == NULL)
		return true;
	for (at = list; (at = strstr(at, word)) != NULL; at += n)
		if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

static void progress(const struct row *row, uint32_t size, unsigned int threads, const char *what)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s %u, %u thread%s: %s", row->name, size, threads, threads > 1 ? "s" : "",
			what);
}

static void progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

static void prepare(void *context)
{
	struct cell *c = context;

	c->ready = c->row->once != NULL || c->row->prepare(c) == 0;
	if (c->ready && c->world != NULL && c->peer->ready != NULL)
		c->peer->ready(c->world, c->lanes[0].set);
}

static void end(void *context)
{
	bench_end(context);
}

static double cell_seconds(const struct cell *c)
{
	double ns = 0;
	unsigned int i;

	for (i = 0; i < c->rounds; i++)
		ns += c->sample[i] * (double)(c->batch != 0 ? c->batch : 1);
	return ns / 1e9;
}

static void measure(struct cell *line, unsigned int count)
{
	bool once = line[0].row->once != NULL, going = true;
	unsigned int i, r;

	for (r = 0; r < (once ? 0 : WARM_ROUNDS); r++)
		for (i = 0; i < count; i++)
			if (line[i].ready)
				bench_round(&line[i], true);
	for (r = 0; going; r++) {
		going = false;
		for (i = 0; i < count; i++) {
			if (!line[i].ready)
				continue;
			bench_round(&line[i], false);
			if (once)
				going |= r + 1 < ONCE_ROUNDS;
			else if (r < ROUNDS_MAX - 2)
				going |= r < 10 || cell_seconds(&line[i]) < seconds;
		}
	}
}

/* A line of the table. */
static void run_line(const struct row *row, uint32_t size, unsigned int threads)
{
	struct cell *line = &cells[cell_count];
	unsigned int i, n = 0;

	for (i = 0; i < peer_count; i++) {
		if (!row->able(peers[i]))
			continue;
		memset(&line[n], 0, sizeof(line[n]));
		line[n].row = row;
		line[n].peer = peers[i];
		line[n].size = size;
		line[n].threads = threads;
		progress(row, size, threads, peers[i]->name);
		bench_in_thread(prepare, &line[n++]);
	}
	if (n == 0)
		return;
	progress(row, size, threads, "measuring");
	measure(line, n);
	for (i = 0; i < n; i++) {
		if (row->once == NULL)
			bench_in_thread(end, &line[i]);
		bench_summarise(&line[i]);
	}
	cell_count += n;
	progress_end();
	bench_print_row(line, n);
}

static void run_row(const struct row *row)
{
	const uint32_t *size;
	unsigned int threads;
	char text[16];

	if (row->extra && want_rows == NULL ? !curves : !listed(want_rows, row->name))
		return;
	for (size = row->sizes; *size != 0; size++) {
		snprintf(text, sizeof(text), "%u", *size);
		for (threads = 1; listed(want_sizes, text) && threads <= row->threads; threads++)
			if (want_threads == 0 || want_threads & (1u << threads))
				run_line(row, *size, threads);
	}
}

static const struct row row_memory = { .name = "memory", .what = "bytes per live ID" };
static const struct row row_idle = { .name = "idle-set", .what = "bytes per set without IDs", .extra = true };

static void run_rows(const struct row *rows, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		run_row(&rows[i]);
}

/* Bytes, shown like the others. */
static void run_memory(const struct row *row, uint32_t size, double (*of)(const struct peer *peer))
{
	struct cell *line = &cells[cell_count];
	unsigned int i, n = 0;

	if (row->extra && want_rows == NULL ? !curves : !listed(want_rows, row->name))
		return;
	for (i = 0; i < peer_count; i++) {
		double bytes;

		if (peers[i] == &peer_call)
			continue;
		progress(row, size, 1, peers[i]->name);
		bytes = of(peers[i]);
		if (bytes < 0)
			continue;
		memset(&line[n], 0, sizeof(line[n]));
		line[n].row = row;
		line[n].peer = peers[i];
		line[n].size = size;
		line[n].threads = 1;
		line[n].rounds = 1;
		line[n].sample[0] = bytes;
		bench_summarise(&line[n++]);
	}
	cell_count += n;
	progress_end();
	if (n != 0)
		bench_print_row(line, n);
}

static size_t cells_wanted(void)
{
	unsigned int rows = rows_lookup_count + rows_alloc_count + rows_whole_count + rows_bind_count + rows_size_count +
			    rows_crowd_count;

	return (size_t)(rows + 2) * 6 * LANES * PEERS_MAX;
}

static void list_rows(const struct row *rows, unsigned int count)
{
	unsigned int i;
	const uint32_t *size;

	for (i = 0; i < count; i++) {
		printf("%c %-15s %s; SIZE", rows[i].extra ? '*' : ' ', rows[i].name, rows[i].what);
		for (size = rows[i].sizes; *size != 0; size++)
			printf(" %u", *size);
		printf("\n");
	}
}

static int usage(int code)
{
	unsigned int i;

	printf("usage: ioasid-bench [--rows LIST] [--sizes LIST] [--threads LIST] [--seconds S] [--peers LIST]\n"
	       "                    [--json | --csv] [--plot PREFIX] [--curves] [--peer-file FILE.so]...\n"
	       "Lists are words with commas between. --seconds: measured time of one number, %.1f; --plot writes\n"
	       "PREFIX-*.svg with gnuplot; --curves adds the rows with a *; --peer-file adds a contestant.\nrows:\n",
	       seconds);
	list_rows(rows_lookup, rows_lookup_count);
	list_rows(rows_alloc, rows_alloc_count);
	list_rows(rows_whole, rows_whole_count);
	list_rows(rows_bind, rows_bind_count);
	list_rows(rows_size, rows_size_count);
	list_rows(rows_crowd, rows_crowd_count);
	printf("* %-15s bytes per set without IDs, of 10000\n", "idle-set");
	printf("  %-15s bytes per live ID, with the whole pool in use\npeers:\n", "memory");
	for (i = 0; all_peers[i] != NULL; i++)
		printf("  %-15s %s\n", all_peers[i]->name, all_peers[i]->what);
	return code;
}

static void choose_peers(const char *list)
{
	unsigned int i;

	peer_count = 0;
	for (i = 0; all_peers[i] != NULL; i++)
		if (listed(list, all_peers[i]->name))
			peers[peer_count++] = all_peers[i];
}

/* A contestant in a shared object, which stays loaded. */
static int load_peer(const char *path)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct peer *peer = object == NULL ? NULL : dlsym(object, PEER_SYMBOL);
	unsigned int i;

	if (peer == NULL) {
		fprintf(stderr, "ioasid-bench: %s\n", dlerror());
		return -1;
	}
	for (i = 0; all_peers[i] != NULL; i++)
		;
	if (i + 1 == PEERS_MAX)
		return -1;
	all_peers[i] = peer;
	return 0;
}

static int options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "rows", required_argument, NULL, 'r' }, { "sizes", required_argument, NULL, 's' },
		{ "threads", required_argument, NULL, 't' }, { "seconds", required_argument, NULL, 'S' },
		{ "peers", required_argument, NULL, 'p' }, { "json", no_argument, NULL, 'j' },
		{ "csv", no_argument, NULL, 'c' }, { "plot", required_argument, NULL, 'P' },
		{ "memory-of", required_argument, NULL, 'm' }, { "sets-of", required_argument, NULL, 'M' },
		{ "curves", no_argument, NULL, 'C' }, { "peer-file", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const char *files[PLUGINS_MAX], *list = NULL;
	int c, n = 0, i;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case 'r': want_rows = optarg; break;
		case 's': want_sizes = optarg; break;
		case 't': want_threads = (listed(optarg, "1") ? 2u : 0) | (listed(optarg, "2") ? 4u : 0); break;
		case 'S': seconds = strtod(optarg, NULL); break;
		case 'p': list = optarg; break;
		case 'C': curves = true; break;
		case 'f':
			if (n == PLUGINS_MAX || load_peer(optarg) != 0)
				return 1;
			files[n++] = optarg;
			break;
		case 'j': format = BENCH_JSON; break;
		case 'c': format = BENCH_CSV; break;
		case 'P': plot_prefix = optarg; break;
		case 'm':
		case 'M':
			choose_peers(optarg);
			if (peer_count != 1)
				return 2;
			return c == 'm' ? bench_memory_here(peers[0]) : bench_memory_sets_here(peers[0]);
		case 'h': return usage(0);
		default: return usage(2);
		}
	}
	for (i = 0; i < n; i++)
		bench_memory_file(files[i]);
	choose_peers(list);
	return optind < argc || peer_count == 0 ? usage(2) : -1;
}

int main(int argc, char **argv)
{
	int code = options(argc, argv);

	if (code >= 0)
		return code;
	cells = calloc(cells_wanted(), sizeof(*cells));
	if (cells == NULL || bench_measure_start(LANES) != 0) {
		fprintf(stderr, "ioasid-bench: no memory, or no threads\n");
		return 1;
	}
	bench_print_begin(format, peers, peer_count);
	run_rows(rows_lookup, rows_lookup_count);
	run_rows(rows_alloc, rows_alloc_count);
	run_rows(rows_whole, rows_whole_count);
	run_rows(rows_bind, rows_bind_count);
	run_memory(&row_memory, PEER_CAPACITY, bench_memory_of);
	run_rows(rows_size, rows_size_count);
	run_memory(&row_idle, 10000, bench_memory_of_set);
	run_rows(rows_crowd, rows_crowd_count);
	bench_print_end();
	bench_measure_stop();
	code = 0;
	if (plot_prefix != NULL && bench_plot(plot_prefix, cells, cell_count) != 0) {
		fprintf(stderr, "ioasid-bench: no plot: is gnuplot installed?\n");
		code = 1;
	}
	free(cells);
	return code;
}
