/* SPDX-License-Identifier: MIT */
/* Arrays that grow by one element at a time. */
#ifndef ACCOUNTING_GROW_H
#define ACCOUNTING_GROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <ext/pages.h>

enum { GROW_BY_HAND = 32 * 1024, GROW_BY_MOVING = 1024 * 1024 };

/*
 * Another place for `items`, `old` bytes long, that has `size` bytes. A list of middling size is
 * copied by hand into memory asked for at once; a small one is not worth it, and a large one moves
 * without a copy.
 */
static inline void *grow_to(void *items, size_t old, size_t size)
{
	void *grown;

	if (size < GROW_BY_HAND || size >= GROW_BY_MOVING)
		return realloc(items, size);
	grown = malloc(size);
	if (!grown)
		return NULL;
	ext_pages_expect(grown, size);
	if (old > 0)
		memcpy(grown, items, old);
	free(items);
	return grown;
}

/*
 * Makes room for one more element behind `count`, by half of what there is. `pointer` is the
 * address of the array's pointer, whatever it points to. False: no memory, nothing changed.
 */
static inline bool grow(void *pointer, size_t count, size_t *size, size_t item_size)
{
	const size_t more = *size / 2 + 64;
	void *items, *grown;

	if (count < *size)
		return true;
	if (more > SIZE_MAX - *size || *size + more > SIZE_MAX / item_size)
		return false;
	memcpy(&items, pointer, sizeof items);
	grown = grow_to(items, *size * item_size, (*size + more) * item_size);
	if (!grown)
		return false;
	memcpy(pointer, &grown, sizeof grown);
	*size += more;
	return true;
}

#define GROW(items, count, size) grow(&(items), (count), &(size), sizeof *(items))

#endif
