/*
 * What tests need to drive the mock: the plugin loaded with dlopen, a small host, a context with devices and
 * memory.
 *
 * A test owns a struct rig. rig_open() fails the case if it cannot open; rig_close() checks that nothing is
 * left.
 */
#ifndef IOASID_TESTS_MOCK_RIG_H
#define IOASID_TESTS_MOCK_RIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/ioasid_backend.h"
#include "backends/mock/mock_control.h"

enum { RIG_DEVICES = 4, RIG_PAGES = 64, RIG_PAGE = 4096, RIG_TEXT = 256 };

struct rig_host {
	struct ioasid_be_host table;
	atomic_uint closed; /* descriptors closed by the plugin */
	atomic_uint mapped; /* files mapped and not unmapped */
	atomic_uint ready;  /* calls of ready */
	_Atomic uint64_t ready_cookie;
	void (*on_ready)(void *arg); /* called by ready, in its thread; NULL: nothing */
	void *on_ready_arg;
	bool fail_mmap;
};

struct rig {
	struct rig_host host;
	const struct ioasid_be_core_ops *core;
	struct ioasid_be_ctx *ctx;
	const struct ioasid_be_paging_ops *paging;
	const struct ioasid_be_pasid_ops *pasid;
	const struct ioasid_be_nested_ops *nested;         /* NULL: absent */
	const struct ioasid_be_invalidate_ops *invalidate; /* NULL: absent */
	const struct ioasid_be_fault_ops *fault;           /* NULL: absent */
	const struct ioasid_be_viommu_ops *viommu;         /* these four: NULL: absent */
	const struct ioasid_be_vdevice_ops *vdevice;
	const struct ioasid_be_table_ops *table;
	const struct ioasid_be_event_ops *event;
	const struct ioasid_be_id_ops *id;       /* NULL: absent */
	const struct ioasid_be_dirty_ops *dirty; /* NULL: absent */
	const struct ioasid_mock_control *control;
	struct ioasid_mock *mock;
	struct ioasid_be_dev *dev[RIG_DEVICES];
	uint32_t devices;           /* attached */
	struct ioasid_be_fd fds[2]; /* given to open; set between rig_core() and rig_start() */
	uint32_t fd_count;
	unsigned char *memory; /* RIG_PAGES pages, page n filled with n + 1 */
	char text[RIG_TEXT];
	struct ioasid_be_text why; /* writes into text */
};

/* The entry of the plugin, loaded once and never unloaded. */
ioasid_be_entry_fn rig_entry(void);

/* rig_core() - negotiate; only the host table and core are set. */
void rig_core(struct rig *rig);

/*
 * rig_try() - open with a configuration "key=value key=value", and look the interfaces up.
 *
 * Return: the plugin's answer. On failure the rig needs no close.
 */
int32_t rig_try(struct rig *rig, const char *config);

/* rig_start() - the same, which has to succeed, then attach devices mock0 … mock@devices-1. */
void rig_start(struct rig *rig, const char *config, uint32_t devices);

/* rig_open() - rig_core() and rig_start(). */
void rig_open(struct rig *rig, const char *config, uint32_t devices);

/* rig_close() - detach devices, check that nothing is left, close. */
void rig_close(struct rig *rig);

/* One page of rig->memory. */
unsigned char *rig_page(const struct rig *rig, unsigned int page);

int32_t rig_attach_device(struct rig *rig, const char *name, struct ioasid_be_dev **dev);

/* Address spaces. rig_map() maps page @page of the memory at @iova, for reading and writing. */
struct ioasid_be_as *rig_space(struct rig *rig, uint32_t uses);
struct ioasid_be_map rig_map_args(const struct rig *rig, uint64_t iova, unsigned int page,
				  unsigned int pages);
void rig_map(struct rig *rig, struct ioasid_be_as *as, uint64_t iova, unsigned int page);
int32_t rig_map_pages(struct rig *rig, struct ioasid_be_as *as, uint64_t iova, unsigned int page,
		      unsigned int pages);
/* Answers how many bytes were unmapped. */
uint64_t rig_unmap(struct rig *rig, struct ioasid_be_as *as, uint64_t iova, uint64_t length);

/* Batches of one. @deadline in ns from now, 0: none. */
int32_t rig_attach(struct rig *rig, uint32_t device, uint32_t pasid, struct ioasid_be_as *as,
		   struct ioasid_be_table *table);
int32_t rig_replace(struct rig *rig, uint32_t device, uint32_t pasid, struct ioasid_be_as *as,
		    struct ioasid_be_table *table, uint64_t deadline);
int32_t rig_park(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t deadline);
int32_t rig_detach(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t deadline);
int32_t rig_drain(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t deadline);
int32_t rig_invalidate(struct rig *rig, const struct ioasid_be_inv *inv);
struct ioasid_be_bind rig_bind(struct rig *rig, uint32_t device, uint32_t pasid, struct ioasid_be_as *as,
			       struct ioasid_be_table *table);
struct ioasid_be_batch rig_batch(struct ioasid_be_bind *binds, uint32_t count);

/* DMA. rig_dma() answers the fault; rig_reads() whether one byte can be read and is @byte. */
struct ioasid_mock_dma rig_dma_args(uint32_t device, uint32_t pasid, uint32_t flags, uint64_t iova,
				    void *buffer, uint64_t length);
uint32_t rig_dma(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t flags, uint64_t iova,
		 void *buffer, uint64_t length);
uint32_t rig_read_fault(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t iova);
bool rig_reads(struct rig *rig, uint32_t device, uint32_t pasid, uint64_t iova, unsigned char byte);
uint64_t rig_begin(struct rig *rig, uint32_t device, uint32_t pasid, uint32_t flags, uint64_t iova,
		   void *buffer, uint64_t length);
uint32_t rig_finish(struct rig *rig, uint64_t token);

/* Inspection. rig_why_not() answers what the report of the first device says of a capability, the text goes
 * to @text. */
uint32_t rig_why_not(struct rig *rig, uint32_t capability);
struct ioasid_mock_slot rig_slot(struct rig *rig, uint32_t device, uint32_t pasid);
struct ioasid_mock_live rig_live(struct rig *rig);
uint64_t rig_calls(struct rig *rig, uint32_t op);
uint64_t rig_items(struct rig *rig, uint32_t op);

/* Faults. rig_fail() lets the nth call of @op from now fail once. */
void rig_fail(struct rig *rig, uint32_t op, uint64_t nth, int32_t error);
void rig_rule(struct rig *rig, const struct ioasid_mock_rule *rule);

/* CLOCK_MONOTONIC in ns. */
uint64_t rig_now(void);

#define RIG_MS UINT64_C(1000000)

#endif
