/* SPDX-License-Identifier: MIT */
/*
 * The pieces of a source that were unpacked last: a few slots of one size, found by a number, the
 * one unused for longest given up first. The caller holds a lock.
 */
#ifndef IMAGE_CACHE_H
#define IMAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache_slot {
	uint64_t key, used; /* used: when last, by the cache's own clock */
	bool is_valid;
	size_t size; /* bytes that count, for the caller */
	uint8_t *data;
};

/* All zero: no slots. */
struct cache {
	struct cache_slot *slots;
	unsigned count;
	uint8_t *data;
	uint64_t clock;
};

/* False when there is no memory. `count` is at least 1. */
bool cache_init(struct cache *cache, unsigned count, size_t slot_size);
void cache_clear(struct cache *cache);

/* The slot that holds `key`, or NULL. */
struct cache_slot *cache_find(struct cache *cache, uint64_t key);

/*
 * The slot to fill for `key`: not valid until the caller says so. What it held is gone. A key must
 * not be claimed while a valid slot holds it.
 */
struct cache_slot *cache_claim(struct cache *cache, uint64_t key);

#endif
