/* Settings that are lists, and the texts that they are made of; see setup_lists.h. */
#include "setup_lists.h"

#include <stddef.h>
#include <string.h>

#include "mock_control.h"

#define GUEST_INTERFACES \
	(IOASID_BE_IF_VIOMMU | IOASID_BE_IF_VDEVICE | IOASID_BE_IF_TABLE | IOASID_BE_IF_EVENT)

static const struct {
	const char *name;
	uint64_t bit;
} interfaces[] = {
	{ "pasid", IOASID_BE_IF_PASID },           { "nested", IOASID_BE_IF_NESTED },
	{ "invalidate", IOASID_BE_IF_INVALIDATE }, { "fault", IOASID_BE_IF_FAULT },
	{ "dirty", IOASID_BE_IF_DIRTY },           { "id", IOASID_BE_IF_ID },
	{ "event", IOASID_BE_IF_EVENT },           { "viommu", GUEST_INTERFACES },
};

static const char *const op_names[] = {
	[IOASID_MOCK_OP_OPEN] = "open",
	[IOASID_MOCK_OP_CLOSE] = "close",
	[IOASID_MOCK_OP_CAPS] = "caps",
	[IOASID_MOCK_OP_GET_INTERFACE] = "get_interface",
	[IOASID_MOCK_OP_DEVICE_ATTACH] = "device_attach",
	[IOASID_MOCK_OP_DEVICE_DETACH] = "device_detach",
	[IOASID_MOCK_OP_DEVICE_CAPS] = "device_caps",
	[IOASID_MOCK_OP_DEVICE_REGISTERS] = "device_registers",
	[IOASID_MOCK_OP_DEVICE_REPORT] = "device_report",
	[IOASID_MOCK_OP_DEVICE_RESET] = "device_reset",
	[IOASID_MOCK_OP_AS_CREATE] = "as_create",
	[IOASID_MOCK_OP_AS_ADOPT] = "as_adopt",
	[IOASID_MOCK_OP_AS_DESTROY] = "as_destroy",
	[IOASID_MOCK_OP_MAP] = "map",
	[IOASID_MOCK_OP_MAP_FILE] = "map_file",
	[IOASID_MOCK_OP_COPY] = "copy",
	[IOASID_MOCK_OP_UNMAP] = "unmap",
	[IOASID_MOCK_OP_RANGES] = "ranges",
	[IOASID_MOCK_OP_ALLOW] = "allow",
	[IOASID_MOCK_OP_ATTACH] = "attach",
	[IOASID_MOCK_OP_REPLACE] = "replace",
	[IOASID_MOCK_OP_DETACH] = "detach",
	[IOASID_MOCK_OP_PARK] = "park",
	[IOASID_MOCK_OP_DRAIN] = "drain",
	[IOASID_MOCK_OP_INVALIDATE] = "invalidate",
	[IOASID_MOCK_OP_DEVICE_BLOCK] = "device_block",
	[IOASID_MOCK_OP_TABLE_CREATE] = "table_create",
	[IOASID_MOCK_OP_TABLE_DESTROY] = "table_destroy",
	[IOASID_MOCK_OP_FAULTQ_CREATE] = "faultq_create",
	[IOASID_MOCK_OP_FAULTQ_DESTROY] = "faultq_destroy",
	[IOASID_MOCK_OP_FAULT_READ] = "fault_read",
	[IOASID_MOCK_OP_FAULT_RESPOND] = "fault_respond",
	[IOASID_MOCK_OP_DIRTY_START] = "dirty_start",
	[IOASID_MOCK_OP_DIRTY_STOP] = "dirty_stop",
	[IOASID_MOCK_OP_DIRTY_READ] = "dirty_read",
	[IOASID_MOCK_OP_DIRTY_READ_CLEAR] = "dirty_read_clear",
	[IOASID_MOCK_OP_ID_ALLOC] = "id_alloc",
	[IOASID_MOCK_OP_ID_FREE] = "id_free",
	[IOASID_MOCK_OP_VIOMMU_CREATE] = "viommu_create",
	[IOASID_MOCK_OP_VIOMMU_DESTROY] = "viommu_destroy",
	[IOASID_MOCK_OP_VDEVICE_CREATE] = "vdevice_create",
	[IOASID_MOCK_OP_VDEVICE_DESTROY] = "vdevice_destroy",
	[IOASID_MOCK_OP_ENTRY_ATTACH] = "entry_attach",
	[IOASID_MOCK_OP_ENTRY_SET] = "entry_set",
	[IOASID_MOCK_OP_ENTRY_DETACH] = "entry_detach",
	[IOASID_MOCK_OP_EVENTQ_CREATE] = "eventq_create",
	[IOASID_MOCK_OP_EVENTQ_DESTROY] = "eventq_destroy",
	[IOASID_MOCK_OP_EVENT_READ] = "event_read",
	[IOASID_MOCK_OP_INVALIDATE_RAW] = "invalidate_raw",
};
_Static_assert(sizeof(op_names) / sizeof(op_names[0]) == IOASID_MOCK_OP_COUNT, "every operation has a name");

/* ---- Texts ---- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

/* Reads a number, decimal or with 0x hexadecimal, and goes behind it; the C library's way depends on errno
 * and locale. */
bool setup_number(const char **text, uint64_t *number)
{
	const char *at = *text;
	int base = 10;
	uint64_t sum = 0;

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
		base = 16;
		at += 2;
	}
	if (digit_of(*at) >= base)
		return false;
	for (; digit_of(*at) < base; at++) {
		uint64_t digit = (uint64_t)digit_of(*at);

		if (sum > (UINT64_MAX - digit) / (uint64_t)base)
			return false;
		sum = sum * (uint64_t)base + digit;
	}
	*text = at;
	*number = sum;
	return true;
}

bool setup_char(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

/* ---- Lists ---- */

/* "first-last,first-last": whole pages. */
bool setup_reserved(struct setup_device *device, const char *text)
{
	uint32_t count = 0;

	while (*text) {
		struct setup_range range;

		if (count == SETUP_RESERVED_MAX || !setup_number(&text, &range.first) ||
		    !setup_char(&text, '-') || !setup_number(&text, &range.last) ||
		    range.first > range.last || range.first % 4096 || (range.last + 1) % 4096 ||
		    (*text && (!setup_char(&text, ',') || !*text)))
			return false;
		device->reserved[count++] = range;
	}
	device->reserved_count = count;
	return true;
}

/* Length of the word up to a separator. */
static size_t word_length(const char *text, char separator)
{
	const char *end = strchr(text, separator);

	return end ? (size_t)(end - text) : strlen(text);
}

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && !memcmp(text, word, length);
}

/* "nested,invalidate" */
bool setup_without(struct setup *setup, const char *text)
{
	for (;;) {
		size_t length = word_length(text, ','), i = 0;

		while (i < sizeof(interfaces) / sizeof(interfaces[0]) &&
		       !is_word(text, length, interfaces[i].name))
			i++;
		if (i == sizeof(interfaces) / sizeof(interfaces[0]))
			return false;
		setup->without |= interfaces[i].bit;
		text += length;
		if (!*text)
			break;
		text++;
	}
	/* Nothing can stand on an interface that is not there. */
	if (setup->without & IOASID_BE_IF_INVALIDATE)
		setup->without |= GUEST_INTERFACES;
	if (setup->without & IOASID_BE_IF_PASID)
		setup->without |= IOASID_BE_IF_NESTED;
	return true;
}

/* "open:1:5,map:3:12": operation, which call, errno */
bool setup_fail(struct setup *setup, const char *text)
{
	while (*text) {
		size_t length = word_length(text, ':');
		struct setup_fail *fail = &setup->fails[setup->fail_count];
		uint64_t error;

		if (setup->fail_count == SETUP_FAIL_MAX)
			return false;
		while (fail->op < IOASID_MOCK_OP_COUNT && !is_word(text, length, op_names[fail->op]))
			fail->op++;
		text += length;
		if (fail->op == IOASID_MOCK_OP_COUNT || !setup_char(&text, ':') ||
		    !setup_number(&text, &fail->nth) || !fail->nth || !setup_char(&text, ':') ||
		    !setup_number(&text, &error) || !error || error > 4095 ||
		    (*text && (!setup_char(&text, ',') || !*text)))
			return false;
		fail->error = -(int32_t)error;
		setup->fail_count++;
	}
	return true;
}

static const struct {
	const char *name;
	uint32_t capability;
	size_t offset; /* of the switch or number that takes it away, in a device's setup */
} deniable[] = {
	{ "pasid", IOASID_BE_CAP_PASID, offsetof(struct setup_device, pasid_bits) },
	{ "exec", IOASID_BE_CAP_EXEC, offsetof(struct setup_device, exec) },
	{ "priv", IOASID_BE_CAP_PRIV, offsetof(struct setup_device, priv) },
	{ "ats", IOASID_BE_CAP_ATS, offsetof(struct setup_device, ats) },
	{ "pri", IOASID_BE_CAP_PRI, offsetof(struct setup_device, pri) },
	{ "nesting", IOASID_BE_CAP_NESTING, offsetof(struct setup_device, nesting) },
	{ "hitless", IOASID_BE_CAP_HITLESS, offsetof(struct setup_device, hitless) },
	{ "dirty", IOASID_BE_CAP_DIRTY, offsetof(struct setup_device, dirty) },
	{ "fault", IOASID_BE_CAP_FAULT, offsetof(struct setup_device, fault) },
	{ "block", IOASID_BE_CAP_BLOCK, offsetof(struct setup_device, block) },
	{ "rid", IOASID_BE_CAP_RID, offsetof(struct setup_device, rid) },
	{ "viommu", IOASID_BE_CAP_VIOMMU, offsetof(struct setup_device, viommu) },
	{ "event", IOASID_BE_CAP_EVENT, offsetof(struct setup_device, event) },
};
#define DENIABLE (sizeof(deniable) / sizeof(deniable[0]))

static const char *const reasons[] = {
	[IOASID_BE_WHY_KERNEL] = "kernel",     [IOASID_BE_WHY_MODE] = "mode",
	[IOASID_BE_WHY_HARDWARE] = "hardware", [IOASID_BE_WHY_ACS] = "acs",
	[IOASID_BE_WHY_RID] = "rid",           [IOASID_BE_WHY_PERMISSION] = "permission",
	[IOASID_BE_WHY_BACKEND] = "backend",   [IOASID_BE_WHY_OTHER] = "other",
};
#define REASONS (sizeof(reasons) / sizeof(reasons[0]))

bool setup_deny(struct setup_device *device, const char *text)
{
	for (;;) {
		size_t length = word_length(text, ':'), i = 0;
		uint8_t why = IOASID_BE_WHY_NONE + 1;

		while (i < DENIABLE && !is_word(text, length, deniable[i].name))
			i++;
		text += length;
		if (i == DENIABLE || !setup_char(&text, ':'))
			return false;
		length = word_length(text, ',');
		while (why < REASONS && !is_word(text, length, reasons[why]))
			why++;
		if (why == REASONS)
			return false;
		device->denied[deniable[i].capability] = why;
		text += length;
		if (!*text)
			return true;
		text++;
	}
}

void setup_apply_denied(struct setup_device *device)
{
	for (size_t i = 0; i < DENIABLE; i++) {
		if (device->denied[deniable[i].capability])
			*(uint64_t *)(void *)((char *)device + deniable[i].offset) = 0;
	}
}
