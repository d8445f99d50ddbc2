/* SPDX-License-Identifier: MIT */
/* The walk over the tree, and what is decided for each node on the way. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/copy_out.h"
#include "rescue/pattern.h"

enum { PATH_SIZE = 8192, FAILURES_MOST = 10000 };

/* First path of an inode that has more names. */
struct first_path {
	ext_ino ino;
	uint32_t node;
};

struct copier {
	const struct rescue_tree *tree;
	struct writer *writer;
	const struct copy_options *options;
	struct copy_report *report;
	struct content *content;
	uint8_t *raw;
	uint8_t *wanted;  /* a bit for each node that is to be written */
	uint8_t *renamed; /* a bit for each node whose name had to be changed */
	struct first_path *firsts;
	size_t first_count, first_size; /* open addressing; size is a power of two */
	char path[PATH_SIZE], link[PATH_SIZE], name[EXT_NAME_MAX * 3 + 16];
};

static bool bit(const uint8_t *bits, uint32_t at)
{
	return (bits[at / 8] >> at % 8 & 1) != 0;
}

static void set_bit(uint8_t *bits, uint32_t at)
{
	bits[at / 8] |= (uint8_t)(1u << at % 8);
}

/*
 * A name that can stand in a directory of any system with POSIX names: '/' and NUL as %2F and %00,
 * "." and ".." and the empty name as something else. `name` has room for three bytes a byte.
 */
static bool make_harmless(const char *raw, size_t length, char *name)
{
	size_t at = 0;
	bool changed = false;

	if (length == 0 || (length == 1 && raw[0] == '.') ||
	    (length == 2 && raw[0] == '.' && raw[1] == '.')) {
		memcpy(name, "%2E", 3);
		at = 3;
		if (length == 2)
			memcpy(name + at, "%2E", 3), at += 3;
		if (length == 0)
			memcpy(name, "%00", 3);
		name[at] = '\0';
		return true;
	}
	for (size_t i = 0; i < length; i++) {
		if (raw[i] != '/' && raw[i] != '\0') {
			name[at++] = raw[i];
			continue;
		}
		memcpy(name + at, raw[i] ? "%2F" : "%00", 3);
		at += 3;
		changed = true;
	}
	/* What grew beyond what a directory can hold is cut; the inode number keeps it apart. */
	if (at > EXT_NAME_MAX)
		at = EXT_NAME_MAX - 16;
	name[at] = '\0';
	return changed;
}

/* The harmless name of a node in copier->name: in an encrypted directory, as Linux shows it. */
static void name_node(struct copier *copier, uint32_t at)
{
	const struct rescue_tree *tree = copier->tree;
	const struct rescue_node *node = &tree->nodes[at];
	const struct directory *parent =
		node->parent != RESCUE_NONE && tree->survey
			? survey_directory(tree->survey, tree->nodes[node->parent].ino)
			: NULL;
	size_t length;

	if (parent && (parent->flags & EXT_INODE_ENCRYPT)) {
		char shown[256];

		length = ext_encrypted_name(ext_filesystem_superblock(tree->filesystem),
					    rescue_name(tree, node), node->name_length, false,
					    shown);
		make_harmless(shown, length < sizeof shown ? length : sizeof shown - 1,
			      copier->name);
	} else {
		make_harmless(rescue_name(tree, node), node->name_length, copier->name);
	}
	if (bit(copier->renamed, at)) {
		length = strlen(copier->name);
		if (length > EXT_NAME_MAX - 16)
			length = EXT_NAME_MAX - 16;
		snprintf(copier->name + length, sizeof copier->name - length, "~%" PRIu32,
			 node->ino);
	}
}

/* The path of a node from harmless names, without a leading '/'. False: longer than can be. */
static bool path_node(struct copier *copier, uint32_t at, char *path, size_t size)
{
	size_t end = size - 1;

	path[end] = '\0';
	for (; at != RESCUE_ROOT && at != RESCUE_NONE; at = copier->tree->nodes[at].parent) {
		size_t length;

		name_node(copier, at);
		length = strlen(copier->name);
		if (length + 2 > end)
			return false;
		if (path[end] != '\0')
			path[--end] = '/';
		end -= length;
		memcpy(path + end, copier->name, length);
	}
	memmove(path, path + end, size - end);
	return true;
}

static void fail(struct copier *copier, const char *path, ext_ino ino, const char *reason)
{
	struct copy_report *report = copier->report;
	struct copy_failure *failure;

	report->failure_total++;
	if (report->failure_count >= FAILURES_MOST ||
	    !GROW(report->failures, report->failure_count, report->failure_size))
		return;
	failure = &report->failures[report->failure_count++];
	failure->path = strdup(path);
	failure->reason = strdup(reason);
	failure->ino = ino;
}

void copy_report_clear(struct copy_report *report)
{
	for (size_t i = 0; i < report->failure_count; i++) {
		free(report->failures[i].path);
		free(report->failures[i].reason);
	}
	free(report->failures);
	memset(report, 0, sizeof *report);
}

/* A pattern names a node when it fits its path, or a directory above it. */
static bool is_named(const struct copy_options *options, const char *path)
{
	for (size_t i = 0; i < options->pattern_count; i++) {
		const char *pattern = options->patterns[i];

		while (*pattern == '/')
			pattern++;
		if (*pattern == '\0' || pattern_fits(pattern, path) || strcmp(pattern, path) == 0)
			return true;
	}
	return false;
}

static void choose(struct copier *copier, bool *matched)
{
	const struct rescue_tree *tree = copier->tree;

	*matched = copier->options->pattern_count == 0;
	for (uint32_t at = RESCUE_ROOT; at != RESCUE_NONE; at = rescue_next(tree, at)) {
		const uint32_t parent = tree->nodes[at].parent;

		if (copier->options->pattern_count == 0 ||
		    (parent != RESCUE_NONE && bit(copier->wanted, parent) &&
		     !bit(copier->renamed, parent))) {
			set_bit(copier->wanted, at);
			continue;
		}
		if (!path_node(copier, at, copier->path, sizeof copier->path) ||
		    !is_named(copier->options, copier->path))
			continue;
		*matched = true;
		set_bit(copier->wanted, at);
	}
}

/* Directories above what is wanted are written too, without being wanted themselves. */
static void add_ancestors(struct copier *copier, uint8_t *needed)
{
	const struct rescue_tree *tree = copier->tree;

	for (uint32_t i = 0; i < tree->count; i++)
		for (uint32_t at = i;
		     bit(copier->wanted, i) && at != RESCUE_NONE && !bit(needed, at);
		     at = tree->nodes[at].parent)
			set_bit(needed, at);
}

static struct first_path *first_of(struct copier *copier, ext_ino ino)
{
	size_t at;

	if (2 * (copier->first_count + 1) > copier->first_size) {
		const size_t size = copier->first_size ? copier->first_size * 2 : 256;
		struct first_path *old = copier->firsts, *grown = calloc(size, sizeof *grown);

		if (!grown)
			return NULL;
		for (size_t i = 0; i < copier->first_size; i++) {
			if (old[i].ino == 0)
				continue;
			for (at = old[i].ino * 2654435761u & (size - 1); grown[at].ino != 0;)
				at = (at + 1) & (size - 1);
			grown[at] = old[i];
		}
		free(old);
		copier->firsts = grown;
		copier->first_size = size;
	}
	for (at = ino * 2654435761u & (copier->first_size - 1);
	     copier->firsts[at].ino != 0 && copier->firsts[at].ino != ino;)
		at = (at + 1) & (copier->first_size - 1);
	if (copier->firsts[at].ino == 0) {
		copier->firsts[at] = (struct first_path){ino, RESCUE_NONE};
		copier->first_count++;
	}
	return &copier->firsts[at];
}

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

static void count(struct copier *copier, const struct copy_item *item)
{
	struct copy_report *report = copier->report;

	switch (item->inode->type) {
	case EXT_TYPE_REGULAR:
		report->files++;
		report->bytes += item->inode->size;
		break;
	case EXT_TYPE_DIRECTORY:
		report->directories++;
		break;
	case EXT_TYPE_SYMLINK:
		report->symlinks++;
		break;
	case EXT_TYPE_CHARACTER:
	case EXT_TYPE_BLOCK:
	case EXT_TYPE_FIFO:
	case EXT_TYPE_SOCKET:
	case EXT_TYPE_UNKNOWN:
		report->other++;
		break;
	}
	report->lost_restored += item->node->origin == RESCUE_LOST && item->node->ino != 0;
	report->deleted_restored += item->node->origin == RESCUE_DELETED;
}

static void note_result(struct copier *copier, struct copy_item *item, enum write_result result)
{
	switch (result) {
	case WRITE_DONE:
		count(copier, item);
		break;
	case WRITE_SKIPPED:
		copier->report->skipped++;
		count(copier, item);
		break;
	case WRITE_FULL:
		copier->report->full = true;
		fail(copier, item->path, item->node->ino, item->reason);
		return;
	case WRITE_FAILED:
		fail(copier, item->path, item->node->ino, item->reason);
		return;
	}
	if (item->unread > 0) {
		snprintf(item->reason, sizeof item->reason,
			 "%" PRIu64 " of %" PRIu64 " bytes could not be read; they are a hole",
			 item->unread, item->inode->size);
		copier->report->damaged_files++;
		copier->report->unread_bytes += item->unread;
		fail(copier, item->path, item->node->ino, item->reason);
	}
}

static void list(struct copier *copier, const struct copy_item *item)
{
	static const char letters[] = "?-dcbpsl";

	if (copier->options->listing)
		fprintf(copier->options->listing, "%c %12" PRIu64 " %s\n",
			letters[item->inode->type], item->inode->size, item->path);
}

/* Fills what is the same for all kinds; false (reported) when the inode cannot be read. */
static bool begin_item(struct copier *copier, uint32_t at, struct ext_inode *inode,
		       struct copy_item *item)
{
	const struct rescue_node *node = &copier->tree->nodes[at];

	memset(item, 0, sizeof *item);
	if (!path_node(copier, at, copier->path, sizeof copier->path)) {
		fail(copier, "...", node->ino, "its path is longer than can be written");
		return false;
	}
	name_node(copier, at);
	item->node = node;
	item->name = copier->name;
	item->path = copier->path;
	item->filesystem = copier->tree->filesystem;
	item->content = copier->content;
	item->inode = inode;
	item->raw = copier->raw;
	memset(inode, 0, sizeof *inode);
	if (node->type == EXT_TYPE_DIRECTORY &&
	    (node->ino == 0 ||
	     rescue_inode(copier->tree, node, inode, copier->raw, NULL) != EXT_OK ||
	     inode->type != EXT_TYPE_DIRECTORY)) {
		/* Made up, or gone: what hangs below is to be had all the same. */
		memset(inode, 0, sizeof *inode);
		memset(copier->raw, 0,
		       ext_filesystem_superblock(copier->tree->filesystem)->inode_size);
		inode->type = EXT_TYPE_DIRECTORY;
		inode->mode = 040700;
		return true;
	}
	if (node->type != EXT_TYPE_DIRECTORY &&
	    rescue_inode(copier->tree, node, inode, copier->raw, NULL) != EXT_OK) {
		fail(copier, item->path, node->ino, "its inode cannot be read");
		return false;
	}
	return true;
}

static void copy_file(struct copier *copier, uint32_t at)
{
	struct ext_digest digest;
	struct ext_inode inode;
	struct copy_item item;
	struct first_path *first = NULL;
	enum write_result result;

	if (!begin_item(copier, at, &inode, &item))
		return;
	if (inode.links > 1 && inode.type != EXT_TYPE_DIRECTORY)
		first = first_of(copier, item.node->ino);
	list(copier, &item);
	if (copier->options->dry_run) {
		count(copier, &item);
		return;
	}
	if (first && first->node != RESCUE_NONE &&
	    copier->tree->nodes[first->node].inode_offset == item.node->inode_offset &&
	    path_node(copier, first->node, copier->link, sizeof copier->link)) {
		name_node(copier, at);
		item.link = copier->link;
		item.link_length = strlen(copier->link);
		result = copier->writer->hard_link(copier->writer, &item);
	} else {
		if (copier->options->manifest && inode.type == EXT_TYPE_REGULAR) {
			ext_digest_begin(&digest);
			item.digest = &digest;
		}
		result = write_content(copier, &item);
		if (first && (result == WRITE_DONE || result == WRITE_SKIPPED))
			first->node = at;
	}
	if (item.digest && (result == WRITE_DONE || result == WRITE_SKIPPED)) {
		char text[65];

		ext_digest_end(&digest, text);
		fprintf(copier->options->manifest, "%s  %s\n", text, item.path);
	}
	note_result(copier, &item, result);
}

/* Enters a directory; false when its content cannot be written. */
static bool enter(struct copier *copier, uint32_t at)
{
	struct ext_inode inode;
	struct copy_item item;
	enum write_result result;

	if (!begin_item(copier, at, &inode, &item))
		return false;
	if (at != RESCUE_ROOT)
		list(copier, &item);
	if (copier->options->dry_run) {
		if (at != RESCUE_ROOT)
			count(copier, &item);
		return true;
	}
	result = copier->writer->enter(copier->writer, &item);
	if (at != RESCUE_ROOT || result == WRITE_FAILED || result == WRITE_FULL)
		note_result(copier, &item, result);
	return result == WRITE_DONE || result == WRITE_SKIPPED;
}

static void leave(struct copier *copier, uint32_t at)
{
	struct ext_inode inode;
	struct copy_item item;

	if (copier->options->dry_run || !begin_item(copier, at, &inode, &item))
		return;
	if (copier->writer->leave(copier->writer, &item) == WRITE_FAILED)
		fail(copier, item.path, item.node->ino, item.reason);
}

/* The whole walk, without recursion: down through `child`, along `next`, up through `parent`. */
static void walk(struct copier *copier, const uint8_t *needed)
{
	const struct rescue_tree *tree = copier->tree;
	uint32_t at = RESCUE_ROOT;
	uint64_t done = 0;

	if (!enter(copier, at))
		return;
	at = tree->nodes[at].child;
	for (uint32_t parent = RESCUE_ROOT;;) {
		if (at == RESCUE_NONE) {
			leave(copier, parent);
			if (parent == RESCUE_ROOT)
				return;
			at = tree->nodes[parent].next;
			parent = tree->nodes[parent].parent;
			continue;
		}
		if (copier->report->full || copier->report->stopped) {
			at = RESCUE_NONE;
			continue;
		}
		if (copier->options->stop && copier->options->stop()) {
			copier->report->stopped = true;
			continue;
		}
		if (copier->options->progress)
			copier->options->progress(copier->options->progress_context, ++done,
						  tree->count);
		if (!bit(needed, at)) {
			at = tree->nodes[at].next;
		} else if (tree->nodes[at].type != EXT_TYPE_DIRECTORY) {
			copy_file(copier, at);
			at = tree->nodes[at].next;
		} else if (enter(copier, at)) {
			parent = at;
			at = tree->nodes[at].child;
		} else {
			at = tree->nodes[at].next;
		}
	}
}

struct sibling {
	uint32_t node;
	const struct rescue_tree *tree;
};

static int compare_siblings(const void *left, const void *right)
{
	const struct sibling *a = left, *b = right;
	const struct rescue_node *x = &a->tree->nodes[a->node], *y = &b->tree->nodes[b->node];

	if (x->name_length != y->name_length)
		return x->name_length < y->name_length ? -1 : 1;
	const int order = memcmp(rescue_name(a->tree, x), rescue_name(b->tree, y), x->name_length);

	if (order != 0)
		return order;
	return a->node < b->node ? -1 : a->node > b->node;
}

/* Two entries of one name: all but the first get their inode number behind it. */
static enum ext_status rename_twins(struct copier *copier, struct ext_error *error)
{
	const struct rescue_tree *tree = copier->tree;
	struct sibling *siblings = NULL;
	size_t size = 0;

	for (uint32_t i = 0; i < tree->count; i++) {
		size_t count_here = 0;

		if (tree->nodes[i].entries < 2)
			continue;
		for (uint32_t at = tree->nodes[i].child; at != RESCUE_NONE;
		     at = tree->nodes[at].next) {
			if (!GROW(siblings, count_here, size)) {
				free(siblings);
				return ext_no_memory(error);
			}
			siblings[count_here++] = (struct sibling){at, tree};
		}
		qsort(siblings, count_here, sizeof *siblings, compare_siblings);
		for (size_t j = 1; j < count_here; j++) {
			const struct rescue_node *a = &tree->nodes[siblings[j - 1].node];
			const struct rescue_node *b = &tree->nodes[siblings[j].node];

			if (a->name_length == b->name_length &&
			    memcmp(rescue_name(tree, a), rescue_name(tree, b), a->name_length) == 0)
				set_bit(copier->renamed, siblings[j].node);
		}
	}
	free(siblings);
	return EXT_OK;
}

enum ext_status copy_out(const struct rescue_tree *tree, struct writer *writer,
			 const struct copy_options *options, struct copy_report *report,
			 bool *matched, struct ext_error *error)
{
	const size_t bits = tree->count / 8 + 1;
	struct copier *copier = calloc(1, sizeof *copier);
	uint8_t *needed = calloc(1, bits);
	enum ext_status status = EXT_OK;

	memset(report, 0, sizeof *report);
	if (!copier || !needed) {
		free(copier);
		free(needed);
		return ext_no_memory(error);
	}
	copier->tree = tree;
	copier->writer = writer;
	copier->options = options;
	copier->report = report;
	copier->content = content_new(tree->filesystem);
	copier->raw = calloc(1, ext_filesystem_superblock(tree->filesystem)->inode_size);
	copier->wanted = calloc(1, bits);
	copier->renamed = calloc(1, bits);
	if (!copier->content || !copier->raw || !copier->wanted || !copier->renamed)
		status = ext_no_memory(error);
	if (status == EXT_OK)
		status = rename_twins(copier, error);
	if (status == EXT_OK) {
		choose(copier, matched);
		add_ancestors(copier, needed);
		if (*matched)
			walk(copier, needed);
	}
	content_free(copier->content);
	free(copier->raw);
	free(copier->wanted);
	free(copier->renamed);
	free(copier->firsts);
	free(copier);
	free(needed);
	return status;
}
