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

/* The words of a page in which bits are to be set; NULL: it is full, or there is no memory. */
static uint64_t *open_page(struct block_set *set, size_t page)
{
	if (set->pages[page] == FULL)
		return NULL;
	if (set->pages[page] == EMPTY) {
		set->pages[page] = take_slot(set);
		if (set->pages[page] == EMPTY) {
			set->out_of_memory = true;
			return NULL;
		}
		memset(slot_words(set, set->pages[page]), 0, BLOCK_SET_PAGE / 8);
	}
	return slot_words(set, set->pages[page]);
}

/* After bits were set, this word's last: a full page needs no words. */
static inline void close_page(struct block_set *set, size_t page, const uint64_t *words,
			      uint64_t last_word)
{
	if (last_word != UINT64_MAX || !page_is_full(words))
		return;
	give_slot(set, set->pages[page]);
	set->pages[page] = FULL;
}

/* Sets bits of the word that holds `start` and those after it; returns how many were new. */
static inline unsigned add_to_word(uint64_t *word, uint64_t bits, uint64_t start,
				   struct block_set *again)
{
	const uint64_t twice = *word & bits;

	*word |= bits;
	if (twice == 0)
		return bits_in(bits);
	for (unsigned i = 0; again && i < 64; i++)
		if (twice >> i & 1)
			block_set_add(again, start + i, 1, NULL);
	return bits_in(bits) - bits_in(twice);
}

/* Adds bits `first` .. `first + count - 1` of one page. */
static uint64_t add_to_page(struct block_set *set, size_t page, unsigned first, unsigned count,
			    struct block_set *again)
{
	const uint64_t base = (uint64_t)page << BLOCK_SET_PAGE_LOG2;
	uint64_t *words, added = 0;

	if (set->pages[page] == EMPTY && count == BLOCK_SET_PAGE) {
		set->pages[page] = FULL;
		return count;
	}
	words = open_page(set, page);
	if (!words && set->pages[page] == EMPTY)
		return count;
	if (!words) {
		if (again)
			block_set_add(again, base + first, count, NULL);
		return 0;
	}
	for (unsigned at = first; at < first + count;) {
		const unsigned bit = at % 64;
		const unsigned length =
			64 - bit < first + count - at ? 64 - bit : first + count - at;

		added += add_to_word(&words[at / 64], bits_mask(bit, length), base + at - bit,
				     again);
		at += length;
	}
	if (added > 0)
		close_page(set, page, words, words[(first + count - 1) / 64]);
	return added;
}

uint64_t block_set_add_word(struct block_set *set, uint64_t start, uint64_t bits,
			    struct block_set *again)
{
	const size_t page = (size_t)(start >> BLOCK_SET_PAGE_LOG2);
	uint64_t *const words = open_page(set, page);
	uint64_t *word, added, full = UINT64_MAX;

	if (!words && set->pages[page] == EMPTY)
		return bits_in(bits);
	if (!words)
		return add_to_word(&full, bits, start, again);
	word = &words[start / 64 % BLOCK_SET_WORDS];
	added = add_to_word(word, bits, start, again);
	close_page(set, page, words, *word);
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
			count += bits_in(block_set_word(set, start) & bits_mask(0, (unsigned)step));
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
