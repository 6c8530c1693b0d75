/*
 * What came out: a table, JSON or CSV on stdout, plots by gnuplot.
 */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

static enum bench_format format;
static const struct peer *const *columns;
static unsigned int column_count;
static bool first;

static void describe(void)
{
	unsigned int i;

	for (i = 0; i < column_count; i++)
		printf("# %-8s %s%s%s\n", columns[i]->name, columns[i]->what,
		       columns[i]->omits[0] != '\0' ? "; leaves out: " : "", columns[i]->omits);
	printf("# ns per operation, medians; one thread: CPU time, two: wall time.\n"
	       "# +-: half the distance of the library's quartiles. x floor: the library's time over the floor's.\n"
	       "# best peer: its time over the library's.\n");
}

void bench_print_begin(enum bench_format how, const struct peer *const *peers, unsigned int count)
{
	unsigned int i;

	format = how;
	columns = peers;
	column_count = count;
	first = true;
	if (format == BENCH_JSON) {
		printf("[");
	} else if (format == BENCH_CSV) {
		printf("row,size,threads,contestant,median_ns,low_quartile_ns,high_quartile_ns,rounds,failed\n");
	} else {
		describe();
		printf("%-15s %8s %2s", "row", "size", "t");
		for (i = 0; i < count; i++)
			printf(" %8s", columns[i]->name);
		printf(" %6s %8s %s\n", "+-%", "x floor", "best peer");
	}
	fflush(stdout);
}

static unsigned int failures(const struct cell *c)
{
	unsigned int i, sum = 0;

	for (i = 0; i < c->threads; i++)
		sum += c->lanes[i].failed;
	return sum;
}

static void print_machine(const struct cell *c)
{
	if (format == BENCH_CSV)
		printf("%s,%u,%u,%s,%.3f,%.3f,%.3f,%u,%u\n", c->row->name, c->size, c->threads, c->peer->name,
		       c->median, c->low, c->high, c->rounds, failures(c));
	else
		printf("%s\n{\"row\": \"%s\", \"size\": %u, \"threads\": %u, \"contestant\": \"%s\", "
		       "\"median_ns\": %.3f, \"low_quartile_ns\": %.3f, \"high_quartile_ns\": %.3f, "
		       "\"rounds\": %u, \"failed\": %u}",
		       first ? "" : ",", c->row->name, c->size, c->threads, c->peer->name, c->median, c->low, c->high,
		       c->rounds, failures(c));
	first = false;
}

static const struct cell *cell_of(const struct cell *cells, unsigned int count, const struct peer *peer)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (cells[i].peer == peer && cells[i].rounds != 0)
			return &cells[i];
	return NULL;
}

static void print_line(const struct cell *cells, unsigned int count)
{
	const struct cell *lib = cell_of(cells, count, &peer_ioasid), *floor = cell_of(cells, count, &peer_floor);
	const struct cell *best = NULL, *c;
	unsigned int i, failed = 0;

	printf("%-15s %8u %2u", cells[0].row->name, cells[0].size, cells[0].threads);
	for (i = 0; i < column_count; i++) {
		c = cell_of(cells, count, columns[i]);
		if (c == NULL) {
			printf(" %8s", "-");
			continue;
		}
		printf(c->median < 100 ? " %8.2f" : " %8.0f", c->median);
		failed += failures(c);
		if (c != lib && c != floor && c->peer != &peer_call && (best == NULL || c->median < best->median))
			best = c;
	}
	if (lib != NULL)
		printf(" %6.0f", 50 * (lib->high - lib->low) / lib->median);
	if (lib != NULL && floor != NULL)
		printf(" %8.2f", lib->median / floor->median);
	else
		printf(" %8s", "-");
	if (lib != NULL && best != NULL)
		printf(" %.1f (%s)", best->median / lib->median, best->peer->name);
	printf(failed != 0 ? " %u UNEXPECTED ANSWERS\n" : "\n", failed);
}

void bench_print_row(struct cell *cells, unsigned int count)
{
	unsigned int i;

	if (format == BENCH_TABLE)
		print_line(cells, count);
	for (i = 0; format != BENCH_TABLE && i < count; i++)
		if (cells[i].rounds != 0)
			print_machine(&cells[i]);
	fflush(stdout);
}

void bench_print_end(void)
{
	if (format == BENCH_JSON)
		printf("\n]\n");
	fflush(stdout);
}

/* ---- Plots ---- */

/* Which rows make a curve over the size. */
static const struct {
	const char *row, *xlabel, *title;
	bool linear; /* in x */
} curves[] = {
	{ "find", "IDs", "find of a random ID", false },
	{ "find-by-spid", "IDs in the set", "find by SPID and put", false },
	{ "alloc-free", "permille of the pool in use", "alloc and free", true },
	{ "size-find", "IDs in the set", "find of a random ID", false },
	{ "size-get-put", "IDs in the set", "get and put of a random ID", false },
	{ "size-by-spid", "IDs in the set", "find by SPID and put", false },
	{ "size-alloc", "IDs in the set", "alloc and free", false },
	{ "size-teardown", "IDs in the set", "end of a set in a full pool, per ID", false },
	{ "sets-find", "sets in the pool", "find in a random set", false },
	{ "sets-get-put", "sets in the pool", "get and put in a random set", false },
	{ "sets-by-spid", "sets in the pool", "find by SPID and put in a random set", false },
	{ "sets-alloc", "sets in the pool", "alloc and free in a random set", false },
	{ "crowd-find", "threads", "find, CPU time", false },
	{ "crowd-get-put", "threads", "get and put, CPU time", false },
	{ "crowd-same", "threads", "get and put of one ID, CPU time", false },
	{ "crowd-alloc", "threads", "alloc and free in own sets, CPU time", false },
	{ "crowd-alloc-one", "threads", "alloc and free in one set, CPU time", false },
};

static void curve(FILE *plot, const char *prefix, unsigned int which, const struct cell *cells, size_t count)
{
	unsigned int i;
	size_t j, drawn = 0;

	fprintf(plot, "set output '%s-%s.svg'\nset title '%s'\nset xlabel '%s'\nset ylabel 'ns'\n"
		"set logscale y\n%s\n", prefix, curves[which].row, curves[which].title, curves[which].xlabel,
		curves[which].linear ? "unset logscale x" : "set logscale x 2");
	for (i = 0; i < column_count; i++)
		fprintf(plot, "%s'-' using 1:2 with linespoints title '%s'", i == 0 ? "plot " : ", ", columns[i]->name);
	fprintf(plot, "\n");
	for (i = 0; i < column_count; i++) {
		for (j = 0; j < count; j++)
			if (cells[j].rounds != 0 && cells[j].threads == 1 && cells[j].peer == columns[i] &&
			    strcmp(cells[j].row->name, curves[which].row) == 0) {
				fprintf(plot, "%u %.3f\n", cells[j].size, cells[j].median);
				drawn++;
			}
		fprintf(plot, "%se\n", drawn == 0 ? "1 NaN\n" : "");
	}
}

/* Is this the first cell of its line of the table? */
static bool first_of_line(const struct cell *cells, size_t at)
{
	return at == 0 || cells[at - 1].row != cells[at].row || cells[at - 1].size != cells[at].size ||
	       cells[at - 1].threads != cells[at].threads;
}

/* All rows side by side: how many times the library's time each contestant takes. */
static void bars(FILE *plot, const char *prefix, const struct cell *cells, size_t count)
{
	size_t i, j;
	unsigned int p;

	fprintf(plot, "set output '%s-rows.svg'\nset title 'times the library''s time (log scale)'\nunset logscale x\n"
		"set logscale y 2\nset ylabel 'x'\nset xlabel ''\nset style data points\n"
		"set xtics rotate by -60 font ',8'\nplot ", prefix);
	for (p = 0; p < column_count; p++)
		fprintf(plot, "%s'-' using 1:2:xtic(3) title '%s'", p == 0 ? "" : ", ", columns[p]->name);
	fprintf(plot, "\n");
	for (p = 0; p < column_count; p++) {
		unsigned int x = 0;

		for (i = 0; i < count; i++) {
			const struct cell *lib = NULL, *c = NULL;

			if (!first_of_line(cells, i))
				continue;
			for (j = i; j < count && (j == i || !first_of_line(cells, j)); j++) {
				if (cells[j].peer == &peer_ioasid && cells[j].rounds != 0)
					lib = &cells[j];
				if (cells[j].peer == columns[p] && cells[j].rounds != 0)
					c = &cells[j];
			}
			fprintf(plot, "%u ", x++);
			if (lib != NULL && c != NULL)
				fprintf(plot, "%.4f", c->median / lib->median);
			else
				fprintf(plot, "NaN");
			fprintf(plot, " \"%s %u/%u\"\n", cells[i].row->name, cells[i].size, cells[i].threads);
		}
		fprintf(plot, "e\n");
	}
}

int bench_plot(const char *prefix, const struct cell *cells, size_t count)
{
	FILE *plot = popen("gnuplot", "w");
	unsigned int i;
	size_t j;

	if (plot == NULL)
		return -1;
	fprintf(plot, "set terminal svg size 1100,640 background rgb 'white'\nset key outside\nset grid\n");
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		for (j = 0; j < count; j++)
			if (cells[j].rounds != 0 && strcmp(cells[j].row->name, curves[i].row) == 0) {
				curve(plot, prefix, i, cells, count);
				break;
			}
	bars(plot, prefix, cells, count);
	return pclose(plot) == 0 ? 0 : -1;
}
