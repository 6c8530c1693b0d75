/*
 * A host with two guests. B behaves; A does everything that a guest can make its VMM do, in every wrong
 * order, with its own numbers and with those of B, on devices that they share and on B's own.
 *
 * There are two machines, contexts and pools. In pool 0 both devices are shared (MEDIATED); in pool 1 each
 * guest has one for itself (DIRECT), with its RID: device 0 is A's, device 1 is B's. A model knows what each
 * guest has; after each move what was asked for is compared with it, and what a device reads tells whether it
 * is true.
 */
#ifndef IOASID_TESTS_HOSTILE_H
#define IOASID_TESTS_HOSTILE_H

#include "tests/device_rig.h"

enum { H_POOLS = 2, H_DEVICES = 2, H_IDS = 40, H_SPIDS = 16, H_COOKIES = 3, H_GROUPS = 4, H_MOVES = 13 };
/* What an IOASID can be on: guest tables 0 ... 2 are A's, 3 ... 5 are B's; H_SPACE is its own address space. */
enum { H_NOTHING = -1, H_SPACE = DRIG_TABLES };

enum h_guest { H_A, H_B, H_GUESTS, H_NOBODY };

/* What the model knows of an ID of a pool; ID 0 is the RID, in pool 1 only, which is always out. */
struct h_id {
	enum h_guest owner;
	enum h_guest was;               /* with no owner: whose it was; it may not be reclaimed yet */
	uint32_t spid;                  /* IOASID_SPID_NONE: none */
	int on;                         /* a table, H_SPACE or H_NOTHING */
	bool faults;                    /* it was bound with page requests */
	unsigned int users[H_DEVICES];  /* bit n: cookie n */
};

/* An ID with no SPID and no binding; with no owner: whose it was. */
#define H_ID(of, before) ((struct h_id){ .owner = (of), .was = (before), .spid = IOASID_SPID_NONE, .on = H_NOTHING })

/* A page request of B that waits for B. */
struct h_group {
	bool open;
	unsigned int pool, device;
	ioasid_t id;
	uint32_t spid;
};

struct hostile {
	struct drig rig[H_POOLS];
	struct ioasid_set *set[H_POOLS][H_GUESTS];
	struct ioasid_address_space *space[H_POOLS][H_GUESTS];
	/* RIDs: [device] of pool 1 are ids[1] below for A and rid_b for B. */
	struct h_id ids[H_POOLS][H_IDS];
	struct h_id rid_b;
	struct h_group group[H_GROUPS]; /* of B, by number */
	struct ioasid_fault last;       /* of A, in pool `last_pool` */
	unsigned int last_pool;
	uint64_t seed, first_seed;
	uint64_t machine_seed;          /* of the first sequence with these machines */
	unsigned int move;              /* how many were made in this sequence */
	const char *what;               /* the last one */
	uint64_t successes;             /* moves that did something */
	uint64_t done[H_MOVES];         /* of A's, by kind */
};

void hostile_open(struct hostile *h, uint64_t seed, uint32_t pool_flags);
/* Begins another sequence of moves with the same machines, devices and sets: both guests were reset, and have
 * nothing. What counts moves by kind goes on. */
void hostile_again(struct hostile *h, uint64_t seed);
/* Both guests go; everything has to be reclaimed, and nothing left in the machines. */
void hostile_close(struct hostile *h);

/* What devices read agrees with the model, for one ID or for all; and B's statistics, SPIDs, references. */
void hostile_check_id(struct hostile *h, unsigned int pool, ioasid_t id);
void hostile_check_all(struct hostile *h);
/* The part of it that any thread may ask: DMA through an ID's slots goes where the model says. */
bool hostile_holds(struct hostile *h, unsigned int pool, ioasid_t id);
/* A check that tells seed and move when it fails. Return: @ok. */
bool hostile_true(struct hostile *h, bool ok, const char *what);
#define H_TRUE(h, condition) hostile_true(h, condition, #condition)

/* The entry of an ID in the model; the RID is that of the device. NULL: no such ID. */
struct h_id *hostile_id(struct hostile *h, unsigned int pool, unsigned int device, ioasid_t id);
uint32_t hostile_number(struct hostile *h, uint32_t below);
/* Reads page requests as a VMM's event loop does, and remembers B's. Runs queued work. */
void hostile_pump(struct hostile *h);

/* One move of a guest; A's are anything, B's are right. */
void hostile_move_a(struct hostile *h);
void hostile_move_b(struct hostile *h);
/* What is there before the moves begin: so many of each guest that are right, and are not counted. */
void hostile_begin(struct hostile *h, unsigned int count);
/* What a kind of move is called. */
const char *hostile_move_name(unsigned int kind);

#endif
