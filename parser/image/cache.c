/* SPDX-License-Identifier: MIT */
/*
 * A few slots, looked through one by one: there are too few for anything cleverer to pay.
 */
#include "config.h"

#include <stdlib.h>

#include "image/cache.h"

bool cache_init(struct cache *cache, unsigned count, size_t slot_size)
{
	*cache = (struct cache){.count = count};
	cache->slots = calloc(count, sizeof *cache->slots);
	cache->data = calloc(count, slot_size);
	if (!cache->slots || !cache->data) {
		cache_clear(cache);
		return false;
	}
	for (unsigned i = 0; i < count; i++)
		cache->slots[i].data = cache->data + i * slot_size;
	return true;
}

void cache_clear(struct cache *cache)
{
	free(cache->slots);
	free(cache->data);
	*cache = (struct cache){.count = 0};
}

struct cache_slot *cache_find(struct cache *cache, uint64_t key)
{
	for (unsigned i = 0; i < cache->count; i++) {
		struct cache_slot *const slot = &cache->slots[i];

		if (slot->is_valid && slot->key == key) {
			slot->used = ++cache->clock;
			return slot;
		}
	}
	return NULL;
}

struct cache_slot *cache_claim(struct cache *cache, uint64_t key)
{
	struct cache_slot *oldest = &cache->slots[0];

	for (unsigned i = 1; i < cache->count; i++)
		if (cache->slots[i].used < oldest->used)
			oldest = &cache->slots[i];
	oldest->key = key;
	oldest->used = ++cache->clock;
	oldest->is_valid = false;
	oldest->size = 0;
	return oldest;
}
