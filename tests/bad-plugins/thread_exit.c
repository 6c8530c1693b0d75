/*
 * Leaves a destructor behind in every thread that opens a context, as many language runtimes do. It lives in
 * this plugin's code: a host that closes the library crashes at that thread's exit. It writes a byte to the
 * descriptor with the label "exit".
 */
#include "plugin.h"

#include <pthread.h>
#include <unistd.h>

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int exit_fd;

static void at_thread_exit(void *value)
{
	(void)value;
	while (write(exit_fd, "x", 1) < 0)
		;
}

static void make_key(void)
{
	pthread_key_create(&key, at_thread_exit);
}

static int32_t exit_open(const struct ioasid_be_open *args, struct ioasid_be_ctx **ctx,
			 struct ioasid_be_text *why)
{
	const struct ioasid_be_fd *fd = args->fds.items;

	if (args->fds.count != 1 || strcmp(fd->key, "exit")) {
		say(why, "no descriptor \"exit\"");
		return IOASID_BE_EINVAL;
	}
	exit_fd = fd->fd;
	pthread_once(&once, make_key);
	pthread_setspecific(key, &one_ctx);
	return good_open(args, ctx, why);
}

static const struct ioasid_be_core_ops core = { GOOD_CORE, .open = exit_open };

PLUGIN_ENTRY("thread_exit", &core, (void)0)
