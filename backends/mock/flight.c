/* DMA in flight; see flight.h. */
#include "flight.h"

#include "clock.h"

static bool hits(const struct flight *flight, const struct scope *scope)
{
	if (flight->cut)
		return false;
	for (uint64_t i = 0; i < flight->count; i++) {
		if (!scope || scope_hits(scope, &flight->pages[i]))
			return true;
	}
	return false;
}

/* Is one of those begun up to @until in flight? */
static bool flies(const struct ioasid_mock *mock, const struct scope *scope, uint64_t until)
{
	for (const struct flight *f = mock->flights; f; f = f->next) {
		if (f->token <= until && hits(f, scope))
			return true;
	}
	return false;
}

void flight_cut(struct ioasid_mock *mock, const struct scope *scope, uint64_t after, uint64_t until)
{
	for (struct flight *f = mock->flights; f; f = f->next) {
		if (f->token > after && f->token <= until && hits(f, scope))
			f->cut = true;
	}
	turnstile_notify(&mock->lock);
}

int32_t flight_drain(struct ioasid_mock *mock, const struct scope *scope, uint64_t until, uint64_t deadline)
{
	const uint64_t end = deadline ? deadline : clock_after(clock_now(), mock->setup->patience);
	bool late = false;

	if (!mock->setup->drain_waits) {
		flight_cut(mock, scope, 0, until);
		return 0;
	}
	while (flies(mock, scope, until) && !late)
		late = turnstile_wait(&mock->lock, end);
	if (!flies(mock, scope, until))
		return 0;
	if (deadline)
		return IOASID_BE_ETIMEDOUT;
	flight_cut(mock, scope, 0, until);
	return 0;
}

uint32_t flight_count(const struct ioasid_mock *mock, const struct scope *scope)
{
	uint32_t count = 0;

	for (const struct flight *f = mock->flights; f; f = f->next)
		count += hits(f, scope);
	return count;
}

void flight_end(struct ioasid_mock *mock, struct flight *flight)
{
	struct flight **at = &mock->flights;

	while (*at != flight)
		at = &(*at)->next;
	*at = flight->next;
	turnstile_notify(&mock->lock);
}
