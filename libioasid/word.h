/*
 * The state word of an IOASID: everything that its life depends on, in 64 bits that change by
 * compare-and-swap only.
 *
 *   bits 0-1    state
 *   bit  2      TURN   somebody has the event turn: delivers an event of the ID or changes its SPID (S7.5)
 *   bit  3      WAIT   somebody sleeps in the parking lot until the turn is released or the ID reclaimed
 *   bit  4      ALLOC  alloc's own reference (S4.5); in state FREE it means: reserved (S1.4)
 *   bit  5      EXT    data, SPID or a watcher may hang on the ID: reclaim has to look
 *   bit  6      OWED   marked from a handler while somebody else has the turn, who finishes the free (S7.6)
 *   bit  7      WATCH  a reclaim descriptor waits (S3.5)
 *   bit  8      DBUSY  the data pointer is being written; reclaim waits for the writer to finish it
 *   bit  9      BOUND  the ID has, or had in this life, a record of bindings
 *   bits 10-24  counted references
 *   bits 25-40  index of the owning set, 0 for none
 *   bits 41-42  BLOCK, NOTIFY: how the ID is torn down, as its set wanted it at the mark (S10.1); 0 before it
 *   bits 43-63  low part of the generation, changes with every life
 *
 * One word decides everything, so that one compare-and-swap checks owner, state and generation and takes a
 * reference: a call with the wrong set can not even for a moment write to an ID (S2.6). BORN belongs to one
 * thread: the one that brings the ID up or takes it down. Nobody else writes the word then, but the threads
 * that deliver its ALLOC, which is the same one.
 */
#ifndef IOASID_WORD_H
#define IOASID_WORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define W_FREE UINT64_C(0)
#define W_BORN UINT64_C(1)
#define W_ACTIVE UINT64_C(2)
#define W_PENDING UINT64_C(3)
#define W_STATE UINT64_C(3)

#define W_TURN (UINT64_C(1) << 2)
#define W_WAIT (UINT64_C(1) << 3)
#define W_ALLOC (UINT64_C(1) << 4)
#define W_EXT (UINT64_C(1) << 5)
#define W_OWED (UINT64_C(1) << 6)
#define W_WATCH (UINT64_C(1) << 7)
#define W_DBUSY (UINT64_C(1) << 8)
#define W_BOUND (UINT64_C(1) << 9)

#define W_REF_SHIFT 10
#define W_REF (UINT64_C(1) << W_REF_SHIFT)
#define W_REFS (UINT64_C(0x7fff) << W_REF_SHIFT)
#define W_SET_SHIFT 25
#define W_SET (UINT64_C(0xffff) << W_SET_SHIFT)
#define W_MODE_SHIFT 41 /* IOASID_TEARDOWN_* */
#define W_BLOCK (UINT64_C(1) << W_MODE_SHIFT)
#define W_NOTIFY (UINT64_C(2) << W_MODE_SHIFT)
#define W_GEN_SHIFT 43
#define W_GEN_BITS 21
#define W_GEN_ONE (UINT64_C(1) << W_GEN_SHIFT)
#define W_GEN (~UINT64_C(0) << W_GEN_SHIFT)

/* What has to be clear, beside the references, for a free in one step. */
#define W_TRIVIAL_MASK (W_TURN | W_WAIT | W_EXT | W_OWED | W_WATCH | W_DBUSY | W_BOUND | W_REFS)

/* One ID. Both members of a life are in one quarter of a cache line. */
struct slot {
	_Atomic uint64_t word;
	_Atomic(void *) data; /* private data; written by who has BORN or DBUSY, or taken away by exchange */
};

static inline uint32_t word_refs(uint64_t w)
{
	return (uint32_t)((w & W_REFS) >> W_REF_SHIFT);
}

static inline uint32_t word_set(uint64_t w)
{
	return (uint32_t)((w & W_SET) >> W_SET_SHIFT);
}

static inline uint64_t word_gen(uint64_t w)
{
	return w >> W_GEN_SHIFT;
}

static inline bool word_is(uint64_t w, uint64_t state)
{
	return (w & W_STATE) == state;
}

static inline bool word_reserved(uint64_t w)
{
	return (w & (W_STATE | W_ALLOC)) == (W_FREE | W_ALLOC);
}

static inline bool word_allocatable(uint64_t w)
{
	return (w & (W_STATE | W_ALLOC)) == W_FREE;
}

/* The word of the next life, FREE: the generation one up. */
static inline uint64_t word_next_life(uint64_t w)
{
	return (w & W_GEN) + W_GEN_ONE;
}

/* Are two words of one ID of the same owner's same life? */
static inline bool word_same_life(uint64_t a, uint64_t b)
{
	return ((a ^ b) & (W_SET | W_GEN)) == 0;
}

/* Does the low part of the generation wrap with the next life? */
static inline bool word_gen_wraps(uint64_t w)
{
	return (w & W_GEN) == W_GEN;
}

/* Nothing keeps a marked ID any more: whoever makes this true reclaims. */
static inline bool word_reclaimable(uint64_t w)
{
	return (w & (W_STATE | W_TURN | W_ALLOC | W_DBUSY | W_REFS)) == W_PENDING;
}

/*
 * The word after @bits went from it. If nothing keeps the ID then, it becomes BORN: its reclaim is the
 * caller's, who also wakes the sleepers when it is FREE; else they are woken now, and W_WAIT goes too.
 */
static inline uint64_t word_released(uint64_t w, uint64_t bits)
{
	uint64_t n = w & ~bits;

	if (word_reclaimable(n))
		return (n & ~W_STATE) | W_BORN;
	return n & ~W_WAIT;
}

/*
 * Every change of a word in use. Acquire: what was done before earlier changes is seen (S5.5); release: what
 * this thread did before is seen by who changes it next. Sequentially consistent, because births, marks and
 * turns take part in "publish, then look" with set and pool flags; costs nothing over acq_rel where it
 * matters (x86-64, LSE).
 */
static inline bool word_cas(struct slot *s, uint64_t *expected, uint64_t desired)
{
	return atomic_compare_exchange_strong_explicit(&s->word, expected, desired, memory_order_seq_cst,
						       memory_order_acquire);
}

static inline uint64_t word_load(struct slot *s)
{
	return atomic_load_explicit(&s->word, memory_order_acquire);
}

/*
 * The second half of "publish, then look": sequentially consistent with the changes of words, so that of two
 * threads that each publish and then look at what the other published one sees the other.
 */
static inline uint64_t word_look(struct slot *s)
{
	return atomic_load_explicit(&s->word, memory_order_seq_cst);
}

/* Brings the line in for writing, so that load and compare-and-swap of a hot ID see one transfer, not two. */
static inline void word_prefetch_write(struct slot *s)
{
#if defined(__x86_64__)
	__asm__ volatile("prefetchw %0" : : "m"(*(const char *)s));
#else
	__builtin_prefetch(s, 1);
#endif
}

#endif
