/* SPDX-License-Identifier: MIT */
/* The tree that restore would write, listed and read without writing it. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/threads.h"
#include "cancel.h"
#include "commands/command.h"
#include "commands/rescued.h"
#include "complain.h"
#include "image.h"
#include "reports/head.h"
#include "reports/text.h"
#include "rescue/content.h"
#include "rescue/deep.h"

enum { PATH_SIZE = 8192, ZEROS = 4096 };

struct rescued {
	const struct options *options;
	struct opened_image image;
	struct deep deep;
	struct rescue_tree tree;
	const char *below; /* without slashes around; "" is everything */
	size_t below_length;
	char path[PATH_SIZE];
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
		return status;
	if (deep_open(&rescued->image, &deep_options, &rescued->deep, &error) != EXT_OK ||
	    (!rescued->deep.survey.stopped &&
	     deep_tree(&rescued->deep, &rescued->tree, &error) != EXT_OK)) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	return rescued->deep.survey.stopped ? EXIT_CANCELLED : EXIT_CLEAN;
}

static void close_rescued(struct rescued *rescued)
{
	rescue_tree_clear(&rescued->tree);
	deep_close(&rescued->deep);
	close_image(&rescued->image);
}

static bool is_wanted(const struct rescued *rescued, const struct rescue_node *node)
{
	return (rescued->options->lost && node->origin == RESCUE_LOST) ||
	       (rescued->options->deleted && node->origin == RESCUE_DELETED);
}

/* The path of a node, and whether it lies where the command was told to look. */
static bool place(struct rescued *rescued, uint32_t at)
{
	const size_t length = rescue_path(&rescued->tree, at, rescued->path, sizeof rescued->path);
	const char *path = rescued->path + 1;

	if (length == 0 || length >= sizeof rescued->path)
		return false;
	return rescued->below_length == 0 ||
	       (strncmp(path, rescued->below, rescued->below_length) == 0 &&
		(path[rescued->below_length] == '/' || path[rescued->below_length] == '\0'));
}

static void print_node(const struct rescued *rescued, const struct rescue_node *node,
		       const struct ext_inode *inode)
{
	char mode[TEXT_SHORT], time[TEXT_SHORT];

	if (rescued->options->inode_numbers)
		printf("%8" PRIu32 " ", node->ino);
	if (rescued->options->long_format)
		printf("%s %5" PRIu32 " %5" PRIu32 " %12" PRIu64 " %s ",
		       text_mode(mode, inode->mode), inode->uid, inode->gid, inode->size,
		       text_time(time, inode->mtime.seconds));
	printf("%-7s %-9s ", origin_name(node->origin), confidence_name(node->confidence));
	text_name(stdout, rescued->path, strlen(rescued->path));
	putchar('\n');
}

static void write_node(const struct rescued *rescued, struct json *json,
		       const struct rescue_node *node, const struct ext_inode *inode)
{
	char text[TEXT_SHORT];

	json_object(json, NULL);
	json_name(json, "path", rescued->path, strlen(rescued->path));
	json_u64(json, "inode", node->ino);
	json_text(json, "mode", text_mode(text, inode->mode));
	json_u64(json, "uid", inode->uid);
	json_u64(json, "gid", inode->gid);
	json_u64(json, "size", inode->size);
	json_i64(json, "mtime", inode->mtime.seconds);
	json_text(json, "origin", origin_name(node->origin));
	json_text(json, "confidence", confidence_name(node->confidence));
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

int list_rescued(const struct options *options)
{
	struct rescued rescued = {.options = options};
	struct json json;
	int status = open_rescued(&rescued);

	if (status == EXIT_CLEAN) {
		set_below(&rescued);
		if (options->json) {
			json_open(&json, stdout, false);
			head_begin_document(&json, "ls", &rescued.image);
			json_array(&json, "entries");
		}
		for (uint32_t at = RESCUE_ROOT; at != RESCUE_NONE;
		     at = rescue_next(&rescued.tree, at)) {
			const struct rescue_node *node = &rescued.tree.nodes[at];
			struct ext_inode inode = {0};

			if (!is_wanted(&rescued, node) || !place(&rescued, at))
				continue;
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
	}
	close_rescued(&rescued);
	return status;
}

static bool put_zeros(uint64_t length)
{
	static const char zeros[ZEROS];

	while (length > 0) {
		const size_t part = length < ZEROS ? (size_t)length : (size_t)ZEROS;

		if (fwrite(zeros, 1, part, stdout) != part)
			return false;
		length -= part;
	}
	return true;
}

/* Content to stdout; what cannot be read as zeros, and said on stderr. */
static int put_content(struct rescued *rescued, const struct ext_inode *inode)
{
	struct content *content = content_new(rescued->tree.filesystem);
	const struct content_piece *pieces;
	uint64_t end = 0, unread = 0;
	size_t count;
	bool whole;

	if (!content) {
		complain("%s: out of memory", rescued->image.path);
		return EXIT_CANNOT_RUN;
	}
	whole = content_map(content, inode, &pieces, &count);
	for (size_t i = 0; i < count; i++) {
		const uint64_t stop = pieces[i].offset + pieces[i].length;

		if (!put_zeros(pieces[i].offset - end))
			break;
		for (uint64_t at = pieces[i].offset; at < stop;) {
			const uint8_t *data;
			size_t got;

			if (content_read(content, inode, at, stop - at, &data, &got)) {
				if (fwrite(data, 1, got, stdout) != got)
					break;
			} else {
				unread += got;
				put_zeros(got);
			}
			at += got;
		}
		end = stop;
	}
	put_zeros(inode->size - end);
	content_free(content);
	if (whole && unread == 0)
		return EXIT_CLEAN;
	complain("%s: %s: some of its content could not be read and is zeros here",
		 rescued->image.path, rescued->path);
	return EXIT_CANNOT_RUN;
}

int cat_rescued(const struct options *options)
{
	struct rescued rescued = {.options = options};
	int status = open_rescued(&rescued);

	if (status == EXIT_CLEAN) {
		set_below(&rescued);
		for (uint32_t at = RESCUE_ROOT;; at = rescue_next(&rescued.tree, at)) {
			struct ext_inode inode;

			if (at == RESCUE_NONE) {
				complain(
					"%s: %s: nothing lost or deleted has this name; `fsck-lite "
					"ls --lost --deleted' lists what there is",
					rescued.image.path, options->operands[1]);
				status = EXIT_CANNOT_RUN;
				break;
			}
			if (!place(&rescued, at) ||
			    rescued.path[1 + rescued.below_length] != '\0' ||
			    rescued.tree.nodes[at].type != EXT_TYPE_REGULAR)
				continue;
			if (rescue_inode(&rescued.tree, &rescued.tree.nodes[at], &inode, NULL,
					 NULL) == EXT_OK) {
				status = put_content(&rescued, &inode);
				break;
			}
		}
	}
	close_rescued(&rescued);
	return status;
}
