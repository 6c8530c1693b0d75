/* KVM and a virtual device's driver, as subscribers; see lifecycle.h. */
#include <errno.h>
#include <string.h>

#include "examples/lifecycle.h"

/* ---- KVM ---- */

/* KVM is told first, so what it sees is what the library has done so far. */
static const char *event_name(uint32_t event)
{
	switch (event) {
	case IOASID_EVENT_BIND:
		return "bind: reference, hardware, record; BIND";
	case IOASID_EVENT_UNBIND:
		return "unbind: UNBIND";
	default:
		return "free: marked, blocked; FREE";
	}
}

static int kvm_told(void *context, const struct ioasid_event *event)
{
	struct kvm *kvm = context;
	uint32_t guest = event->spid.value;
	int rc;

	run_step(kvm->run, ioasid_set_pool(event->set), event->id, "library", event_name(event->event));
	if (guest >= GUEST_PASIDS)
		return 0; /* it has no guest PASID, so it is not in the table */
	if (event->event == IOASID_EVENT_BIND) {
		rc = ioasid_get(event->set, event->id);
		if (rc != 0)
			return rc; /* a veto */
		kvm->host[guest] = event->id;
		run_step(kvm->run, ioasid_set_pool(event->set), event->id, "KVM",
			 "takes a reference, fills its table");
	} else if (kvm->host[guest] == event->id) {
		kvm->host[guest] = 0;
		ioasid_put(event->set, event->id);
		run_step(kvm->run, ioasid_set_pool(event->set), event->id, "KVM", "clears its table, puts");
	}
	return 0;
}

int kvm_start(struct kvm *kvm, struct run *run, struct ioasid_set *set)
{
	memset(kvm, 0, sizeof(*kvm));
	kvm->run = run;
	kvm->set = set;
	kvm->block = (struct ioasid_notifier){
		.handler = kvm_told, .context = kvm, .priority = IOASID_PRIO_CPU,
		.events = IOASID_EVENT_BIND | IOASID_EVENT_UNBIND | IOASID_EVENT_FREE,
	};
	return ioasid_register_notifier(set, &kvm->block, 0);
}

int kvm_exit(struct kvm *kvm)
{
	int rc = ioasid_unregister_notifier(kvm->set, &kvm->block);

	for (uint32_t guest = 0; rc == 0 && guest < GUEST_PASIDS; guest++) {
		ioasid_t id = kvm->host[guest];

		if (id == 0)
			continue;
		kvm->host[guest] = 0;
		ioasid_put(kvm->set, id);
		run_step(kvm->run, ioasid_set_pool(kvm->set), id, "KVM", "exits: clears its table, puts");
	}
	return rc;
}

/* ---- The driver ---- */

/* Outside any handler: stopping a device takes time. */
static void vdcm_stop(void *context, struct ioasid_work *work)
{
	struct vdcm *vdcm = context;
	struct ioasid_pool *pool = ioasid_set_pool(vdcm->set);
	ioasid_t id = vdcm->pasid;

	(void)work;
	if (id == 0)
		return;
	vdcm->pasid = 0;
	ioasid_put(vdcm->set, id);
	run_step(vdcm->run, pool, id, "VDCM", "work: stops the device, puts");
}

static int vdcm_told(void *context, const struct ioasid_event *event)
{
	struct vdcm *vdcm = context;

	if (event->id != vdcm->pasid)
		return 0;
	run_step(vdcm->run, ioasid_set_pool(event->set), event->id, "VDCM", "queues work");
	return ioasid_queue_work(event->set, &vdcm->stop);
}

int vdcm_start(struct vdcm *vdcm, struct run *run, struct ioasid_set *set)
{
	memset(vdcm, 0, sizeof(*vdcm));
	vdcm->run = run;
	vdcm->set = set;
	vdcm->stop = (struct ioasid_work){ .run = vdcm_stop, .context = vdcm };
	vdcm->block = (struct ioasid_notifier){
		.handler = vdcm_told, .context = vdcm, .priority = IOASID_PRIO_DEVICE, .events = IOASID_EVENT_FREE,
	};
	return ioasid_register_notifier(set, &vdcm->block, 0);
}

int vdcm_set_pasid(struct vdcm *vdcm, uint32_t guest_pasid)
{
	ioasid_t id;
	int rc = ioasid_find_by_spid(vdcm->set, ioasid_spid_make(guest_pasid), &id);

	if (rc != 0)
		return rc;
	vdcm->pasid = id;
	run_step(vdcm->run, ioasid_set_pool(vdcm->set), id, "VDCM",
		 "finds the guest PASID, writes the host PASID");
	return 0;
}

int vdcm_clear_pasid(struct vdcm *vdcm)
{
	ioasid_t id = vdcm->pasid;
	int rc;

	vdcm->pasid = 0;
	rc = ioasid_put(vdcm->set, id);
	run_step(vdcm->run, ioasid_set_pool(vdcm->set), id, "VDCM", "clears the host PASID, puts");
	return rc;
}

int vdcm_exit(struct vdcm *vdcm)
{
	return ioasid_unregister_notifier(vdcm->set, &vdcm->block);
}
