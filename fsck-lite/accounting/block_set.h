/* SPDX-License-Identifier: MIT */
/*
 * A set of numbers below a bound (clusters of a filesystem), in pages: a page that is empty or full
 * costs four bytes, another one half a KiB. So memory follows what is mixed, not what is possible:
 * a whole 15 TiB filesystem takes a few MiB.
 */
#ifndef ACCOUNTING_BLOCK_SET_H
#define ACCOUNTING_BLOCK_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_set {
	uint64_t bits;	 /* members are below this */
	uint32_t *pages; /* 0 empty, 1 full, else 2 + index into the pool */
	uint64_t **pool; /* BLOCK_SET_WORDS words a page, in pieces */
	uint32_t pool_used;
	uint32_t
		free_head; /* a freed pool page, chained through its first word; UINT32_MAX: none */
	bool out_of_memory; /* an addition was lost: the set is not to be trusted */
};

enum {
	BLOCK_SET_PAGE_LOG2 = 12,
	BLOCK_SET_PAGE = 1 << BLOCK_SET_PAGE_LOG2,
	BLOCK_SET_WORDS = BLOCK_SET_PAGE / 64,
	BLOCK_SET_PIECE_LOG2 = 6, /* pages that memory is asked for at once */
};

/* False when there is no memory. `block_set_clear` is safe on a zeroed set. */
bool block_set_init(struct block_set *set, uint64_t bits);
void block_set_clear(struct block_set *set);

/*
 * Adds `start` .. `start + length - 1` (all below `bits`); returns how many were new. Those that
 * were there already are added to `again`, unless it is NULL.
 */
uint64_t block_set_add(struct block_set *set, uint64_t start, uint64_t length,
		       struct block_set *again);

/* The same for those of the 64 numbers from `start`, a multiple of 64, whose bit is set. */
uint64_t block_set_add_word(struct block_set *set, uint64_t start, uint64_t bits,
			    struct block_set *again);

bool block_set_has(const struct block_set *set, uint64_t number);

/* Bits `number` .. `number + 63`, the first in bit 0; bits beyond the bound are 0. */
uint64_t block_set_word(const struct block_set *set, uint64_t number);

/* Members among `start` .. `start + length - 1`. */
uint64_t block_set_count(const struct block_set *set, uint64_t start, uint64_t length);

/* True when no page of the range holds a member, or all are full: cheap tests for long stretches.
 */
bool block_set_range_empty(const struct block_set *set, uint64_t start, uint64_t length);

/* The first member at or after `from`; false when there is none. */
bool block_set_next(const struct block_set *set, uint64_t from, uint64_t *number);

#endif
