/*
 * What a backend says of itself, looked at before it is believed: its tables, its capabilities, and that both
 * agree.
 *
 * A table is copied into one of ours up to the smaller size. What is absent keeps the answer of be_stubs.c if
 * the operation is optional, and refuses the backend by name if it is not: an interface is whole or absent.
 */
#include <errno.h>
#include <string.h>

#include "libioasid/be_stubs.h"
#include "libioasid/loader.h"

/* No table will ever be longer; a greater size is garbage. */
#define TABLE_SIZE_MAX UINT32_C(65536)
#define SLOT_FIRST 8u
#define SLOT_SIZE 8u

_Static_assert(sizeof(void (*)(void)) == SLOT_SIZE, "operations are slots of eight bytes");

/* One table of the contract. Its operations in order, those that are optional marked with '?'. */
struct table {
	const char *id;
	uint64_t bit;
	uint64_t needs;     /* other interfaces that make no sense without */
	size_t offset;      /* in struct be_ops */
	uint32_t size;
	const char *ops[11];
};

#define TABLE(member) \
	.offset = offsetof(struct be_ops, member), .size = sizeof(((struct be_ops *)0)->member)

static const struct table core_table = {
	.id = "core",
	TABLE(core),
	.ops = { "open", "close", "caps", "get_interface", "device_attach", "device_detach", "device_caps",
		 "?device_registers", "device_report", "?device_reset" },
};

static const struct table tables[] = {
	{ IOASID_BE_ID_PAGING, IOASID_BE_IF_PAGING, 0, TABLE(paging),
	  { "create", "?adopt", "destroy", "map", "?map_file", "?copy", "unmap", "ranges", "?allow" } },
	{ IOASID_BE_ID_DIRTY, IOASID_BE_IF_DIRTY, IOASID_BE_IF_PAGING, TABLE(dirty),
	  { "start", "stop", "read", "read_clear" } },
	{ IOASID_BE_ID_PASID, IOASID_BE_IF_PASID, IOASID_BE_IF_PAGING, TABLE(pasid),
	  { "attach", "replace", "detach", "park", "device_block", "?drain" } },
	{ IOASID_BE_ID_NESTED, IOASID_BE_IF_NESTED, IOASID_BE_IF_PASID, TABLE(nested),
	  { "create", "destroy" } },
	{ IOASID_BE_ID_VIOMMU, IOASID_BE_IF_VIOMMU, IOASID_BE_IF_PAGING | IOASID_BE_IF_INVALIDATE,
	  TABLE(viommu),
	  { "create", "destroy", "?region" } },
	{ IOASID_BE_ID_VDEVICE, IOASID_BE_IF_VDEVICE, IOASID_BE_IF_VIOMMU, TABLE(vdevice),
	  { "create", "destroy" } },
	{ IOASID_BE_ID_TABLE, IOASID_BE_IF_TABLE, IOASID_BE_IF_VIOMMU | IOASID_BE_IF_VDEVICE, TABLE(table),
	  { "attach", "set", "detach" } },
	{ IOASID_BE_ID_HWQUEUE, IOASID_BE_IF_HWQUEUE, IOASID_BE_IF_VIOMMU, TABLE(hwqueue),
	  { "create", "destroy" } },
	{ IOASID_BE_ID_INVALIDATE, IOASID_BE_IF_INVALIDATE, 0, TABLE(invalidate), { "scopes", "?raw" } },
	{ IOASID_BE_ID_FAULT, IOASID_BE_IF_FAULT, IOASID_BE_IF_PAGING, TABLE(fault),
	  { "create", "destroy", "read", "respond" } },
	{ IOASID_BE_ID_EVENT, IOASID_BE_IF_EVENT, IOASID_BE_IF_VIOMMU, TABLE(event),
	  { "create", "destroy", "read" } },
	{ IOASID_BE_ID_ID, IOASID_BE_IF_ID, 0, TABLE(id), { "alloc", "free" } },
};

#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static int check_head(const struct table *table, const void *from, uint32_t *size, struct ioasid_reason *why)
{
	uint32_t head[2];

	if (!from || (uintptr_t)from % SLOT_SIZE) {
		ioasid__reason_set(why, "table %s: %s", table->id, from ? "is not aligned" : "is NULL");
		return -EPROTO;
	}
	memcpy(head, from, sizeof(head));
	if (head[0] < SLOT_FIRST || head[0] % SLOT_SIZE || head[0] > TABLE_SIZE_MAX) {
		ioasid__reason_set(why, "table %s: struct_size is %u", table->id, head[0]);
		return -EPROTO;
	}
	if (head[1]) {
		ioasid__reason_set(why, "table %s: the reserved word is 0x%x, not 0", table->id, head[1]);
		return -EPROTO;
	}
	*size = head[0] < table->size ? head[0] : table->size;
	return 0;
}

/* Copies the table @from into its place in @to, which is left alone on failure. */
static int copy_table(const struct table *table, const void *from, struct be_ops *to,
		      struct ioasid_reason *why)
{
	uint64_t slots[sizeof(table->ops) / sizeof(table->ops[0])];
	uint32_t size, count = (table->size - SLOT_FIRST) / SLOT_SIZE;
	int rc = check_head(table, from, &size, why);

	if (rc)
		return rc;
	memcpy(slots, (const char *)&ioasid__be_stubs + table->offset + SLOT_FIRST, table->size - SLOT_FIRST);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t slot = 0;

		if (SLOT_FIRST + (i + 1) * SLOT_SIZE <= size)
			memcpy(&slot, (const char *)from + SLOT_FIRST + i * SLOT_SIZE, SLOT_SIZE);
		if (slot) {
			slots[i] = slot;
		} else if (table->ops[i][0] != '?') {
			ioasid__reason_set(why, "table %s: the mandatory operation %s is missing", table->id,
					   table->ops[i]);
			return -EPROTO;
		}
	}
	memcpy((char *)to + table->offset + SLOT_FIRST, slots, table->size - SLOT_FIRST);
	return 0;
}

int ioasid__check_core(const struct ioasid_be_core_ops *from, struct ioasid_be_core_ops *to,
		       struct ioasid_reason *why)
{
	struct be_ops ops = ioasid__be_stubs;
	int rc = copy_table(&core_table, from, &ops, why);

	if (!rc)
		*to = ops.core;
	return rc;
}

static int check_caps(struct ioasid_be_ctx_caps *caps, struct ioasid_reason *why)
{
	const uint64_t known_flags = IOASID_BE_CTX_SEPARATE_DRAIN | IOASID_BE_CTX_SEPARATE_INVALIDATE |
				     IOASID_BE_CTX_SHARES_TABLES;
	uint64_t known = 0, reserved = 0;

	for (size_t i = 0; i < TABLE_COUNT; i++)
		known |= tables[i].bit;
	for (size_t i = 0; i < sizeof(caps->reserved) / sizeof(caps->reserved[0]); i++)
		reserved |= caps->reserved[i];
	if (caps->interfaces & ~known || caps->flags & ~known_flags || reserved) {
		ioasid__reason_set(why,
				   "the context's capabilities have unknown bits (interfaces 0x%llx, flags "
				   "0x%llx, reserved 0x%llx)",
				   (unsigned long long)(caps->interfaces & ~known),
				   (unsigned long long)(caps->flags & ~known_flags),
				   (unsigned long long)reserved);
		return -EPROTO;
	}
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (caps->interfaces & tables[i].bit && tables[i].needs & ~caps->interfaces) {
			ioasid__reason_set(why, "interface %s is there without one that it needs",
					   tables[i].id);
			return -EPROTO;
		}
	}
	return 0;
}

/* An interface is there if and only if its capability bit is set. */
static int check_interface(struct be_context *be, const struct table *table, struct ioasid_reason *why)
{
	const void *from = NULL;
	int32_t rc = be->ops.core.get_interface(be->ctx, table->id, &from);
	int claimed = (be->caps.interfaces & table->bit) != 0;

	if (!claimed && rc == IOASID_BE_ENOENT)
		return 0;
	if (!claimed && rc == 0) {
		ioasid__reason_set(why, "interface %s is there, but its capability bit is not set",
				   table->id);
		return -EPROTO;
	}
	if (rc) {
		ioasid__reason_set(why, "interface %s: get_interface answered %d%s", table->id, rc,
				   claimed ? " though its capability bit is set" : "");
		return -EPROTO;
	}
	return copy_table(table, from, &be->ops, why);
}

static int check_dependent_ops(const struct be_context *be, struct ioasid_reason *why)
{
	const char *what = NULL;

	if (be->caps.flags & IOASID_BE_CTX_SEPARATE_DRAIN && be->caps.interfaces & IOASID_BE_IF_PASID &&
	    be->ops.pasid.drain == ioasid__be_stubs.pasid.drain)
		what = "table " IOASID_BE_ID_PASID
		       ": drain is missing, but the context says that it is separate";
	else if (be->caps.flags & IOASID_BE_CTX_SEPARATE_INVALIDATE &&
		 !(be->caps.interfaces & IOASID_BE_IF_INVALIDATE))
		what = "invalidation is separate, but interface " IOASID_BE_ID_INVALIDATE " is not there";
	else if (be->caps.interfaces & IOASID_BE_IF_VIOMMU &&
		 be->ops.invalidate.raw == ioasid__be_stubs.invalidate.raw)
		what = "table " IOASID_BE_ID_INVALIDATE ": raw is missing, but there are virtual IOMMUs";
	if (what)
		ioasid__reason_set(why, "%s", what);
	return what ? -EPROTO : 0;
}

int ioasid__check_interfaces(struct be_context *be, struct ioasid_reason *why)
{
	const struct ioasid_be_core_ops core = be->ops.core;
	int32_t answer;
	int rc;

	be->ops = ioasid__be_stubs;
	be->ops.core = core;
	memset(&be->caps, 0, sizeof(be->caps));
	be->caps.struct_size = sizeof(be->caps);
	answer = core.caps(be->ctx, &be->caps);
	if (answer) {
		ioasid__reason_set(why, "the context's caps answered %d", answer);
		return -EPROTO;
	}
	if (be->caps.struct_size != sizeof(be->caps)) {
		ioasid__reason_set(why, "the context's caps changed struct_size to %u", be->caps.struct_size);
		return -EPROTO;
	}
	rc = check_caps(&be->caps, why);
	for (size_t i = 0; !rc && i < TABLE_COUNT; i++)
		rc = check_interface(be, &tables[i], why);
	return rc ? rc : check_dependent_ops(be, why);
}
