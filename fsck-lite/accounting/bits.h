/* SPDX-License-Identifier: MIT */
/* The bits of a word of 64. */
#ifndef ACCOUNTING_BITS_H
#define ACCOUNTING_BITS_H

#include <stdint.h>

static inline unsigned bits_in(uint64_t word)
{
#if defined __GNUC__
	return (unsigned)__builtin_popcountll(word);
#else
	unsigned count = 0;

	for (; word != 0; word &= word - 1)
		count++;
	return count;
#endif
}

/* `count` bits, 1 to 64, from bit `first` on. */
static inline uint64_t bits_mask(unsigned first, unsigned count)
{
	return UINT64_MAX >> (64 - count) << first;
}

/* Of a word that is not 0. */
static inline unsigned bits_lowest(uint64_t word)
{
	unsigned bit = 0;

	while ((word >> bit & 1) == 0)
		bit++;
	return bit;
}

static inline unsigned bits_highest(uint64_t word)
{
	unsigned bit = 63;

	while ((word >> bit & 1) == 0)
		bit--;
	return bit;
}

#endif
