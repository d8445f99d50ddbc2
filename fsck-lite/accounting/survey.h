/* SPDX-License-Identifier: MIT */
/*
 * The survey: one streaming pass over inode tables, one over directory blocks in disk order, and
 * the bitmaps held against the result. From it come the owner of every block, what the root
 * reaches, what is lost. df reports it, check looks closer on the way (struct survey_observer),
 * restore and the comparison of superblock copies use what it knows.
 */
#ifndef ACCOUNTING_SURVEY_H
#define ACCOUNTING_SURVEY_H

#include <ext/directory.h>
#include <ext/inode.h>

#include "accounting/bad_blocks.h"
#include "accounting/block_set.h"
#include "accounting/inode_states.h"
#include "accounting/lock.h"

enum owner {
	OWNER_BOOT,
	OWNER_SUPERBLOCKS,
	OWNER_GROUP_DESCRIPTORS,
	OWNER_RESERVED_GDT,
	OWNER_BLOCK_BITMAPS,
	OWNER_INODE_BITMAPS,
	OWNER_INODE_TABLES,
	OWNER_MMP,
	OWNER_JOURNAL,
	OWNER_QUOTA,
	OWNER_OTHER_RESERVED,
	OWNER_DIRECTORIES,
	OWNER_FILES,
	OWNER_ORPHANS,
	OWNER_LOST,
	OWNER_LEAKED,
	OWNER_FREE,
	OWNER_COUNT
};

/* A directory in use. Sorted by inode number once the inode tables have been read. */
struct directory {
	ext_ino ino;
	ext_ino parent;	 /* the directory that names it; of several the one that ".." says, or the
			    lowest; 0: none */
	ext_ino dotdot;	 /* what its own ".." says; 0: none */
	uint32_t seed;	 /* for its checksums */
	uint32_t blocks; /* i_size in blocks */
	uint32_t flags;	 /* i_flags */
	uint8_t reach;	 /* enum directory_reach */
	uint8_t has_dot : 1;
	uint8_t has_first : 1;	   /* its first block was read */
	uint8_t is_loop : 1;	   /* its parents lead back to it; `parent` was set to 0 here */
	uint8_t is_unlinked;	   /* the root without links; no bit beside those above, which one
				      thread writes while others read this */
	_Atomic uint8_t is_unread; /* some block of it could not be read */
	_Atomic uint16_t entries;  /* used ones besides . and .., up to about 65000 */
};

enum directory_reach { REACH_UNKNOWN, REACH_PENDING, REACH_ROOT, REACH_LOST };

/*
 * Blocks of a directory that lie one behind another. Or, as long as the main pass over them is to
 * come, the block of a symlink's target: `length` is 0 then, and `logical` its i_size.
 */
struct directory_run {
	ext_block physical;
	ext_ino ino;
	ext_logical logical;
	uint32_t length;
	uint32_t flags; /* i_flags of the symlink */
};

enum { TREE_LEVELS = 5 };

/* The blocks of one level of a tree of extents. */
struct tree_level {
	uint32_t entries;
	uint32_t room; /* less one for each block that is not full */
};

/* What the mapping of an inode came to. */
struct inode_facts {
	uint64_t data_blocks; /* mapped, unwritten included */
	uint64_t tree_blocks;
	uint64_t written_end; /* first file block behind the last written one */
	uint64_t mapped_end;  /* the same, unwritten ones included */
	uint64_t unwritten_blocks;
	uint64_t hole_blocks; /* before mapped_end */
	uint64_t first_hole;  /* the first of them */
	uint64_t runs;
	uint64_t clusters;	  /* owned, tree blocks included; without the attribute block */
	ext_block first_physical; /* of the first run */
	ext_logical first_logical;
	uint64_t reach;	       /* file blocks that a map of this type can have; 0: any */
	uint64_t first_beyond; /* the first mapped one beyond that */
	bool is_beyond;	       /* there is such a one; it is counted nowhere else */
	bool has_unwritten, damaged;
	bool is_unread; /* part of the map could not be read: it owns more than is known */
	bool is_used;	/* in use: links, or reserved, or an orphan */
	bool is_orphan;
	struct tree_level tree[TREE_LEVELS]; /* of extents, by depth above the data */
};

struct survey;

/*
 * Looks closer while the survey passes by. Called from several threads at once; findings go to
 * `sink`, all else that is changed must be guarded. Members may be NULL.
 */
struct survey_observer {
	/*
	 * Every inode of the tables with mode or link count; `raw` has inode_size bytes. True asks
	 * to be shown the first block of its data as a symlink's target.
	 */
	bool (*inode)(struct survey_observer *observer, const struct survey *survey,
		      const struct ext_inode *inode, const uint8_t *raw,
		      const struct inode_facts *facts, struct ext_sink *sink);
	/* Every target asked for, in no order. `block` is NULL where it could not be read. */
	void (*target)(struct survey_observer *observer, const struct survey *survey,
		       const struct directory_run *run, const uint8_t *block,
		       struct ext_sink *sink);
	/* Every run of blocks as an inode's mapping gives them, before `inode` is called for it. */
	void (*run)(struct survey_observer *observer, const struct survey *survey,
		    const struct ext_inode *inode, const struct ext_run *run,
		    struct ext_sink *sink);
	/* Every tree block of such a mapping that is not doubtful; no bytes: it cannot be read. */
	void (*tree_block)(struct survey_observer *observer, const struct ext_inode *inode,
			   const struct ext_run *run, struct ext_span block);
	/*
	 * Every directory block, after all inodes were seen. `directory` has number, flags, size
	 * and generation alone.
	 */
	void (*directory_block)(struct survey_observer *observer, const struct survey *survey,
				const struct directory *directory, ext_logical logical,
				ext_block physical, struct ext_span block,
				enum ext_directory_block_kind kind, struct ext_sink *sink);
	/* Every inline directory: the part in i_block, and the rest, which may be empty. */
	void (*inline_directory)(struct survey_observer *observer, const struct survey *survey,
				 const struct directory *directory, struct ext_span first,
				 struct ext_span second, struct ext_sink *sink);
};

/* Small enough for a core's cache; larger reads are no faster. */
enum { SURVEY_BUFFER = 256 * 1024 };

struct survey_options {
	struct ext_sink *sink;		  /* thread-safe if threads > 1; may be NULL */
	struct survey_observer *observer; /* may be NULL */
	/*
	 * Is an inode whose checksum does not prove it to be taken for one? NULL: all that have a
	 * type. For the survey of a damaged filesystem whose tables are read whole.
	 */
	bool (*accept)(const void *context, const struct ext_inode *inode, const uint8_t *raw);
	const void *accept_context;
	unsigned threads; /* 0 counts as 1 */
	/* More where a device is waited for, which most of them do then. */
	bool may_add_threads;
	/* Who comes after will want little of what is read: it need not stay in memory. */
	bool reads_once;
	/* Whose descriptors say where bitmaps are and what they count, when that is to be judged
	 * and not what the filesystem is read through; borrowed; NULL: the same. */
	const struct ext_filesystem *judged;
	/* Inodes on bad blocks are not read, as e2fsck does it. Whoever rescues reads what is
	 * there. */
	bool heed_bad_blocks;
	bool judge_stale_counts; /* counts of a backup's descriptors count too */
	size_t buffer_size;	 /* bytes of each thread's reads; 0: SURVEY_BUFFER */
	/* Symlinks whose target waits to be read with others, for each thread; 0: all. Of more each
	 * is read when it is met. */
	size_t most_targets;
	bool (*stop)(void); /* asked now and then; may be NULL */
	void (*progress)(void *context, unsigned pass, uint64_t done, uint64_t all);
	void *progress_context;
};

struct survey {
	const struct ext_filesystem *filesystem;
	const struct ext_superblock *superblock;
	struct survey_options options;
	bool is_cold;	      /* a device is waited for, so that hints are worth their price */
	unsigned threads;     /* that read */
	uint8_t *lent;	      /* what they read into while it runs, or NULL */
	size_t lent_size;     /* bytes of it for each */
	_Atomic bool stopped; /* by options.stop; any thread sets it, all ask */

	/* In clusters (blocks without bigalloc). */
	struct block_set owned, shared, xattr_blocks;
	uint64_t owners[OWNER_COUNT]; /* blocks */

	struct bad_blocks bad_blocks;
	struct inode_states inodes;
	struct directory *directories;
	size_t directory_count;
	struct directory_run *directory_runs; /* in disk order */
	size_t directory_run_count;
	ext_ino *inline_directories;
	size_t inline_directory_count;

	uint64_t reached_inodes, reached_directories, reached_blocks;
	uint64_t lost_inodes, lost_blocks;
	uint64_t orphan_inodes;
	uint64_t shared_blocks, used_but_marked_free;
	uint64_t copied_blocks; /* that it would take to give each of several owners its own */
	uint64_t inodes_unreadable, bitmaps_unreadable, directory_blocks_unreadable;
	/* Inodes in blocks that the medium did not give, and inodes whose map is in one. */
	uint64_t inodes_unread, maps_unread, directory_maps_unread;
	uint64_t last_leaked; /* the last cluster that is marked and nobody's; 0: none */
	bool is_free_unknown; /* of some group nobody can tell what is free in it */
	bool root_is_directory, root_readable;

	/* Free blocks and inodes, counted three times. */
	uint64_t descriptors_free_blocks, bitmaps_free_blocks;
	uint64_t descriptors_free_inodes, bitmaps_free_inodes;
	/* What the bitmaps would have if they marked what is owned, and no more. */
	uint64_t really_free_blocks, really_free_inodes;

	/* Per group, for the comparison of counts. */
	uint32_t *group_directories; /* directories in use */
	uint32_t *group_fixed;	     /* clusters that the layout itself takes */
	uint32_t *group_unread;	     /* inodes that could not be read */

	struct lock lock; /* of everything above, while threads run */
};

/*
 * Surveys `filesystem`, which is borrowed for the survey's life. What is wrong goes to the sink.
 * Fails with MEMORY only; all else is a finding. survey->stopped tells of an early end.
 */
enum ext_status survey_run(const struct ext_filesystem *filesystem,
			   const struct survey_options *options, struct survey *survey,
			   struct ext_error *error);
void survey_clear(struct survey *survey);

/* The record of directory `ino`, or NULL. */
struct directory *survey_directory(const struct survey *survey, ext_ino ino);

/* Is this inode reached, lost, an orphan? By state bits. */
static inline bool survey_is_lost(uint8_t state)
{
	return (state & STATE_USED) && !(state & (STATE_REACHED | STATE_ORPHAN | STATE_SYSTEM));
}

#endif
