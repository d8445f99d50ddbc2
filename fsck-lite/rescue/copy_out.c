/* SPDX-License-Identifier: MIT */
/* The walk over the tree, and what is decided for each node on the way. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/text.h"
#include "rescue/copy_out.h"
#include "rescue/folder_gaps.h"
#include "rescue/hard_links.h"
#include "rescue/manifest.h"
#include "rescue/output_names.h"
#include "rescue/reuse.h"
#include "rescue/selection.h"

struct copier {
	const struct rescue_tree *tree;
	struct writer *writer;
	const struct copy_options *options;
	struct copy_report *report;
	struct content *content;
	uint8_t *raw;
	struct output_names names;
	struct selection selection;
	struct hard_links links;
	struct output_walk walk;
	struct gaps gaps;
};

static enum write_result write_content(struct copier *copier, struct copy_item *item)
{
	struct writer *writer = copier->writer;

	switch (item->inode->type) {
	case EXT_TYPE_REGULAR:
		return writer->file(writer, item);
	case EXT_TYPE_SYMLINK:
		if (content_link(copier->content, item->inode, &item->link, &item->link_length))
			return writer->symlink(writer, item);
		snprintf(item->reason, sizeof item->reason, "%s",
			 item->inode->flags & EXT_INODE_ENCRYPT ? "its target is encrypted"
								: "its target cannot be read");
		return WRITE_FAILED;
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
		return writer->special(writer, item);
	case EXT_TYPE_DIRECTORY:
	case EXT_TYPE_UNKNOWN:
		break;
	}
	snprintf(item->reason, sizeof item->reason, "mode %06o is of no file type",
		 (unsigned)item->inode->mode);
	return WRITE_FAILED;
}

static void fail(struct copier *copier, const struct copy_item *item, const char *reason)
{
	copy_report_fail(copier->report, item->path, item->node->ino, reason);
}

/* What of the content is missing; the file itself was written. */
static void note_gaps(struct copier *copier, struct copy_item *item)
{
	if (gaps_none(item->gaps))
		return;
	copy_report_gaps(copier->report, item);
	sidecar_add_gaps(&copier->writer->sidecar, item);
}

/* What of the content is somebody else's. */
static void note_reuse(struct copier *copier, const struct copy_item *item)
{
	const struct deleted_inode *deleted = reuse_of(copier->tree, item->node);
	char text[REUSE_TEXT];

	if (!deleted)
		return;
	reuse_text(&copier->names, deleted, text, sizeof text);
	fail(copier, item, text);
}

/* The same for a whole filesystem that another one was made over. */
static void note_overwritten(struct copier *copier, struct copy_item *item)
{
	const struct copy_options *options = copier->options;
	const uint64_t count =
		options->overwritten && item->inode->type == EXT_TYPE_REGULAR
			? options->overwritten(options->overwritten_context, item->inode)
			: 0;

	if (count == 0)
		return;
	snprintf(item->reason, sizeof item->reason,
		 "%" PRIu64 " of its blocks belong to the filesystem that was made later: "
		 "what is there may be that one's",
		 count);
	fail(copier, item, item->reason);
}

static void note_result(struct copier *copier, struct copy_item *item, enum write_result result)
{
	switch (result) {
	case WRITE_SKIPPED:
		copier->report->skipped++;
		copy_report_count(copier->report, item);
		note_gaps(copier, item);
		note_reuse(copier, item);
		note_overwritten(copier, item);
		break;
	case WRITE_DONE:
		copy_report_count(copier->report, item);
		note_gaps(copier, item);
		note_reuse(copier, item);
		note_overwritten(copier, item);
		break;
	case WRITE_LEFT:
		break;
	case WRITE_CANCELLED:
		copier->report->stopped = true;
		break;
	case WRITE_FULL:
		copier->report->full = true;
		fail(copier, item, item->reason);
		break;
	case WRITE_FAILED:
		fail(copier, item, item->reason);
		break;
	}
}

static void list(struct copier *copier, const struct copy_item *item)
{
	static const char letters[] = "?-dcbpsl";

	if (!copier->options->listing || *item->path == '\0')
		return;
	fprintf(copier->options->listing, "%c %12" PRIu64 " ", letters[item->inode->type],
		item->inode->size);
	text_name(copier->options->listing, item->path, strlen(item->path));
	fputc('\n', copier->options->listing);
}

/* Fills what is the same for all kinds; false (reported) when the node cannot be written. */
static bool begin_item(struct copier *copier, struct ext_inode *inode, struct copy_item *item)
{
	const struct output_walk *walk = &copier->walk;
	const struct rescue_node *node = &copier->tree->nodes[walk->at];
	const char *slash = strrchr(walk->path, '/');

	gaps_clear(&copier->gaps);
	memset(inode, 0, sizeof *inode);
	*item = (struct copy_item){.node = node,
				   .inode = inode,
				   .raw = copier->raw,
				   .name = slash ? slash + 1 : walk->path,
				   .path = walk->path,
				   .filesystem = copier->tree->filesystem,
				   .content = copier->content,
				   .gaps = &copier->gaps,
				   .stop = copier->options->stop};
	if (walk->is_too_long) {
		fail(copier, item, "what it holds has paths longer than can be written");
		return false;
	}
	if (!output_is_namable(&copier->names, walk->at)) {
		fail(copier, item, "other entries have every name that it could be given");
		return false;
	}
	if (node->confidence == RESCUE_NAME) {
		copier->report->names_only++;
		fail(copier, item,
		     rescue_inode(copier->tree, node, inode, copier->raw, NULL) == EXT_OK
			     ? "its inode is gone: nothing but the name is left"
			     : "its inode cannot be read: nothing but the name is left");
		return false;
	}
	if (node->type != EXT_TYPE_DIRECTORY) {
		if (rescue_inode(copier->tree, node, inode, copier->raw, NULL) == EXT_OK)
			return true;
		fail(copier, item, "its inode cannot be read");
		return false;
	}
	if (node->ino == 0 ||
	    rescue_inode(copier->tree, node, inode, copier->raw, NULL) != EXT_OK ||
	    inode->type != EXT_TYPE_DIRECTORY) {
		/* Made up, or gone: what hangs below is to be had all the same. */
		memset(inode, 0, sizeof *inode);
		memset(copier->raw, 0,
		       ext_filesystem_superblock(copier->tree->filesystem)->inode_size);
		inode->type = EXT_TYPE_DIRECTORY;
		inode->mode = 040700;
	}
	return true;
}

static bool write_hard_link(struct copier *copier, const struct hard_link *first,
			    struct copy_item *item, enum write_result *result)
{
	char *path;

	if (!first || first->node == RESCUE_NONE ||
	    copier->tree->nodes[first->node].inode_offset != item->node->inode_offset ||
	    !(path = output_path(&copier->names, first->node)))
		return false;
	item->link = path;
	item->link_length = strlen(path);
	*result = copier->writer->hard_link(copier->writer, item);
	free(path);
	item->link = NULL;
	if (copier->options->manifest && *result <= WRITE_SKIPPED && first->digest[0])
		manifest_put(copier->options->manifest, item, first->digest);
	return true;
}

static void copy_file(struct copier *copier)
{
	FILE *const manifest = copier->options->manifest;
	struct ext_digest digest;
	struct ext_inode inode;
	struct copy_item item;
	struct hard_link *first = NULL;
	enum write_result result;
	char text[65] = "";

	if (!begin_item(copier, &inode, &item))
		return;
	list(copier, &item);
	if (copier->options->dry_run) {
		copy_report_count(copier->report, &item);
		return;
	}
	if (inode.links > 1)
		first = hard_links_of(&copier->links, item.node->ino);
	if (!write_hard_link(copier, first, &item, &result)) {
		if (manifest && inode.type == EXT_TYPE_REGULAR) {
			if (manifest_has_too_many_holes(copier->content, &inode))
				fail(copier, &item,
				     "is not in the manifest: its holes are too large to hash");
			else
				item.digest = &digest;
			ext_digest_begin(&digest);
		}
		result = write_content(copier, &item);
		if (item.digest && result <= WRITE_SKIPPED) {
			ext_digest_end(&digest, text);
			manifest_put(manifest, &item, text);
		}
		if (first && result <= WRITE_SKIPPED) {
			first->node = copier->walk.at;
			memcpy(first->digest, text, sizeof text);
		}
	}
	note_result(copier, &item, result);
}

/*
 * What of a directory's entries is missing. Whoever asked for some paths has them; who asked for
 * everything may not. Of the deleted, nobody expects whole directories.
 */
static void note_folder_gaps(struct copier *copier, struct copy_item *item)
{
	struct folder_gaps gaps;

	if (copier->options->pattern_count > 0 || item->node->origin == RESCUE_DELETED ||
	    !folder_gaps_find(copier->tree->filesystem, item->inode, copier->options->judge_folders,
			      &gaps))
		return;
	snprintf(item->reason, sizeof item->reason,
		 "%" PRIu64 " of its %" PRIu64 " blocks %s: names of files in it may be missing",
		 gaps.unmapped + gaps.damaged, gaps.blocks,
		 gaps.damaged == 0    ? "are not in its map"
		 : gaps.unmapped == 0 ? "do not hold its entries"
				      : "are not in its map, or do not hold its entries");
	fail(copier, item, item->reason);
}

/* Enters a directory; false when nothing can be written there. */
static bool enter(struct copier *copier)
{
	const bool is_top = copier->walk.at == RESCUE_ROOT;
	struct ext_inode inode;
	struct copy_item item;
	enum write_result result;

	if (!begin_item(copier, &inode, &item))
		return false;
	list(copier, &item);
	if (copier->options->dry_run) {
		if (!is_top)
			copy_report_count(copier->report, &item);
		return true;
	}
	result = copier->writer->enter(copier->writer, &item);
	if (!is_top || result > WRITE_SKIPPED)
		note_result(copier, &item, result);
	if (result <= WRITE_SKIPPED)
		note_folder_gaps(copier, &item);
	return result <= WRITE_SKIPPED;
}

static void leave(struct copier *copier)
{
	struct ext_inode inode;
	struct copy_item item;

	if (copier->options->dry_run || !begin_item(copier, &inode, &item))
		return;
	if (copier->writer->leave(copier->writer, &item) == WRITE_FAILED)
		fail(copier, &item, item.reason);
}

static void walk(struct copier *copier)
{
	struct output_walk *walk = &copier->walk;
	struct copy_report *report = copier->report;
	uint64_t done = 0;
	enum output_step step;

	output_walk_init(walk, &copier->names);
	while ((step = output_walk_next(walk)) != OUTPUT_END) {
		if (step == OUTPUT_LEAVE) {
			leave(copier);
			continue;
		}
		report->stopped |= copier->options->stop && copier->options->stop();
		/* Directories that are open are left in good order, and nothing else is begun. */
		if (report->full || report->stopped ||
		    !selection_holds(&copier->selection, walk->at)) {
			walk->descend = false;
			continue;
		}
		if (copier->options->progress)
			copier->options->progress(copier->options->progress_context, ++done,
						  copier->tree->count);
		if (copier->tree->nodes[walk->at].type == EXT_TYPE_DIRECTORY ||
		    walk->at == RESCUE_ROOT)
			walk->descend = enter(copier);
		else
			copy_file(copier);
	}
	output_walk_clear(walk);
}

static bool is_any_matched(const struct selection *selection, const struct copy_options *options)
{
	bool is_any = options->pattern_count == 0;

	for (size_t i = 0; i < options->pattern_count; i++) {
		is_any |= selection->matched[i];
		options->matched[i] |= selection->matched[i];
	}
	return is_any;
}

enum ext_status copy_out(const struct rescue_tree *tree, struct writer *writer,
			 const struct copy_options *options, struct copy_report *report,
			 struct ext_error *error)
{
	struct copier copier = {
		.tree = tree, .writer = writer, .options = options, .report = report};
	enum ext_status status;

	copier.content = content_new(tree->filesystem);
	copier.raw = calloc(1, ext_filesystem_superblock(tree->filesystem)->inode_size);
	status = copier.content && copier.raw ? output_names_init(&copier.names, tree, error)
					      : ext_no_memory(error);
	if (status == EXT_OK)
		status = selection_init(&copier.selection, &copier.names, options->patterns,
					options->pattern_count, error);
	if (status == EXT_OK && is_any_matched(&copier.selection, options))
		walk(&copier);
	selection_clear(&copier.selection);
	output_names_clear(&copier.names);
	hard_links_clear(&copier.links);
	gaps_clear(&copier.gaps);
	content_free(copier.content);
	free(copier.raw);
	return status;
}
