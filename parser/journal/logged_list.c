/* SPDX-License-Identifier: MIT */
/* A list of logged copies that grows, and in which runs are one entry. */
#include "config.h"

#include <stdlib.h>

#include "journal/journal.h"

bool logged_list_add(struct logged_list *list, ext_block block, uint16_t flags, uint32_t log,
		     uint32_t transaction)
{
	if (list->count == list->capacity) {
		const uint32_t capacity =
			list->capacity ? list->capacity + list->capacity / 2 : 256;
		struct logged_block *blocks =
			realloc(list->blocks, (size_t)capacity * sizeof *blocks);

		if (!blocks)
			return false;
		list->blocks = blocks;
		list->capacity = capacity;
	}
	list->blocks[list->count++] = (struct logged_block){
		.block_low = (uint32_t)block,
		.block_high = (uint16_t)(block >> 32),
		.flags = (unsigned)flags & LOGGED_ALL,
		.log = log,
		.transaction = transaction,
	};
	return true;
}

void logged_list_clear(struct logged_list *list)
{
	free(list->blocks);
	*list = (struct logged_list){0};
}
