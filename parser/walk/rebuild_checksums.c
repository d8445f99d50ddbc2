/* SPDX-License-Identifier: MIT */
/*
 * Whether inodes carry CRC-32C, or descriptors CRC-16, and what these were made with: the seed
 * follows from the root inode, a UUID that fits can be made where the true one is lost.
 */
#include "config.h"

#include <string.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "structure/group.h"
#include "walk/checksum_seed.h"
#include "walk/rebuild_steps.h"

/* Do the checksums of other inodes hold under this seed? */
static bool seed_holds(const struct rebuild *r, const struct ext_raw_superblock *raw)
{
	static const ext_ino others[] = {LOST_FOUND, EXT_INO_JOURNAL, EXT_INO_RESIZE, 12, 13};
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	uint8_t inode[INODE_SIZES_MAX];
	struct ext_superblock sb;
	unsigned held = 0, failed = 0;

	if (ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) != EXT_OK)
		return false;
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		if (!read_inode(r, others[i], inode) ||
		    (u16(inode, 0) == 0 && u16(inode, 0x1a) == 0))
			continue;
		if (ext_inode_checksum(&sb, others[i], inode, NULL, NULL) == EXT_CHECKSUM_OK)
			held++;
		else
			failed++;
	}
	return held > failed;
}

/* Do the CRC-16 checksums of the first descriptors hold under the UUID in `raw`? */
static bool descriptors_hold(const struct rebuild *r, const struct ext_raw_superblock *raw)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	struct ext_superblock sb;

	if (ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) != EXT_OK)
		return false;
	for (uint32_t group = 0; group < r->group_count && group < 4; group++) {
		const uint8_t *const bytes = r->table + (size_t)group * r->descriptor_size;

		if (u16(bytes, 0x1e) !=
		    group_descriptor_checksum(&sb, group,
					      (struct ext_span){bytes, r->descriptor_size}))
			return false;
	}
	return true;
}

/*
 * The UUID enters these checksums as a CRC of 16 bits: one of 65536 values of two bytes stands for
 * it as well as the true one, and the descriptors tell which.
 */
static bool find_stand_in_uuid(const struct rebuild *r, struct ext_raw_superblock *raw)
{
	const uint16_t stored = u16(r->table, 0x1e);
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK};
	const struct ext_span bytes = {r->table, r->descriptor_size};
	struct ext_superblock sb;

	if (ext_superblock_decode((const uint8_t *)raw, place, &sb, NULL, NULL) != EXT_OK)
		return false;
	for (uint32_t i = 0; i <= UINT16_MAX; i++) {
		sb.uuid[14] = (uint8_t)i;
		sb.uuid[15] = (uint8_t)(i >> 8);
		if (group_descriptor_checksum(&sb, 0, bytes) != stored)
			continue;
		memcpy(raw->s_uuid, sb.uuid, sizeof raw->s_uuid);
		return descriptors_hold(r, raw);
	}
	return false;
}

/* A single descriptor does not show its size; its checksum does. */
static void settle_descriptor_size(struct rebuild *r, struct ext_raw_superblock *raw)
{
	const uint32_t incompat = get(raw->s_feature_incompat);

	if (r->group_count > 1 || descriptors_hold(r, raw))
		return;
	r->descriptor_size = r->descriptor_size == 64 ? 32 : 64;
	put(&raw->s_desc_size, (uint16_t)(r->descriptor_size > 32 ? r->descriptor_size : 0));
	put(&raw->s_feature_incompat, incompat ^ EXT_INCOMPAT_64BIT);
	if (descriptors_hold(r, raw))
		return;
	r->descriptor_size = r->descriptor_size == 64 ? 32 : 64;
	put(&raw->s_desc_size, (uint16_t)(r->descriptor_size > 32 ? r->descriptor_size : 0));
	put(&raw->s_feature_incompat, incompat);
}

/* Which checksums there are: proved by those that hold, never assumed. */
void rebuild_find_checksums(struct rebuild *r, struct ext_raw_superblock *raw,
			    struct ext_rebuilt *facts)
{
	const uint32_t ro_compat = get(raw->s_feature_ro_compat);
	const uint32_t incompat = get(raw->s_feature_incompat);
	uint32_t seed;

	put(&raw->s_feature_ro_compat, ro_compat | EXT_RO_METADATA_CSUM);
	raw->s_checksum_type = 1;
	if (facts->has_uuid && seed_holds(r, raw)) {
		facts->has_checksums = true;
		settle_descriptor_size(r, raw);
		return;
	}
	if (checksum_seed_of_inode(r->inode_size, EXT_INO_ROOT, r->root, &seed)) {
		put(&raw->s_feature_incompat, incompat | EXT_INCOMPAT_CSUM_SEED);
		put(&raw->s_checksum_seed, seed);
		if (seed_holds(r, raw)) {
			facts->has_checksums = true;
			settle_descriptor_size(r, raw);
			return;
		}
	}
	put(&raw->s_feature_incompat, incompat);
	put(&raw->s_checksum_seed, 0);
	raw->s_checksum_type = 0;
	put(&raw->s_feature_ro_compat, ro_compat | EXT_RO_GDT_CSUM);
	if (u16(r->table, 0x1e) != 0 &&
	    (descriptors_hold(r, raw) || (!facts->has_uuid && find_stand_in_uuid(r, raw))))
		return;
	put(&raw->s_feature_ro_compat, ro_compat);
}
