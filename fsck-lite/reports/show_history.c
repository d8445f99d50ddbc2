/* SPDX-License-Identifier: MIT */
/*
 * `show block N --history` and `show inode N --history`: the versions that the journal still holds,
 * oldest first, then the present one, and what changed from each to the next.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "exit.h"
#include "reports/changes.h"
#include "reports/show.h"
#include "reports/text.h"

/* What is compared: a whole block, or the inode at a byte of it. */
struct history_view {
	ext_block block;
	size_t at, size;
	bool is_inode;
	struct block_name name;
};

static const char *confidence_name(enum ext_confidence confidence)
{
	switch (confidence) {
	case EXT_CONFIDENCE_DOUBTFUL:
		return "doubtful: no commit was found, or the checksum is wrong";
	case EXT_CONFIDENCE_LIKELY:
		return "likely: there is no checksum, but all around it fits";
	case EXT_CONFIDENCE_PROVEN:
		return "proven by its checksum";
	}
	return "";
}

static void show_version_head(struct show *show, const struct ext_journal_history *history,
			      const struct ext_journal_version *version)
{
	struct ext_journal_transaction transaction;
	char time[TEXT_SHORT];

	ext_journal_history_transaction(history, version->transaction, &transaction);
	if (show->json) {
		json_object(show->json, NULL);
		json_u64(show->json, "sequence", transaction.sequence);
		if (transaction.committed)
			show_time(show, "time", &transaction.time);
		json_u64(show->json, "log_block", version->log_block);
		json_bool(show->json, "live", version->live);
		json_bool(show->json, "revoked", version->revoked);
		json_text(show->json, "confidence", show_confidence(version->confidence));
		return;
	}
	printf("\n  transaction %" PRIu32 ", %s, log block %" PRIu32 "%s%s\n    %s\n",
	       transaction.sequence,
	       transaction.committed ? text_time(time, transaction.time.seconds)
				     : "never committed",
	       version->log_block, version->live ? ", to be replayed" : "",
	       version->revoked ? ", revoked" : "", confidence_name(version->confidence));
}

static void compare_views(struct changes *changes, const struct history_view *view,
			  const uint8_t *before, const uint8_t *after)
{
	const struct ext_span old = {before + view->at, view->size};
	const struct ext_span new = {after + view->at, view->size};

	if (view->is_inode)
		changes_of_inode(changes, "", old, new);
	else
		changes_of_block(changes, view->block, &view->name, old, new);
}

static void show_changes(struct show *show, const struct history_view *view, const uint8_t *before,
			 const uint8_t *after)
{
	struct changes changes = {.show = show};

	if (show->json)
		json_array(show->json, "changes");
	if (before)
		compare_views(&changes, view, before, after);
	if (show->json) {
		json_end_array(show->json);
		return;
	}
	if (!before)
		puts("      the oldest version that the log holds");
	else if (changes.count == 0)
		puts("      no change");
	else if (changes.count > CHANGES_MOST)
		printf("      and %u more\n", changes.count - CHANGES_MOST);
}

static void dump_version(struct show *show, const struct history_view *view, const uint8_t *bytes)
{
	const uint64_t offset = show_block_offset(show, view->block) + view->at;
	const struct ext_span span = {bytes + view->at, view->size};
	struct annotate annotate;

	if (!show->hex)
		return;
	if (view->is_inode) {
		show_dump_inode(show, "bytes", span, offset);
	} else {
		show_dump_begin(show, &annotate, "bytes", span, offset);
		annotate_end(&annotate);
	}
}

static int show_versions(struct show *show, const struct ext_journal_history *history,
			 const struct history_view *view)
{
	const uint32_t size = show->superblock->block_size;
	uint8_t *bytes = malloc(size), *before = malloc(size), *swap;
	bool has_before = false;
	uint32_t first, count, shown = 0;

	if (!bytes || !before) {
		complain("%s: out of memory", show->image->path);
		free(bytes);
		free(before);
		return EXIT_CANNOT_RUN;
	}
	ext_journal_history_find(history, view->block, &first, &count);
	if (show->json)
		json_array(show->json, "versions");
	for (uint32_t i = first; i < first + count; i++) {
		struct ext_journal_version version;

		ext_journal_history_version(history, i, &version);
		if (ext_journal_history_read(history, i, bytes, NULL) != EXT_OK)
			continue;
		/* Of an inode, a block that was logged for another one is no version. */
		if (view->is_inode && has_before &&
		    memcmp(before + view->at, bytes + view->at, view->size) == 0)
			continue;
		show_version_head(show, history, &version);
		show_changes(show, view, has_before ? before : NULL, bytes);
		dump_version(show, view, bytes);
		if (show->json)
			json_end_object(show->json);
		swap = before;
		before = bytes;
		bytes = swap;
		has_before = true;
		shown++;
	}
	if (show->json)
		json_end_array(show->json);
	if (shown == 0 && !show->json)
		puts("  the journal holds no version of it");
	if (has_before &&
	    ext_filesystem_read_blocks(show->filesystem, view->block, 1, bytes, NULL) == EXT_OK) {
		if (show->json)
			json_object(show->json, "now");
		else
			puts("\n  now");
		show_changes(show, view, before, bytes);
		if (show->json)
			json_end_object(show->json);
	}
	free(bytes);
	free(before);
	return EXIT_CLEAN;
}

static int show_history(struct show *show, struct history_view *view)
{
	struct ext_journal_history *history = NULL;
	struct block_names *names = NULL;
	struct ext_error error;
	char text[200];
	int result = EXIT_CANNOT_RUN;
	enum ext_status status = ext_journal_history_open(
		ext_recovery_journal(show->image->recovery), &history, &error);

	if (status == EXT_OK)
		status = block_names_new(show->filesystem, &view->block, 1, &names, &error);
	if (status == EXT_OK) {
		block_names_get(names, view->block, &view->name);
		block_name_text(&view->name, text, sizeof text);
		show_begin(show, "history");
		show_u64(show, "block", view->block);
		show_text(show, "is", text);
		result = show_versions(show, history, view);
		show_end(show);
	} else if (status == EXT_LIMIT) {
		result = EXIT_CANCELLED;
	} else {
		complain_error(show->image->path, &error);
	}
	block_names_free(names);
	ext_journal_history_close(history);
	return result;
}

int show_block_history(struct show *show, ext_block block)
{
	struct history_view view = {.block = block, .size = show->superblock->block_size};

	show_heading(show, "History of block %" PRIu64, block);
	return show_history(show, &view);
}

int show_inode_history(struct show *show, ext_ino ino)
{
	struct history_view view = {.is_inode = true, .size = show->superblock->inode_size};
	struct ext_error error;
	uint64_t offset;

	if (ext_inode_offset(show->filesystem, ino, &offset, &error) != EXT_OK) {
		complain_error(show->image->path, &error);
		return EXIT_CANNOT_RUN;
	}
	view.block = offset >> show->superblock->block_size_log2;
	view.at = (size_t)(offset & (show->superblock->block_size - 1));
	show_heading(show, "History of inode %" PRIu32, ino);
	return show_history(show, &view);
}
