/* SPDX-License-Identifier: MIT */
/*
 * Decides which superblock copy and which descriptors to read through. First a cheap look at what
 * the primary points at; only when that leaves doubt are other copies collected and each generation
 * weighed by its evidence. A checksum alone decides nothing: an older mkfs's superblock has one,
 * too.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/choose.h>

#include "bytes/checked.h"
#include "structure/filesystem.h"
#include "walk/candidates.h"
#include "walk/evidence.h"
#include "walk/refresh.h"
#include "walk/tables.h"

/* The first backup: what it says against the primary. */
static unsigned doubts_of_backup(const struct ext_filesystem *primary, const uint8_t raw[1024])
{
	const struct ext_superblock *sb = &primary->superblock;
	const ext_group group = ext_copy_next_group(sb, 0);
	const struct ext_open_options options = {.superblock = raw, .copy_group = group};
	const uint64_t offset = ext_superblock_copy_offset(sb, group);
	struct ext_place place = {.structure = EXT_AT_SUPERBLOCK, .has = EXT_HAS_OFFSET};
	uint8_t copy[EXT_SUPERBLOCK_SIZE];
	struct ext_superblock decoded;
	struct ext_filesystem *backup;
	unsigned doubts = 0;

	if (group >= sb->group_count || offset >= ext_source_size(primary->source))
		return 0;
	place.offset = offset;
	if (ext_source_read(primary->source, offset, copy, sizeof copy, NULL) != EXT_OK ||
	    ext_superblock_decode(copy, place, &decoded, NULL, NULL) != EXT_OK)
		return EXT_DOUBT_COPIES;
	if (!ext_superblock_same_filesystem(sb, &decoded))
		return EXT_DOUBT_COPIES | EXT_DOUBT_FOREIGN;
	if (!superblocks_agree(raw, copy))
		doubts |= EXT_DOUBT_COPIES;
	if (ext_filesystem_open(primary->source, &options, &backup, NULL) != EXT_OK)
		return doubts;
	for (ext_group i = 0; i < sb->group_count && !(doubts & EXT_DOUBT_DESCRIPTORS); i++) {
		const struct ext_group_locations ours = group_locations(primary, i);
		const struct ext_group_locations theirs = group_locations(backup, i);

		if (!locations_equal(&ours, &theirs))
			doubts |= EXT_DOUBT_DESCRIPTORS;
	}
	ext_filesystem_close(backup);
	return doubts;
}

/* What there is to say against the primary as it is stored. */
static unsigned examine_primary(struct ext_source *source, struct evidence *evidence)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK,
					.has = EXT_HAS_OFFSET,
					.offset = EXT_SUPERBLOCK_OFFSET};
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	struct ext_superblock sb;
	struct ext_filesystem *fs;
	struct evidence root = {0, 0}, groups = {0, 0};
	unsigned doubts = 0;

	if (ext_source_read(source, EXT_SUPERBLOCK_OFFSET, raw, sizeof raw, NULL) != EXT_OK ||
	    raw[0x38] != (EXT_MAGIC & 0xff) || raw[0x39] != EXT_MAGIC >> 8)
		return EXT_DOUBT_MISSING;
	if (ext_superblock_decode(raw, place, &sb, NULL, NULL) != EXT_OK)
		return EXT_DOUBT_DAMAGED;
	if (sb.checksum == EXT_CHECKSUM_BAD)
		doubts |= EXT_DOUBT_DAMAGED;
	if (ext_has_incompat(&sb, EXT_INCOMPAT_JOURNAL_DEV))
		return doubts;
	if (ext_filesystem_open(source, NULL, &fs, NULL) != EXT_OK)
		return doubts | EXT_DOUBT_DAMAGED;
	for (ext_group group = 0; group < sb.group_count; group++)
		if (!group_is_plausible(fs, group)) {
			doubts |= EXT_DOUBT_DESCRIPTORS;
			break;
		}
	evidence_of_root(fs, &root);
	if (!evidence_is_sound(&root))
		doubts |= EXT_DOUBT_ROOT;
	evidence_of_samples(fs, &groups);
	if ((uint64_t)groups.bad * 4 > groups.good)
		doubts |= EXT_DOUBT_GROUPS;
	doubts |= doubts_of_backup(fs, raw);
	ext_filesystem_close(fs);
	evidence->good = root.good + groups.good;
	evidence->bad = root.bad + groups.bad;
	return doubts;
}

/* A generation, looked at closely. */
struct contender {
	const struct candidate *candidate;
	unsigned members;
	struct assembled_table table;
	struct evidence evidence, root, groups;
	bool has_primary; /* the primary superblock is one of its members */
	bool usable;
};

static void examine_generation(struct ext_source *source, const struct candidates *candidates,
			       unsigned generation, struct contender *contender)
{
	struct ext_open_options options = {0};
	struct ext_filesystem *fs;

	*contender = (struct contender){0};
	contender->candidate = candidates_best(candidates, generation, &contender->members);
	if (!contender->candidate ||
	    table_assemble(source, contender->candidate->raw, contender->candidate->group,
			   &contender->table, NULL) != EXT_OK)
		return;
	options.superblock = contender->candidate->raw;
	options.descriptors = contender->table.descriptors;
	options.descriptors_size = contender->table.size;
	if (ext_filesystem_open(source, &options, &fs, NULL) != EXT_OK)
		return;
	evidence_of_root(fs, &contender->root);
	evidence_of_samples(fs, &contender->groups);
	contender->evidence = (struct evidence){contender->root.good + contender->groups.good,
						contender->root.bad + contender->groups.bad};
	for (size_t i = 0; i < candidates->count; i++)
		if (candidates->list[i].generation == generation &&
		    candidates->list[i].offset == EXT_SUPERBLOCK_OFFSET)
			contender->has_primary = true;
	contender->usable = true;
	ext_filesystem_close(fs);
}

/*
 * Root and groups count the same: of a filesystem that was made over an older one most groups may
 * be untouched, and of the older one too.
 */
static uint32_t quality(const struct contender *contender)
{
	return evidence_quality(&contender->root) + evidence_quality(&contender->groups);
}

/* Evidence first; then, what mke2fs wrote later; then, what the primary and more copies say. */
static bool beats(const struct contender *a, const struct contender *b)
{
	const uint32_t margin = 100;
	const struct ext_superblock *ours, *theirs;

	if (!a->usable || !b->usable)
		return a->usable;
	if (quality(a) > quality(b) + margin)
		return true;
	if (quality(b) > quality(a) + margin)
		return false;
	ours = &a->candidate->superblock;
	theirs = &b->candidate->superblock;
	if ((ours->checksum == EXT_CHECKSUM_BAD) != (theirs->checksum == EXT_CHECKSUM_BAD))
		return theirs->checksum == EXT_CHECKSUM_BAD;
	/* A feature was added, of which the copies do not know. */
	if (a->has_primary && ext_superblock_is_later(a->candidate->raw, b->candidate->raw))
		return true;
	if (b->has_primary && ext_superblock_is_later(b->candidate->raw, a->candidate->raw))
		return false;
	if (!ext_superblock_same_filesystem(ours, theirs)) {
		if (ours->mkfs_time != theirs->mkfs_time)
			return ours->mkfs_time > theirs->mkfs_time;
		if (a->has_primary != b->has_primary)
			return a->has_primary;
	}
	return a->members > b->members;
}

static bool is_sound(const struct contender *contender)
{
	return evidence_is_sound(&contender->evidence) ||
	       (contender->groups.good >= 4 && evidence_is_sound(&contender->groups));
}

/* Why there is nothing to read through: what is wrong with the primary. */
static enum ext_status primary_error(struct ext_source *source, struct ext_error *error)
{
	const struct ext_place place = {.structure = EXT_AT_SUPERBLOCK,
					.has = EXT_HAS_OFFSET,
					.offset = EXT_SUPERBLOCK_OFFSET};
	uint8_t raw[EXT_SUPERBLOCK_SIZE];
	struct ext_superblock sb;
	struct ext_filesystem *fs;
	enum ext_status status =
		ext_source_read(source, EXT_SUPERBLOCK_OFFSET, raw, sizeof raw, error);

	if (status == EXT_OK)
		status = ext_superblock_decode(raw, place, &sb, NULL, error);
	if (status == EXT_OK)
		status = ext_filesystem_open(source, NULL, &fs, error);
	if (status != EXT_OK)
		return status;
	ext_filesystem_close(fs);
	return ext_corrupt(error, EXT_SUPERBLOCK_MAGIC, place, EXT_MAGIC, EXT_MAGIC, EXT_MAGIC);
}

static enum ext_status find_best(struct ext_source *source, const struct candidates *candidates,
				 struct contender *best, struct ext_error *error)
{
	*best = (struct contender){0};
	for (unsigned generation = 0; generation < candidates->generations; generation++) {
		struct contender one;

		examine_generation(source, candidates, generation, &one);
		if (!best->candidate || beats(&one, best)) {
			table_clear(&best->table);
			*best = one;
		} else {
			table_clear(&one.table);
		}
	}
	if (best->usable)
		return EXT_OK;
	table_clear(&best->table);
	return primary_error(source, error);
}

/* Takes over the contender: as it is stored if that comes to the same. */
static enum ext_status settle(struct ext_source *source, struct contender *best,
			      struct ext_choice *choice, struct ext_error *error)
{
	const bool is_primary = best->candidate->offset == EXT_SUPERBLOCK_OFFSET;
	enum ext_status status = EXT_OK;

	choice->superblock_offset = best->candidate->offset;
	choice->copy_group = best->candidate->group;
	choice->good = best->evidence.good;
	choice->bad = best->evidence.bad;
	choice->sound = is_sound(best);
	choice->agreeing_copies = best->members;
	choice->source = is_primary		   ? EXT_CHOICE_PRIMARY
			 : best->candidate->placed ? EXT_CHOICE_BACKUP
						   : EXT_CHOICE_FOUND;
	if (is_primary && best->table.replaced_count == 0) {
		choice->as_stored = true;
		return EXT_OK;
	}
	memcpy(choice->superblock, best->candidate->raw, sizeof choice->superblock);
	choice->descriptors = best->table.descriptors;
	choice->descriptors_size = best->table.size;
	best->table.descriptors = NULL;
	choice->replaced_groups = best->table.replaced_count;
	choice->rebuilt_groups = best->table.rebuilt_count;
	status = table_refresh(source, choice, &best->table, error);
	if (status == EXT_OK && !is_primary)
		status = superblock_refresh(source, choice, error);
	return status;
}

enum ext_status ext_choose(struct ext_source *source, const uint64_t *offsets, size_t count,
			   struct ext_choice *choice, struct ext_error *error)
{
	struct evidence primary = {0, 0};
	struct candidates candidates;
	struct contender best;
	enum ext_status status;

	*choice = (struct ext_choice){.superblock_offset = EXT_SUPERBLOCK_OFFSET};
	choice->doubts = examine_primary(source, &primary);
	choice->primary_good = choice->good = primary.good;
	choice->primary_bad = choice->bad = primary.bad;
	if (choice->doubts == 0) {
		choice->as_stored = choice->sound = true;
		return EXT_OK;
	}
	status = candidates_collect(source, offsets, count, &candidates, error);
	if (status != EXT_OK)
		return status;
	status = find_best(source, &candidates, &best, error);
	if (status == EXT_OK) {
		for (size_t i = 0; i < candidates.count; i++)
			if (candidates.list[i].superblock.checksum != EXT_CHECKSUM_BAD &&
			    !ext_superblock_same_filesystem(&candidates.list[i].superblock,
							    &best.candidate->superblock))
				choice->foreign_copies++;
		status = settle(source, &best, choice, error);
		table_clear(&best.table);
	}
	candidates_clear(&candidates);
	if (status != EXT_OK)
		ext_choice_clear(choice);
	return status;
}
