/*
 * A custom allocator for tests; see fake_allocator.h.
 */
#include "fake_allocator.h"

static int fake_alloc(void *context, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	struct fake *fake = context;
	int err;

	pthread_mutex_lock(&fake->lock);
	fake->asked++;
	fake->min = min;
	fake->max = max;
	err = fake->error;
	if (err == 0 && !fake->silent)
		*id = fake->next;
	if (err == 0 && fake->counts)
		fake->next++;
	pthread_mutex_unlock(&fake->lock);
	gate_pass(&fake->alloc_gate);
	return err;
}

static void fake_free(void *context, ioasid_t id)
{
	struct fake *fake = context;

	pthread_mutex_lock(&fake->lock);
	fake->freed++;
	fake->last_freed = id;
	pthread_mutex_unlock(&fake->lock);
	gate_pass(&fake->free_gate);
}

void fake_init(struct fake *fake, ioasid_t next)
{
	*fake = (struct fake){ .lock = PTHREAD_MUTEX_INITIALIZER,
			       .next = next,
			       .alloc_gate = GATE_OPEN,
			       .free_gate = GATE_OPEN };
	fake->callbacks =
		(struct ioasid_allocator){ .alloc = fake_alloc, .free = fake_free, .context = fake };
}
