/*
 * What devices say about themselves, line by line and as a whole; see include/ioasid/device.h.
 *
 * The backend's lines come first. A capability that it does not mention gets a line of the library's, from
 * the flags that every other call goes by; and no line says that something is usable which those flags lack.
 */
#include <errno.h>
#include <string.h>

#include <ioasid/stats.h>

#include "libioasid/args.h"
#include "libioasid/be_call.h"
#include "libioasid/caps.h"
#include "libioasid/device.h"
#include "libioasid/fork.h"
#include "libioasid/out.h"

/* More lines than a backend has anything to say. */
#define BACKEND_LINES 256u

static const char *const causes[] = {
	[IOASID_WHY_NONE] = "", [IOASID_WHY_KERNEL] = "kernel", [IOASID_WHY_MODE] = "mode",
	[IOASID_WHY_HARDWARE] = "hardware", [IOASID_WHY_ACS] = "ACS", [IOASID_WHY_RID] = "RID",
	[IOASID_WHY_PERMISSION] = "permission", [IOASID_WHY_BACKEND] = "backend", [IOASID_WHY_OTHER] = "other",
};

static const char *const owners[] = {
	[IOASID_TABLE_OWNER_NONE] = "none", [IOASID_TABLE_OWNER_HOST] = "host",
	[IOASID_TABLE_OWNER_GUEST] = "guest", [IOASID_TABLE_OWNER_EITHER] = "either",
};

/* ---- Lines ---- */

static struct ioasid_device_caps caps_of(struct ioasid_device *device)
{
	struct ioasid_device_caps caps;

	lock(&device->all->lock);
	caps = device->caps;
	unlock(&device->all->lock);
	return caps;
}

/* Errata restrict mappings where they are mentioned only, and there is no flag for that. */
static bool flagged(const struct ioasid_device_caps *caps, uint32_t capability)
{
	return capability == IOASID_CAP_MAPPING || (caps->flags >> capability & 1) != 0;
}

static int backend_line(struct ioasid_device *device, uint32_t index, struct ioasid_report_line *line,
			struct ioasid_reason *text)
{
	struct ioasid_be_report_line be;
	int rc = -ENOENT;

	if (index < BACKEND_LINES)
		rc = ioasid__be_device_report(&device->context->be, device->dev, index, &be, text);
	if (rc == 0)
		*line = (struct ioasid_report_line){ .capability = be.capability, .usable = be.usable, .why = be.why };
	return rc;
}

/* How many lines the backend has, and a bit for each capability in them. */
static int backend_lines(struct ioasid_device *device, uint32_t *lines, uint64_t *mentioned)
{
	struct ioasid_report_line line;
	int rc = 0;

	*mentioned = 0;
	for (*lines = 0; rc == 0; ++*lines) {
		rc = backend_line(device, *lines, &line, NULL);
		if (rc != 0)
			break;
		*mentioned |= UINT64_C(1) << line.capability;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* The library's line of that number: of the capabilities without one. */
static int own_line(uint64_t mentioned, uint32_t number, struct ioasid_report_line *line)
{
	for (uint32_t cap = 0; cap < IOASID_BE_CAP_COUNT; cap++) {
		if ((mentioned >> cap & 1) != 0 || number-- != 0)
			continue;
		*line = (struct ioasid_report_line){ .capability = cap, .usable = 1, .why = IOASID_WHY_NONE };
		return 0;
	}
	return -ENOENT;
}

static int line_read(struct ioasid_device *device, uint32_t index, struct ioasid_report_line *line,
		     struct ioasid_reason *text)
{
	const struct ioasid_device_caps caps = caps_of(device);
	bool own = false;
	uint64_t mentioned;
	uint32_t lines;
	int rc = backend_line(device, index, line, text);

	if (rc == -ENOENT) {
		own = true;
		ioasid__reason_set(text, "%s", "");
		rc = backend_lines(device, &lines, &mentioned);
		if (rc == 0)
			rc = index < lines ? -ENOENT : own_line(mentioned, index - lines, line);
	}
	if (rc != 0 || line->usable == 0 || flagged(&caps, line->capability))
		return rc;
	line->usable = 0;
	line->why = own ? IOASID_WHY_BACKEND : IOASID_WHY_OTHER;
	ioasid__reason_set(text, "%s", own ? "the backend does not mention it" :
			   "the device did not have it when it was attached, or last reset");
	return 0;
}

int ioasid_device_report(struct ioasid_device *device, uint32_t index, struct ioasid_report_line *line,
			 struct ioasid_reason *text)
{
	struct ioasid_report_line ours = { 0 };
	int rc = ioasid__call_allowed(device != NULL && line != NULL && line->struct_size >= 8);

	if (rc == 0)
		rc = line_read(device, index, &ours, text);
	return rc != 0 ? rc : args_out(line, &ours, sizeof(ours));
}

/* ---- The whole ---- */

static void sizes_put(struct out *o, uint64_t sizes, bool json)
{
	static const char units[] = " KMGTPE";
	const char *comma = "";

	for (unsigned int bit = 0; bit < 64; bit++) {
		if ((sizes >> bit & 1) == 0)
			continue;
		if (json)
			ioasid__out_put(o, "%s%llu", comma, 1ull << bit);
		else if (bit < 10)
			ioasid__out_put(o, " %u", 1u << bit);
		else
			ioasid__out_put(o, " %u%c", 1u << bit % 10, units[bit / 10]);
		comma = ",";
	}
}

static void head_put(struct out *o, const struct ioasid_device *device, const struct ioasid_device_caps *caps,
		     bool json)
{
	const char *backend = device->context->be.backend->name;
	const char *mode = device->mode == IOASID_DEVICE_DIRECT ? "direct" : "mediated";
	unsigned long long number = device->cookie, iommu = caps->iommu, most = caps->max_bindings;

	if (json) {
		ioasid__out_put(o, "{\"device\":%llu,\"backend\":\"%s\",\"mode\":\"%s\",\"pasid_bits\":%u,", number, backend,
				mode, caps->pasid_bits);
		ioasid__out_put(o, "\"table_owner\":\"%s\",\"iova_bits\":%u,\"iommu\":%llu,\"max_bindings\":%llu,",
				owners[caps->table_owner], caps->iova_bits, iommu, most);
		ioasid__out_put(o, "\"page_sizes\":[");
		sizes_put(o, caps->page_sizes, true);
		ioasid__out_put(o, "],\"capabilities\":[");
		return;
	}
	ioasid__out_put(o, "device %llu of %s: %s, pasid_bits %u, table_owner %s, iova_bits %u, iommu %llu, ", number,
			backend, mode, caps->pasid_bits, owners[caps->table_owner], caps->iova_bits, iommu);
	ioasid__out_put(o, "max_bindings %llu, page_sizes", most);
	sizes_put(o, caps->page_sizes, false);
	ioasid__out_put(o, "\n");
}

static void line_put(struct out *o, const struct ioasid_report_line *line, const char *text, bool first, bool json)
{
	const char *name = ioasid__cap_name(line->capability), *cause = causes[line->why];

	if (json) {
		ioasid__out_put(o, "%s{\"capability\":\"%s\",\"usable\":%s,\"why\":\"%s\",\"text\":", first ? "" : ",", name,
				line->usable != 0 ? "true" : "false", cause);
		ioasid__out_json_string(o, text);
		ioasid__out_put(o, "}");
		return;
	}
	ioasid__out_put(o, "  %-8s %-3s", name, line->usable != 0 ? "yes" : "no");
	ioasid__out_put(o, "%s%s%s", cause[0] != '\0' || text[0] != '\0' ? "  " : "", cause,
			cause[0] != '\0' && text[0] != '\0' ? ": " : "");
	ioasid__out_text(o, text);
	ioasid__out_put(o, "\n");
}

static void registers_put(struct out *o, struct ioasid_device *device, bool json)
{
	struct ioasid_record registers;
	int rc = ioasid_device_registers(device, &registers);

	if (rc != 0 && json)
		ioasid__out_put(o, "null");
	else if (rc != 0)
		ioasid__out_put(o, "  registers %s (%d)\n", rc == -EOPNOTSUPP ? "none" : "could not be read", rc);
	if (rc != 0)
		return;
	ioasid__out_put(o, json ? "{\"type\":%u,\"bytes\":\"" : "  registers 0x%x:", registers.type);
	for (uint32_t i = 0; i < registers.length; i++)
		ioasid__out_put(o, json ? "%02x" : " %02x", registers.bytes[i]);
	ioasid__out_put(o, json ? "\"}" : "\n");
}

int ioasid_device_report_write(struct ioasid_device *device, uint32_t format,
			       int (*write)(void *context, const char *text, size_t length), void *context)
{
	struct out o = { write, context, 0 };
	struct ioasid_report_line line;
	struct ioasid_device_caps caps;
	struct ioasid_reason text = { "" };
	bool json = format == IOASID_DUMP_JSON;
	int rc = ioasid__call_allowed(device != NULL && write != NULL && format <= IOASID_DUMP_JSON);

	/* An error that comes with the first line comes before anything is written. */
	if (rc == 0)
		rc = line_read(device, 0, &line, &text);
	if (rc != 0)
		return rc;
	caps = caps_of(device);
	head_put(&o, device, &caps, json);
	for (uint32_t i = 0; rc == 0 && o.ret == 0; i++) {
		line_put(&o, &line, text.text, i == 0, json);
		rc = line_read(device, i + 1, &line, &text);
	}
	if (rc != 0 && rc != -ENOENT)
		return o.ret != 0 ? o.ret : rc;
	if (json)
		ioasid__out_put(&o, "],\"registers\":");
	registers_put(&o, device, json);
	if (json)
		ioasid__out_put(&o, "}\n");
	return o.ret;
}

/* ---- The rest ---- */

int ioasid_device_caps(struct ioasid_device *device, struct ioasid_device_caps *caps)
{
	struct ioasid_device_caps ours;

	if (ioasid__forked())
		return -EPERM;
	if (device == NULL || caps == NULL)
		return -EINVAL;
	ours = caps_of(device);
	return args_out(caps, &ours, sizeof(ours));
}

void ioasid__report_reason(struct ioasid_device *device, uint32_t capability, const char *what, const char *otherwise,
			   struct ioasid_reason *why)
{
	struct ioasid_report_line line;
	struct ioasid_reason text;

	if (why == NULL)
		return;
	for (uint32_t i = 0; backend_line(device, i, &line, &text) == 0; i++) {
		if (line.capability == capability && line.usable == 0 && text.text[0] != '\0') {
			ioasid__reason_set(why, "%s: %s", what, text.text);
			return;
		}
	}
	ioasid__reason_set(why, "%s: %s", what, otherwise);
}

int ioasid_device_registers(struct ioasid_device *device, struct ioasid_record *registers)
{
	struct ioasid_be_record be;
	int rc = ioasid__call_allowed(device != NULL && registers != NULL);

	if (rc == 0)
		rc = ioasid__be_device_registers(&device->context->be, device->dev, &be);
	if (rc != 0)
		return rc;
	registers->type = be.type;
	registers->length = be.length;
	memcpy(registers->bytes, be.bytes, sizeof(registers->bytes));
	return 0;
}

struct ioasid_pool *ioasid_device_pool(const struct ioasid_device *device)
{
	return device != NULL ? device->pool : NULL;
}
