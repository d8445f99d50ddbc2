/* SPDX-License-Identifier: MIT */
/* Lists of plain numbers in order: for qsort() and bsearch(), and where a number stands. */
#ifndef ACCOUNTING_ORDER_H
#define ACCOUNTING_ORDER_H

#include <stddef.h>

#include <ext/types.h>

static inline int compare_inos(const void *left, const void *right)
{
	const ext_ino *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static inline int compare_blocks(const void *left, const void *right)
{
	const ext_block *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* The place of the first number that is not before `wanted`; `count` when there is none. */
static inline size_t first_ino_at(const ext_ino *inos, size_t count, ext_ino wanted)
{
	size_t low = 0, high = count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (inos[middle] < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
