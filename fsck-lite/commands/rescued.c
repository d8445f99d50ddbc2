/* SPDX-License-Identifier: MIT */
/* The tree that restore would write, listed and read without writing it. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cancel.h"
#include "commands/command.h"
#include "commands/refused.h"
#include "commands/rescued.h"
#include "commands/rescued_entry.h"
#include "complain.h"
#include "image.h"
#include "reports/head.h"
#include "rescue/earlier.h"
#include "rescue/pour.h"

enum { ZEROS = 4096 };

struct rescued {
	const struct options *options;
	struct opened_image image;
	struct survey survey; /* as the filesystem stands, beside an earlier one */
	struct deep deep;
	struct rescue_tree tree;
	struct earlier_rescue earlier;
	struct looked_at views[2], *view; /* what is written at the top, what apart from it */
	size_t view_count;
	const char *below; /* without slashes around; "" is everything */
	size_t below_length;
};

static enum ext_status open_earlier(struct rescued *rescued, struct deep_options *options,
				    struct ext_error *error)
{
	const struct survey_options survey_options = {.threads = options->threads,
						      .stop = options->stop};
	enum ext_status status =
		survey_run(rescued->image.filesystem, &survey_options, &rescued->survey, error);

	if (status == EXT_OK && !rescued->survey.stopped)
		status = earlier_open(&rescued->image, &rescued->survey, options, &rescued->earlier,
				      error);
	if (rescued->earlier.found) {
		options->is_foreign = earlier_has_inode;
		options->foreign_context = &rescued->earlier;
	} else {
		survey_clear(&rescued->survey);
	}
	return status;
}

static enum ext_status open_views(struct rescued *rescued, struct ext_error *error)
{
	struct rescue_tree *trees[2];
	enum ext_status status = deep_tree(&rescued->deep, &rescued->tree, error);

	if (status == EXT_OK)
		status = earlier_arrange(&rescued->earlier, &rescued->tree, &trees[0], &trees[1],
					 error);
	for (size_t i = 0; status == EXT_OK && i < 2 && trees[i]; i++) {
		rescued->views[i].tree = trees[i];
		status = output_names_init(&rescued->views[i].names, trees[i], error);
		rescued->view_count = i + 1;
	}
	return status;
}

static int open_rescued(struct rescued *rescued)
{
	const struct options *options = rescued->options;
	struct deep_options deep_options = {.deleted = options->deleted,
					    .threads = options_threads(options),
					    .stop = cancelled};
	struct ext_error error;
	enum ext_status status = EXT_OK;
	const int refusal = open_image(options, options_image(options), &rescued->image, NULL);

	if (refusal != EXIT_CLEAN)
		return refused("ls", &rescued->image, options, refusal);
	if (options->deleted)
		status = open_earlier(rescued, &deep_options, &error);
	if (status == EXT_OK && !cancelled())
		status = deep_open(&rescued->image, &deep_options, &rescued->deep, &error);
	if (status == EXT_OK && !cancelled() && !rescued->deep.survey.stopped)
		status = open_views(rescued, &error);
	if (status != EXT_OK) {
		complain_error(options_image(options), &error);
		return EXIT_CANNOT_RUN;
	}
	return rescued->view_count == 0 ? EXIT_CANCELLED : EXIT_CLEAN;
}

static void close_rescued(struct rescued *rescued)
{
	for (size_t i = 0; i < rescued->view_count; i++) {
		output_walk_clear(&rescued->views[i].walk);
		output_names_clear(&rescued->views[i].names);
	}
	earlier_close(&rescued->earlier);
	rescue_tree_clear(&rescued->tree);
	deep_close(&rescued->deep);
	survey_clear(&rescued->survey);
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
	const char *path = rescued->view->walk.path;

	if (rescued->view->walk.is_too_long || rescued->view->walk.at == RESCUE_ROOT)
		return false;
	return rescued->below_length == 0 ||
	       (strncmp(path, rescued->below, rescued->below_length) == 0 &&
		(path[rescued->below_length] == '/' || path[rescued->below_length] == '\0'));
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

/* Lists one tree; how many entries it had to list. */
static uint64_t list_view(struct rescued *rescued, struct json *json)
{
	struct output_walk *const walk = &rescued->view->walk;
	enum output_step step;
	uint64_t count = 0;

	output_walk_init(walk, &rescued->view->names);
	while ((step = output_walk_next(walk)) != OUTPUT_END) {
		const struct rescue_node *node = &rescued->view->tree->nodes[walk->at];
		struct ext_inode inode = {0};

		if (step == OUTPUT_LEAVE || !is_wanted(rescued, node) || !is_below(rescued))
			continue;
		count++;
		if (node->ino != 0)
			(void)rescue_inode(rescued->view->tree, node, &inode, NULL, NULL);
		if (rescued->options->json)
			rescued_entry_write(rescued->view, json, node, &inode);
		else
			rescued_entry_print(rescued->view, rescued->options, node, &inode);
	}
	return count;
}

int list_rescued(const struct options *options)
{
	struct rescued rescued = {.options = options};
	struct json json;
	uint64_t count = 0;
	int status = open_rescued(&rescued);

	if (status == EXIT_CLEAN) {
		set_below(&rescued);
		if (options->json) {
			json_open(&json, stdout, false);
			head_begin_document(&json, "ls", &rescued.image);
			json_array(&json, "entries");
		}
		for (size_t i = 0; i < rescued.view_count; i++) {
			rescued.view = &rescued.views[i];
			count += list_view(&rescued, &json);
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
	struct pour out = {.content = content_new(rescued->view->tree->filesystem),
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
			 rescued->view->walk.path);
	if (pour(&out) == ECANCELED)
		status = EXIT_CANCELLED;
	for (size_t i = 0; i < gaps.count; i++)
		complain("%s: /%s: bytes %" PRIu64 " to %" PRIu64
			 " could not be read and are given as zeros",
			 rescued->image.path, rescued->view->walk.path, gaps.list[i].offset,
			 gaps.list[i].offset + gaps.list[i].length - 1);
	if (gaps.is_map_damaged)
		complain("%s: /%s: the map of its blocks is damaged; what cannot be found is given "
			 "as zeros",
			 rescued->image.path, rescued->view->walk.path);
	if (gaps.is_map_short)
		complain("%s: /%s: its map reaches fewer blocks than its inode counts; up to "
			 "%" PRIu64 " bytes of its holes are missing content",
			 rescued->image.path, rescued->view->walk.path, gaps.unmapped_bytes);
	if (status == EXIT_CLEAN && !gaps_none(&gaps))
		status = EXIT_CANNOT_RUN;
	gaps_clear(&gaps);
	content_free(out.content);
	return status;
}

/* `cat` of what the walk has come to. */
static int put_node(struct rescued *rescued)
{
	const struct rescue_node *node = &rescued->view->tree->nodes[rescued->view->walk.at];
	struct ext_inode inode;

	if (node->type == EXT_TYPE_DIRECTORY)
		complain("%s: /%s: is a directory", rescued->image.path, rescued->view->walk.path);
	else if (node->confidence == RESCUE_NAME ||
		 rescue_inode(rescued->view->tree, node, &inode, NULL, NULL) != EXT_OK)
		complain("%s: /%s: nothing but its name is left", rescued->image.path,
			 rescued->view->walk.path);
	else if (inode.type != EXT_TYPE_REGULAR)
		complain("%s: /%s: is no regular file", rescued->image.path,
			 rescued->view->walk.path);
	else
		return put_content(rescued, &inode);
	return EXIT_CANNOT_RUN;
}

/* Walks to what the command names; false when this tree does not have it. */
static bool find_in_view(struct rescued *rescued)
{
	struct output_walk *const walk = &rescued->view->walk;
	enum output_step step;

	output_walk_init(walk, &rescued->view->names);
	while ((step = output_walk_next(walk)) != OUTPUT_END)
		if (step == OUTPUT_ENTRY && is_below(rescued) &&
		    walk->length == rescued->below_length)
			return true;
	return false;
}

int cat_rescued(const struct options *options)
{
	struct rescued rescued = {.options = options};
	bool found = false;
	int status = open_rescued(&rescued);

	if (status == EXIT_CLEAN) {
		set_below(&rescued);
		for (size_t i = 0; !found && i < rescued.view_count; i++) {
			rescued.view = &rescued.views[i];
			found = find_in_view(&rescued);
		}
		if (found) {
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
