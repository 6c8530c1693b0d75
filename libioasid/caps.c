/*
 * What a guest was promised of its devices' capabilities; see include/ioasid/device.h (S9.10).
 *
 * The promise is the set's, under the devices' lock like all that binds look at. It is kept by refusing:
 * at assign and at each bind, with the device's capabilities as they are by then.
 */
#include "libioasid/caps.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libioasid/args.h"
#include "libioasid/device.h"
#include "libioasid/fork.h"

static const char *const names[] = {
	[IOASID_CAP_PASID] = "PASID", [IOASID_CAP_EXEC] = "EXEC", [IOASID_CAP_PRIV] = "PRIV", [IOASID_CAP_ATS] = "ATS",
	[IOASID_CAP_PRI] = "PRI", [IOASID_CAP_NESTING] = "NESTING", [IOASID_CAP_HITLESS] = "HITLESS",
	[IOASID_CAP_DIRTY] = "DIRTY", [IOASID_CAP_FAULT] = "FAULT", [IOASID_CAP_VIOMMU] = "VIOMMU",
	[IOASID_CAP_EVENT] = "EVENT", [IOASID_CAP_HWQUEUE] = "HWQUEUE", [IOASID_CAP_BLOCK] = "BLOCK",
	[IOASID_CAP_MAPPING] = "MAPPING", [IOASID_CAP_RID] = "RID",
};

_Static_assert((IOASID_TABLE_OWNER_HOST | IOASID_TABLE_OWNER_GUEST) == IOASID_TABLE_OWNER_EITHER &&
	       IOASID_TABLE_OWNER_NONE == 0, "owners are a set of those who can be it");

const char *ioasid__cap_name(uint32_t capability)
{
	return capability < sizeof(names) / sizeof(names[0]) ? names[capability] : "?";
}

/* ---- What devices have in common ---- */

/* Of two limits of which 0 is none. */
static uint64_t stricter(uint64_t a, uint64_t b)
{
	return b == 0 || (a != 0 && a < b) ? a : b;
}

static void common_with(struct ioasid_device_caps *all, const struct ioasid_device_caps *one)
{
	if (one->pasid_bits < all->pasid_bits)
		all->pasid_bits = one->pasid_bits;
	if (one->iova_bits < all->iova_bits)
		all->iova_bits = one->iova_bits;
	all->flags &= one->flags;
	all->table_owner &= one->table_owner;
	all->page_sizes &= one->page_sizes;
	all->max_bindings = stricter(all->max_bindings, one->max_bindings);
	all->iommu = 0;
}

/* ---- What one lacks ---- */

/* Adds a difference to a list of them, as far as there is room. */
static void add(struct ioasid_reason *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct ioasid_reason *list, const char *format, ...)
{
	size_t used = strlen(list->text);
	va_list args;

	used += (size_t)snprintf(list->text + used, sizeof(list->text) - used, "%s", used != 0 ? ", " : "");
	if (used >= sizeof(list->text))
		return;
	va_start(args, format);
	vsnprintf(list->text + used, sizeof(list->text) - used, format, args);
	va_end(args);
}

static void add_flags(struct ioasid_reason *list, uint64_t lacking)
{
	for (uint32_t cap = 0; cap < sizeof(names) / sizeof(names[0]); cap++)
		if ((lacking >> cap & 1) != 0)
			add(list, "lacks %s", names[cap]);
}

/* Each way in which a device is below what was promised. */
static void differences(const struct ioasid_device_caps *promised, const struct ioasid_device_caps *has,
			struct ioasid_reason *list)
{
	uint64_t sizes = promised->page_sizes & ~has->page_sizes;

	list->text[0] = '\0';
	if (has->pasid_bits < promised->pasid_bits)
		add(list, "pasid_bits %u < %u", has->pasid_bits, promised->pasid_bits);
	add_flags(list, promised->flags & ~has->flags);
	if ((promised->table_owner & ~has->table_owner) != 0)
		add(list, "table_owner %u is not %u", has->table_owner, promised->table_owner);
	if (has->iova_bits < promised->iova_bits)
		add(list, "iova_bits %u < %u", has->iova_bits, promised->iova_bits);
	for (unsigned int bit = 0; bit < 64; bit++)
		if ((sizes >> bit & 1) != 0)
			add(list, "lacks pages of 0x%llx bytes", 1ull << bit);
	if (has->max_bindings != 0 && promised->max_bindings == 0)
		add(list, "max_bindings %llu, not unlimited", (unsigned long long)has->max_bindings);
	else if (has->max_bindings != 0 && has->max_bindings < promised->max_bindings)
		add(list, "max_bindings %llu < %llu", (unsigned long long)has->max_bindings,
		    (unsigned long long)promised->max_bindings);
}

int ioasid__caps_enough(const struct ioasid_set *set, const struct ioasid_device *device,
			struct ioasid_reason *why)
{
	struct ioasid_reason list;

	if (set->promised == NULL)
		return 0;
	differences(set->promised, &device->caps, &list);
	if (list.text[0] == '\0')
		return 0;
	if (why != NULL)
		*why = list;
	return -EOPNOTSUPP;
}

/* ---- The public side ---- */

static bool set_ok(const struct ioasid_set *set)
{
	return set != NULL && !set_is_root(set);
}

/* Acquire pairs with the release at the set's death. */
static bool is_dead(const struct ioasid_set *set)
{
	return (atomic_load_explicit(&set->slow, memory_order_acquire) & SET_DEAD) != 0;
}

static bool devices_ok(const struct ioasid_set *set, struct ioasid_device *const *devices, uint32_t count)
{
	if (devices == NULL || count == 0)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (devices[i] == NULL || devices[i]->pool != set->pool)
			return false;
	return true;
}

int ioasid_caps_freeze(struct ioasid_set *set, struct ioasid_device *const *devices, uint32_t count,
		       struct ioasid_device_caps *caps)
{
	struct ioasid_device_caps common, *promised;
	int rc = ioasid__call_allowed(set_ok(set) && devices_ok(set, devices, count) &&
				      (caps == NULL || caps->struct_size >= 8));

	if (rc != 0)
		return rc;
	promised = mem_alloc(sizeof(*promised));
	if (promised == NULL)
		return -ENOMEM;
	lock(&set->pool->devices->lock);
	common = devices[0]->caps;
	for (uint32_t i = 0; i < count; i++)
		common_with(&common, &devices[i]->caps);
	if (is_dead(set))
		rc = -ENOENT;
	else if (set->promised != NULL)
		rc = -EBUSY;
	*promised = common;
	if (rc == 0)
		set->promised = promised;
	unlock(&set->pool->devices->lock);
	if (rc != 0)
		mem_free(promised);
	return rc != 0 || caps == NULL ? rc : args_out(caps, &common, sizeof(common));
}

int ioasid_caps_frozen(struct ioasid_set *set, struct ioasid_device_caps *caps)
{
	struct ioasid_device_caps ours = { 0 };
	bool frozen;

	if (ioasid__forked())
		return -EPERM;
	if (!set_ok(set) || caps == NULL || caps->struct_size < 8)
		return -EINVAL;
	lock(&set->pool->devices->lock);
	frozen = set->promised != NULL;
	if (frozen)
		ours = *set->promised;
	unlock(&set->pool->devices->lock);
	return frozen ? args_out(caps, &ours, sizeof(ours)) : -ENOENT;
}

int ioasid_caps_thaw(struct ioasid_set *set)
{
	int rc = ioasid__call_allowed(set_ok(set));
	struct ioasid_device_caps *promised;

	if (rc != 0)
		return rc;
	lock(&set->pool->devices->lock);
	promised = set->promised;
	set->promised = NULL;
	unlock(&set->pool->devices->lock);
	mem_free(promised);
	return 0;
}

int ioasid_caps_check(struct ioasid_set *set, struct ioasid_device *device, struct ioasid_reason *why)
{
	int rc = ioasid__call_allowed(set_ok(set) && device != NULL && device->pool == set->pool);

	if (why != NULL)
		why->text[0] = '\0';
	if (rc != 0)
		return rc;
	lock(&device->all->lock);
	rc = ioasid__caps_enough(set, device, why);
	unlock(&device->all->lock);
	return rc;
}
