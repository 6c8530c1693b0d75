/* The host with two guests: the choice of moves, and those about invalidation, page requests and resets; see
 * hostile.h. */
#include "tests/hostile_moves.h"

static ioasid_t any_id(struct hostile *h)
{
	static const ioasid_t odd[] = { 0, H_IDS, IOASID_CAPACITY_MAX - 1, IOASID_CAPACITY_MAX, IOASID_INVALID };
	uint32_t n = hostile_number(h, H_IDS + 2);

	return n < H_IDS ? n : odd[hostile_number(h, sizeof(odd) / sizeof(odd[0]))];
}

/* Half of the time something that is the guest's own, if there is some. */
static ioasid_t some_id(struct hostile *h, unsigned int pool, enum h_guest guest)
{
	if (hostile_number(h, 2))
		return any_id(h);
	for (unsigned int i = 0; i < H_IDS; i++) {
		ioasid_t id = hostile_number(h, H_IDS);

		if (h->ids[pool][id].owner == guest && h->ids[pool][id].on != H_NOTHING)
			return id;
	}
	return any_id(h);
}

static struct target pick(struct hostile *h, enum h_guest guest)
{
	struct target t = { .guest = guest, .pool = hostile_number(h, H_POOLS), .device = hostile_number(h, H_DEVICES) };

	t.on = guest == H_A && hostile_number(h, 16) == 0 ? 1 - t.pool : t.pool;
	t.id = some_id(h, t.pool, guest);
	t.cookie = hostile_number(h, H_COOKIES);
	t.set = h->set[t.pool][guest];
	t.model = hostile_id(h, t.pool, t.device, t.id);
	if (t.model && t.model->owner != guest)
		t.model = NULL;
	/* Mostly a user that is there. */
	for (unsigned int i = 0; t.model && hostile_number(h, 4) && i < H_COOKIES; i++)
		if (!(t.model->users[t.device] >> t.cookie & 1))
			t.cookie = (t.cookie + 1) % H_COOKIES;
	return t;
}

/* ---- Invalidation and page requests ---- */

/* Whatever is named, it is a success: what is not there or not his has no effect. */
static void do_invalidate(struct hostile *h, const struct target *t)
{
	const struct ioasid_invalidation item = {
		.struct_size = sizeof(item), .scope = 1 + hostile_number(h, 6), .flags = hostile_number(h, 4), .id = t->id,
		.spid = ioasid_spid_make(hostile_number(h, H_SPIDS)), .device = h->rig[t->pool].device[t->device],
		.domain = hostile_number(h, 4), .address = DRIG_IOVA, .length = hostile_number(h, 2) ? DRIG_PAGE : UINT64_MAX,
	};
	size_t done = 9;
	int rc = ioasid_invalidate(t->set, &item, 1, &done);

	h->what = "invalidate";
	H_TRUE(h, rc == 0 ? done == 1 : hostile_is_refusal(rc));
	h->successes += rc == 0 && t->model && hostile_bound(t->model);
}

/* A device asks in the name of a PASID that the guest uses; or, from the guest's side, an answer to whatever
 * it can name. */
static void do_ask(struct hostile *h, const struct target *t)
{
	struct drig *r = &h->rig[t->pool];
	struct ioasid_mock_page_request request = {
		.struct_size = sizeof(request), .device = t->device, .pasid = t->id, .group = hostile_number(h, H_GROUPS),
		.address = DRIG_IOVA, .flags = IOASID_BE_FAULT_LAST | IOASID_BE_FAULT_READ,
	};
	struct h_group *group = &h->group[request.group];

	h->what = "a page request";
	if (!t->model || !t->model->users[t->device] || !t->model->faults || (t->guest == H_B && group->open))
		return;
	if (r->on.control->page_request(r->on.mock, &request) != 0)
		return;
	if (t->guest == H_B)
		*group = (struct h_group){ .open = true, .pool = t->pool, .device = t->device, .id = t->id,
					   .spid = IOASID_SPID_NONE };
	hostile_pump(h);
	h->successes++;
}

static void do_answer(struct hostile *h, const struct target *t)
{
	static const uint32_t spids[] = { IOASID_SPID_NONE, IOASID_SPID_MAX + 1 };
	uint32_t n = hostile_number(h, H_IDS + 2), group = hostile_number(h, H_GROUPS);
	uint32_t spid = n < H_IDS ? n : spids[n - H_IDS];
	uint64_t open = stats_of(t->set).faults_open;
	int rc;

	if (h->last.device && hostile_number(h, 2)) {
		struct ioasid_set *set = h->set[h->last_pool][t->guest];

		open = stats_of(set).faults_open;
		rc = ioasid_fault_respond(h->last.device, set, h->last.spid, h->last.group, hostile_number(h, 4));
		h->successes += open - stats_of(set).faults_open;
	} else {
		rc = ioasid_fault_respond(h->rig[t->on].device[t->device], t->set, ioasid_spid_make(spid), group,
					  hostile_number(h, 4));
		h->successes += open - stats_of(t->set).faults_open;
	}

	h->what = "an answer";
	H_TRUE(h, rc == 0 || rc == -EINVAL || rc == -ENOENT);
}

/* What only the guest's own VMM does for it: a reset of all that it has, or of the device that it has for
 * itself. */
static void do_flr(struct hostile *h, const struct target *t)
{
	unsigned int device = (unsigned int)t->guest;

	H_TRUE(h, ioasid_device_reset_bindings(h->rig[1].device[device]) == 0);
	H_TRUE(h, ioasid_device_was_reset(h->rig[1].device[device]) == 0);
	for (ioasid_t id = 0; id < H_IDS; id++) {
		struct target other = *t;

		other.pool = other.on = 1;
		other.id = id;
		other.set = h->set[1][t->guest];
		other.model = hostile_id(h, 1, device, id);
		if (other.model->owner != t->guest)
			continue;
		other.model->users[device] = 0;
		if (!hostile_bound(other.model))
			other.model->on = H_NOTHING;
		hostile_look_at_spid(h, &other);
	}
}

static void do_reset(struct hostile *h, const struct target *t)
{
	h->what = "a reset";
	h->successes++;
	if (hostile_number(h, 2)) {
		do_flr(h, t);
		return;
	}
	H_TRUE(h, ioasid_set_reset(t->set) == 0);
	for (ioasid_t id = 1; id < H_IDS; id++)
		if (h->ids[t->pool][id].owner == t->guest)
			h->ids[t->pool][id] = H_ID(H_NOBODY, t->guest);
	if (t->pool == 1)
		*hostile_id(h, 1, (unsigned int)t->guest, 0) = H_ID(t->guest, H_NOBODY);
}

static const struct {
	const char *name;
	uint32_t weight; /* of all */
	void (*fn)(struct hostile *h, const struct target *t);
} moves[H_MOVES] = {
	{ "alloc", 150, hostile_alloc },
	{ "free", 80, hostile_free },
	{ "attach_spid", 60, hostile_attach_spid },
	{ "detach_spid", 40, hostile_detach_spid },
	{ "find_by_spid", 40, hostile_find },
	{ "bind_gpasid", 200, hostile_bind },
	{ "bind_ioas", 50, hostile_bind_ioas },
	{ "unbind", 120, hostile_unbind },
	{ "rebind", 60, hostile_rebind },
	{ "invalidate", 70, do_invalidate },
	{ "ask for a page", 60, do_ask },
	{ "answer", 67, do_answer },
	{ "reset", 3, do_reset },
};

const char *hostile_move_name(unsigned int kind)
{
	return moves[kind].name;
}

void hostile_move_a(struct hostile *h)
{
	const struct target t = pick(h, H_A);
	uint64_t before = h->successes;
	uint32_t n = hostile_number(h, 1000);
	unsigned int kind = 0;

	while (n >= moves[kind].weight)
		n -= moves[kind++].weight;
	h->move++;
	moves[kind].fn(h, &t);
	h->done[kind] += h->successes - before;
	if (t.id < H_IDS && (t.id > 0 || t.pool == 1))
		hostile_check_id(h, t.pool, t.id);
}

/* ---- B ---- */

static void answer_as_b(struct hostile *h, uint32_t number)
{
	struct ioasid_mock_page_answer answer = { .struct_size = sizeof(answer) };
	struct h_group *group = &h->group[number];
	struct drig *r = &h->rig[group->pool];

	/* On a shared device an IOASID without SPID has no name that a guest knows. */
	if (!group->open || (group->pool == 0 && group->spid == IOASID_SPID_NONE))
		return;
	h->what = "B's answer";
	H_TRUE(h, ioasid_fault_respond(r->device[group->device], h->set[group->pool][H_B], ioasid_spid_make(group->spid), number,
				       IOASID_FAULT_SUCCESS) == 0);
	H_TRUE(h, r->on.control->page_response(r->on.mock, group->device, group->id, number, 0, &answer) == 0);
	H_TRUE(h, answer.code == IOASID_BE_RESPOND_SUCCESS && answer.by == IOASID_MOCK_BY_HOST);
	group->open = false;
}

/* A guest allocates and binds what it has, now and then changes a table or gives something back, and answers
 * its page requests: those of B, as A's are nobody's concern. */
static void right_move(struct hostile *h, enum h_guest guest)
{
	struct target t = pick(h, guest);

	h->move++;
	t.on = t.pool;
	t.cookie = 1 + hostile_number(h, H_COOKIES - 1);
	if (t.pool == 1)
		t.device = (unsigned int)guest;
	t.model = hostile_id(h, t.pool, t.device, t.id);
	if (!t.model || t.model->owner != guest) {
		if (stats_of(t.set).allocated < 8)
			hostile_alloc(h, &t);
		else if (guest == H_B)
			answer_as_b(h, hostile_number(h, H_GROUPS));
		return;
	}
	switch (hostile_number(h, 10)) {
	case 0:
		hostile_free(h, &t);
		break;
	case 1:
		hostile_unbind(h, &t);
		break;
	case 2:
		hostile_rebind(h, &t);
		break;
	case 3:
		do_ask(h, &t);
		break;
	default:
		hostile_bind(h, &t);
		break;
	}
}

void hostile_move_b(struct hostile *h)
{
	right_move(h, H_B);
}

void hostile_begin(struct hostile *h, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		right_move(h, i % 2 ? H_B : H_A);
	h->move = 0;
}
