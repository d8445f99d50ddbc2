/* SPDX-License-Identifier: MIT */
/*
 * The checksum of an inode: over the whole of it, seeded with its number and generation, its own
 * bytes as zeros. The chain over one inode leaves the CPU waiting, so a scan hands over several,
 * whose chains then run side by side. Doc: ext4/checksums.rst.
 */
#include "config.h"

#include <string.h>

#include <ext/checksum_origin.h>
#include <ext/inode.h>

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "layout/layout.h"
#include "structure/checksum.h"

enum {
	SMALL_INODE = 128,
	LOW_AT = offsetof(struct ext_raw_inode, i_checksum_lo),
	HIGH_AT = SMALL_INODE + offsetof(struct ext_raw_inode_extra, i_checksum_hi),
	/* The words of eight bytes that hold the two halves of the checksum. */
	OWN_AT = LOW_AT / 8 * 8,
	OWN_END = HIGH_AT / 8 * 8 + 8,
	OWN = OWN_END - OWN_AT,
};

static bool bytes_are_zero(const uint8_t *bytes, size_t size)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

uint32_t ext_inode_seed(const struct ext_superblock *sb, ext_ino ino, uint32_t generation)
{
	struct le32 words[2];

	put(&words[0], ino);
	put(&words[1], generation);
	return crc32c(sb->checksum_seed, words, sizeof words);
}

/*
 * The checksum as stored. Its high half counts, and is zeroed, only when i_extra_isize reaches
 * behind it; else those bytes are content like any other.
 */
static uint32_t stored_checksum(const struct ext_superblock *sb, const uint8_t *raw, bool *is_wide)
{
	const struct ext_raw_inode *core = (const struct ext_raw_inode *)(const void *)raw;
	const struct ext_raw_inode_extra *extra;

	*is_wide = false;
	if (sb->inode_size == SMALL_INODE)
		return get(core->i_checksum_lo);
	extra = (const struct ext_raw_inode_extra *)(const void *)(raw + SMALL_INODE);
	*is_wide = get(extra->i_extra_isize) >= 4;
	return get(core->i_checksum_lo) |
	       (*is_wide ? (uint32_t)get(extra->i_checksum_hi) << 16 : 0);
}

/* Continues `lanes` registers over `length` bytes each. */
static void advance(uint32_t *registers, const uint8_t *const *bytes, unsigned count, size_t length)
{
	if (count == CRC32C_LANES) {
		crc32c_each(registers, bytes, length);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		registers[i] = crc32c(registers[i], bytes[i], length);
}

void ext_inode_checksums(const struct ext_superblock *sb, const ext_ino *inos,
			 const uint8_t *const *raws, unsigned count,
			 struct ext_inode_checksum *checksums)
{
	const size_t own = sb->inode_size > SMALL_INODE ? OWN : SMALL_INODE - OWN_AT;
	uint32_t registers[CRC32C_LANES];
	struct le32 seeds[CRC32C_LANES][2];
	uint8_t patched[CRC32C_LANES][OWN];
	const uint8_t *bytes[CRC32C_LANES] = {NULL};
	bool is_wide[CRC32C_LANES];

	if (!sb->has_metadata_csum) {
		for (unsigned i = 0; i < count; i++)
			checksums[i] = (struct ext_inode_checksum){EXT_CHECKSUM_NONE, 0, 0};
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct ext_raw_inode *core =
			(const struct ext_raw_inode *)(const void *)raws[i];

		checksums[i].stored = stored_checksum(sb, raws[i], &is_wide[i]);
		put(&seeds[i][0], inos[i]);
		seeds[i][1] = core->i_generation;
		registers[i] = sb->checksum_seed;
		bytes[i] = (const uint8_t *)seeds[i];
		memcpy(patched[i], raws[i] + OWN_AT, own);
		memset(patched[i] + (LOW_AT - OWN_AT), 0, 2);
		if (is_wide[i])
			memset(patched[i] + (HIGH_AT - OWN_AT), 0, 2);
	}
	advance(registers, bytes, count, sizeof seeds[0]);
	advance(registers, raws, count, OWN_AT);
	for (unsigned i = 0; i < count; i++)
		bytes[i] = patched[i];
	advance(registers, bytes, count, own);
	if (sb->inode_size > SMALL_INODE) {
		for (unsigned i = 0; i < count; i++)
			bytes[i] = raws[i] + OWN_END;
		advance(registers, bytes, count, sb->inode_size - OWN_END);
	}
	for (unsigned i = 0; i < count; i++) {
		struct ext_inode_checksum *sum = &checksums[i];

		sum->computed = is_wide[i] ? registers[i] : registers[i] & UINT16_MAX;
		/* A never used inode is all zeros, checksum included. */
		sum->state = checksum_state(sum->computed == sum->stored ||
					    bytes_are_zero(raws[i], SMALL_INODE));
	}
}

enum ext_checksum_state ext_inode_checksum(const struct ext_superblock *sb, ext_ino ino,
					   const uint8_t *raw, uint32_t *stored, uint32_t *computed)
{
	struct ext_inode_checksum checksum;

	ext_inode_checksums(sb, &ino, &raw, 1, &checksum);
	if (checksum.state == EXT_CHECKSUM_NONE)
		return EXT_CHECKSUM_NONE;
	if (stored)
		*stored = checksum.stored;
	if (computed)
		*computed = checksum.computed;
	return checksum.state;
}

bool ext_inode_number_by_checksum(const struct ext_superblock *sb, const uint8_t *raw, ext_ino *ino)
{
	const struct ext_raw_inode_extra *extra =
		(const struct ext_raw_inode_extra *)(const void *)(raw + SMALL_INODE);
	uint32_t stored = 0, of_zero = 0;

	if (!sb->has_metadata_csum || sb->inode_size <= SMALL_INODE ||
	    get(extra->i_extra_isize) < 4)
		return false;
	ext_inode_checksum(sb, 0, raw, &stored, &of_zero);
	/* The number comes first, then the generation, then the inode: what another number
	 * changes, it changes as if all behind it were zeros. */
	*ino = crc32c_back(stored ^ of_zero, NULL, sizeof(struct le32) + 4 + sb->inode_size);
	return true;
}
