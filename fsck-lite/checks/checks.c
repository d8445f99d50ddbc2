/* SPDX-License-Identifier: MIT */
/* The families of checks, called in their order. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "checks/checks.h"
#include "checks/directories.h"
#include "checks/quotas.h"
#include "checks/symlink_targets.h"
#include "checks/xattr_shares.h"

/* Lets findings through, and notices those that say that an inode is not what its mode says. */
struct watching_sink {
	struct ext_sink sink;
	struct ext_sink *behind;
	enum ext_file_type type;
	bool is_bad;
};

static bool makes_inode_bad(enum ext_problem problem, enum ext_file_type type)
{
	/* Files and directories are taken for such all the same. */
	const bool is_special = type != EXT_TYPE_REGULAR && type != EXT_TYPE_DIRECTORY;

	if (problem == EXT_FRAGMENT_ADDRESS || problem == EXT_FRAGMENT_NUMBER ||
	    problem == EXT_FRAGMENT_SIZE || problem == EXT_XATTR_BLOCK_RANGE ||
	    problem == EXT_XATTR_BLOCK_HIGH)
		return is_special;
	return problem == EXT_INODE_MODE || problem == EXT_SYMLINK_INVALID ||
	       problem == EXT_CHARACTER_DEVICE || problem == EXT_BLOCK_DEVICE ||
	       problem == EXT_FIFO_INODE || problem == EXT_SOCKET_INODE;
}

static void watch(struct ext_sink *sink, const struct ext_finding *finding)
{
	struct watching_sink *watching = (struct watching_sink *)(void *)sink;

	watching->is_bad = watching->is_bad || makes_inode_bad(finding->problem, watching->type);
	ext_report(watching->behind, finding);
}

static bool see_inode(struct survey_observer *observer, const struct survey *survey,
		      const struct ext_inode *inode, const uint8_t *raw,
		      const struct inode_facts *facts, struct ext_sink *sink)
{
	struct checks *checks = (struct checks *)(void *)observer;
	struct watching_sink watching = {{watch}, sink, inode->type, false};

	const bool has_target = check_inode(checks, survey, inode, raw, facts, &watching.sink);

	check_directory_inode(checks, survey, inode, raw, facts, &watching.sink);
	if (survey->superblock->has_metadata_csum)
		inode_cache_note(&checks->inode_cache, survey, inode, raw, facts);
	if (watching.is_bad)
		check_directory_bad_inode(checks, inode->number);
	return has_target;
}

static void see_target(struct survey_observer *observer, const struct survey *survey,
		       const struct directory_run *run, const uint8_t *block, struct ext_sink *sink)
{
	(void)survey;
	check_symlink_target((struct checks *)(void *)observer, run, block, sink);
}

static void see_run(struct survey_observer *observer, const struct survey *survey,
		    const struct ext_inode *inode, const struct ext_run *run, struct ext_sink *sink)
{
	(void)observer;
	check_run_present(survey, inode, run, sink);
}

static void see_tree_block(struct survey_observer *observer, const struct ext_inode *inode,
			   const struct ext_run *run, struct ext_span block)
{
	if (inode->number == EXT_INO_RESIZE)
		see_resize_block((struct checks *)(void *)observer, run, block);
}

static void see_block(struct survey_observer *observer, const struct survey *survey,
		      const struct directory *directory, ext_logical logical, ext_block physical,
		      struct ext_span block, enum ext_directory_block_kind kind,
		      struct ext_sink *sink)
{
	check_directory_block((struct checks *)(void *)observer, survey, directory, logical,
			      physical, block, kind, sink);
}

static void see_inline(struct survey_observer *observer, const struct survey *survey,
		       const struct directory *directory, struct ext_span first,
		       struct ext_span second, struct ext_sink *sink)
{
	check_inline_directory((struct checks *)(void *)observer, survey, directory, first, second,
			       sink);
}

bool checks_init(struct checks *checks, const struct opened_image *image, struct ext_sink *sink)
{
	memset(checks, 0, sizeof *checks);
	checks->image = image;
	checks->filesystem = image->filesystem;
	checks->superblock = image->superblock;
	checks->sink = sink;
	checks->observer.inode = see_inode;
	checks->observer.target = see_target;
	/* Asked for each run: only where an image may have been cut through a file. */
	if (ext_filesystem_blocks_present(image->filesystem) < image->superblock->block_count)
		checks->observer.run = see_run;
	checks->observer.tree_block = see_tree_block;
	checks->observer.directory_block = see_block;
	checks->observer.inline_directory = see_inline;
	lock_init(&checks->lock);
	inode_cache_init(&checks->inode_cache);
	checks->directories = directory_checks_new(checks);
	return checks->directories && xattr_shares_init(checks) && quotas_init(checks);
}

void checks_clear(struct checks *checks)
{
	if (checks->filesystem) {
		lock_clear(&checks->lock);
		inode_cache_clear(&checks->inode_cache);
	}
	free(checks->resize.copies);
	ext_filesystem_close(checks->judged);
	directory_checks_free(checks->directories);
	xattr_shares_clear(checks);
	quotas_clear(checks);
	memset(checks, 0, sizeof *checks);
}

void *checks_memory(struct checks *checks, size_t size)
{
	void *memory = malloc(size);

	if (!memory)
		checks->out_of_memory = true;
	return memory;
}

void checks_before(struct checks *checks)
{
	check_superblock(checks);
	check_groups(checks);
}

void checks_after(struct checks *checks, struct survey *survey)
{
	check_resize_inode(checks);
	check_directories_after(checks, survey);
	check_links(checks, survey);
	if (checks->is_published)
		check_published(checks, survey);
	check_xattr_shares(checks, survey);
	check_quotas(checks, survey);
}
