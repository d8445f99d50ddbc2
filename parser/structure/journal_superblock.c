/* SPDX-License-Identifier: MIT */
/*
 * The journal's superblock: version, features, where the log begins and ends. Everything is
 * big-endian.  Doc: ext4/journal.rst.
 */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "bytes/crc32c.h"
#include "bytes/span.h"
#include "layout/layout.h"
#include "structure/checksum.h"

#include <ext/journal.h>

enum {
	CHECKSUM_AT = 0xfc,
	KNOWN_INCOMPAT = 0x3f,
	FAST_COMMIT_DEFAULT = 256, /* blocks, when s_num_fc_blks is 0 */
	LEAST_LOG_BLOCKS = 1024,   /* Linux keeps as many for the log proper */
};

static struct ext_place at_field(struct ext_place place, const char *field)
{
	place.field = field;
	return place;
}

static void note(struct ext_sink *sink, enum ext_problem problem, struct ext_place place,
		 uint64_t found, uint64_t low, uint64_t high)
{
	const struct ext_finding finding = {
		.problem = problem, .place = place, .found = found, .low = low, .high = high};

	ext_report(sink, &finding);
}

void ext_journal_superblock_apply_features(struct ext_journal_superblock *superblock)
{
	const bool is_64bit = (superblock->incompat & EXT_JOURNAL_INCOMPAT_64BIT) != 0;

	superblock->checksum_version = 0;
	if (superblock->incompat & EXT_JOURNAL_INCOMPAT_CSUM_V3)
		superblock->checksum_version = 3;
	else if (superblock->incompat & EXT_JOURNAL_INCOMPAT_CSUM_V2)
		superblock->checksum_version = 2;
	else if (superblock->compat & EXT_JOURNAL_COMPAT_CHECKSUM)
		superblock->checksum_version = 1;
	superblock->tail_size = superblock->checksum_version >= 2 ? 4 : 0;
	/*
	 * The document gives 8, 12 and 16. Version 2 has two bytes more than its
	 * fields need: a miscount that became the format.
	 */
	if (superblock->checksum_version == 3)
		superblock->tag_size = 16;
	else
		superblock->tag_size =
			8U + (superblock->checksum_version == 2 ? 2U : 0U) + (is_64bit ? 4U : 0U);
}

/* Where the log proper ends and, with fast commits, their area begins. */
static void find_log_end(struct ext_journal_superblock *superblock, uint32_t stored_blocks)
{
	superblock->end = superblock->length;
	if (!(superblock->incompat & EXT_JOURNAL_INCOMPAT_FAST_COMMIT))
		return;
	const uint32_t blocks = stored_blocks != 0 ? stored_blocks : FAST_COMMIT_DEFAULT;

	if (blocks <= superblock->length && superblock->length - blocks >= LEAST_LOG_BLOCKS) {
		superblock->fast_commit_blocks = blocks;
		superblock->end = superblock->length - blocks;
	}
}

static enum ext_status check_geometry(const struct ext_journal_superblock *superblock,
				      struct ext_place place, struct ext_error *error)
{
	if (superblock->block_size < 1024 || superblock->block_size > 65536 ||
	    !is_power_of_two(superblock->block_size))
		return ext_corrupt(error, EXT_JOURNAL_GEOMETRY, at_field(place, "s_blocksize"),
				   superblock->block_size, 1024, 65536);
	if (superblock->length < 2)
		return ext_corrupt(error, EXT_JOURNAL_GEOMETRY, at_field(place, "s_maxlen"),
				   superblock->length, 2, UINT32_MAX);
	if (superblock->first == 0 || superblock->first >= superblock->end)
		return ext_corrupt(error, EXT_JOURNAL_GEOMETRY, at_field(place, "s_first"),
				   superblock->first, 1, superblock->end - 1);
	if (superblock->start != 0 &&
	    (superblock->start < superblock->first || superblock->start >= superblock->end))
		return ext_corrupt(error, EXT_JOURNAL_GEOMETRY, at_field(place, "s_start"),
				   superblock->start, superblock->first, superblock->end - 1);
	return EXT_OK;
}

enum ext_status ext_journal_superblock_decode(struct span bytes, struct ext_place place,
					      struct ext_journal_superblock *superblock,
					      struct ext_sink *sink, struct ext_error *error)
{
	const struct ext_raw_journal_superblock *raw =
		SPAN_AS(struct ext_raw_journal_superblock, bytes, 0);

	if (!raw)
		return ext_fail(error, EXT_ARGUMENT, EXT_NO_PROBLEM, place, 0);
	if (get(raw->h_magic) != EXT_JOURNAL_MAGIC)
		return ext_corrupt(error, EXT_JOURNAL_SUPERBLOCK_MAGIC, at_field(place, "h_magic"),
				   get(raw->h_magic), EXT_JOURNAL_MAGIC, EXT_JOURNAL_MAGIC);

	const uint32_t type = get(raw->h_blocktype);

	if (type != EXT_JOURNAL_SUPERBLOCK_V1 && type != EXT_JOURNAL_SUPERBLOCK_V2)
		return ext_corrupt(error, EXT_JOURNAL_SUPERBLOCK_TYPE,
				   at_field(place, "h_blocktype"), type, EXT_JOURNAL_SUPERBLOCK_V1,
				   EXT_JOURNAL_SUPERBLOCK_V2);

	struct ext_journal_superblock decoded = {
		.version = type == EXT_JOURNAL_SUPERBLOCK_V1 ? 1 : 2,
		.block_size = get(raw->s_blocksize),
		.length = get(raw->s_maxlen),
		.first = get(raw->s_first),
		.sequence = get(raw->s_sequence),
		.start = get(raw->s_start),
		.error_number = get(raw->s_errno),
	};
	uint32_t fast_commit_blocks = 0;

	/* All behind s_errno came with version 2. */
	if (decoded.version == 2) {
		decoded.compat = get(raw->s_feature_compat);
		decoded.incompat = get(raw->s_feature_incompat);
		decoded.ro_compat = get(raw->s_feature_ro_compat);
		decoded.user_count = get(raw->s_nr_users);
		decoded.head = get(raw->s_head);
		fast_commit_blocks = get(raw->s_num_fc_blks);
		memcpy(decoded.uuid, raw->s_uuid, sizeof decoded.uuid);
		memcpy(decoded.first_user, raw->s_users, sizeof decoded.first_user);
	}
	ext_journal_superblock_apply_features(&decoded);
	find_log_end(&decoded, fast_commit_blocks);
	decoded.seed = crc32c(UINT32_MAX, decoded.uuid, sizeof decoded.uuid);
	if (decoded.checksum_version >= 2) {
		static const uint8_t zero[4];
		uint32_t computed = crc32c(UINT32_MAX, bytes.data, CHECKSUM_AT);

		computed = crc32c(computed, zero, sizeof zero);
		computed = crc32c(computed, bytes.data + CHECKSUM_AT + sizeof zero,
				  sizeof *raw - CHECKSUM_AT - sizeof zero);
		decoded.checksum_stored = get(raw->s_checksum);
		decoded.checksum_computed = computed;
		decoded.checksum = checksum_state(decoded.checksum_stored == computed);
	}
	/* Linux knows no read-only feature of journals. */
	if ((decoded.incompat & ~(uint32_t)KNOWN_INCOMPAT) != 0 || decoded.ro_compat != 0) {
		const bool is_incompat = (decoded.incompat & ~(uint32_t)KNOWN_INCOMPAT) != 0;
		const enum ext_status status = ext_corrupt(
			error, EXT_JOURNAL_FEATURES,
			at_field(place, is_incompat ? "s_feature_incompat" : "s_feature_ro_compat"),
			is_incompat ? decoded.incompat & ~(uint32_t)KNOWN_INCOMPAT
				    : decoded.ro_compat,
			0, is_incompat ? KNOWN_INCOMPAT : 0);

		if (error)
			error->status = EXT_UNSUPPORTED;
		return status == EXT_CORRUPT ? EXT_UNSUPPORTED : status;
	}

	const enum ext_status status = check_geometry(&decoded, place, error);

	if (status != EXT_OK)
		return status;
	if (decoded.checksum == EXT_CHECKSUM_BAD)
		note(sink, EXT_JOURNAL_SUPERBLOCK_CHECKSUM, at_field(place, "s_checksum"),
		     decoded.checksum_stored, decoded.checksum_computed, decoded.checksum_computed);
	if (decoded.error_number != 0)
		note(sink, EXT_JOURNAL_ERRNO, at_field(place, "s_errno"),
		     /* Negative, as the kernel returns them. */
		     decoded.error_number > INT32_MAX ? UINT32_MAX - decoded.error_number + 1
						      : decoded.error_number,
		     0, 0);
	*superblock = decoded;
	return EXT_OK;
}
