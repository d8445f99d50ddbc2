/* SPDX-License-Identifier: MIT */
/*
 * What the checks of directories keep and hand to each other: the view of one block under the
 * glass, what is remembered of hashed indexes until all blocks were seen, encryption policies.
 */
#ifndef CHECKS_DIRECTORIES_H
#define CHECKS_DIRECTORIES_H

#include <stdatomic.h>

#include "checks/checks.h"

/* One block of a directory, or one of the two inline parts. */
struct directory_view {
	struct directory_checks *checks;
	const struct survey *survey;
	const struct ext_superblock *superblock;
	const struct directory *directory;
	ext_logical logical;
	ext_block physical; /* 0: inline */
	struct ext_span block;
	enum ext_directory_block_kind kind;
	bool has_tail, is_inline, is_encrypted, is_casefolded;
	uint32_t policy; /* of the directory */
	struct ext_sink *sink;
};

/* A block of an indexed directory, as seen in passing. */
struct index_block {
	ext_block physical;
	ext_ino ino;
	ext_logical logical;
	uint32_t low, high; /* hashes of the names in a leaf; low above high: none */
	uint8_t kind;	    /* enum ext_directory_block_kind */
	uint8_t version;    /* of the hash: the root's own, or what a leaf was hashed with */
	uint8_t levels;	    /* root only */
	uint8_t is_broken;  /* its entries could not be read */
};

/* An entry of an index block. */
struct index_entry {
	ext_ino ino;
	ext_logical parent, child;
	uint32_t low, high; /* what it covers; high is UINT32_MAX in the last of its block */
};

/* Encrypted inodes and the policies that they have. */
struct policies {
	struct policy_slot *slots; /* by inode, open addressing */
	size_t slot_count, used;   /* slot_count is a power of two, or 0 */
	struct policy_key *keys;
	size_t key_count, key_size;
};

enum { POLICY_NONE = 0, POLICY_UNKNOWN = 1, POLICY_FIRST = 2 };

struct directory_checks {
	struct checks *checks;
	struct lock lock; /* of all below while the survey runs */

	struct index_block *blocks;
	size_t block_count, block_size;
	struct index_entry *entries;
	size_t entry_count, entry_size;

	struct policies policies;

	/* Inodes that cannot be used as what they say. */
	ext_ino *bad_inodes;
	size_t bad_inode_count, bad_inode_size;
	_Atomic bool bad_inodes_sorted;

	/* Symlinks of which that was seen while directories were read already. */
	ext_ino *bad_symlinks;
	size_t bad_symlink_count, bad_symlink_size;

	/* Directories in which names that are there twice must be looked for across blocks. */
	ext_ino *suspects;
	size_t suspect_count, suspect_size;

	/* Inodes that entries name which a repair keeps; an entry each. */
	ext_ino *kept;
	size_t kept_count, kept_size;

	_Atomic ext_ino lost_found; /* the inode that /lost+found names */
};

/* checks/directories.c */
struct directory_checks *directory_checks_new(struct checks *checks);
void directory_checks_free(struct directory_checks *checks);
void check_directory_inode(struct checks *checks, const struct survey *survey,
			   const struct ext_inode *inode, const uint8_t *raw,
			   const struct inode_facts *facts, struct ext_sink *sink);
void check_directory_block(struct checks *checks, const struct survey *survey,
			   const struct directory *directory, ext_logical logical,
			   ext_block physical, struct ext_span block,
			   enum ext_directory_block_kind kind, struct ext_sink *sink);
void check_inline_directory(struct checks *checks, const struct survey *survey,
			    const struct directory *directory, struct ext_span first,
			    struct ext_span second, struct ext_sink *sink);
/* An inode of which a finding says that it is not what its mode says. */
void check_directory_bad_inode(struct checks *checks, ext_ino ino);
void check_directory_bad_symlink(struct checks *checks, ext_ino ino);
/* Once all blocks have been seen. */
void check_directories_after(struct checks *checks, struct survey *survey);

/* checks/entries.c: the entries of one block, from byte `from` on. */
void check_entries(const struct directory_view *view, uint32_t from);
void report_in_directory(const struct directory_view *view, enum ext_problem problem,
			 const struct ext_dirent *entry, const char *field, uint64_t found,
			 uint64_t low, uint64_t high);

/* checks/salvage.c: notes that a repair keeps an entry, or all from byte `from` on but "..", which
 * is missing as long as nobody repairs. */
void salvage_keep(const struct directory_view *view, ext_ino ino);
void salvage_keep_from(const struct directory_view *view, uint32_t from);
/* Does it keep the entry at `at`, which passes the end? Does it find ".." behind a broken "."? */
bool salvage_shortens_at(const struct directory_view *view, uint64_t at);
bool salvage_finds_dotdot(const struct directory_view *view);
/* Once all are noted: puts them in order. Then, how many entries that name an inode are kept. */
void salvage_sort(struct directory_checks *checks);
uint64_t salvage_count(const struct directory_checks *checks, ext_ino ino);

/* checks/entry_target.c: what an entry in use points at, but "." and "..". */
void check_entry_target(const struct directory_view *view, const struct ext_dirent *entry,
			unsigned position);

/* checks/duplicates.c: names that are in two of these leaves. */
void check_duplicates_between(struct directory_checks *checks, const struct survey *survey,
			      const struct directory *directory,
			      const struct index_block *const *blocks, size_t count);

/* checks/entry_name.c: can the name be typed, and is it encrypted where it should be? */
void check_entry_name(const struct directory_view *view, const struct ext_dirent *entry);
void check_entry_policy(const struct directory_view *view, const struct ext_dirent *entry,
			uint8_t state);

static inline bool entry_is_dot(const struct ext_dirent *entry)
{
	return entry->name_length == 1 && entry->name[0] == '.';
}

static inline bool entry_is_dotdot(const struct ext_dirent *entry)
{
	return entry->name_length == 2 && entry->name[0] == '.' && entry->name[1] == '.';
}

/* checks/htree.c: index blocks in passing, and all of them in the end. */
/* Which questions about a root of an index e2fsck asks, by the first block of a file. */
void htree_root_codes(const struct ext_superblock *sb, struct ext_span block, uint32_t blocks,
		      struct ext_finding *finding);
bool is_node_with_bad_count(const struct directory_view *view);
void check_index_block(const struct directory_view *view);
void note_leaf(const struct directory_view *view, unsigned version, uint32_t low, uint32_t high);
void check_indexes(struct directory_checks *checks, struct survey *survey);
/* The hash of an entry's name; false when it cannot be known without key or Unicode tables. */
bool entry_hash(const struct ext_superblock *superblock, uint32_t directory_flags, unsigned version,
		const struct ext_dirent *entry, uint32_t *hash);

/* checks/duplicates.c: names that are in a directory twice, across its blocks. */
void check_duplicates(struct directory_checks *checks, struct survey *survey);
/* A number for a name, the same for names that count as equal in a directory of these flags. */
uint64_t name_number(uint32_t directory_flags, const char *name, size_t length);
bool names_are_equal(uint32_t directory_flags, const char *a, const char *b, size_t length);

/* checks/policies.c: encryption. */
void note_policy(struct directory_checks *checks, const struct survey *survey,
		 const struct ext_inode *inode, const uint8_t *raw, struct ext_sink *sink);
uint32_t policy_of(const struct policies *policies, ext_ino ino);
void policies_clear(struct policies *policies);

/* checks/connectivity.c: "..", lost trees, lost+found; after the survey. */
void check_connectivity(struct directory_checks *checks, struct survey *survey);

#endif
