/* SPDX-License-Identifier: MIT */
/* One entry of a listing of what is lost or deleted, as text and in JSON. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/rescued_entry.h"
#include "reports/text.h"
#include "rescue/reuse.h"

static const char *origin_name(uint8_t origin)
{
	static const char *const names[] = {"reached", "lost", "deleted"};

	return names[origin];
}

static const char *confidence_name(uint8_t confidence)
{
	static const char *const names[] = {"sure", "likely", "partial", "name only"};

	return names[confidence];
}

void rescued_entry_print(const struct looked_at *view, const struct options *options,
			 const struct rescue_node *node, const struct ext_inode *inode)
{
	const struct deleted_inode *deleted = reuse_of(view->tree, node);
	char mode[TEXT_SHORT], time[TEXT_SHORT], text[REUSE_TEXT];

	if (options->inode_numbers)
		printf("%8" PRIu32 " ", node->ino);
	if (options->long_format)
		printf("%s %5" PRIu32 " %5" PRIu32 " %12" PRIu64 " %s ",
		       text_mode(mode, inode->mode), inode->uid, inode->gid, inode->size,
		       text_time(time, inode->mtime.seconds));
	printf("%-7s %-9s ", origin_name(node->origin), confidence_name(node->confidence));
	putchar('/');
	text_name(stdout, view->walk.path, strlen(view->walk.path));
	if (deleted) {
		reuse_text(&view->names, deleted, text, sizeof text);
		fputs(" [", stdout);
		text_name(stdout, text, strlen(text));
		putchar(']');
	}
	putchar('\n');
}

static void write_path(struct json *json, const char *below_root)
{
	const size_t length = strlen(below_root);
	char *path = malloc(length + 2);

	if (!path)
		return;
	path[0] = '/';
	memcpy(path + 1, below_root, length + 1);
	json_name(json, "path", path, length + 1);
	free(path);
}

static void write_reuse(const struct looked_at *view, struct json *json,
			const struct deleted_inode *deleted)
{
	char *path = deleted && deleted->reused_node != RESCUE_NONE
			     ? output_path(&view->names, deleted->reused_node)
			     : NULL;

	if (!deleted)
		return;
	json_u64(json, "blocks", deleted->blocks);
	json_u64(json, "reused_blocks", deleted->reused);
	if (deleted->reused_by != 0) {
		json_object(json, "reused_by");
		json_u64(json, "inode", deleted->reused_by);
		if (path)
			write_path(json, path);
		json_end_object(json);
	}
	free(path);
}

void rescued_entry_write(const struct looked_at *view, struct json *json,
			 const struct rescue_node *node, const struct ext_inode *inode)
{
	char text[TEXT_SHORT];

	json_object(json, NULL);
	write_path(json, view->walk.path);
	json_u64(json, "inode", node->ino);
	json_text(json, "mode", text_mode(text, inode->mode));
	json_u64(json, "uid", inode->uid);
	json_u64(json, "gid", inode->gid);
	json_u64(json, "size", inode->size);
	json_i64(json, "mtime", inode->mtime.seconds);
	json_text(json, "origin", origin_name(node->origin));
	json_text(json, "confidence", confidence_name(node->confidence));
	write_reuse(view, json, reuse_of(view->tree, node));
	json_end_object(json);
}
