/* Bells of queues; see bell.h. */
#include "bell.h"

void bell_open(struct bell *bell, struct ioasid_be_ctx *ctx, uint64_t cookie)
{
	bell->ctx = ctx;
	bell->cookie = cookie;
	bell->fd = -1;
	for (uint32_t i = 0; bell->fd < 0 && i < CTX_QUEUE_FDS; i++) {
		if (ctx->queue_fds[i] < 0 || ctx->queue_fds_used >> i & 1)
			continue;
		bell->fd = ctx->queue_fds[i];
		bell->place = i;
		ctx->queue_fds_used |= 1u << i;
	}
}

/* Makes the descriptor readable. The mark comes after it, so that whoever takes the mark finds the write
 * done. */
static void raise_fd(struct bell *bell)
{
	const struct ioasid_be_host *host = &bell->ctx->host;
	const uint64_t one = 1;

	host->write(host->host, bell->fd, &one, sizeof(one), IOASID_BE_OFFSET_NONE);
	atomic_store_explicit(&bell->raised, true, memory_order_release);
}

void bell_quiet(struct bell *bell)
{
	const struct ioasid_be_host *host = &bell->ctx->host;
	uint64_t sum;

	if (bell->fd >= 0 && atomic_exchange_explicit(&bell->raised, false, memory_order_acquire))
		host->read(host->host, bell->fd, &sum, sizeof(sum), IOASID_BE_OFFSET_NONE);
}

void bell_left(struct bell *bell)
{
	if (bell->fd >= 0)
		raise_fd(bell);
}

void bell_ring(struct bell *bell)
{
	struct turnstile *lock = &bell->ctx->mock->lock;

	bell->ringing++;
	turnstile_leave(lock);
	if (bell->fd >= 0)
		raise_fd(bell);
	else
		bell->ctx->host.ready(bell->ctx->host.host, bell->cookie);
	turnstile_enter(lock);
	bell->ringing--;
	turnstile_notify(lock);
}

void bell_close(struct bell *bell)
{
	struct turnstile *lock = &bell->ctx->mock->lock;

	while (bell->ringing)
		turnstile_wait(lock, UINT64_MAX);
	if (bell->fd < 0)
		return;
	turnstile_leave(lock);
	bell_quiet(bell);
	turnstile_enter(lock);
	bell->ctx->queue_fds_used &= ~(1u << bell->place);
}
