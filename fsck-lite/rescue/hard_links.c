/* SPDX-License-Identifier: MIT */
/* A hash table by inode number. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "rescue/hard_links.h"

static size_t slot_of(const struct hard_link *slots, size_t size, ext_ino ino)
{
	size_t at = ino * UINT32_C(2654435761) & (size - 1);

	while (slots[at].ino != 0 && slots[at].ino != ino)
		at = (at + 1) & (size - 1);
	return at;
}

static bool make_room(struct hard_links *links)
{
	const size_t size = links->size ? links->size * 2 : 256;
	struct hard_link *grown;

	if (2 * (links->count + 1) <= links->size)
		return true;
	grown = calloc(size, sizeof *grown);
	if (!grown)
		return false;
	for (size_t i = 0; i < links->size; i++)
		if (links->slots[i].ino != 0)
			grown[slot_of(grown, size, links->slots[i].ino)] = links->slots[i];
	free(links->slots);
	links->slots = grown;
	links->size = size;
	return true;
}

struct hard_link *hard_links_of(struct hard_links *links, ext_ino ino)
{
	struct hard_link *slot;

	if (!make_room(links))
		return NULL;
	slot = &links->slots[slot_of(links->slots, links->size, ino)];
	if (slot->ino == 0) {
		slot->ino = ino;
		slot->node = RESCUE_NONE;
		links->count++;
	}
	return slot;
}

void hard_links_clear(struct hard_links *links)
{
	free(links->slots);
	memset(links, 0, sizeof *links);
}
