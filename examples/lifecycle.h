/*
 * The life cycles of S11: what happens to one IOASID from its allocation to its reclaim, with its reference
 * count after each step.
 *
 * The hardware is the software IOMMU; KVM and a virtual device's driver (VDCM) are played by two subscribers,
 * each with the table that the real one has. Nothing here is private to the library. A pool without workers
 * makes the order of the steps the same in each run.
 */
#ifndef IOASID_EXAMPLES_LIFECYCLE_H
#define IOASID_EXAMPLES_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/ioasid.h>

/* ---- What a run leaves behind ---- */

/* refs: as ioasid_refs(), alloc's own counts as 1; 0: reclaimed. */
struct step {
	char who[12];
	char what[64];
	uint32_t refs;
};

enum { STEPS_MAX = 40 };

struct machine;

struct run {
	struct step step[STEPS_MAX];
	unsigned int count;
	/* The first call that did not answer what it has to; "" if all did. */
	char wrong[160];
	bool native;  /* who calls is a process, not a VMM */
	/* Called when everything is open, the last moment to give up rights: 0 or -errno. NULL: nobody. */
	int (*opened)(struct machine *machine);
	/* Told of each step when it was made; NULL: nobody. */
	void (*tell)(const struct step *step);
};

/* Notes a step of an IOASID with its references as they are now. */
void run_step(struct run *run, struct ioasid_pool *pool, ioasid_t id, const char *who, const char *what);
/* Notes what is wrong if an answer is not the one that is wanted. Returns whether it was. */
bool run_expect(struct run *run, const char *what, int answer, int wanted);

/* ---- The machine ---- */

struct ioasid_mock_control;

enum { MACHINE_PAGE = 4096, MACHINE_PAGES = 8 };
/* Where devices see the page that they work on. */
#define MACHINE_IOVA UINT64_C(0x40000000)

struct machine {
	struct ioasid_context *context;
	const struct ioasid_mock_control *control;
	struct ioasid_pool *pool;
	struct ioasid_address_space *memory; /* of the guest, or of the process */
	struct ioasid_device *device;
	unsigned char *pages;
	struct ioasid_record table;          /* the guest's page table: MACHINE_IOVA to the last page */
};

/* Everything but the device. 0 or -errno, with `wrong` of the run set. @flags: of the pool. */
int machine_open(struct machine *m, struct run *run, uint32_t flags);
/* Attaches the one device that there is. 0 or -errno. */
int machine_attach(struct machine *m);
/* The device may be closed already (NULL). */
void machine_close(struct machine *m, struct run *run);
/* The device writes one byte through a PASID. Does it reach memory? */
bool machine_dma(struct machine *m, ioasid_t pasid, unsigned char byte);
/* Binds an IOASID to the guest's page table, under a guest PASID. */
int machine_bind(struct machine *m, struct ioasid_set *set, ioasid_t id, uint32_t guest_pasid);
/* Undoes that. */
int machine_unbind(struct machine *m, struct ioasid_set *set, ioasid_t id);

/* ---- The players ---- */

enum { GUEST_PASIDS = 16 };

/* KVM: keeps the table that the CPU translates guest PASIDs with, and a reference for each entry. First to be
 * told. */
struct kvm {
	struct ioasid_notifier block;
	struct run *run;
	struct ioasid_set *set;
	ioasid_t host[GUEST_PASIDS]; /* by guest PASID; 0: none */
};

int kvm_start(struct kvm *kvm, struct run *run, struct ioasid_set *set);
/* Ends before FREE and UNBIND: drops the references of all entries (S11.4). */
int kvm_exit(struct kvm *kvm);

/* A virtual device's driver: writes the host PASID into the device for the guest, and takes it out again. */
struct vdcm {
	struct ioasid_notifier block;
	struct ioasid_work stop;
	struct run *run;
	struct ioasid_set *set;
	ioasid_t pasid;              /* in the device, with a reference; 0: none */
};

int vdcm_start(struct vdcm *vdcm, struct run *run, struct ioasid_set *set);
int vdcm_set_pasid(struct vdcm *vdcm, uint32_t guest_pasid);
int vdcm_clear_pasid(struct vdcm *vdcm);
int vdcm_exit(struct vdcm *vdcm);

/* ---- The life cycles; 0, or -EPROTO with `wrong` set ---- */

int lifecycle_native(struct run *run);       /* S11.1: a process that behaves */
int lifecycle_native_dies(struct run *run);  /* S11.1: and one that dies before its device is closed */
int lifecycle_guest(struct run *run);        /* S11.2 */
int lifecycle_misbehaving(struct run *run);  /* S11.3: free before unbind */
int lifecycle_kvm_exit(struct run *run);     /* S11.4 */

/* S11.5: one VM dies with @ids IOASIDs, of which each @bound-th is bound, while another allocates at full
 * speed. */
struct crash {
	uint32_t ids;
	uint32_t bound;
	uint64_t death_ns;       /* of the last put of the VM's set */
	uint64_t reclaim_ns;     /* until its last IOASID was back, from the same moment */
	uint64_t others;         /* IOASIDs that the other VM allocated and freed while it died */
	uint64_t slowest_ns;     /* one pair of those */
	uint32_t failed;         /* of those calls */
	uint32_t missing;        /* IOASIDs that are not back */
};
int lifecycle_crash(struct run *run, struct crash *crash);

#endif
