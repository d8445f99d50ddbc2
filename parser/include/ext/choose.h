/* SPDX-License-Identifier: MIT */
/*
 * Which superblock copy and which descriptors to read a filesystem through, decided by what they
 * point at. With a sound primary this costs a look at the root, some groups and the first backup.
 */
#ifndef EXT_CHOOSE_H
#define EXT_CHOOSE_H

#include <ext/filesystem.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_choice_source {
	EXT_CHOICE_PRIMARY,
	EXT_CHOICE_BACKUP, /* a copy at a place where one must lie */
	EXT_CHOICE_FOUND, /* a superblock that only a scan found: in the journal, or out of place */
	EXT_CHOICE_REBUILT /* none is left; made from what else survives */
};

/* What spoke against the primary; several together. */
enum {
	EXT_DOUBT_MISSING = 1 << 0, /* no superblock there */
	EXT_DOUBT_DAMAGED = 1 << 1, /* it does not decode, or its checksum is wrong */
	EXT_DOUBT_FOREIGN = 1 << 2, /* it is another filesystem's than the copies */
	EXT_DOUBT_COPIES = 1 << 3,  /* the first backup is missing, or differs where it never may */
	EXT_DOUBT_ROOT = 1 << 4,    /* it does not lead to a root directory */
	EXT_DOUBT_DESCRIPTORS =
		1 << 5,		   /* descriptors are damaged, or differ from the first backup's */
	EXT_DOUBT_GROUPS = 1 << 6, /* bitmaps and inode tables are not where they point */
};

/* What a rebuilt superblock was made from. */
struct ext_rebuilt {
	uint64_t table_offset; /* bytes; of the descriptor table that led to the root */
	ext_group group_count;
	bool has_uuid; /* the journal had kept it */
	bool has_journal;
	bool has_checksums; /* the seed was found, and other checksums hold under it */
};

struct ext_choice {
	enum ext_choice_source source;
	uint64_t superblock_offset; /* bytes; of the copy that was taken */
	ext_group copy_group;	    /* the group it belongs to */
	unsigned doubts;	    /* EXT_DOUBT_ bits about the primary */
	bool sound;		    /* what the choice points at speaks for it */

	/* True: the primary superblock and its descriptors, as they are stored; then the rest is
	 * unset. */
	bool as_stored;
	uint8_t superblock[EXT_SUPERBLOCK_SIZE];
	uint8_t *descriptors; /* a whole table, brought up to date; owned */
	size_t descriptors_size;
	ext_group replaced_groups; /* descriptors that are not the primary table's */
	ext_group
		rebuilt_groups; /* of these, made from what lies in the groups: no copy was left */

	struct ext_rebuilt rebuilt; /* with EXT_CHOICE_REBUILT */

	unsigned agreeing_copies; /* superblock copies of this filesystem, the primary included */
	unsigned foreign_copies;  /* valid copies of other filesystems at places where one could lie
				   */
	uint32_t good, bad;	  /* evidence for and against the choice */
	uint32_t primary_good, primary_bad;
};

/*
 * Decides. `offsets` (may be NULL) are superblocks that a scan found, in bytes from the start of
 * the source, to consider besides those that are guessed. EXT_CORRUPT (superblock-magic) when there
 * is none at all. When `choice->sound` is false a scan may find better. `choice` is to be cleared.
 */
enum ext_status ext_choose(struct ext_source *source, const uint64_t *offsets, size_t count,
			   struct ext_choice *choice, struct ext_error *error);

/*
 * For when no superblock is left: makes one from a descriptor table and what it points at.
 * EXT_CORRUPT (superblock-magic) when that is not there either.
 */
enum ext_status ext_choose_rebuilt(struct ext_source *source, struct ext_choice *choice,
				   struct ext_error *error);

/* Makes the choice that a user forces: the copy at `offset`, with the table that goes with it. */
enum ext_status ext_choose_copy(struct ext_source *source, uint64_t offset,
				struct ext_choice *choice, struct ext_error *error);

void ext_choice_clear(struct ext_choice *choice);

/* Opens the filesystem through a choice. */
enum ext_status ext_choice_open(struct ext_source *source, const struct ext_choice *choice,
				struct ext_sink *sink, struct ext_filesystem **filesystem,
				struct ext_error *error);

/* Is the choice about the filesystem of `superblock`, and not another at the same place? */
bool ext_choice_is_of(struct ext_source *source, const struct ext_choice *choice,
		      const struct ext_superblock *superblock);

/*
 * Brings descriptors that come from a backup up to date, in place: free counts, unused inodes,
 * uninit flags and bitmap checksums from the bitmaps, and the descriptor's checksum.
 * `descriptors` is a whole table; only groups with a bit in `groups` are touched. Directory counts
 * take reading all inode tables and are set only with `count_directories`.
 */
enum ext_status ext_descriptors_refresh(struct ext_source *source, const uint8_t superblock[1024],
					uint8_t *descriptors, size_t size, const uint8_t *groups,
					bool count_directories, struct ext_error *error);

#ifdef __cplusplus
}
#endif

#endif
