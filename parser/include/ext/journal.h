/* SPDX-License-Identifier: MIT */
/*
 * The journal (jbd2): where it lies, what its blocks say, which transactions it holds, what the
 * filesystem looks like after they are replayed, and which older versions of a block it still has.
 * Nothing here writes to an image: a replay goes to a copy-on-write overlay.
 */
#ifndef EXT_JOURNAL_H
#define EXT_JOURNAL_H

#include <ext/filesystem.h>
#include <ext/inode.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Blocks of the log, decoded (structure/journal_superblock.c, structure/journal_block.c). */

/* What every block of the log begins with that is no logged copy. */
#define EXT_JOURNAL_MAGIC UINT32_C(0xc03b3998)

enum {
	EXT_JOURNAL_DESCRIPTOR = 1,
	EXT_JOURNAL_COMMIT = 2,
	EXT_JOURNAL_SUPERBLOCK_V1 = 3,
	EXT_JOURNAL_SUPERBLOCK_V2 = 4,
	EXT_JOURNAL_REVOKE = 5,
};

enum {
	EXT_JOURNAL_COMPAT_CHECKSUM = 0x1,
	EXT_JOURNAL_INCOMPAT_REVOKE = 0x1,
	EXT_JOURNAL_INCOMPAT_64BIT = 0x2,
	EXT_JOURNAL_INCOMPAT_ASYNC_COMMIT = 0x4,
	EXT_JOURNAL_INCOMPAT_CSUM_V2 = 0x8,
	EXT_JOURNAL_INCOMPAT_CSUM_V3 = 0x10,
	EXT_JOURNAL_INCOMPAT_FAST_COMMIT = 0x20,
};

/* The journal superblock, decoded, and what follows from it. */
struct ext_journal_superblock {
	unsigned version;      /* 1 or 2 */
	uint32_t block_size;   /* bytes */
	uint32_t length;       /* s_maxlen: blocks, fast-commit area included */
	uint32_t first;	       /* first log block */
	uint32_t sequence;     /* first transaction expected in the log */
	uint32_t start;	       /* log block of that transaction; 0: the log is empty */
	uint32_t error_number; /* s_errno, as stored */
	uint32_t compat, incompat, ro_compat;
	uint32_t fast_commit_blocks; /* 0 without the feature */
	uint32_t head;		     /* s_head: where a clean log goes on; 0 if unknown */
	uint32_t user_count;
	uint8_t uuid[16];
	uint8_t first_user[16];
	unsigned checksum_version; /* 0 none, 1, 2, 3 */
	uint32_t tag_size;	   /* bytes of a tag, without the UUID that may follow */
	uint32_t tail_size;	   /* bytes of the checksum at the end of a descriptor: 0 or 4 */
	uint32_t seed;		   /* of all checksums in this journal */
	uint32_t end;		   /* one past the last block of the log proper: where it wraps */
	uint32_t checksum_stored, checksum_computed;
	enum ext_checksum_state checksum;
};

/*
 * Decodes the 1024 bytes at the start of a journal. Fails with CORRUPT (journal-superblock-magic,
 * journal-superblock-type, journal-geometry) or UNSUPPORTED (journal-features); what is merely
 * wrong goes to `sink`.
 */
enum ext_status ext_journal_superblock_decode(struct ext_span bytes, struct ext_place place,
					      struct ext_journal_superblock *superblock,
					      struct ext_sink *sink, struct ext_error *error);

/* Fills in checksum_version, tag_size and tail_size from the features. */
void ext_journal_superblock_apply_features(struct ext_journal_superblock *superblock);

struct ext_journal_header {
	uint32_t type;	   /* EXT_JOURNAL_DESCRIPTOR ... */
	uint32_t sequence; /* transaction */
};

/* The header that every block of the log but the logged copies has. False: no magic number there.
 */
bool ext_journal_header_decode(struct ext_span block, struct ext_journal_header *header);

/* The checksum at the end of a descriptor or revoke block; NONE before version 2. */
enum ext_checksum_state ext_journal_tail_checksum(const struct ext_journal_superblock *superblock,
						  struct ext_span block);

enum {
	EXT_JOURNAL_TAG_ESCAPED = 1,
	EXT_JOURNAL_TAG_SAME_UUID = 2,
	EXT_JOURNAL_TAG_DELETED = 4,
	EXT_JOURNAL_TAG_LAST = 8,
};

/* One tag of a descriptor block: which block of the filesystem the next logged copy belongs to. */
struct ext_journal_tag {
	ext_block block;
	uint32_t flags;
	uint32_t checksum; /* as stored: 32 bits in version 3, 16 in version 2 */
	uint32_t at;	   /* byte of the tag within the descriptor block */
};

struct ext_journal_tag_cursor {
	const struct ext_journal_superblock *superblock;
	struct ext_span block;
	uint32_t at, end;
};

void ext_journal_tag_cursor_init(struct ext_journal_tag_cursor *cursor,
				 const struct ext_journal_superblock *superblock,
				 struct ext_span block);
/* EXT_OK or EXT_END. */
enum ext_status ext_journal_tag_next(struct ext_journal_tag_cursor *cursor,
				     struct ext_journal_tag *tag);

/* Whether the logged copy `block` (as it lies in the journal) has the checksum of its tag. */
enum ext_checksum_state ext_journal_tag_checksum(const struct ext_journal_superblock *superblock,
						 const struct ext_journal_tag *tag,
						 uint32_t sequence, struct ext_span block);

struct ext_journal_revoke_cursor {
	struct ext_span block;
	uint32_t at, end;
	uint32_t record_size; /* 4 or 8 bytes */
};

/* Fails with CORRUPT (journal-revoke-count). */
enum ext_status ext_journal_revoke_cursor_init(struct ext_journal_revoke_cursor *cursor,
					       const struct ext_journal_superblock *superblock,
					       struct ext_span block, struct ext_place place,
					       struct ext_error *error);
enum ext_status ext_journal_revoke_next(struct ext_journal_revoke_cursor *cursor, ext_block *block);

struct ext_journal_commit {
	struct ext_time time;
	uint64_t nanoseconds; /* the same as one number, for comparing */
	uint8_t checksum_type, checksum_size;
	uint32_t checksum_stored;
	enum ext_checksum_state
		checksum;	/* of versions 2 and 3; version 1's is of the whole transaction */
	bool only_first_sector; /* the checksum holds if all after the header counts as zero */
};
void ext_journal_commit_decode(const struct ext_journal_superblock *superblock,
			       struct ext_span block, struct ext_journal_commit *commit);

/* The fast-commit area (structure/fast_commit.c): little-endian tag, length, value. */

enum ext_fast_commit_tag {
	EXT_FAST_COMMIT_ADD_RANGE = 1,
	EXT_FAST_COMMIT_DEL_RANGE = 2,
	EXT_FAST_COMMIT_CREAT = 3,
	EXT_FAST_COMMIT_LINK = 4,
	EXT_FAST_COMMIT_UNLINK = 5,
	EXT_FAST_COMMIT_INODE = 6,
	EXT_FAST_COMMIT_PAD = 7,
	EXT_FAST_COMMIT_TAIL = 8,
	EXT_FAST_COMMIT_HEAD = 9,
};

struct ext_fast_commit_record {
	enum ext_fast_commit_tag tag;
	uint32_t at;	       /* byte of the tag within the block */
	uint32_t length;       /* bytes of the value, as stored */
	ext_ino inode;	       /* ranges, entries, inode */
	ext_ino parent;	       /* entries */
	ext_logical logical;   /* ranges */
	uint32_t range_length; /* ranges, blocks */
	ext_block physical;    /* added range */
	bool unwritten;	       /* added range */
	struct ext_span name;  /* entries */
	struct ext_span raw;   /* inode: its first bytes, 128 at least */
	uint32_t sequence;     /* head, tail */
	uint32_t features;     /* head */
	uint32_t checksum;     /* tail, as stored */
};

struct ext_fast_commit_cursor {
	struct ext_span block;
	uint32_t inode_size;
	uint32_t at;
};

void ext_fast_commit_cursor_init(struct ext_fast_commit_cursor *cursor,
				 const struct ext_superblock *superblock, struct ext_span block);
/*
 * The next record of one block; EXT_END at its end or where less than a tag is left. Fails with
 * CORRUPT (fast-commit-length, fast-commit-tag). Spans point into the block.
 */
enum ext_status ext_fast_commit_next(struct ext_fast_commit_cursor *cursor,
				     struct ext_fast_commit_record *record,
				     struct ext_error *error);

/* The kernel's name of a tag, "ADD_RANGE"; NULL if unknown. */
const char *ext_fast_commit_tag_name(unsigned tag);

/*
 * Adds a record to the running checksum; for a tail, up to and including its sequence, which gives
 * the value to compare with the stored one. A new checksum begins with 0.
 */
uint32_t ext_fast_commit_checksum(uint32_t checksum, struct ext_span block,
				  const struct ext_fast_commit_record *record);

/* The journal of a filesystem (journal/journal.c). */

enum ext_journal_state {
	EXT_JOURNAL_NONE,    /* the filesystem has none */
	EXT_JOURNAL_CLEAN,   /* nothing to replay */
	EXT_JOURNAL_DIRTY,   /* holds transactions that the filesystem lacks */
	EXT_JOURNAL_DAMAGED, /* not found, or its superblock is no use: nothing can be replayed */
};

enum ext_journal_home {
	EXT_JOURNAL_HOME_NONE,
	EXT_JOURNAL_HOME_INODE,	 /* the journal inode */
	EXT_JOURNAL_HOME_BACKUP, /* the copy of its mapping in the superblock */
	EXT_JOURNAL_HOME_EXTERNAL,
};

struct ext_journal_options {
	struct ext_source *external; /* the device of an external journal, borrowed; or NULL */
	/*
	 * Replay although the superblock does not say that recovery is needed: for backup
	 * superblocks, which are not kept up to date, and for those who want what the kernel would
	 * throw away.
	 */
	bool ignore_recover_flag;
	bool trust_damaged; /* replay even if the journal superblock's checksum is wrong */
	struct ext_sink *sink;
};

struct ext_journal;

struct ext_journal_summary {
	enum ext_journal_state state;
	enum ext_journal_home home;
	ext_ino inode;		 /* of an internal journal */
	uint32_t present_blocks; /* log blocks that are mapped */
	bool recover_flag;	 /* the filesystem superblock says that recovery is needed */
	bool discarded; /* the log is not empty, but without that flag Linux throws it away */
	enum ext_problem
		damage; /* why the state is DAMAGED, or what made it necessary to rebuild */
	/*
	 * The superblock is of no use, and what it said was gathered from the log. DIRTY then means
	 * that the log could be shown to be whole since the last mount; DAMAGED, that it could not,
	 * and is there for looking back only.
	 */
	bool rebuilt;

	/* Filled by ext_journal_scan. */
	bool scanned;
	uint32_t transactions;	      /* complete ones, to be replayed */
	uint32_t first_sequence;      /* of the first of these; meaningless without any */
	uint32_t end_sequence;	      /* the first that is not complete */
	uint32_t end_block;	      /* log block where the scan ended */
	enum ext_problem stop;	      /* why it ended there; NO_PROBLEM: the log simply ends */
	uint64_t blocks;	      /* logged copies in these transactions */
	uint64_t bad_blocks;	      /* of them, with a wrong checksum: not replayed */
	uint64_t revokes;	      /* revoke records */
	uint32_t fast_commits;	      /* complete fast commits behind them */
	uint32_t fast_commit_records; /* tags in these */
	enum ext_problem fast_commit_stop;
};

/*
 * Finds the journal and decodes its superblock. A lost or damaged journal is not a failure: the
 * state is then DAMAGED and the sink has heard why. `options` may be NULL. The filesystem is
 * borrowed. Fails with MEMORY only.
 */
enum ext_status ext_journal_open(const struct ext_filesystem *filesystem,
				 const struct ext_journal_options *options,
				 struct ext_journal **journal, struct ext_error *error);
void ext_journal_close(struct ext_journal *journal);

const struct ext_journal_summary *ext_journal_summary(const struct ext_journal *journal);

/* NULL when there is none or it could not be decoded. */
const struct ext_journal_superblock *ext_journal_get_superblock(const struct ext_journal *journal);

/* The source that holds the log and the byte where log block `block` lies; CORRUPT if it is
 * unmapped. */
struct ext_source *ext_journal_source(const struct ext_journal *journal);
enum ext_status ext_journal_block_offset(const struct ext_journal *journal, uint32_t block,
					 uint64_t *offset, struct ext_error *error);
enum ext_status ext_journal_block_read(const struct ext_journal *journal, uint32_t block,
				       uint8_t *buffer, struct ext_error *error);

/*
 * Reads the log from its tail to its end once: which transactions are complete, which blocks they
 * hold, which checksums fail. Costs 16 bytes of memory for each logged block. Does nothing the
 * second time, or when there is nothing to read. Findings go to the sink of the options.
 */
enum ext_status ext_journal_scan(struct ext_journal *journal, struct ext_error *error);

struct ext_journal_result {
	uint64_t written; /* blocks redirected into the log */
	uint64_t revoked, bad, out_of_range;
	uint32_t fast_commit_records;
	uint32_t fast_commit_failures;
};

/*
 * Replays onto `overlay`, whose inner source is the filesystem's and whose unit is the block size:
 * all complete transactions, the fast commits behind them, and the marks of a finished recovery in
 * both superblocks. Open the filesystem anew on the overlay afterwards. The overlay then reads from
 * the journal's source, which must stay open. `result` may be NULL. What goes wrong on the way is a
 * finding; fails with MEMORY or LIMIT only.
 */
enum ext_status ext_journal_replay(struct ext_journal *journal, struct ext_source *overlay,
				   struct ext_journal_result *result, struct ext_error *error);

/* Looking back (journal/history.c): everything that the log still holds, the past included. */

enum ext_confidence {
	EXT_CONFIDENCE_DOUBTFUL, /* no commit block found, or the checksum is wrong */
	EXT_CONFIDENCE_LIKELY,	 /* no checksum to prove it, but everything around fits */
	EXT_CONFIDENCE_PROVEN,	 /* its checksum holds */
};

struct ext_journal_transaction {
	uint32_t sequence;
	uint32_t log_block; /* of its first block */
	bool live;	    /* to be replayed; false: already written, or never completed */
	bool committed;
	struct ext_time time; /* of the commit; 0 without one */
	uint32_t blocks, revokes;
	uint32_t descriptor_blocks, revoke_blocks;
	uint32_t bad_blocks;		  /* wrong checksum */
	enum ext_checksum_state checksum; /* of descriptors, revokes and commit: the worst */
};

struct ext_journal_version {
	ext_block block;      /* of the filesystem */
	uint32_t log_block;   /* where the copy lies */
	uint32_t transaction; /* index for ext_journal_history_transaction */
	bool escaped;
	bool live;
	bool revoked; /* by its own transaction or a later one that the log still holds */
	enum ext_confidence confidence;
};

struct ext_journal_history;

/*
 * Reads the whole log area once. Transactions come oldest first. Memory: 16 bytes for each logged
 * block. Fails with MEMORY; a damaged journal gives an empty history.
 */
enum ext_status ext_journal_history_open(struct ext_journal *journal,
					 struct ext_journal_history **history,
					 struct ext_error *error);
void ext_journal_history_close(struct ext_journal_history *history);

uint32_t ext_journal_history_transactions(const struct ext_journal_history *history);
void ext_journal_history_transaction(const struct ext_journal_history *history, uint32_t index,
				     struct ext_journal_transaction *transaction);

/* Versions, sorted by block and then from the oldest to the newest. */
uint32_t ext_journal_history_versions(const struct ext_journal_history *history);
void ext_journal_history_version(const struct ext_journal_history *history, uint32_t index,
				 struct ext_journal_version *version);

/* The versions of one block: `count` of them from index `first` on. */
void ext_journal_history_find(const struct ext_journal_history *history, ext_block block,
			      uint32_t *first, uint32_t *count);

/* Revoke records, in the order of the transactions that hold them. */
struct ext_journal_revoke {
	ext_block block;
	uint32_t log_block;   /* the revoke block */
	uint32_t transaction; /* index */
};
uint32_t ext_journal_history_revokes(const struct ext_journal_history *history);
void ext_journal_history_revoke(const struct ext_journal_history *history, uint32_t index,
				struct ext_journal_revoke *revoke);

/* The bytes of a version as they were to be written (escape undone): block_size of them. */
enum ext_status ext_journal_history_read(const struct ext_journal_history *history, uint32_t index,
					 uint8_t *buffer, struct ext_error *error);

#ifdef __cplusplus
}
#endif

#endif
