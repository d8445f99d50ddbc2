/* SPDX-License-Identifier: MIT */
/* What e2fsck has in its cache of inodes when the directories are looked at. */
#include "config.h"

#include <stdlib.h>

#include <ext/xattr.h>

#include "checks/inode_cache.h"

static void note_read(struct inode_cache *cache, ext_ino at, ext_ino read)
{
	bool is_there = false;

	/* Soon there is nothing more to note, and no thread waits for another. */
	if (cache->count >= INODE_CACHE_READS)
		return;
	lock_take(&cache->lock);
	for (unsigned i = 0; i < cache->count; i++)
		is_there = is_there || cache->reads[i].read == read;
	if (!is_there && cache->count < INODE_CACHE_READS)
		cache->reads[cache->count++] = (struct inode_read){at, read};
	lock_give(&cache->lock);
}

void inode_cache_init(struct inode_cache *cache)
{
	lock_init(&cache->lock);
	cache->count = 0;
}

void inode_cache_clear(struct inode_cache *cache)
{
	lock_clear(&cache->lock);
}

/* Values in inodes of their own are looked up. */
static void note_values(struct inode_cache *cache, const struct ext_superblock *sb,
			const struct ext_inode *inode, const uint8_t *raw)
{
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;

	if (ext_xattr_inode_begin(sb, (struct ext_span){raw, sb->inode_size}, &cursor, NULL) !=
	    EXT_OK)
		return;
	while (cache->count < INODE_CACHE_READS && ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK)
		if (xattr.value_inode != 0)
			note_read(cache, inode->number, xattr.value_inode);
}

void inode_cache_note(struct inode_cache *cache, const struct survey *survey,
		      const struct ext_inode *inode, const uint8_t *raw,
		      const struct inode_facts *facts)
{
	const struct ext_superblock *sb = survey->superblock;
	/* The checksum of a block of extents begins with its inode's. */
	const bool has_extents = (inode->flags & EXT_INODE_EXTENTS) != 0 && facts->tree_blocks > 0;
	const bool is_inline =
		(inode->flags & EXT_INODE_INLINE_DATA) != 0 && inode->type == EXT_TYPE_DIRECTORY;

	/* lost+found, the first inode that is not reserved, is there since pass 1 began. */
	if (!facts->is_used || inode->checksum == EXT_CHECKSUM_BAD ||
	    inode->number == sb->first_inode)
		return;
	if (has_extents || is_inline)
		note_read(cache, inode->number, inode->number);
	if (ext_has_incompat(sb, EXT_INCOMPAT_EA_INODE))
		note_values(cache, sb, inode, raw);
}

bool inode_cache_takes_root(const struct inode_cache *cache, const struct survey *survey,
			    ext_ino ino)
{
	const struct directory *root = survey_directory(survey, EXT_INO_ROOT);
	struct ext_inode first, bad;

	if (!root || !root->has_first || cache->count != INODE_CACHE_READS - 1 ||
	    ino <= cache->reads[0].at || ino <= cache->reads[1].at)
		return false;
	return ext_inode_read(survey->filesystem, EXT_INO_ROOT, &first, NULL, NULL) == EXT_OK &&
	       ext_inode_read(survey->filesystem, ino, &bad, NULL, NULL) == EXT_OK &&
	       first.checksum == EXT_CHECKSUM_OK && first.generation != bad.generation;
}
