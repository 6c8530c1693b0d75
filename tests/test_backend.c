/*
 * Handles and contexts of backends that were accepted: loaded, hard on their host, or linked in.
 */
#include "harness.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ioasid/backend.h>
#include <ioasid/context.h>

#include "bad_plugin.h"
#include "counting_backend.h"

static struct ioasid_backend *loaded(const char *plugin)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_reason why;
	char path[PATH_MAX];

	if (!CHECK_EQ(ioasid_backend_load_file(bad_plugin_path(path, plugin), &backend, &why), 0))
		printf("# the reason was: %s\n", why.text);
	REQUIRE(backend != NULL);
	CHECK_EQ(strlen(why.text), 0);
	return backend;
}

/* ---- Accepted plugins that are hard on their host ---- */

struct exit_run {
	int fd;
	int open_result;
};

static void *open_and_forget(void *arg)
{
	struct exit_run *run = arg;
	const struct ioasid_context_fd fd = { .key = "exit", .fd = run->fd };
	const struct ioasid_context_args args = { .struct_size = sizeof(args), .fds = &fd, .fd_count = 1 };
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;
	char path[PATH_MAX];

	run->open_result = ioasid_backend_load_file(bad_plugin_path(path, "thread_exit"), &backend, NULL);
	if (run->open_result)
		return NULL;
	run->open_result = ioasid_context_open(backend, &args, &context, NULL);
	if (!run->open_result)
		run->open_result = ioasid_context_close(context);
	ioasid_backend_put(backend);
	return NULL;
}

static void thread_exit(void)
{
	struct exit_run run;
	pthread_t thread;
	int pipe_fds[2];
	char byte = 0;

	REQUIRE_EQ(pipe(pipe_fds), 0);
	run.fd = pipe_fds[1];
	REQUIRE_EQ(pthread_create(&thread, NULL, open_and_forget, &run), 0);
	REQUIRE_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(run.open_result, 0);
	close(pipe_fds[1]);
	CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	close(pipe_fds[0]);
}

struct log_seen {
	unsigned int lines;
	unsigned int errors;
	int inner;  /* what a call of the library from inside the backend answered */
};

/* Calls the library out of the middle of a backend's call, as a careless host does. */
static void careless_log(void *arg, uint32_t level, const char *text)
{
	struct log_seen *seen = arg;
	struct ioasid_backend *backend = NULL;
	char path[PATH_MAX];

	seen->lines++;
	if (level == IOASID_LOG_ERROR || strncmp(text, "reentrant: ", 11))
		seen->errors++;
	seen->inner |= ioasid_backend_load_file(bad_plugin_path(path, "good"), &backend, NULL);
	ioasid_backend_put(backend);
}

static void reentrant(void)
{
	struct log_seen seen = { 0 };
	const struct ioasid_context_args args = {
		.struct_size = sizeof(args), .log = careless_log, .log_context = &seen,
	};
	struct ioasid_backend *backend = loaded("reentrant");
	struct ioasid_context *context = NULL;

	REQUIRE_EQ(ioasid_context_open(backend, &args, &context, NULL), 0);
	CHECK_EQ(seen.lines, 1);
	CHECK_EQ(ioasid_context_close(context), 0);
	CHECK_EQ(seen.lines, 2);
	CHECK_EQ(seen.errors, 0);
	CHECK_EQ(seen.inner, 0);
	ioasid_backend_put(backend);
}

/* ---- Backends that are linked in ---- */

static void linked_in(void)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	CHECK(ioasid_backend_path(backend) == NULL);
	CHECK_EQ(ioasid_backend_is_software(backend), 1);
	REQUIRE_EQ(ioasid_context_open(backend, NULL, &context, NULL), 0);
	/* The context keeps the handle. */
	ioasid_backend_put(backend);
	CHECK(!strcmp(ioasid_backend_name(ioasid_context_backend(context)), "counting"));
	CHECK_EQ(ioasid_context_close(context), 0);
	CHECK_EQ(counting_live(COUNTING_CONTEXTS), 0);
	CHECK_EQ(counting_calls(COUNTING_ENTRY), 1);
	CHECK_EQ(counting_calls(COUNTING_OPEN), 1);
	CHECK_EQ(counting_calls(COUNTING_CLOSE), 1);
}

static void busy_backend_keeps_context(void)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, NULL, &context, NULL), 0);
	counting_fail(COUNTING_CLOSE, 1, IOASID_BE_EBUSY);
	CHECK_EQ(ioasid_context_close(context), -EBUSY);
	CHECK_EQ(counting_live(COUNTING_CONTEXTS), 1);
	CHECK_EQ(ioasid_context_close(context), 0);
	CHECK_EQ(counting_live(COUNTING_CONTEXTS), 0);
	ioasid_backend_put(backend);
}

static void broken_interfaces_close_the_context(void)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;

	counting_reset();
	counting_setup.ctx_caps.interfaces |= IOASID_BE_IF_EVENT;
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	CHECK_EQ(ioasid_context_open(backend, NULL, &context, NULL), -EPROTO);
	CHECK_EQ(counting_calls(COUNTING_OPEN), 1);
	CHECK_EQ(counting_calls(COUNTING_CLOSE), 1);
	CHECK_EQ(counting_live(COUNTING_CONTEXTS), 0);
	ioasid_backend_put(backend);
}

/* What a context with these interfaces and flags is refused with; in front of it everything is well. */
static void refuse_caps(uint64_t interfaces, uint64_t flags, const char *words)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;
	struct ioasid_reason why;

	counting_reset();
	counting_setup.ctx_caps.interfaces = interfaces;
	counting_setup.ctx_caps.flags = flags;
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	CHECK_EQ(ioasid_context_open(backend, NULL, &context, &why), -EPROTO);
	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	ioasid_backend_put(backend);
}

static void lonely_interfaces(void)
{
	static const uint64_t lonely[] = {
		IOASID_BE_IF_DIRTY, IOASID_BE_IF_PASID, IOASID_BE_IF_NESTED, IOASID_BE_IF_VIOMMU,
		IOASID_BE_IF_VDEVICE, IOASID_BE_IF_TABLE, IOASID_BE_IF_HWQUEUE, IOASID_BE_IF_FAULT,
		IOASID_BE_IF_EVENT,
	};

	for (size_t i = 0; i < sizeof(lonely) / sizeof(lonely[0]); i++)
		refuse_caps(lonely[i], 0, "is there without one that it needs");
	refuse_caps(IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID, IOASID_BE_CTX_SEPARATE_INVALIDATE,
		    "invalidation is separate, but interface ioasid.be.invalidate/1 is not there");
	refuse_caps(IOASID_BE_IF_PAGING, UINT64_C(1) << 63, "flags 0x8000000000000000");
}

static void nulls_are_refused(void)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;
	struct ioasid_reason why;

	CHECK_EQ(ioasid_backend_register(NULL, &backend, &why), -EINVAL);
	CHECK(!strcmp(why.text, "entry is NULL"));
	CHECK_EQ(ioasid_backend_register(counting_entry, NULL, &why), -EINVAL);
	CHECK_EQ(ioasid_backend_load_file(NULL, &backend, &why), -EINVAL);
	CHECK_EQ(ioasid_backend_load_file("", &backend, &why), -EINVAL);
	CHECK_EQ(ioasid_backend_load_file("x", NULL, &why), -EINVAL);
	CHECK_EQ(ioasid_backend_get(NULL), -EINVAL);
	CHECK_EQ(ioasid_context_open(NULL, NULL, &context, &why), -EINVAL);
	CHECK_EQ(ioasid_context_close(NULL), -EINVAL);
	CHECK(ioasid_backend_name(NULL) == NULL && ioasid_backend_vendor(NULL) == NULL);
	ioasid_backend_put(NULL);
}

/* Return: the exit status of a child that runs @fn after fork. */
static int in_child(int (*fn)(struct ioasid_backend *backend), struct ioasid_backend *backend)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn(backend));
	REQUIRE(pid > 0);
	REQUIRE_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int forked_calls(struct ioasid_backend *backend)
{
	struct ioasid_backend *other = NULL;
	struct ioasid_context *context = NULL;
	int bad = 0;

	bad += ioasid_backend_register(counting_entry, &other, NULL) != -EPERM;
	bad += ioasid_backend_load("good", 0, &other, NULL) != -EPERM;
	bad += ioasid_backend_load_file("good.so", &other, NULL) != -EPERM;
	bad += ioasid_context_open(backend, NULL, &context, NULL) != -EPERM;
	bad += ioasid_context_open_any(0, NULL, &context, NULL) != -EPERM;
	bad += ioasid_backend_get(backend) != -EPERM;
	bad += strcmp(ioasid_backend_name(backend), "counting") != 0;
	ioasid_backend_put(backend);
	return bad;
}

static void child_owns_nothing(void)
{
	struct ioasid_backend *backend = NULL;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	CHECK_EQ(in_child(forked_calls, backend), 0);
	ioasid_backend_put(backend);
}

/* ---- What a context is opened with ---- */

static const struct ioasid_be_open *seen_open;
static struct ioasid_be_pair seen_pairs[2];
static struct ioasid_be_fd seen_fd;
static struct ioasid_be_object seen_object;

/* Looks at the arguments as a plugin does: by pointer, stride and count. */
static void look_at_open(void *arg, const void *what)
{
	const struct ioasid_be_open *args = what;

	(void)arg;
	seen_open = args;
	CHECK_EQ(args->struct_size, sizeof(*args));
	CHECK_EQ(args->flags, 0);
	if (CHECK_EQ(args->config.count, 2) && CHECK_EQ(args->config.stride, sizeof(seen_pairs[0])))
		memcpy(seen_pairs, args->config.items, sizeof(seen_pairs));
	if (CHECK_EQ(args->fds.count, 1) && CHECK_EQ(args->fds.stride, sizeof(seen_fd)))
		memcpy(&seen_fd, args->fds.items, sizeof(seen_fd));
	if (CHECK_EQ(args->objects.count, 1) && CHECK_EQ(args->objects.stride, sizeof(seen_object)))
		memcpy(&seen_object, args->objects.items, sizeof(seen_object));
}

static void arguments_arrive(void)
{
	const struct ioasid_context_setting settings[] = { { "mode", "fast" }, { "depth", "3" } };
	const struct ioasid_context_fd fd = { .key = "iommufd", .fd = 0 };
	const struct ioasid_context_object object = {
		.key = "ram", .type = IOASID_OBJECT_IOAS, .id = 17, .fd = -1,
	};
	const struct ioasid_context_args args = {
		.struct_size = sizeof(args),
		.settings = settings,
		.setting_count = 2,
		.fds = &fd,
		.fd_count = 1,
		.objects = &object,
		.object_count = 1,
	};
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;

	counting_reset();
	counting_hook(COUNTING_OPEN, look_at_open, NULL);
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, &args, &context, NULL), 0);
	CHECK(seen_open != NULL);
	CHECK(!strcmp(seen_pairs[0].key, "mode") && !strcmp(seen_pairs[0].value, "fast"));
	CHECK(!strcmp(seen_pairs[1].key, "depth") && !strcmp(seen_pairs[1].value, "3"));
	CHECK(!strcmp(seen_fd.key, "iommufd") && seen_fd.fd == 0);
	CHECK(!strcmp(seen_object.key, "ram") && seen_object.type == IOASID_BE_OBJECT_IOAS);
	CHECK(seen_object.id == 17 && seen_object.fd == -1);
	CHECK_EQ(ioasid_context_close(context), 0);
	ioasid_backend_put(backend);
}

static void refuse_args(const struct ioasid_context_args *args, int error, const char *words)
{
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;
	struct ioasid_reason why;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	CHECK_EQ(ioasid_context_open(backend, args, &context, &why), error);
	if (!CHECK(strstr(why.text, words) != NULL))
		printf("# the reason was: %s\n", why.text);
	CHECK_EQ(counting_calls(COUNTING_OPEN), 0);
	ioasid_backend_put(backend);
}

static void malformed_arguments(void)
{
	const struct ioasid_context_setting no_value = { .key = "a" };
	const struct ioasid_context_fd closed = { .key = "iommufd", .fd = -1 };
	const struct ioasid_context_object odd = { .type = 99, .fd = -1 };
	const uint32_t size = sizeof(struct ioasid_context_args);
	const struct ioasid_be_host nothing = { .struct_size = sizeof(nothing) };
	struct {
		struct ioasid_context_args args;
		uint64_t later;
	} longer = { .args = { .struct_size = sizeof(longer) }, .later = 1 };

	refuse_args(&(struct ioasid_context_args){ .struct_size = 8 }, -EINVAL, "struct_size is too small");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size, .reserved = 1 }, -EINVAL,
		    "reserved word");
	refuse_args(&longer.args, -E2BIG, "beyond what this version knows");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size, .setting_count = 1 }, -EINVAL,
		    "an array is NULL");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size,
						   .settings = &no_value,
						   .setting_count = 1 },
		    -EINVAL, "a setting without a key or value");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size, .fds = &closed, .fd_count = 1 },
		    -EINVAL, "a descriptor without a label, or not open");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size, .objects = &odd, .object_count = 1 },
		    -EINVAL, "an object of unknown type");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size, .fds = &closed, .fd_count = 1025 },
		    -EINVAL, "too many");
	refuse_args(&(struct ioasid_context_args){ .struct_size = size, .system = &nothing }, -EINVAL,
		    "lacks an operation");
}

static void longer_arguments_with_zeros(void)
{
	const struct {
		struct ioasid_context_args args;
		uint64_t later;
	} longer = { .args = { .struct_size = sizeof(longer) } };
	struct ioasid_backend *backend = NULL;
	struct ioasid_context *context = NULL;

	counting_reset();
	REQUIRE_EQ(ioasid_backend_register(counting_entry, &backend, NULL), 0);
	REQUIRE_EQ(ioasid_context_open(backend, &longer.args, &context, NULL), 0);
	CHECK_EQ(ioasid_context_close(context), 0);
	ioasid_backend_put(backend);
}

static const struct test_case cases[] = {
	{ "a thread's exit runs the destructor of a backend that is long closed", thread_exit },
	{ "a backend may call the host, and the host the library, from inside every call", reentrant },
	{ "a backend that is linked in works like a loaded one, and its context keeps its handle",
	  linked_in },
	{ "a context that its backend says is busy stays open", busy_backend_keeps_context },
	{ "a context whose interfaces are broken is closed again", broken_interfaces_close_the_context },
	{ "interfaces without what they need, and unknown flags, refuse the context", lonely_interfaces },
	{ "NULL and empty arguments are refused", nulls_are_refused },
	{ "in a child of fork every call that changes something answers -EPERM (S14.2)", child_owns_nothing },
	{ "settings, descriptors and objects reach the backend as they were given", arguments_arrive },
	{ "malformed arguments never reach the backend", malformed_arguments },
	{ "arguments of a later version are taken while what they add is zero", longer_arguments_with_zeros },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("backend", cases, argc, argv);
}
