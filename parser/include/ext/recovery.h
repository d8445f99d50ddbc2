/* SPDX-License-Identifier: MIT */
/*
 * A filesystem as the kernel has it after a mount: the journal replayed, fast commits applied,
 * deletions and truncations finished that a crash interrupted. All on an overlay in memory.
 */
#ifndef EXT_RECOVERY_H
#define EXT_RECOVERY_H

#include <ext/journal.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_orphan_result {
	uint32_t deleted, truncated; /* inodes */
	uint64_t freed_blocks;	     /* of the filesystem, attribute blocks included */
	uint32_t failed;	     /* left as they were */
	bool skipped;		     /* Linux leaves orphans alone when the filesystem has errors */
};

/*
 * Finishes what the orphan list and the orphan file say was interrupted, on `overlay`: inodes
 * without names are deleted, others cut to their size. `options` (may be NULL) as for
 * ext_filesystem_open. Open the filesystem anew afterwards. What is wrong goes to options->sink.
 */
enum ext_status ext_orphans_finish(struct ext_source *overlay,
				   const struct ext_open_options *options,
				   struct ext_orphan_result *result, struct ext_error *error);

/*
 * Tells `sink` what would be done, and does nothing: which inodes wait to be deleted or cut. What
 * is wrong with the list itself is the cursor's to say (ext/orphan.h).
 */
enum ext_status ext_orphans_report(const struct ext_filesystem *filesystem, struct ext_sink *sink,
				   struct ext_error *error);

struct ext_recovery_options {
	const struct ext_open_options *open; /* how to read the filesystem; NULL: the primary */
	struct ext_source *external;	     /* device of an external journal, borrowed; or NULL */
	bool ignore_recover_flag;	     /* see struct ext_journal_options */
	bool trust_damaged;		     /* the same */
	/*
	 * Finish deletions and truncations, too: after a replay, because only then is the list sure
	 * to be whole, or always.
	 */
	enum ext_recovery_orphans {
		EXT_ORPHANS_LEAVE,
		EXT_ORPHANS_AFTER_REPLAY,
		EXT_ORPHANS_ALWAYS
	} orphans;
	bool look_only; /* find the journal and judge it; change nothing */
	struct ext_sink *sink;
};

struct ext_recovery;

/*
 * Does all of it for the filesystem in `source` (borrowed, must outlive the recovery), as far as
 * there is something to do. Fails when the filesystem cannot be opened, or with MEMORY.
 */
enum ext_status ext_recovery_open(struct ext_source *source,
				  const struct ext_recovery_options *options,
				  struct ext_recovery **recovery, struct ext_error *error);
void ext_recovery_close(struct ext_recovery *recovery);

/* The overlay to open the filesystem on; NULL when nothing had to be done. */
struct ext_source *ext_recovery_view(const struct ext_recovery *recovery);

/* The journal as it was found, below the overlay. */
struct ext_journal *ext_recovery_journal(const struct ext_recovery *recovery);

const struct ext_journal_result *ext_recovery_journal_result(const struct ext_recovery *recovery);
const struct ext_orphan_result *ext_recovery_orphan_result(const struct ext_recovery *recovery);

#ifdef __cplusplus
}
#endif

#endif
