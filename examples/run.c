/* What a run leaves behind; see lifecycle.h. */
#include <stdio.h>
#include <string.h>

#include "examples/lifecycle.h"

void run_step(struct run *run, struct ioasid_pool *pool, ioasid_t id, const char *who, const char *what)
{
	struct step *step;

	if (run->count == STEPS_MAX) {
		run_expect(run, "too many steps", 1, 0);
		return;
	}
	step = &run->step[run->count++];
	snprintf(step->who, sizeof(step->who), "%s", who);
	snprintf(step->what, sizeof(step->what), "%s", what);
	step->refs = 0;
	/* An IOASID that is unknown has been reclaimed. */
	if (ioasid_refs(ioasid_pool_root(pool), id, &step->refs) != 0)
		step->refs = 0;
	if (run->tell != NULL)
		run->tell(step);
}

bool run_expect(struct run *run, const char *what, int answer, int wanted)
{
	if (answer == wanted)
		return true;
	if (run->wrong[0] == '\0')
		snprintf(run->wrong, sizeof(run->wrong), "%s: answered %d (%s), not %d", what, answer,
			 answer < 0 ? strerror(-answer) : "a count", wanted);
	return false;
}
