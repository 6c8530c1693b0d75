/* Bind and unbind on one device (S9.1, S9.5). */
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

static void bad_arguments_have_their_own_codes(void)
{
	struct {
		struct ioasid_bind_data data;
		uint64_t more;
	} long_one;
	struct ioasid_address_space *foreign;
	struct ioasid_record entry;
	struct ioasid_bind_data data;
	struct drig_context other;
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	data = drig_data(&r, id_make(r.set), NONE, 0, 0);
	CHECK_EQ(ioasid_bind_gpasid(NULL, r.set, &data), -EINVAL);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], NULL, &data), -EINVAL);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, NULL), -EINVAL);
	CHECK_EQ(ioasid_unbind(NULL, r.set, data.id, 0), -EINVAL);
	CHECK_EQ(ioasid_unbind(r.device[0], NULL, data.id, 0), -EINVAL);
	data.flags = UINT32_C(1) << 31;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	data.flags = IOASID_BIND_HITLESS;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	data = drig_data(&r, data.id, IOASID_SPID_MAX + 1, 0, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	data = drig_data(&r, data.id, 3, 0, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], ioasid_pool_root(r.pool), &data), -EINVAL);
	data = drig_data(&r, data.id, NONE, 0, 0);
	data.entry = NULL;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	entry = r.entry[0];
	entry.length = IOASID_RECORD_MAX + 1;
	data.entry = &entry;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	data = drig_data(&r, data.id, NONE, 0, 0);
	data.parent = NULL;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	data = drig_data(&r, data.id, NONE, 0, 0);
	data.struct_size = 8;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	long_one.data = drig_data(&r, data.id, NONE, 0, 0);
	long_one.data.struct_size = sizeof(long_one);
	long_one.more = 1;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &long_one.data), -E2BIG);

	drig_context_open(&other, "devices=1", 0);
	foreign = drig_space(&r, other.context, IOASID_USE_PARENT | IOASID_USE_PASID);
	data = drig_data(&r, data.id, NONE, 0, 0);
	data.parent = foreign;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EINVAL);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, data.id, foreign, 0), -EINVAL);
	CHECK_EQ(ioasid_address_space_destroy(foreign), 0);
	drig_context_close(&other);
	pool = pool_make(0);
	set = set_make(pool, 5);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], set, id_make(set), r.parent, 0), -EINVAL);
	set_end(set);
	pool_end(pool);
	CHECK_EQ(drig_calls(&r, IOASID_MOCK_OP_ATTACH), 0);
	drig_close(&r);
}

/* S9.5 */
static void the_owner_is_checked_by_each_call(void)
{
	struct ioasid_set *other;
	struct ioasid_bind_data data;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	other = set_make(r.pool, 5);
	id = id_make(r.set);
	data = drig_data(&r, id, NONE, 0, 0);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], other, &data), -EACCES);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], other, id, r.parent, 0), -EACCES);
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK_EQ(ioasid_unbind(r.device[0], other, id, 0), -EACCES);
	CHECK_EQ(ioasid_rebind(r.device[0], other, &data), -EACCES);
	CHECK_EQ(ioasid_quarantine_retry(other, id), -EACCES);
	/* An ID that cannot exist is unknown (S0.1). */
	data.id = IOASID_CAPACITY_MAX;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -ENOENT);
	CHECK_EQ(ioasid_unbind(r.device[0], r.set, IOASID_CAPACITY_MAX, 0), -ENOENT);
	data.id = IOASID_INVALID;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -ENOENT);
	data.id = id + 1;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -ENOENT);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(0));
	/* The root handle may, since it stands for the owner (S2.8). */
	CHECK_EQ(ioasid_unbind(r.device[0], ioasid_pool_root(r.pool), id, 0), 0);
	set_end(other);
	drig_close(&r);
}

/* S9.5, S9.6 */
static void dma_reaches_memory_between_bind_and_unbind_only(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = id_make(r.set);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(drig_bind(&r, 0, id, NONE, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(2));
	CHECK_EQ(drig_read(&r, 1, id), DRIG_BLOCKED);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	CHECK(drig_free_id(&r, id));
	drig_close(&r);
}

/* S9.1 */
static void bind_takes_a_reference_and_announces_the_spid_last(void)
{
	ioasid_t id, found;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 0, 0), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
	CHECK_EQ(id_refs(r.set, id), 2);
	CHECK_EQ(ioasid_find_by_spid(r.set, ioasid_spid_make(4), &found), 0);
	CHECK_EQ(found, id);
	CHECK_EQ(ioasid_put(r.set, id), 0);
	/* A binding's SPID is the binding's. */
	CHECK_EQ(ioasid_detach_spid(r.set, id), -EBUSY);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	journal_expect(&r.journal, "kvm:UNBIND 9/4");
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(ioasid_find_by_spid(r.set, ioasid_spid_make(4), &found), -ENOENT);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	CHECK_EQ(ioasid_free(r.set, id), 0);
	journal_expect(&r.journal, "kvm:FREE 9");
	drig_close(&r);
}

/* At BIND the hardware is programmed already, at UNBIND still; checked by DMA from within the handler. */
static int dma_in_handler(struct subscriber *self, const struct ioasid_event *event)
{
	if (event->event == IOASID_EVENT_BIND || event->event == IOASID_EVENT_UNBIND)
		CHECK_EQ(drig_read(self->context, 0, event->id), DRIG_BYTE(1));
	return 0;
}

/* S9.1 */
static void the_hardware_is_programmed_while_the_spid_exists(void)
{
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	r.kvm.hook = dma_in_handler;
	r.kvm.context = &r;
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 9), 4, 1, 0), 0);
	CHECK_EQ(drig_unbind(&r, 0, 9, 0), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4, kvm:UNBIND 9/4");
	drig_close(&r);
}

/* S9.1 */
static void a_veto_undoes_the_bind(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	r.kvm.veto_id = id = id_make_at(r.set, 9);
	r.kvm.veto_events = IOASID_EVENT_BIND;
	r.kvm.veto = -ENOTTY;
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), -ENOTTY);
	CHECK_EQ(id_refs(r.set, id), 1);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BLOCKED);
	CHECK_EQ(drig_live(&r).tables, 0);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), -ENOENT);
	r.kvm.veto_id = 0;
	/* The number is free again, for another IOASID too. */
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 10), 4, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, id, 5, 2, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(2));
	drig_close(&r);
}

/* S9.1 */
static void a_spid_that_the_caller_attached_is_used_and_left(void)
{
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_listen(&r);
	id = id_make_at(r.set, 9);
	CHECK_EQ(ioasid_attach_spid(r.set, id, ioasid_spid_make(4)), 0);
	CHECK_EQ(drig_bind(&r, 0, id, 5, 1, 0), -EBUSY);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	journal_expect(&r.journal, "kvm:ALLOC 9, kvm:BIND 9/4");
	CHECK_EQ(ioasid_detach_spid(r.set, id), 0);
	journal_expect(&r.journal, "kvm:UNBIND 9/4");
	drig_close(&r);
}

/* S9.1, S6.1 */
static void two_ioasids_cannot_have_one_spid(void)
{
	ioasid_t id, other;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	id = id_make(r.set);
	other = id_make(r.set);
	CHECK_EQ(drig_bind(&r, 0, id, 4, 1, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, other, 4, 1, 0), -EEXIST);
	CHECK_EQ(drig_bind(&r, 1, id, 5, 1, 0), -EBUSY);
	CHECK_EQ(id_refs(r.set, other), 1);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_bind(&r, 0, other, 4, 1, 0), 0);
	drig_close(&r);
}

/* S9.10: at bind. */
static void an_ioasid_too_wide_for_the_device_is_refused(void)
{
	struct drig r;

	drig_open(&r, "devices=2 mock0.pasid_bits=4 mock1.pasid_bits=0", 2);
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 16), NONE, 0, 0), -ERANGE);
	CHECK_EQ(drig_bind(&r, 0, id_make_at(r.set, 15), NONE, 0, 0), 0);
	CHECK_EQ(drig_bind(&r, 1, 15, NONE, 0, 0), -EOPNOTSUPP);
	CHECK_EQ(id_refs(r.set, 16), 1);
	drig_close(&r);
}

static void a_refused_bind_says_why(void)
{
	struct ioasid_reason why = { "" };
	struct ioasid_bind_data data;
	struct ioasid_address_space *home;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	home = drig_space(&r, r.on.context, 0);
	REQUIRE_EQ(drig_attach(&r, "mock0", IOASID_DEVICE_MEDIATED, home, &r.device[0]), 0);
	r.devices = 1;
	data = drig_data(&r, id_make(r.set), NONE, 1, 0);
	data.why = &why;
	/* The RID is on an address space that leaves no room for PASIDs, and is not moved (S9.13). */
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EBUSY);
	CHECK(strstr(why.text, "RID") != NULL);
	ioasid_pool_set_log(r.pool, journal_log, &r.journal);
	data.why = NULL;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EBUSY);
	CHECK(journal_has(&r.journal, "RID"));
	CHECK_EQ(ioasid_device_close(r.device[0]), 0);
	r.device[0] = NULL;
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "bad arguments have their own codes (S0.1)", bad_arguments_have_their_own_codes },
		{ "the owner is checked by each call (S9.5)", the_owner_is_checked_by_each_call },
		{ "DMA reaches memory between bind and unbind only (S9.5, S9.6)",
		  dma_reaches_memory_between_bind_and_unbind_only },
		{ "bind takes a reference and announces the SPID last (S9.1)",
		  bind_takes_a_reference_and_announces_the_spid_last },
		{ "the hardware is programmed while the SPID exists (S9.1)",
		  the_hardware_is_programmed_while_the_spid_exists },
		{ "a veto undoes the bind (S9.1, S7.7)", a_veto_undoes_the_bind },
		{ "a SPID that the caller attached is used and left (S9.1)",
		  a_spid_that_the_caller_attached_is_used_and_left },
		{ "two IOASIDs cannot have one SPID (S9.1, S6.1)", two_ioasids_cannot_have_one_spid },
		{ "an IOASID too wide for the device is refused (S9.10)",
		  an_ioasid_too_wide_for_the_device_is_refused },
		{ "a refused bind says why (S9.13)", a_refused_bind_says_why },
	};

	return TEST_MAIN("binding", cases, argc, argv);
}
