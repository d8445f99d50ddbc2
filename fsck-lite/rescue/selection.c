/* SPDX-License-Identifier: MIT */
/* Paths and globs against the names that will be written. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "rescue/pattern.h"
#include "rescue/selection.h"

static void set(struct selection *selection, uint32_t node)
{
	selection->bits[node / 8] |= (uint8_t)(1u << node % 8);
}

/* Does the pattern, slashes at its ends aside, name the path? A path with special characters names
 * itself, too. */
static bool fits(const char *pattern, const char *path)
{
	size_t length;

	while (*pattern == '/')
		pattern++;
	length = strlen(pattern);
	while (length > 0 && pattern[length - 1] == '/')
		length--;
	if (length == 0 || (strlen(path) == length && memcmp(pattern, path, length) == 0))
		return true;
	if (pattern[length] == '\0')
		return pattern_fits(pattern, path);

	char *bare = malloc(length + 1);
	bool does = false;

	if (bare) {
		memcpy(bare, pattern, length);
		bare[length] = '\0';
		does = pattern_fits(bare, path);
	}
	free(bare);
	return does;
}

static void choose(struct selection *selection, const struct output_names *names,
		   const char *const *patterns)
{
	const struct rescue_node *nodes = names->tree->nodes;
	struct output_walk walk;
	enum output_step step;
	uint32_t whole = RESCUE_NONE; /* the directory that was named and is being walked */

	output_walk_init(&walk, names);
	while ((step = output_walk_next(&walk)) != OUTPUT_END) {
		bool is_named = whole != RESCUE_NONE;

		if (step == OUTPUT_LEAVE) {
			if (walk.at == whole)
				whole = RESCUE_NONE;
			continue;
		}
		for (size_t i = 0; i < selection->pattern_count && !walk.is_too_long; i++) {
			if (!fits(patterns[i], walk.path))
				continue;
			selection->matched[i] = true;
			is_named = true;
		}
		if (!is_named)
			continue;
		/* The directories above it have to be there for it. */
		for (uint32_t at = walk.at; at != RESCUE_NONE && !selection_holds(selection, at);
		     at = nodes[at].parent)
			set(selection, at);
		if (whole == RESCUE_NONE && walk.descend &&
		    (nodes[walk.at].type == EXT_TYPE_DIRECTORY || walk.at == RESCUE_ROOT))
			whole = walk.at;
	}
	output_walk_clear(&walk);
}

enum ext_status selection_init(struct selection *selection, const struct output_names *names,
			       const char *const *patterns, size_t pattern_count,
			       struct ext_error *error)
{
	const size_t bytes = names->tree->count / 8 + 1;

	*selection = (struct selection){.bits = calloc(1, bytes),
					.matched = calloc(pattern_count + 1, sizeof(bool)),
					.pattern_count = pattern_count};
	if (!selection->bits || !selection->matched) {
		selection_clear(selection);
		return ext_no_memory(error);
	}
	if (pattern_count == 0)
		memset(selection->bits, 0xff, bytes);
	else
		choose(selection, names, patterns);
	return EXT_OK;
}

void selection_clear(struct selection *selection)
{
	free(selection->bits);
	free(selection->matched);
	memset(selection, 0, sizeof *selection);
}
