/* SPDX-License-Identifier: MIT */
/* Where a bitmap on disk and what is owned disagree, 64 bits at a time. */
#ifndef ACCOUNTING_DIFFERENCE_H
#define ACCOUNTING_DIFFERENCE_H

#include <stdbool.h>

#include <ext/filesystem.h>

#include "accounting/bits.h"

struct difference {
	uint64_t marked_only, owned_only;   /* bits */
	uint64_t first_marked, first_owned; /* bit in the group */
	uint64_t last_marked;		    /* the same */
	uint64_t free;			    /* zero bits of the bitmap on disk */
	uint32_t directories;		    /* in use, but marked free */
	bool is_unknown; /* `free` is a guess: neither bitmap nor all owners could be read */
};

/* 64 bits of a bitmap from `bit` on; those behind its `bits` are 0 bytes. */
static inline uint64_t difference_word(const uint8_t *bitmap, uint64_t bit, uint64_t bits)
{
	uint64_t word = 0;
	const uint64_t bytes = (bits + 7) / 8;

	for (unsigned i = 0; i < 8 && bit / 8 + i < bytes; i++)
		word |= (uint64_t)bitmap[bit / 8 + i] << 8 * i;
	return word;
}

/* Adds 64 bits of comparison at `bit`; `mask` tells which of them exist. */
static inline void difference_add(struct difference *difference, uint64_t bit, uint64_t marked,
				  uint64_t owned, uint64_t mask)
{
	const uint64_t marked_only = marked & ~owned & mask, owned_only = owned & ~marked & mask;

	if (marked_only != 0) {
		if (difference->marked_only == 0)
			difference->first_marked = bit + bits_lowest(marked_only);
		difference->marked_only += bits_in(marked_only);
		difference->last_marked = bit + bits_highest(marked_only);
	}
	if (owned_only != 0) {
		if (difference->owned_only == 0)
			difference->first_owned = bit + bits_lowest(owned_only);
		difference->owned_only += bits_in(owned_only);
	}
	if ((~marked & mask) == mask && mask == UINT64_MAX)
		difference->free += 64;
	else
		difference->free += bits_in(~marked & mask);
}

/* Which of the 64 from `bit` on exist. */
static inline uint64_t difference_mask(uint64_t bit, uint64_t bits)
{
	return bits - bit >= 64 ? UINT64_MAX : ((uint64_t)1 << (bits - bit)) - 1;
}

/* Are all bits from `from` to `bits` set, as those behind the end of a group must be? */
static inline bool padding_is_set(const uint8_t *bitmap, uint64_t from, uint64_t bits)
{
	for (; from < bits && from % 8 != 0; from++)
		if (!ext_bit_is_set(bitmap, (uint32_t)from))
			return false;
	for (uint64_t byte = from / 8; byte < bits / 8; byte++)
		if (bitmap[byte] != UINT8_MAX)
			return false;
	return true;
}

#endif
