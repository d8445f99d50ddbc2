/* SPDX-License-Identifier: MIT */
/* The passes of a survey, in the order in which survey.c runs them. */
#ifndef ACCOUNTING_SCAN_H
#define ACCOUNTING_SCAN_H

#include "accounting/claims.h"

/* Chooses how to read; sets is_cold, threads, and what is lent. Then, gives it all back. */
void scan_reads_begin(struct survey *survey);
void scan_reads_end(struct survey *survey);

/* Memory of survey->lent_size bytes for the reads of thread `index`; NULL: it takes its own. */
void *scan_lent(const struct survey *survey, unsigned index);

/* The owner class of an inode by number and type, as long as it is reached. */
enum owner scan_owner(const struct survey *survey, const struct ext_inode *inode);

/* Claims all that one inode owns; fills `facts` (not is_used). */
void scan_claim_inode(struct claims *claims, struct ext_mapping *mapping,
		      const struct ext_inode *inode, enum owner owner, struct inode_facts *facts,
		      struct survey_observer *observer, struct ext_sink *sink);

enum ext_status scan_orphans(struct survey *survey, struct block_set *orphans,
			     struct ext_error *error);
enum ext_status scan_inodes(struct survey *survey, const struct block_set *orphans,
			    struct ext_error *error);
enum ext_status scan_directories(struct survey *survey, struct ext_error *error);

/* Which directories and inodes the root reaches. */
enum ext_status scan_reach(struct survey *survey, struct ext_error *error);

/* Owners again where classes moved: lost inodes, orphans, blocks with two owners. */
enum ext_status scan_recount(struct survey *survey, struct ext_error *error);

/* Lets the bitmaps of the first groups come while directories are read. */
void scan_bitmaps_ahead(const struct survey *survey);

/* Bitmaps and counts against the owners. */
enum ext_status scan_bitmaps(struct survey *survey, struct ext_error *error);

/* The block that an entry is in. */
struct entry_place {
	const struct directory *directory;
	ext_logical logical;
	ext_block physical; /* 0: inline */
};

/* Reads all blocks of the directories for which `wanted` is true, in disk order, entry by entry. */
struct directory_visitor {
	bool (*wanted)(const struct directory *directory);
	void (*entry)(void *context, const struct entry_place *place,
		      const struct ext_dirent *entry);
	void *context;
};
enum ext_status scan_entries(struct survey *survey, const struct directory_visitor *visitor,
			     struct ext_error *error);

/* A count that is right by the bitmap alone is asked about in a repair, which writes the bitmap;
 * one that is right but for the bitmap, only without. */
static inline uint8_t scan_asked(uint64_t stored, uint64_t in_bitmap, uint64_t really)
{
	if (stored == really)
		return EXT_ASKED_WITHOUT_REPAIR;
	return stored == in_bitmap ? EXT_ASKED_IN_REPAIR : EXT_ASKED_ALWAYS;
}

#endif
