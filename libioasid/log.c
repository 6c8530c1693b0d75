/*
 * The log callback (S13.4).
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <ioasid/stats.h>

#include "libioasid/fork.h"
#include "libioasid/pool.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

#define LINE_MAX_BYTES 256

void ioasid__log(struct ioasid_pool *pool, uint32_t level, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	lock(&pool->log_lock);
	if (pool->log != NULL) {
		va_start(args, format);
		vsnprintf(line, sizeof(line), format, args);
		va_end(args);
		pool->log(pool->log_context, level, line);
	}
	unlock(&pool->log_lock);
}

int ioasid_pool_set_log(struct ioasid_pool *pool, void (*log)(void *context, uint32_t level, const char *text),
			void *context)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	/* Calls of the old one run under the lock: none is left when it changes. */
	lock(&pool->log_lock);
	pool->log = log;
	pool->log_context = context;
	unlock(&pool->log_lock);
	return 0;
}
