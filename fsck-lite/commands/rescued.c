/* SPDX-License-Identifier: MIT */
/* The tree that restore would write, listed and read without writing it. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/threads.h"
#include "cancel.h"
#include "commands/command.h"
#include "commands/refused.h"
#include "commands/rescued.h"
#include "complain.h"
#include "image.h"
#include "reports/head.h"
#include "reports/text.h"
#include "rescue/deep.h"
#include "rescue/output_names.h"
#include "rescue/pour.h"
#include "rescue/reuse.h"

enum { ZEROS = 4096 };

struct rescued {
	const struct options *options;
	struct opened_image image;
	struct deep deep;
	struct rescue_tree tree;
	struct output_names names; /* as restore gives them */
	struct output_walk walk;
	const char *below; /* without slashes around; "" is everything */
	size_t below_length;
};

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

static int open_rescued(struct rescued *rescued)
{
	const struct options *options = rescued->options;
	const struct deep_options deep_options = {
		.deleted = options->deleted,
		.threads = options->threads.given ? (unsigned)options->threads.value
						  : threads_available(),
		.stop = cancelled};
	struct ext_error error;
	int status = open_image(options, options_image(options), &rescued->image, NULL);

	if (status != EXIT_CLEAN)
		return refused("ls", &rescued->image, options, status);
	if (deep_open(&rescued->image, &deep_options, &rescued->deep, &error) != EXT_OK ||
	    (!rescued->deep.survey.stopped &&
	     (deep_tree(&rescued->deep, &rescued->tree, &error) != EXT_OK ||
	      output_names_init(&rescued->names, &rescued->tree, &error) != EXT_OK))) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	return rescued->deep.survey.stopped ? EXIT_CANCELLED : EXIT_CLEAN;
}

static void close_rescued(struct rescued *rescued)
{
	output_walk_clear(&rescued->walk);
	output_names_clear(&rescued->names);
	rescue_tree_clear(&rescued->tree);
	deep_close(&rescued->deep);
	close_image(&rescued->image);
}

static bool is_wanted(const struct rescued *rescued, const struct rescue_node *node)
{
	return node->confidence != RESCUE_NAME &&
	       ((rescued->options->lost && node->origin == RESCUE_LOST) ||
		(rescued->options->deleted && node->origin == RESCUE_DELETED));
}

/* Does the walk stand where the command was told to look? */
static bool is_below(const struct rescued *rescued)
{
	const char *path = rescued->walk.path;

	if (rescued->walk.is_too_long || rescued->walk.at == RESCUE_ROOT)
		return false;
	return rescued->below_length == 0 ||
	       (strncmp(path, rescued->below, rescued->below_length) == 0 &&
		(path[rescued->below_length] == '/' || path[rescued->below_length] == '\0'));
}

static void print_node(const struct rescued *rescued, const struct rescue_node *node,
		       const struct ext_inode *inode)
{
	const struct deleted_inode *deleted = reuse_of(&rescued->tree, node);
	char mode[TEXT_SHORT], time[TEXT_SHORT], text[REUSE_TEXT];

	if (rescued->options->inode_numbers)
		printf("%8" PRIu32 " ", node->ino);
	if (rescued->options->long_format)
		printf("%s %5" PRIu32 " %5" PRIu32 " %12" PRIu64 " %s ",
		       text_mode(mode, inode->mode), inode->uid, inode->gid, inode->size,
		       text_time(time, inode->mtime.seconds));
	printf("%-7s %-9s ", origin_name(node->origin), confidence_name(node->confidence));
	putchar('/');
	text_name(stdout, rescued->walk.path, strlen(rescued->walk.path));
	if (deleted) {
		reuse_text(&rescued->names, deleted, text, sizeof text);
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

static void write_reuse(const struct rescued *rescued, struct json *json,
			const struct deleted_inode *deleted)
{
	char *path = deleted && deleted->reused_node != RESCUE_NONE
			     ? output_path(&rescued->names, deleted->reused_node)
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

static void write_node(const struct rescued *rescued, struct json *json,
		       const struct rescue_node *node, const struct ext_inode *inode)
{
	char text[TEXT_SHORT];

	json_object(json, NULL);
	write_path(json, rescued->walk.path);
	json_u64(json, "inode", node->ino);
	json_text(json, "mode", text_mode(text, inode->mode));
	json_u64(json, "uid", inode->uid);
	json_u64(json, "gid", inode->gid);
	json_u64(json, "size", inode->size);
	json_i64(json, "mtime", inode->mtime.seconds);
	json_text(json, "origin", origin_name(node->origin));
	json_text(json, "confidence", confidence_name(node->confidence));
	write_reuse(rescued, json, reuse_of(&rescued->tree, node));
	json_end_object(json);
}

static void set_below(struct rescued *rescued)
{
	const struct options *options = rescued->options;

	rescued->below = options->operand_count > 1 ? options->operands[1] : "";
	while (*rescued->below == '/')
		rescued->below++;
	rescued->below_length = strlen(rescued->below);
	while (rescued->below_length > 0 && rescued->below[rescued->below_length - 1] == '/')
		rescued->below_length--;
}

/* An empty answer says why it is empty. */
static void say_nothing(const struct rescued *rescued)
{
	const struct options *options = rescued->options;

	complain("%s: nothing %s%s%s", rescued->image.path,
		 options->lost && options->deleted ? "lost or deleted"
		 : options->lost		   ? "lost"
						   : "deleted",
		 rescued->below_length > 0 ? " below /" : " was found", rescued->below);
}

int list_rescued(const struct options *options)
{
	struct rescued rescued = {.options = options};
	struct json json;
	enum output_step step;
	uint64_t count = 0;
	int status = open_rescued(&rescued);

	if (status == EXIT_CLEAN) {
		set_below(&rescued);
		if (options->json) {
			json_open(&json, stdout, false);
			head_begin_document(&json, "ls", &rescued.image);
			json_array(&json, "entries");
		}
		output_walk_init(&rescued.walk, &rescued.names);
		while ((step = output_walk_next(&rescued.walk)) != OUTPUT_END) {
			const struct rescue_node *node = &rescued.tree.nodes[rescued.walk.at];
			struct ext_inode inode = {0};

			if (step == OUTPUT_LEAVE || !is_wanted(&rescued, node) ||
			    !is_below(&rescued))
				continue;
			count++;
			if (node->ino != 0)
				(void)rescue_inode(&rescued.tree, node, &inode, NULL, NULL);
			if (options->json)
				write_node(&rescued, &json, node, &inode);
			else
				print_node(&rescued, node, &inode);
		}
		if (options->json) {
			json_end_array(&json);
			json_end_object(&json);
			json_close(&json);
		}
		if (count == 0)
			say_nothing(&rescued);
	}
	close_rescued(&rescued);
	return status;
}

static int put_data(void *context, uint64_t at, const uint8_t *data, size_t length)
{
	(void)context;
	(void)at;
	return fwrite(data, 1, length, stdout) == length ? 0 : EIO;
}

static int put_zeros(void *context, uint64_t at, uint64_t length, bool is_gap)
{
	static const char zeros[ZEROS];

	(void)context;
	(void)at;
	(void)is_gap;
	while (length > 0) {
		const size_t part = length < ZEROS ? (size_t)length : (size_t)ZEROS;

		if (cancelled())
			return ECANCELED;
		if (fwrite(zeros, 1, part, stdout) != part)
			return EIO;
		length -= part;
	}
	return 0;
}

/* Content to stdout; what cannot be read as zeros, and said on stderr. */
static int put_content(struct rescued *rescued, const struct ext_inode *inode)
{
	struct gaps gaps = {0};
	struct pour out = {.content = content_new(rescued->tree.filesystem),
			   .inode = inode,
			   .gaps = &gaps,
			   .stop = cancelled,
			   .data = put_data,
			   .zeros = put_zeros};
	int status = EXIT_CLEAN;

	if (!out.content) {
		complain("%s: out of memory", rescued->image.path);
		return EXIT_CANNOT_RUN;
	}
	if (inode->flags & EXT_INODE_ENCRYPT)
		complain("%s: /%s: is encrypted; what comes is ciphertext", rescued->image.path,
			 rescued->walk.path);
	if (pour(&out) == ECANCELED)
		status = EXIT_CANCELLED;
	for (size_t i = 0; i < gaps.count; i++)
		complain("%s: /%s: bytes %" PRIu64 " to %" PRIu64
			 " could not be read and are given as zeros",
			 rescued->image.path, rescued->walk.path, gaps.list[i].offset,
			 gaps.list[i].offset + gaps.list[i].length - 1);
	if (gaps.is_map_damaged)
		complain("%s: /%s: the map of its blocks is damaged; what cannot be found is given "
			 "as zeros",
			 rescued->image.path, rescued->walk.path);
	if (gaps.is_map_short)
		complain("%s: /%s: its map reaches fewer blocks than its inode counts; up to "
			 "%" PRIu64 " bytes of its holes are missing content",
			 rescued->image.path, rescued->walk.path, gaps.unmapped_bytes);
	if (status == EXIT_CLEAN && !gaps_none(&gaps))
		status = EXIT_CANNOT_RUN;
	gaps_clear(&gaps);
	content_free(out.content);
	return status;
}

/* `cat` of what the walk has come to. */
static int put_node(struct rescued *rescued)
{
	const struct rescue_node *node = &rescued->tree.nodes[rescued->walk.at];
	struct ext_inode inode;

	if (node->type == EXT_TYPE_DIRECTORY)
		complain("%s: /%s: is a directory", rescued->image.path, rescued->walk.path);
	else if (node->confidence == RESCUE_NAME ||
		 rescue_inode(&rescued->tree, node, &inode, NULL, NULL) != EXT_OK)
		complain("%s: /%s: nothing but its name is left", rescued->image.path,
			 rescued->walk.path);
	else if (inode.type != EXT_TYPE_REGULAR)
		complain("%s: /%s: is no regular file", rescued->image.path, rescued->walk.path);
	else
		return put_content(rescued, &inode);
	return EXIT_CANNOT_RUN;
}

int cat_rescued(const struct options *options)
{
	struct rescued rescued = {.options = options};
	enum output_step step;
	int status = open_rescued(&rescued);

	if (status == EXIT_CLEAN) {
		set_below(&rescued);
		output_walk_init(&rescued.walk, &rescued.names);
		while ((step = output_walk_next(&rescued.walk)) != OUTPUT_END)
			if (step == OUTPUT_ENTRY && is_below(&rescued) &&
			    rescued.walk.length == rescued.below_length)
				break;
		if (step == OUTPUT_ENTRY) {
			status = put_node(&rescued);
		} else {
			complain("%s: %s: nothing has this name; `fsck-lite ls --lost --deleted' "
				 "lists what is lost or deleted",
				 rescued.image.path, options->operands[1]);
			status = EXIT_CANNOT_RUN;
		}
	}
	close_rescued(&rescued);
	return status;
}
