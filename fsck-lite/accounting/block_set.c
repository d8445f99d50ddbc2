/* SPDX-License-Identifier: MIT */
/* Paged set of block or cluster numbers. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/pages.h>

#include "accounting/bits.h"
#include "accounting/block_set.h"

enum { EMPTY = 0, FULL = 1, FIRST_SLOT = 2, PIECE_PAGES = 1 << BLOCK_SET_PIECE_LOG2 };

static const uint32_t no_page = UINT32_MAX;

static size_t page_count(const struct block_set *set)
{
	return (size_t)((set->bits + BLOCK_SET_PAGE - 1) >> BLOCK_SET_PAGE_LOG2);
}

/* Pieces of the pool when no page is empty or full. */
static size_t piece_count(const struct block_set *set)
{
	return (page_count(set) >> BLOCK_SET_PIECE_LOG2) + 1;
}

bool block_set_init(struct block_set *set, uint64_t bits)
{
	*set = (struct block_set){.bits = bits, .free_head = no_page};
	if (bits >> BLOCK_SET_PAGE_LOG2 > SIZE_MAX / sizeof *set->pages - 1)
		return false;
	set->pages = calloc(page_count(set) + 1, sizeof *set->pages);
	set->pool = calloc(piece_count(set), sizeof *set->pool);
	return set->pages != NULL && set->pool != NULL;
}

void block_set_clear(struct block_set *set)
{
	for (size_t i = 0; set->pool && i < piece_count(set) && set->pool[i]; i++)
		free(set->pool[i]);
	free(set->pages);
	free(set->pool);
	*set = (struct block_set){.free_head = no_page};
}

static uint64_t *slot_words(const struct block_set *set, uint32_t slot)
{
	const uint32_t index = slot - FIRST_SLOT;

	return set->pool[index >> BLOCK_SET_PIECE_LOG2] +
	       (size_t)(index % PIECE_PAGES) * BLOCK_SET_WORDS;
}

/* A page of the pool with undefined content; EMPTY when there is no memory. */
static uint32_t take_slot(struct block_set *set)
{
	if (set->free_head != no_page) {
		const uint32_t slot = set->free_head;

		set->free_head = (uint32_t)*slot_words(set, slot);
		return slot;
	}
	if (set->pool_used % PIECE_PAGES == 0) {
		const size_t size = PIECE_PAGES * BLOCK_SET_WORDS * sizeof **set->pool;
		uint64_t *const piece = malloc(size);

		if (!piece)
			return EMPTY;
		ext_pages_expect(piece, size);
		set->pool[set->pool_used >> BLOCK_SET_PIECE_LOG2] = piece;
	}
	return FIRST_SLOT + set->pool_used++;
}

static void give_slot(struct block_set *set, uint32_t slot)
{
	*slot_words(set, slot) = set->free_head;
	set->free_head = slot;
}

static bool page_is_full(const uint64_t *words)
{
	for (unsigned i = 0; i < BLOCK_SET_WORDS; i++)
		if (words[i] != UINT64_MAX)
			return false;
	return true;
}

static uint64_t mask_of(unsigned first, unsigned count)
{
	return (count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1) << first;
}

/* Adds bits `first` .. `first + count - 1` of one page. */
static uint64_t add_to_page(struct block_set *set, size_t page, unsigned first, unsigned count,
			    struct block_set *again)
{
	const uint64_t base = (uint64_t)page << BLOCK_SET_PAGE_LOG2;
	uint64_t *words, added = 0;

	if (set->pages[page] == FULL) {
		if (again)
			block_set_add(again, base + first, count, NULL);
		return 0;
	}
	if (set->pages[page] == EMPTY) {
		if (count == BLOCK_SET_PAGE) {
			set->pages[page] = FULL;
			return count;
		}
		set->pages[page] = take_slot(set);
		if (set->pages[page] == EMPTY) {
			set->out_of_memory = true;
			return count;
		}
		memset(slot_words(set, set->pages[page]), 0, BLOCK_SET_PAGE / 8);
	}
	words = slot_words(set, set->pages[page]);
	for (unsigned at = first; at < first + count;) {
		const unsigned bit = at % 64;
		const unsigned length =
			64 - bit < first + count - at ? 64 - bit : first + count - at;
		const uint64_t mask = mask_of(bit, length);
		uint64_t twice = words[at / 64] & mask;

		added += length;
		if (twice != 0) {
			added -= bits_in(twice);
			for (unsigned i = 0; again && i < 64; i++)
				if (twice >> i & 1)
					block_set_add(again, base + at / 64 * 64 + i, 1, NULL);
		}
		words[at / 64] |= mask;
		at += length;
	}
	if (added > 0 && words[(first + count - 1) / 64] == UINT64_MAX && page_is_full(words)) {
		give_slot(set, set->pages[page]);
		set->pages[page] = FULL;
	}
	return added;
}

uint64_t block_set_add(struct block_set *set, uint64_t start, uint64_t length,
		       struct block_set *again)
{
	uint64_t added = 0;

	while (length > 0) {
		const size_t page = (size_t)(start >> BLOCK_SET_PAGE_LOG2);
		const unsigned first = (unsigned)(start & (BLOCK_SET_PAGE - 1));
		const unsigned count = length < BLOCK_SET_PAGE - first
					       ? (unsigned)length
					       : (unsigned)BLOCK_SET_PAGE - first;

		added += add_to_page(set, page, first, count, again);
		start += count;
		length -= count;
	}
	return added;
}

/* The word that holds `number`, aligned to 64. */
static uint64_t aligned_word(const struct block_set *set, uint64_t number)
{
	uint32_t page;

	if (number >= set->bits)
		return 0;
	page = set->pages[number >> BLOCK_SET_PAGE_LOG2];
	if (page == EMPTY)
		return 0;
	if (page == FULL)
		return UINT64_MAX;
	return slot_words(set, page)[number / 64 % BLOCK_SET_WORDS];
}

bool block_set_has(const struct block_set *set, uint64_t number)
{
	return (aligned_word(set, number) >> number % 64 & 1) != 0;
}

uint64_t block_set_word(const struct block_set *set, uint64_t number)
{
	const unsigned shift = (unsigned)(number % 64);
	const uint64_t low = aligned_word(set, number - shift) >> shift;

	return shift == 0 ? low : low | aligned_word(set, number - shift + 64) << (64 - shift);
}

uint64_t block_set_count(const struct block_set *set, uint64_t start, uint64_t length)
{
	uint64_t count = 0;

	while (length > 0) {
		const uint64_t in_page = BLOCK_SET_PAGE - (start & (BLOCK_SET_PAGE - 1));
		const uint32_t page =
			start < set->bits ? set->pages[start >> BLOCK_SET_PAGE_LOG2] : EMPTY;
		uint64_t step = length < in_page ? length : in_page;

		if (page == FULL) {
			count += step;
		} else if (page != EMPTY) {
			if (step > 64)
				step = 64;
			count += bits_in(block_set_word(set, start) & mask_of(0, (unsigned)step));
		}
		start += step;
		length -= step;
	}
	return count;
}

bool block_set_range_empty(const struct block_set *set, uint64_t start, uint64_t length)
{
	uint64_t next;

	return !block_set_next(set, start, &next) || next - start >= length;
}

bool block_set_next(const struct block_set *set, uint64_t from, uint64_t *number)
{
	while (from < set->bits) {
		const uint32_t page = set->pages[from >> BLOCK_SET_PAGE_LOG2];
		uint64_t word;

		if (page == EMPTY) {
			from = ((from >> BLOCK_SET_PAGE_LOG2) + 1) << BLOCK_SET_PAGE_LOG2;
			continue;
		}
		word = block_set_word(set, from);
		if (word != 0) {
			while ((word & 1) == 0) {
				word >>= 1;
				from++;
			}
			*number = from;
			return from < set->bits;
		}
		from += 64;
	}
	return false;
}
