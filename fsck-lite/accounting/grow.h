/* SPDX-License-Identifier: MIT */
/* Arrays that grow by one element at a time. */
#ifndef ACCOUNTING_GROW_H
#define ACCOUNTING_GROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
	grown = realloc(items, (*size + more) * item_size);
	if (!grown)
		return false;
	memcpy(pointer, &grown, sizeof grown);
	*size += more;
	return true;
}

#define GROW(items, count, size) grow(&(items), (count), &(size), sizeof *(items))

#endif
