/* SPDX-License-Identifier: MIT */
/* Runs of blocks, gathered and claimed. */
#include "config.h"

#include "accounting/bits.h"
#include "accounting/claims.h"

enum { WORD = 64 };

uint64_t claims_blocks(const struct survey *survey, uint64_t cluster, uint64_t count)
{
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t start = cluster << sb->cluster_log2;
	const uint64_t end = (cluster + count) << sb->cluster_log2;

	return (end < sb->block_count ? end : sb->block_count) - start;
}

/* Gives the owner `added` clusters of `all`, which end before `end`. */
static void give(struct survey *survey, const struct claim *item, uint64_t added, uint64_t all,
		 uint64_t end)
{
	if (added == all)
		survey->owners[item->owner] += claims_blocks(survey, end - added, added);
	else
		survey->owners[item->owner] += added << survey->superblock->cluster_log2;
}

static void claim(struct survey *survey, const struct claim *item)
{
	struct block_set *again = item->ways & CLAIM_MAY_REPEAT ? NULL : &survey->shared;

	if (item->scattered != 0) {
		give(survey, item,
		     block_set_add_word(&survey->owned, item->cluster, item->scattered, again),
		     bits_in(item->scattered), item->cluster + bits_highest(item->scattered) + 1);
		return;
	}
	if (item->ways & CLAIM_XATTR) {
		if (block_set_has(&survey->xattr_blocks, item->cluster))
			return;
		block_set_add(&survey->xattr_blocks, item->cluster, item->count, NULL);
	}
	give(survey, item, block_set_add(&survey->owned, item->cluster, item->count, again),
	     item->count, item->cluster + item->count);
}

void claims_flush(struct claims *claims)
{
	lock_take(&claims->survey->lock);
	for (unsigned i = 0; i < claims->count; i++)
		claim(claims->survey, &claims->items[i]);
	lock_give(&claims->survey->lock);
	claims->count = 0;
}

/* Puts a short run to an item within the same 64 clusters; false where it belongs elsewhere. */
static bool scatter(struct claim *item, uint64_t cluster, uint32_t count)
{
	const unsigned bit = (unsigned)(cluster % WORD);
	const unsigned item_bit = (unsigned)(item->cluster % WORD);
	uint64_t bits = item->scattered, added;

	if (item->cluster - item_bit != cluster - bit || count > WORD - bit)
		return false;
	if (bits == 0) {
		if (item->count > WORD - item_bit)
			return false;
		bits = bits_mask(item_bit, item->count);
	}
	added = bits_mask(bit, count);
	/* What is claimed twice is claimed by two items. */
	if (bits & added)
		return false;
	item->cluster -= item_bit;
	item->scattered = bits | added;
	return true;
}

static void gather(struct claims *claims, uint64_t cluster, uint32_t count, enum owner owner,
		   unsigned ways)
{
	struct claim *last = claims->count > 0 ? &claims->items[claims->count - 1] : NULL;

	if (last && last->owner == owner && last->ways == ways && (ways & CLAIM_XATTR) == 0) {
		/* Small files lie side by side: one run for many of them. */
		if (last->scattered == 0 && last->cluster + last->count == cluster &&
		    count <= UINT32_MAX - last->count) {
			last->count += count;
			return;
		}
		if (scatter(last, cluster, count))
			return;
	}
	if (claims->count == CLAIMS)
		claims_flush(claims);
	claims->items[claims->count++] = (struct claim){
		.cluster = cluster, .count = count, .owner = (uint8_t)owner, .ways = (uint8_t)ways};
}

bool claims_clusters(const struct ext_superblock *sb, const struct ext_run *run,
		     struct last_cluster *last_cluster, uint64_t *first, uint64_t *last)
{
	const unsigned shift = sb->cluster_log2;

	*first = run->physical >> shift;
	*last = (run->physical + run->length - 1) >> shift;
	/* A tree block has its cluster to itself, and stands between two runs of data. */
	if (shift == 0 || run->kind == EXT_RUN_TREE)
		return true;
	/* Two runs of one file may meet inside a cluster, if they do so in the file. */
	if (*first == last_cluster->physical && run->logical >> shift == last_cluster->logical)
		++*first;
	last_cluster->physical = *last;
	last_cluster->logical = ((uint64_t)run->logical + run->length - 1) >> shift;
	return *first <= *last;
}

void claims_add(struct claims *claims, uint64_t cluster, uint32_t count, enum owner owner,
		bool may_repeat)
{
	gather(claims, cluster, count, owner, may_repeat ? CLAIM_MAY_REPEAT : 0);
}

void claims_add_xattr(struct claims *claims, ext_block block, enum owner owner)
{
	gather(claims, block >> claims->survey->superblock->cluster_log2, 1, owner, CLAIM_XATTR);
}
