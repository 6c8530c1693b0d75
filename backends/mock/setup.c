/* What the key/value pairs of an open say; see setup.h. */
#include "setup.h"

#include <stddef.h>
#include <string.h>

#include "setup_lists.h"
#include "structs.h"

#define UNSET UINT64_MAX

enum kind {
	NUMBER,
	POWER,    /* a power of two, or 0 */
	SWITCH,   /* on, off */
	DRAIN,    /* wait, cut */
	RID_RULE, /* strict, free */
	OWNER,    /* host, guest, either */
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset; /* of an uint64_t */
	uint64_t min;
	uint64_t max;
	uint64_t preset;
};

#define GLOBAL(member) offsetof(struct setup, member)
#define LOCAL(member)  offsetof(struct setup_device, member)

static const struct key global_keys[] = {
	{ "devices", NUMBER, GLOBAL(devices), 1, SETUP_DEVICES_MAX, 1 },
	{ "domains", NUMBER, GLOBAL(domains), 0, UINT32_MAX, 0 },
	{ "drain", DRAIN, GLOBAL(drain_waits), 0, 1, 0 },
	{ "fail_memory", NUMBER, GLOBAL(fail_memory), 0, UINT64_MAX, 0 },
	{ "guest_tables", SWITCH, GLOBAL(guest_tables), 0, 1, 0 },
	{ "ids", NUMBER, GLOBAL(ids), 0, 1 << 20, 0 },
	{ "iommus", NUMBER, GLOBAL(iommus), 1, SETUP_DEVICES_MAX, 1 },
	{ "iotlb", POWER, GLOBAL(iotlb), 0, 1 << 20, 256 },
	{ "max_batch", NUMBER, GLOBAL(max_batch), 0, UINT32_MAX, 0 },
	{ "max_bindings", NUMBER, GLOBAL(max_bindings), 0, UINT64_MAX, 0 },
	{ "max_devices", NUMBER, GLOBAL(max_devices), 0, UINT64_MAX, 0 },
	{ "max_spaces", NUMBER, GLOBAL(max_spaces), 0, UINT64_MAX, 0 },
	{ "max_tables", NUMBER, GLOBAL(max_tables), 0, UINT64_MAX, 0 },
	{ "patience", NUMBER, GLOBAL(patience), 0, UINT64_C(60000000000), UINT64_C(1000000000) },
	{ "probe", SWITCH, GLOBAL(probe), 0, 1, 1 },
	{ "rid_rule", RID_RULE, GLOBAL(rid_strict), 0, 1, 1 },
	{ "separate_drain", SWITCH, GLOBAL(separate_drain), 0, 1, 0 },
	{ "separate_invalidate", SWITCH, GLOBAL(separate_invalidate), 0, 1, 0 },
	{ "shares_tables", SWITCH, GLOBAL(shares_tables), 0, 1, 1 },
};

/* For all devices, or with the device's name and a dot in front for one. */
static const struct key device_keys[] = {
	{ "ats", SWITCH, LOCAL(ats), 0, 1, 0 },
	{ "bindings", NUMBER, LOCAL(max_bindings), 0, UINT32_MAX, 0 },
	{ "block", SWITCH, LOCAL(block), 0, 1, 1 },
	{ "dirty", SWITCH, LOCAL(dirty), 0, 1, 1 },
	{ "event", SWITCH, LOCAL(event), 0, 1, 1 },
	{ "exec", SWITCH, LOCAL(exec), 0, 1, 1 },
	{ "fault", SWITCH, LOCAL(fault), 0, 1, 1 },
	{ "hitless", SWITCH, LOCAL(hitless), 0, 1, 1 },
	{ "iommu", NUMBER, LOCAL(iommu), 0, SETUP_DEVICES_MAX - 1, UNSET },
	{ "iova_bits", NUMBER, LOCAL(iova_bits), 13, 64, 48 },
	{ "nesting", SWITCH, LOCAL(nesting), 0, 1, 1 },
	{ "owner", OWNER, LOCAL(owner), 0, 0, IOASID_BE_OWNER_HOST },
	{ "pasid_bits", NUMBER, LOCAL(pasid_bits), 0, 20, 20 },
	{ "pri", SWITCH, LOCAL(pri), 0, 1, 0 },
	{ "priv", SWITCH, LOCAL(priv), 0, 1, 1 },
	{ "rid", SWITCH, LOCAL(rid), 0, 1, 1 },
	{ "viommu", SWITCH, LOCAL(viommu), 0, 1, 1 },
};

/* Which of two words is it? */
static bool parse_word(const char *text, const char *zero, const char *one, uint64_t *number)
{
	*number = !strcmp(text, one);
	return *number || !strcmp(text, zero);
}

static bool parse_value(const struct key *key, const char *text, uint64_t *number)
{
	switch (key->kind) {
	case SWITCH:
		return parse_word(text, "off", "on", number);
	case DRAIN:
		return parse_word(text, "cut", "wait", number);
	case RID_RULE:
		return parse_word(text, "free", "strict", number);
	case OWNER:
		*number = !strcmp(text, "host")    ? IOASID_BE_OWNER_HOST
			  : !strcmp(text, "guest") ? IOASID_BE_OWNER_GUEST
						   : IOASID_BE_OWNER_EITHER;
		return *number != IOASID_BE_OWNER_EITHER || !strcmp(text, "either");
	default:
		break;
	}
	if (!setup_number(&text, number) || *text || *number < key->min || *number > key->max)
		return false;
	return key->kind != POWER || !(*number & (*number - 1));
}

static bool parse_machine(struct setup *setup, const char *text)
{
	size_t length = strlen(text);

	if (!length || length > SETUP_NAME_MAX)
		return false;
	memcpy(setup->machine, text, length + 1);
	return true;
}

/* ---- Pairs ---- */

static const struct key *find_key(const struct key *keys, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	}
	return NULL;
}

#define FIND_KEY(keys, name) find_key(keys, sizeof(keys) / sizeof((keys)[0]), name)

enum found { UNKNOWN, BAD, TAKEN };

static enum found parse_key(const struct key *key, void *base, const char *text)
{
	if (!key)
		return UNKNOWN;
	return parse_value(key, text, (uint64_t *)(void *)((char *)base + key->offset)) ? TAKEN : BAD;
}

static enum found parse_device_pair(struct setup_device *device, const char *key, const char *value)
{
	if (!strcmp(key, "reserved"))
		return setup_reserved(device, value) ? TAKEN : BAD;
	if (!strcmp(key, "deny"))
		return setup_deny(device, value) ? TAKEN : BAD;
	return parse_key(FIND_KEY(device_keys, key), device, value);
}

/* What stands for the whole machine; what stands for all devices goes to device 0 first. */
static enum found parse_global_pair(struct setup *setup, const char *key, const char *value)
{
	setup->shapes = setup->shapes || strcmp(key, "machine") != 0;
	if (!strcmp(key, "machine"))
		return parse_machine(setup, value) ? TAKEN : BAD;
	if (!strcmp(key, "without"))
		return setup_without(setup, value) ? TAKEN : BAD;
	if (!strcmp(key, "fail"))
		return setup_fail(setup, value) ? TAKEN : BAD;
	if (strcmp(key, "iommu") && parse_device_pair(&setup->device[0], key, value) != UNKNOWN)
		return parse_device_pair(&setup->device[0], key, value);
	return parse_key(FIND_KEY(global_keys, key), setup, value);
}

/* "mock3.pasid_bits" */
static enum found parse_named_pair(struct setup *setup, const char *key, const char *value)
{
	uint64_t number;

	if (strncmp(key, "mock", 4))
		return UNKNOWN;
	key += 4;
	setup->shapes = true;
	if (!setup_number(&key, &number) || number >= setup->devices || !setup_char(&key, '.'))
		return UNKNOWN;
	return parse_device_pair(&setup->device[number], key, value);
}

/* One walk over the pairs: those with a dot (a device's own) or those without. */
static int32_t parse_pairs(struct setup *setup, const struct ioasid_be_array *config, bool named,
			   struct ioasid_be_text *why)
{
	for (uint32_t i = 0; i < config->count; i++) {
		struct ioasid_be_pair pair;
		enum found found;
		int32_t rc = wire_item(&pair, sizeof(pair), config, i);

		if (rc)
			return rc;
		if (!pair.key || !pair.value)
			return wire_why(why, IOASID_BE_EINVAL, "a key or value of the configuration is NULL");
		if ((strchr(pair.key, '.') != NULL) != named)
			continue;
		found = named ? parse_named_pair(setup, pair.key, pair.value)
			      : parse_global_pair(setup, pair.key, pair.value);
		if (found == UNKNOWN)
			return wire_why(why, IOASID_BE_EINVAL, "unknown key \"%s\"", pair.key);
		if (found == BAD)
			return wire_why(why, IOASID_BE_EINVAL, "key \"%s\" cannot be \"%s\"", pair.key,
					pair.value);
	}
	return 0;
}

static void preset(const struct key *keys, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++)
		*(uint64_t *)(void *)((char *)base + keys[i].offset) = keys[i].preset;
}

int32_t setup_parse(struct setup *setup, const struct ioasid_be_array *config, struct ioasid_be_text *why)
{
	int32_t rc = wire_array(config);

	memset(setup, 0, sizeof(*setup));
	preset(global_keys, sizeof(global_keys) / sizeof(global_keys[0]), setup);
	preset(device_keys, sizeof(device_keys) / sizeof(device_keys[0]), &setup->device[0]);
	if (!rc)
		rc = parse_pairs(setup, config, false, why);
	for (uint64_t i = 1; !rc && i < setup->devices; i++)
		setup->device[i] = setup->device[0];
	if (!rc)
		rc = parse_pairs(setup, config, true, why);
	for (uint64_t i = 0; !rc && i < setup->devices; i++) {
		if (setup->device[i].iommu == UNSET)
			setup->device[i].iommu = i % setup->iommus;
		else if (setup->device[i].iommu >= setup->iommus)
			rc = wire_why(why, IOASID_BE_EINVAL,
				      "mock%u is behind IOMMU %u, but there are only %u", (unsigned int)i,
				      (unsigned int)setup->device[i].iommu, (unsigned int)setup->iommus);
		setup_apply_denied(&setup->device[i]);
	}
	return rc;
}
