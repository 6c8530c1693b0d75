/* The whole library on a real kernel, from pool and context to binding, with DMA as the witness. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ioasid/ioasid.h>

#include "tests/harness.h"
#include "tests/vm/vtd-cases.h"

struct world {
	struct ioasid_pool *pool;
	struct ioasid_context *context;
	struct ioasid_set *set;
	struct ioasid_address_space *space;	/* the target is mapped there */
	struct ioasid_device *device;
	struct edu edu;
	struct target target;
	int fd;
};

static int map_at(struct ioasid_address_space *space, uint64_t iova, const struct page *page)
{
	struct ioasid_mapping mapping = {
		.struct_size = sizeof(mapping),
		.access = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.iova = iova,
		.length = EDU_PAGE,
		.address = page->bytes,
		.fd = -1,
	};

	return ioasid_address_space_map(space, &mapping);
}

static void device_up(struct world *w, struct ioasid_address_space *home)
{
	struct ioasid_device_spec spec = {
		.struct_size = sizeof(spec),
		.kind = IOASID_DEVICE_FD,
		.name = "edu",
		.mode = IOASID_DEVICE_MEDIATED,
	};
	struct ioasid_reason why = { "" };

	w->fd = open_cdev();
	REQUIRE(w->fd >= 0);
	spec.fd = w->fd;
	if (!CHECK_EQ(ioasid_device_attach(w->context, w->pool, &spec, home, &w->device, &why), 0))
		printf("# %s\n", why.text);
	REQUIRE_EQ(edu_open(&w->edu, w->fd), 0);
	REQUIRE_EQ(ioasid_device_assign(w->device, w->set), 0);
}

static void world_up(struct world *w)
{
	struct ioasid_context_args args = { .struct_size = sizeof(args) };
	struct ioasid_reason why = { "" };

	memset(w, 0, sizeof(*w));
	REQUIRE_EQ(ioasid_pool_create(NULL, &w->pool), 0);
	if (!CHECK_EQ(ioasid_context_open_any(0, &args, &w->context, &why), 0))
		printf("# %s\n", why.text);
	REQUIRE(w->context);
	REQUIRE_EQ(ioasid_set_alloc(w->pool, IOASID_SET_NONE, 0, 16, &w->set), 0);
	REQUIRE_EQ(ioasid_address_space_create(w->context, 0, &w->space, &why), 0);
	target_up(&w->target);
	REQUIRE_EQ(map_at(w->space, w->target.iova, &w->target.page), 0);
}

static void device_down(struct world *w)
{
	edu_close(&w->edu);
	CHECK_EQ(ioasid_device_close(w->device), 0);
	close(w->fd);
}

static void world_down(struct world *w)
{
	CHECK_EQ(ioasid_address_space_destroy(w->space), 0);
	if (w->set)
		CHECK(ioasid_set_put(w->set) >= 0);
	CHECK_EQ(ioasid_context_close(w->context), 0);
	CHECK_EQ(ioasid_pool_destroy(w->pool), 0);
	target_down(&w->target);
}

static int bind_rid(struct world *w)
{
	return ioasid_bind_ioas(w->device, w->set, IOASID_NO_PASID, w->space, IOASID_COOKIE_NONE);
}

static int unbind_rid(struct world *w)
{
	return ioasid_unbind(w->device, w->set, IOASID_NO_PASID, IOASID_COOKIE_NONE);
}

void core_binds_and_unbinds(void)
{
	struct world w;

	world_up(&w);
	device_up(&w, NULL);
	check_blocked(&w.edu, &w.target);
	REQUIRE_EQ(bind_rid(&w), 0);
	check_passes(&w.edu, &w.target);
	CHECK_EQ(bind_rid(&w), -EBUSY);
	CHECK_EQ(ioasid_address_space_destroy(w.space), -EBUSY);
	page_fill(&w.target.page, 'p');
	edu_begin_write(&w.edu, w.target.iova);
	CHECK_EQ(unbind_rid(&w), 0);
	/* Begun before, it either came through before unbind returned or never does. */
	if (page_holds(&w.target.page, 'p', 'p')) {
		CHECK(edu_wait(&w.edu));
		CHECK(page_holds(&w.target.page, 'p', 'p'));
	}
	check_blocked(&w.edu, &w.target);
	CHECK_EQ(unbind_rid(&w), -ENOENT);
	REQUIRE_EQ(bind_rid(&w), 0);
	check_passes(&w.edu, &w.target);
	CHECK_EQ(ioasid_address_space_unmap(w.space, w.target.iova, EDU_PAGE, NULL), 0);
	check_blocked(&w.edu, &w.target);
	CHECK_EQ(unbind_rid(&w), 0);
	device_down(&w);
	world_down(&w);
}

void core_goes_home(void)
{
	struct ioasid_address_space *home;
	struct world w;
	struct page page;

	world_up(&w);
	REQUIRE_EQ(page_alloc(&page, 'h'), 0);
	REQUIRE_EQ(ioasid_address_space_create(w.context, 0, &home, NULL), 0);
	REQUIRE_EQ(map_at(home, 0x20000, &page), 0);
	device_up(&w, home);
	CHECK_EQ(ioasid_address_space_destroy(home), -EBUSY);
	check_blocked(&w.edu, &w.target);
	REQUIRE_EQ(bind_rid(&w), 0);
	check_passes(&w.edu, &w.target);
	/* While it is away, nothing of its home is reached. */
	CHECK(edu_write(&w.edu, 0x20000));
	CHECK(page_holds(&page, 'h', 'h'));
	CHECK_EQ(unbind_rid(&w), 0);
	CHECK(edu_write(&w.edu, 0x20000));
	CHECK(page_holds(&page, 's', 'h'));
	check_blocked(&w.edu, &w.target);
	device_down(&w);
	CHECK_EQ(ioasid_address_space_destroy(home), 0);
	page_free(&page);
	world_down(&w);
}

void core_set_ends(void)
{
	struct world w;

	world_up(&w);
	device_up(&w, NULL);
	REQUIRE_EQ(bind_rid(&w), 0);
	check_passes(&w.edu, &w.target);
	CHECK_EQ(ioasid_set_reset(w.set), 0);
	check_blocked(&w.edu, &w.target);
	CHECK_EQ(unbind_rid(&w), -ENOENT);
	REQUIRE_EQ(bind_rid(&w), 0);
	check_passes(&w.edu, &w.target);
	CHECK(ioasid_set_put(w.set) >= 0);
	w.set = NULL;
	check_blocked(&w.edu, &w.target);
	device_down(&w);
	world_down(&w);
}

void core_device_is_closed(void)
{
	struct world w;

	world_up(&w);
	device_up(&w, NULL);
	REQUIRE_EQ(bind_rid(&w), 0);
	check_passes(&w.edu, &w.target);
	/* Its file stays open and bound, as it was handed in, so the device itself can go on. */
	CHECK_EQ(ioasid_device_close(w.device), 0);
	check_blocked(&w.edu, &w.target);
	edu_close(&w.edu);
	close(w.fd);
	world_down(&w);
}

void core_knows_the_width(void)
{
	struct ioasid_address_space *space;
	struct ioasid_device_caps caps = { .struct_size = sizeof(caps) };
	struct world w;
	ioasid_t id;

	world_up(&w);
	device_up(&w, NULL);
	CHECK_EQ(ioasid_device_caps(w.device, &caps), 0);
	CHECK_EQ(caps.pasid_bits, 0);
	REQUIRE_EQ(ioasid_address_space_create(w.context, IOASID_USE_PASID, &space, NULL), 0);
	REQUIRE_EQ(ioasid_alloc(w.set, 1, 100, NULL, &id), 0);
	CHECK_EQ(ioasid_bind_ioas(w.device, w.set, id, space, IOASID_COOKIE_NONE), -EOPNOTSUPP);
	CHECK_EQ(ioasid_free(w.set, id), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	device_down(&w);
	world_down(&w);
}
