/*
 * Owners harm only themselves (S2.6): with the wrong set nothing is written to an ID. While the calls are
 * made the page of the pool's table with the ID is read-only, so that one write, even of what was there
 * before, is seen. The same page shows that find writes nothing at all (S5.2).
 */
#include "support.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libioasid/pool.h"

static struct {
	char *page;
	size_t size;
	volatile sig_atomic_t writes;
	struct sigaction old;
} sealed;

/* The first write is counted, and goes on with the page open again. */
static void on_write(int sig, siginfo_t *info, void *context)
{
	char *at = info->si_addr;

	(void)sig;
	(void)context;
	if (at < sealed.page || at >= sealed.page + sealed.size || mprotect(sealed.page, sealed.size, PROT_READ | PROT_WRITE))
		_exit(99);
	sealed.writes++;
}

static void seal(struct ioasid_pool *pool, ioasid_t id)
{
	struct sigaction action = { .sa_sigaction = on_write, .sa_flags = SA_SIGINFO };

	sealed.size = (size_t)sysconf(_SC_PAGESIZE);
	sealed.page = (char *)((uintptr_t)pool_slot(pool, id) & ~(sealed.size - 1));
	sealed.writes = 0;
	sigemptyset(&action.sa_mask);
	REQUIRE_EQ(sigaction(SIGSEGV, &action, &sealed.old), 0);
	REQUIRE_EQ(mprotect(sealed.page, sealed.size, PROT_READ), 0);
}

/* Return: how often it was written to. */
static int unseal(void)
{
	REQUIRE_EQ(mprotect(sealed.page, sealed.size, PROT_READ | PROT_WRITE), 0);
	REQUIRE_EQ(sigaction(SIGSEGV, &sealed.old, NULL), 0);
	return sealed.writes;
}

static void seal_shows_writes(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10);

	id_make_at(set, 5);
	seal(pool, 5);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK(unseal() > 0);
	CHECK_EQ(ioasid_put(set, 5), 0);
	set_end(set);
	pool_end(pool);
}

static void never_done(void *context, void *old)
{
	(void)old;
	/* A call that was refused is not answered. */
	CHECK(context != NULL);
}

static int keep(void *data)
{
	return data != NULL;
}

/* Every call that names an ID, with another's set. Each is sealed for itself, so that one cannot hide the
 * next. */
static void call_with_wrong_set(struct ioasid_pool *pool, struct ioasid_set *wrong, ioasid_handle_t handle)
{
	static int number;
	ioasid_handle_t got_handle = 0;
	ioasid_spid_t spid;
	uint32_t refs;
	void *data = &number;

#define REFUSED(call) \
	do { \
		seal(pool, 5); \
		CHECK_EQ(call, -EACCES); \
		CHECK_EQ(unseal(), 0); \
	} while (0)
	REFUSED(ioasid_free(wrong, 5));
	REFUSED(ioasid_get(wrong, 5));
	REFUSED(ioasid_put(wrong, 5));
	REFUSED(ioasid_refs(wrong, 5, &refs));
	REFUSED(ioasid_find(wrong, 5, keep, &data));
	REFUSED(ioasid_attach_data(wrong, 5, &number));
	REFUSED(ioasid_detach_data(wrong, 5, &data));
	REFUSED(ioasid_detach_data_async(wrong, 5, never_done, NULL));
	REFUSED(ioasid_handle_of(wrong, 5, &got_handle));
	REFUSED(ioasid_get_handle(wrong, handle));
	REFUSED(ioasid_put_handle(wrong, handle));
	REFUSED(ioasid_find_handle(wrong, handle, keep, &data));
	REFUSED(ioasid_free_handle(wrong, handle));
	REFUSED(ioasid_attach_spid(wrong, 5, ioasid_spid_make(9)));
	REFUSED(ioasid_detach_spid(wrong, 5));
	REFUSED(ioasid_spid(wrong, 5, &spid));
#undef REFUSED
	CHECK(data == &number);
	CHECK_EQ(got_handle, 0);
}

static void wrong_set_writes_nothing(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *wrong = set_make(pool, 10);
	struct journal j = JOURNAL_EMPTY;
	ioasid_handle_t handle;
	struct subscriber s;
	int number;
	ioasid_t id;
	void *data;

	subscriber_init(&s, "s", &j, IOASID_PRIO_CPU);
	CHECK_EQ(ioasid_register_notifier(ioasid_pool_root(pool), &s.block, 0), 0);
	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	CHECK_EQ(ioasid_handle_of(set, 5, &handle), 0);
	CHECK_EQ(ioasid_get(set, 5), 0);
	CHECK_EQ(ioasid_attach_spid(set, 5, ioasid_spid_make(7)), 0);
	journal_clear(&j);
	call_with_wrong_set(pool, wrong, handle);
	CHECK_EQ(ioasid_find_by_spid(wrong, ioasid_spid_make(7), &id), -ENOENT);
	/* A set may take the SPID that another has. */
	id_make_at(wrong, 50);
	CHECK_EQ(ioasid_attach_spid(wrong, 50, ioasid_spid_make(7)), 0);
	journal_expect(&j, "s:ALLOC 50, s:BIND 50/7");
	CHECK_EQ(ioasid_free(set, 5), 0);
	journal_clear(&j);
	call_with_wrong_set(pool, wrong, handle);
	CHECK_EQ(journal_count(&j), 0);
	CHECK_EQ(stats_of(wrong).misuse, 0);
	CHECK_EQ(stats_of(set).misuse, 0);
	CHECK_EQ(id_refs(set, 5), 1);
	CHECK_EQ(ioasid_detach_data(set, 5, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_put(set, 5), 1);
	set_end(set);
	set_end(wrong);
	CHECK_EQ(ioasid_unregister_notifier(ioasid_pool_root(pool), &s.block), 0);
	pool_end(pool);
}

static void find_writes_nothing(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct ioasid_set *set = set_make(pool, 10), *root = ioasid_pool_root(pool);
	ioasid_handle_t handle;
	int number;
	ioasid_t id;
	void *data;

	CHECK_EQ(ioasid_alloc(set, 5, 5, &number, &id), 0);
	CHECK_EQ(ioasid_handle_of(set, 5, &handle), 0);
	seal(pool, 5);
	CHECK_EQ(ioasid_find(set, 5, NULL, &data), 0);
	CHECK_EQ(ioasid_find(set, 5, keep, &data), 0);
	CHECK_EQ(ioasid_find(root, 5, keep, &data), 0);
	CHECK_EQ(ioasid_find_handle(set, handle, keep, &data), 0);
	CHECK(data == &number);
	CHECK_EQ(ioasid_find(set, 6, keep, &data), -ENOENT);
	CHECK_EQ(unseal(), 0);
	set_end(set);
	pool_end(pool);
}

/* The owner counts its references exactly, while another set's calls hit the same number in all its states. */
struct hostility {
	struct ioasid_set *set, *wrong;
	atomic_bool stop;
	unsigned int times;
};

static void own(struct hostility *h)
{
	ioasid_t id;

	for (unsigned int i = 0; i < h->times; i++) {
		CHECK_EQ(ioasid_alloc(h->set, 5, 5, h, &id), 0);
		CHECK_EQ(ioasid_get(h->set, 5), 0);
		CHECK_EQ(id_refs(h->set, 5), 2);
		CHECK_EQ(ioasid_attach_spid(h->set, 5, ioasid_spid_make(7)), 0);
		if (i % 2) {
			CHECK_EQ(ioasid_put(h->set, 5), 0);
			CHECK_EQ(ioasid_put(h->set, 5), 1);
		} else {
			CHECK_EQ(ioasid_free(h->set, 5), 0);
			CHECK_EQ(id_refs(h->set, 5), 1);
			CHECK_EQ(ioasid_put(h->set, 5), 1);
		}
	}
}

static void own_or_harm(void *arg, unsigned int index)
{
	struct hostility *h = arg;
	uint64_t seed = index;
	void *data;
	int ret;

	if (index == 0) {
		own(h);
		atomic_store(&h->stop, true);
		return;
	}
	while (!atomic_load(&h->stop)) {
		switch (rnd(&seed) % 6) {
		case 0:
			ret = ioasid_free(h->wrong, 5);
			break;
		case 1:
			ret = ioasid_get(h->wrong, 5);
			break;
		case 2:
			ret = ioasid_put(h->wrong, 5);
			break;
		case 3:
			ret = ioasid_detach_data(h->wrong, 5, &data);
			break;
		case 4:
			ret = ioasid_attach_spid(h->wrong, 5, ioasid_spid_make(7));
			break;
		default:
			ret = ioasid_detach_spid(h->wrong, 5);
		}
		CHECK(ret == -EACCES || ret == -ENOENT);
		sched_yield();
	}
}

static void wrong_sets_harm_nobody(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct hostility h = { .set = set_make(pool, 10), .wrong = set_make(pool, 10), .times = rounds(1000) };

	crowd(3, own_or_harm, &h);
	CHECK_EQ(stats_of(h.wrong).allocated, 0);
	CHECK_EQ(stats_of(h.set).allocated, 0);
	set_end(h.set);
	set_end(h.wrong);
	pool_end(pool);
}

/* Two sets have the same number in turns, each with data of its own. Nobody finds the other's. */
struct neighbours {
	struct ioasid_set *set[2];
	int data[2];
	unsigned int times;
	atomic_bool stop;
};

static void live_or_find(void *arg, unsigned int index)
{
	struct neighbours *n = arg;
	ioasid_t id;

	for (unsigned int i = 0; index == 2 && i < n->times; i++) {
		CHECK_EQ(ioasid_alloc(n->set[i % 2], 5, 5, &n->data[i % 2], &id), 0);
		CHECK_EQ(ioasid_free(n->set[i % 2], 5), 0);
	}
	if (index == 2)
		atomic_store(&n->stop, true);
	while (!atomic_load(&n->stop)) {
		void *data = NULL;

		if (ioasid_find(n->set[index], 5, NULL, &data) == 0)
			CHECK(data == NULL || data == &n->data[index]);
		sched_yield();
	}
}

static void find_tells_one_life(void)
{
	struct ioasid_pool *pool = pool_make(100);
	struct neighbours n = { .set = { set_make(pool, 10), set_make(pool, 10) }, .times = rounds(20000) };

	crowd(3, live_or_find, &n);
	set_end(n.set[0]);
	set_end(n.set[1]);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "a sealed page tells a write", seal_shows_writes },
	{ "S2.6 with the wrong set nothing is written, ACTIVE or FREE_PENDING", wrong_set_writes_nothing },
	{ "S5.2 find writes nothing to an ID", find_writes_nothing },
	{ "S2.6 an owner counts exactly whatever other sets try", wrong_sets_harm_nobody },
	{ "S5.1 find never tells one set the data that another has with the same number later", find_tells_one_life },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("owner", cases, argc, argv);
}
