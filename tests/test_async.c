/*
 * Calls without waiting (S14.4): each answers at once where the call itself would wait or is not allowed, and
 * tells what the call would have answered.
 */
#include <string.h>

#include "support.h"

#define NOT_YET 12345

struct answer {
	atomic_int value;
	struct gate gate;
};

static void done(void *context, int result)
{
	struct answer *a = context;

	atomic_store(&a->value, result);
	gate_pass(&a->gate);
}

/* Runs what is queued, in a pool without workers. */
static void dispatch(struct ioasid_pool *pool)
{
	while (ioasid_pool_dispatch(pool) > 0)
		;
}

static struct ioasid_pool *pool;
static struct ioasid_set *set;
static struct journal journal;
static struct subscriber kvm;
static struct answer answer;

static void begin(uint32_t flags)
{
	static const struct journal empty = JOURNAL_EMPTY;
	static const struct answer none = { NOT_YET, GATE_OPEN };

	journal = empty;
	memset(&kvm, 0, sizeof(kvm));
	answer = none;
	pool = pool_make_with(0, IOASID_POLICY_ANY, flags);
	set = set_make_token(pool, 77, 100);
	subscriber_init(&kvm, "kvm", &journal, IOASID_PRIO_CPU);
}

static void end(void)
{
	set_end(set);
	if (ioasid_pool_fd(pool) >= 0)
		dispatch(pool);
	pool_end(pool);
}

static void every_call_answers_later_what_the_call_would(void)
{
	ioasid_spid_t spid = ioasid_spid_make(9);
	struct ioasid_set *other;
	ioasid_t id;

	begin(IOASID_POOL_NO_WORKER);
	id = id_make(set);
	CHECK_EQ(ioasid_attach_spid_async(set, id, spid, done, &answer), 0);
	CHECK_EQ(atomic_load(&answer.value), NOT_YET);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), 0);
	CHECK_EQ(ioasid_attach_spid_async(set, id, spid, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), -EBUSY);
	CHECK_EQ(ioasid_detach_spid_async(set, id, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), 0);
	CHECK_EQ(ioasid_register_notifier_async(set, &kvm.block, 0, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), -EBUSY); /* there is an ID */
	CHECK_EQ(ioasid_free_async(set, id, done, &answer), 0);
	CHECK_EQ(id_refs(set, id), 1);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), 0);
	CHECK_EQ(id_refs(set, id), 0);
	CHECK_EQ(ioasid_register_notifier_token_async(pool, IOASID_SET_OPAQUE, 77, &kvm.block, 0, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), 0);
	id = id_make(set);
	CHECK_EQ(ioasid_set_reset_async(set, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(id_refs(set, id), 0);
	CHECK(journal_has(&journal, "kvm:FREE"));
	CHECK_EQ(ioasid_unregister_notifier_token_async(pool, IOASID_SET_OPAQUE, 77, &kvm.block, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(ioasid_unregister_notifier_token_async(pool, IOASID_SET_OPAQUE, 77, &kvm.block, done, &answer), -ENOENT);
	other = set_make(pool, 1);
	CHECK_EQ(ioasid_set_put_async(other, done, &answer), 0);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), 1);
	end();
}

static int free_another(struct subscriber *self, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_BIND) {
		CHECK_EQ(ioasid_detach_spid(set, event->id), -EDEADLK);
		CHECK_EQ(ioasid_detach_spid_async(set, event->id, done, self->context), 0);
		CHECK_EQ(ioasid_unregister_notifier(set, &self->block), -EDEADLK);
		CHECK_EQ(ioasid_unregister_notifier_async(set, &self->block, done, self->context), 0);
	}
	return 0;
}

static void handlers_may_ask_for_what_they_may_not_do(void)
{
	ioasid_spid_t none;
	ioasid_t id;

	begin(IOASID_POOL_NO_WORKER);
	kvm.hook = free_another;
	kvm.context = &answer;
	CHECK_EQ(ioasid_register_notifier(set, &kvm.block, 0), 0);
	id = id_make(set);
	CHECK_EQ(ioasid_attach_spid(set, id, ioasid_spid_make(4)), 0);
	CHECK_EQ(atomic_load(&answer.value), NOT_YET);
	dispatch(pool);
	CHECK_EQ(atomic_load(&answer.value), 0);
	CHECK_EQ(ioasid_spid(set, id, &none), -ENOENT);
	CHECK_EQ(ioasid_unregister_notifier(set, &kvm.block), -ENOENT);
	CHECK_EQ(ioasid_free(set, id), 0);
	end();
}

static struct gate inside = GATE_OPEN;

static int stop_in_bind(struct subscriber *self, const struct ioasid_event *event)
{
	(void)self;
	if (event->event == IOASID_EVENT_BIND)
		gate_pass(&inside);
	return 0;
}

static void attach_in_thread(void *arg)
{
	CHECK_EQ(ioasid_attach_spid(set, *(ioasid_t *)arg, ioasid_spid_make(4)), 0);
}

/* S7.8: with a worker, the caller goes on while a handler of the block still runs; the answer comes when it
 * has returned. */
static void unregistering_is_told_when_the_last_handler_has_returned(void)
{
	struct task task;
	ioasid_t id;

	begin(0);
	kvm.hook = stop_in_bind;
	CHECK_EQ(ioasid_register_notifier(set, &kvm.block, 0), 0);
	id = id_make(set);
	gate_close(&inside);
	task_start(&task, attach_in_thread, &id);
	gate_await(&inside, 1);
	gate_close(&answer.gate);
	CHECK_EQ(ioasid_unregister_notifier_async(set, &kvm.block, done, &answer), 0);
	CHECK_EQ(atomic_load(&answer.value), NOT_YET);
	gate_open(&inside);
	gate_await(&answer.gate, 1);
	CHECK_EQ(atomic_load(&answer.value), 0);
	gate_open(&answer.gate);
	task_join(&task);
	CHECK_EQ(ioasid_free(set, id), 0);
	CHECK(!journal_has(&journal, "kvm:FREE"));
	end();
}

static void item_run(void *context, struct ioasid_work *work)
{
	(void)work;
	CHECK_EQ(atomic_load(&answer.value), NOT_YET);
	*(int *)context = 1;
}

/* S7.10 */
static void a_flush_is_told_after_what_was_queued_before(void)
{
	int ran = 0;
	struct ioasid_work work = { .run = item_run, .context = &ran };

	begin(IOASID_POOL_NO_WORKER);
	CHECK_EQ(ioasid_queue_work(set, &work), 0);
	CHECK_EQ(ioasid_flush_work_async(set, done, &answer), 0);
	CHECK_EQ(ran, 0);
	dispatch(pool);
	CHECK_EQ(ran, 1);
	CHECK_EQ(atomic_load(&answer.value), 0);
	end();
}

static void bad_arguments_are_refused_at_once(void)
{
	begin(IOASID_POOL_NO_WORKER);
	CHECK_EQ(ioasid_free_async(NULL, 1, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_attach_spid_async(NULL, 1, ioasid_spid_make(1), done, NULL), -EINVAL);
	CHECK_EQ(ioasid_detach_spid_async(NULL, 1, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_reset_async(NULL, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_set_put_async(NULL, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_flush_work_async(set, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_async(NULL, &kvm.block, 0, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_register_notifier_token_async(NULL, IOASID_SET_MM, 1, &kvm.block, 0, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier_async(set, &kvm.block, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_unregister_notifier_async(set, &kvm.block, done, NULL), -ENOENT);
	CHECK_EQ(ioasid_unregister_notifier_token_async(pool, IOASID_SET_NONE, 1, &kvm.block, done, NULL), -EINVAL);
	CHECK_EQ(ioasid_pool_dispatch(pool), 0);
	end();
}

static const struct test_case cases[] = {
	{ "every call answers later what the call itself would (S14.4)", every_call_answers_later_what_the_call_would },
	{ "handlers may ask for what they may not do (S14.4, S7.6)", handlers_may_ask_for_what_they_may_not_do },
	{ "unregistering is told when the last handler has returned (S7.8)",
	  unregistering_is_told_when_the_last_handler_has_returned },
	{ "a flush is told after what was queued before (S7.10)", a_flush_is_told_after_what_was_queued_before },
	{ "bad arguments are refused at once (S0.1)", bad_arguments_are_refused_at_once },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("async", cases, argc, argv);
}
