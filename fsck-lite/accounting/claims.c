/* SPDX-License-Identifier: MIT */
/* Runs of blocks, gathered and claimed. */
#include "config.h"

#include "accounting/claims.h"

uint64_t claims_blocks(const struct survey *survey, uint64_t cluster, uint64_t count)
{
	const struct ext_superblock *sb = survey->superblock;
	const uint64_t start = cluster << sb->cluster_log2;
	const uint64_t end = (cluster + count) << sb->cluster_log2;

	return (end < sb->block_count ? end : sb->block_count) - start;
}

static void claim(struct survey *survey, const struct claim *item)
{
	struct block_set *again = item->may_repeat ? NULL : &survey->shared;
	uint64_t added;

	if (item->is_xattr) {
		if (block_set_has(&survey->xattr_blocks, item->cluster))
			return;
		block_set_add(&survey->xattr_blocks, item->cluster, item->count, NULL);
	}
	added = block_set_add(&survey->owned, item->cluster, item->count, again);
	if (added == item->count)
		survey->owners[item->owner] += claims_blocks(survey, item->cluster, added);
	else
		survey->owners[item->owner] += added << survey->superblock->cluster_log2;
}

void claims_flush(struct claims *claims)
{
	lock_take(&claims->survey->lock);
	for (unsigned i = 0; i < claims->count; i++)
		claim(claims->survey, &claims->items[i]);
	lock_give(&claims->survey->lock);
	claims->count = 0;
}

static void gather(struct claims *claims, struct claim item)
{
	struct claim *last = claims->count > 0 ? &claims->items[claims->count - 1] : NULL;

	/* Small files lie side by side: one run for many of them. */
	if (last && last->cluster + last->count == item.cluster && last->owner == item.owner &&
	    !last->is_xattr && !item.is_xattr && last->may_repeat == item.may_repeat &&
	    item.count <= UINT32_MAX - last->count) {
		last->count += item.count;
		return;
	}
	if (claims->count == CLAIMS)
		claims_flush(claims);
	claims->items[claims->count++] = item;
}

bool claims_clusters(const struct survey *survey, const struct ext_run *run, uint64_t *last_cluster,
		     uint64_t *first, uint64_t *last)
{
	const unsigned shift = survey->superblock->cluster_log2;

	*first = run->physical >> shift;
	*last = (run->physical + run->length - 1) >> shift;
	/* A tree block has its cluster to itself, and stands between two runs of data. */
	if (run->kind == EXT_RUN_TREE)
		return true;
	/* Two runs of one file may meet inside a cluster. */
	if (*first == *last_cluster)
		++*first;
	*last_cluster = *last;
	return *first <= *last;
}

void claims_add(struct claims *claims, const struct ext_run *run, enum owner owner, bool may_repeat)
{
	uint64_t first, last;

	if (claims_clusters(claims->survey, run, &claims->last_cluster, &first, &last))
		gather(claims, (struct claim){.cluster = first,
					      .count = (uint32_t)(last - first + 1),
					      .owner = (uint8_t)owner,
					      .may_repeat = may_repeat});
}

void claims_add_xattr(struct claims *claims, ext_block block, enum owner owner)
{
	gather(claims, (struct claim){.cluster = block >> claims->survey->superblock->cluster_log2,
				      .count = 1,
				      .owner = (uint8_t)owner,
				      .is_xattr = true});
}
