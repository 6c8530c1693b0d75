/*
 * Dumps as text and JSON, and the log (S13.2, S13.4).
 */
#include "json.h"
#include "scene.h"

#include <stdlib.h>
#include <string.h>

static void the_reader_can_refuse(void)
{
	static const char *const good[] = { "{}", "[]", "{\"a\":[1,-2.5,\"x\\u00e9\\n\",true,false,null]}\n",
					    " 0 " };
	static const char *const bad[] = { "",	      "{",	"{\"a\":1,}", "[1 2]", "{a:1}",
					   "{\"a\"}", "\"\n\"", "\"\\x\"",    "01",    "{}{}",
					   "[1,]",    "tru",	"\"abc" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		test_check(is_json(good[i]), good[i], __FILE__, __LINE__);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		test_check(!is_json(bad[i]), bad[i], __FILE__, __LINE__);
}

static struct ioasid_pool *pool_named(const char *name)
{
	struct ioasid_pool_attr attr = { .struct_size = sizeof(attr), .name = name };
	struct ioasid_pool *pool = NULL;

	REQUIRE_EQ(ioasid_pool_create(&attr, &pool), 0);
	return pool;
}

static char *dump(struct ioasid_pool *pool, uint32_t format)
{
	struct written t = { 0 };

	CHECK_EQ(ioasid_pool_dump(pool, format, write_down, &t), 0);
	REQUIRE(t.at != NULL);
	return t.at;
}

/* Some of everything: several sets, dead, unlimited, empty; active and pending IDs, a SPID, references. */
static struct ioasid_set *sets[4];

static void fill(struct ioasid_pool *pool)
{
	sets[0] = set_make_token(pool, 4711, 10);
	sets[1] = set_make(pool, IOASID_QUOTA_UNLIMITED);
	sets[2] = set_make(pool, 5);
	sets[3] = set_make_token(pool, UINT64_MAX, 3);
	id_make_at(sets[0], 1234);
	CHECK_EQ(do_attach(sets[0], 1234, 99), 0);
	id_make_at(sets[0], 1235);
	CHECK_EQ(ioasid_get(sets[0], 1235), 0);
	CHECK_EQ(ioasid_free(sets[0], 1235), 0);
	id_make_at(sets[1], 70000);
	id_make_at(sets[2], 5);
	CHECK_EQ(ioasid_get(sets[2], 5), 0);
	set_end(sets[2]);
}

static void empty(struct ioasid_pool *pool)
{
	CHECK_EQ(ioasid_put(sets[0], 1235), 1);
	CHECK_EQ(ioasid_put(sets[2], 5), 1);
	set_end(sets[0]);
	set_end(sets[1]);
	set_end(sets[3]);
	pool_end(pool);
}

static void text_tells_everything(void)
{
	static const char *const parts[] = { "mypool", "1234",	 "1235", "70000",     "99",  "pending",
					     "active", "opaque", "none", "unlimited", "dead" };
	struct ioasid_pool *pool = pool_named("mypool");
	char *text;

	fill(pool);
	text = dump(pool, IOASID_DUMP_TEXT);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		test_check(strstr(text, parts[i]) != NULL, parts[i], __FILE__, __LINE__);
	CHECK_EQ(text[strlen(text) - 1], '\n');
	free(text);
	empty(pool);
}

static void json_is_json_and_tells_everything(void)
{
	static const char *const parts[] = { "\"mypool\"", "1234",	  "1235",      "70000",
					     "99",	   "\"pending\"", "\"active\"" };
	struct ioasid_pool *pool = pool_named("mypool");
	char *text = dump(pool, IOASID_DUMP_JSON);

	CHECK(is_json(text));
	free(text);
	fill(pool);
	text = dump(pool, IOASID_DUMP_JSON);
	CHECK(is_json(text));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		test_check(strstr(text, parts[i]) != NULL, parts[i], __FILE__, __LINE__);
	free(text);
	empty(pool);
}

static void odd_names_do_not_break_json(void)
{
	char long_name[2001];
	const char *const names[] = { "",
				      "say \"hello\"",
				      "back\\slash",
				      "tab\tline\nbell\a",
				      "\x7f",
				      "K\xc3\xb6ln \xe2\x82\xac",
				      long_name };

	memset(long_name, 'n', 2000);
	long_name[2000] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct ioasid_pool *pool = pool_named(names[i]);
		char *text = dump(pool, IOASID_DUMP_JSON);

		test_check(is_json(text), names[i], __FILE__, __LINE__);
		free(text);
		text = dump(pool, IOASID_DUMP_TEXT);
		/* Nothing of the line behind the name is lost. */
		test_check(strstr(text, "available") != NULL && text[strlen(text) - 1] == '\n', names[i],
			   __FILE__, __LINE__);
		free(text);
		pool_end(pool);
	}
}

static void the_writer_can_end_it(void)
{
	struct ioasid_pool *pool = pool_named("mypool");
	struct written t = { .stop_after = 2 };

	fill(pool);
	CHECK_EQ(ioasid_pool_dump(pool, IOASID_DUMP_TEXT, write_down, &t), 77);
	CHECK_EQ(t.pieces, 2);
	t.pieces = 0;
	CHECK_EQ(ioasid_pool_dump(pool, IOASID_DUMP_JSON, write_down, &t), 77);
	CHECK_EQ(t.pieces, 2);
	free(t.at);
	CHECK_EQ(ioasid_pool_dump(pool, 2, write_down, &t), -EINVAL);
	CHECK_EQ(ioasid_pool_dump(pool, IOASID_DUMP_TEXT, NULL, &t), -EINVAL);
	CHECK_EQ(ioasid_pool_dump(NULL, IOASID_DUMP_TEXT, write_down, &t), -EINVAL);
	empty(pool);
}

/* The writer blocks, and calls: nothing of the library is held around it. */
struct slow {
	struct ioasid_pool *pool;
	struct written text;
	unsigned int calls;
};

static int slow_write(void *context, const char *piece, size_t length)
{
	struct slow *s = context;
	struct ioasid_set *set = NULL;
	ioasid_t id;

	if (s->calls++ < 20) {
		CHECK_EQ(ioasid_set_alloc(s->pool, IOASID_SET_NONE, 0, 5, &set), 0);
		CHECK_EQ(ioasid_alloc(set, 1, 100, NULL, &id), 0);
		CHECK_EQ(call_elsewhere(do_free, set, id, 0), 0);
		set_end(set);
	}
	return write_down(&s->text, piece, length);
}

static void the_writer_may_call_the_library(void)
{
	struct slow s = { .pool = pool_named("mypool") };

	fill(s.pool);
	CHECK_EQ(ioasid_pool_dump(s.pool, IOASID_DUMP_JSON, slow_write, &s), 0);
	CHECK(is_json(s.text.at));
	free(s.text.at);
	empty(s.pool);
}

/* The log. */
static void destroy_reports_who_holds_what(void)
{
	static struct journal lines = JOURNAL_EMPTY;
	struct ioasid_pool *pool = pool_named("mypool");

	fill(pool);
	journal_clear(&lines);
	CHECK_EQ(ioasid_pool_set_log(NULL, journal_log, &lines), -EINVAL);
	CHECK_EQ(ioasid_pool_set_log(pool, journal_log, &lines), 0);
	CHECK_EQ(ioasid_pool_destroy(pool), -EBUSY);
	CHECK(journal_count(&lines) > 0);
	CHECK(!journal_has(&lines, "\n"));
	journal_clear(&lines);
	CHECK_EQ(ioasid_pool_set_log(pool, NULL, NULL), 0);
	CHECK_EQ(ioasid_pool_destroy(pool), -EBUSY);
	CHECK_EQ(journal_count(&lines), 0);
	empty(pool);
}

struct slow_log {
	struct gate gate;
	atomic_bool over;
};

static void log_slowly(void *context, uint32_t level, const char *text)
{
	struct slow_log *slow = context;

	CHECK(level <= IOASID_LOG_DEBUG);
	CHECK(text[0] != '\0' && strchr(text, '\n') == NULL);
	gate_pass(&slow->gate);
	atomic_store(&slow->over, true);
}

static int do_destroy(struct ioasid_set *root, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_pool_destroy(ioasid_set_pool(root));
}

static int do_unset_log(struct ioasid_set *root, ioasid_t unused, uint32_t unused2)
{
	(void)unused;
	(void)unused2;
	return ioasid_pool_set_log(ioasid_set_pool(root), NULL, NULL);
}

static void changing_the_log_waits_for_its_calls(void)
{
	struct slow_log slow = { .gate = GATE_CLOSED };
	struct ioasid_pool *pool = pool_named("mypool");
	struct ioasid_set *set = set_make(pool, 5);
	struct call destroy, unset;

	CHECK_EQ(ioasid_pool_set_log(pool, log_slowly, &slow), 0);
	call_start(&destroy, do_destroy, ioasid_pool_root(pool), 0, 0);
	gate_await(&slow.gate, 1);
	call_start(&unset, do_unset_log, ioasid_pool_root(pool), 0, 0);
	CHECK(call_blocked(&unset));
	CHECK(!atomic_load(&slow.over));
	gate_open(&slow.gate);
	CHECK_EQ(call_join(&unset), 0);
	CHECK(atomic_load(&slow.over));
	CHECK_EQ(call_join(&destroy), -EBUSY);
	set_end(set);
	pool_end(pool);
}

static const struct test_case cases[] = {
	{ "the reader of JSON that these tests use can refuse", the_reader_can_refuse },
	{ "a dump as text tells sets, IDs, states and SPIDs (S13.2)", text_tells_everything },
	{ "a dump as JSON is JSON, of an empty pool too (S13.2)", json_is_json_and_tells_everything },
	{ "odd and long names of a pool break no dump (S13.2)", odd_names_do_not_break_json },
	{ "the writer can end a dump (S13.2)", the_writer_can_end_it },
	{ "the writer may call the library, and wait for others who do (S13.2)",
	  the_writer_may_call_the_library },
	{ "a pool that cannot be destroyed says to the log who holds what (S13.4, S1.5)",
	  destroy_reports_who_holds_what },
	{ "when the log is changed no call of the old one runs any more (S13.4)",
	  changing_the_log_waits_for_its_calls },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("dump", cases, argc, argv);
}
