/*
 * Looking at every word of a window.
 */
#ifndef IOASID_IDS_SCAN_H
#define IOASID_IDS_SCAN_H

#include "libioasid/ids.h"

/* Takes a FREE ID of the window; -ENOSPC: at some moment there was none. Not in a read section. */
int ioasid__ids_scan(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id);

#endif
