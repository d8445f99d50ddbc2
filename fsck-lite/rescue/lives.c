/* SPDX-License-Identifier: MIT */
/* A hash table by inode number and generation. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "rescue/lives.h"

static uint64_t key_of(ext_ino ino, uint32_t generation)
{
	return (uint64_t)ino << 32 | generation;
}

static size_t slot_of(const uint64_t *keys, size_t size, uint64_t key)
{
	size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (size - 1);

	while (keys[at] != 0 && keys[at] != key)
		at = (at + 1) & (size - 1);
	return at;
}

static bool make_room(struct lives *lives)
{
	const size_t size = lives->size ? lives->size * 2 : 256;
	uint64_t *grown;

	if (2 * (lives->count + 1) <= lives->size)
		return true;
	grown = calloc(size, sizeof *grown);
	if (!grown)
		return false;
	for (size_t i = 0; i < lives->size; i++)
		if (lives->keys[i] != 0)
			grown[slot_of(grown, size, lives->keys[i])] = lives->keys[i];
	free(lives->keys);
	lives->keys = grown;
	lives->size = size;
	return true;
}

bool lives_has(const struct lives *lives, ext_ino ino, uint32_t generation)
{
	const uint64_t key = key_of(ino, generation);

	return lives->size > 0 && lives->keys[slot_of(lives->keys, lives->size, key)] == key;
}

bool lives_add(struct lives *lives, ext_ino ino, uint32_t generation)
{
	const uint64_t key = key_of(ino, generation);
	size_t slot;

	if (!make_room(lives))
		return false;
	slot = slot_of(lives->keys, lives->size, key);
	lives->count += lives->keys[slot] == 0;
	lives->keys[slot] = key;
	return true;
}

void lives_clear(struct lives *lives)
{
	free(lives->keys);
	memset(lives, 0, sizeof *lives);
}
