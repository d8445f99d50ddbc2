/* SPDX-License-Identifier: MIT */
/* Names for writing: made harmless, guessed from content, told apart. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "rescue/content.h"
#include "rescue/guess.h"
#include "rescue/output_names.h"

const char output_partial_name[] = ".fsck-lite.partial";
const char output_sidecar_name[] = "fsck-lite-attributes.jsonl";

/* Bytes kept free for what tells twins apart; rounds of renaming before one is given up. */
enum { SUFFIX = 26, ROUNDS = 4, UNNAMABLE = UINT8_MAX };

/*
 * A name that can stand in a directory of any system with POSIX names: '/' and NUL as %2F and %00,
 * "." and ".." and the empty name as something else. Returns its length.
 */
static size_t make_harmless(const char *raw, size_t length, char *name)
{
	size_t at = 0;

	if (length == 0) {
		memcpy(name, "%00", 4);
		return 3;
	}
	if (length <= 2 && raw[0] == '.' && raw[length - 1] == '.') {
		memcpy(name, "%2E%2E", 6);
		name[3 * length] = '\0';
		return 3 * length;
	}
	for (size_t i = 0; i < length; i++) {
		if (raw[i] != '/' && raw[i] != '\0') {
			name[at++] = raw[i];
			continue;
		}
		memcpy(name + at, raw[i] ? "%2F" : "%00", 3);
		at += 3;
	}
	if (at > EXT_NAME_MAX)
		at = EXT_NAME_MAX;
	name[at] = '\0';
	return at;
}

static bool is_changed_by_force(const char *raw, size_t length)
{
	return length == 0 || (length <= 2 && raw[0] == '.' && raw[length - 1] == '.') ||
	       memchr(raw, '/', length) || memchr(raw, '\0', length);
}

static bool is_our_own(const char *raw, size_t length, bool is_at_top)
{
	return (length == strlen(output_partial_name) &&
		memcmp(raw, output_partial_name, length) == 0) ||
	       (is_at_top && length == strlen(output_sidecar_name) &&
		memcmp(raw, output_sidecar_name, length) == 0);
}

/* In an encrypted directory a name is shown as Linux shows it. */
static size_t plain_name(const struct rescue_tree *tree, const struct rescue_node *node, char *text)
{
	const struct directory *parent =
		node->parent != RESCUE_NONE && tree->survey
			? survey_directory(tree->survey, tree->nodes[node->parent].ino)
			: NULL;
	char shown[EXT_NAME_MAX + 1];
	size_t length;

	if (!parent || !(parent->flags & EXT_INODE_ENCRYPT))
		return make_harmless(rescue_name(tree, node), node->name_length, text);
	length = ext_encrypted_name(ext_filesystem_superblock(tree->filesystem),
				    rescue_name(tree, node), node->name_length, false, shown);
	return make_harmless(shown, length < sizeof shown ? length : sizeof shown - 1, text);
}

size_t output_name(const struct output_names *names, uint32_t at, char text[OUTPUT_NAME_SIZE])
{
	const struct rescue_node *node = &names->tree->nodes[at];
	const uint8_t changes = names->changes[at] == UNNAMABLE ? ROUNDS : names->changes[at];
	size_t length = plain_name(names->tree, node, text);

	if (changes > 0) {
		/* What grew beyond what a directory can hold is cut; the number keeps it apart. */
		if (length > EXT_NAME_MAX - SUFFIX)
			length = EXT_NAME_MAX - SUFFIX;
		length += (size_t)snprintf(text + length, OUTPUT_NAME_SIZE - length, "~%" PRIu32,
					   node->ino);
		if (changes > 1)
			length += (size_t)snprintf(text + length, OUTPUT_NAME_SIZE - length,
						   "~%" PRIu32 "%.*s", at, changes - 2, "~~~~");
	}
	if (names->extensions && names->extensions[at] != 0)
		length += (size_t)snprintf(text + length, OUTPUT_NAME_SIZE - length, ".%s",
					   guess_extension_text(names->extensions[at]));
	return length;
}

bool output_is_namable(const struct output_names *names, uint32_t at)
{
	return names->changes[at] != UNNAMABLE;
}

char *output_path(const struct output_names *names, uint32_t at)
{
	const struct rescue_node *nodes = names->tree->nodes;
	char name[OUTPUT_NAME_SIZE], *path;
	size_t end = 0;

	for (uint32_t node = at; node != RESCUE_ROOT && node != RESCUE_NONE;
	     node = nodes[node].parent) {
		end += output_name(names, node, name) + 1;
		if (end > OUTPUT_PATH_MOST)
			return NULL;
	}
	path = malloc(end + 1);
	if (!path)
		return NULL;
	path[end ? end - 1 : 0] = '\0';
	for (uint32_t node = at; node != RESCUE_ROOT && node != RESCUE_NONE;
	     node = nodes[node].parent) {
		const size_t length = output_name(names, node, name);

		end -= length + 1;
		memcpy(path + end, name, length);
		if (end > 0)
			path[end - 1] = '/';
	}
	return path;
}

/* Extensions. */

/* Is this all the name it has: that nobody knows it? */
static bool is_nameless(const struct rescue_tree *tree, const struct rescue_node *node)
{
	char made_up[16];
	const int length = snprintf(made_up, sizeof made_up, "#%" PRIu32, node->ino);

	return node->origin != RESCUE_REACHED && node->type == EXT_TYPE_REGULAR &&
	       node->name_length == length &&
	       memcmp(rescue_name(tree, node), made_up, (size_t)length) == 0;
}

static uint8_t guess(const struct rescue_tree *tree, const struct rescue_node *node,
		     struct content *content)
{
	const struct content_piece *pieces;
	const uint8_t *data;
	struct ext_inode inode;
	size_t count, got = 0;

	if (rescue_inode(tree, node, &inode, NULL, NULL) != EXT_OK ||
	    inode.type != EXT_TYPE_REGULAR || inode.flags & EXT_INODE_ENCRYPT)
		return 0;
	(void)content_map(content, &inode, &pieces, &count);
	if (count == 0 || pieces[0].offset != 0 ||
	    !content_read(content, &inode, 0,
			  pieces[0].length < GUESS_BYTES ? pieces[0].length : GUESS_BYTES, &data,
			  &got))
		return 0;
	return guess_extension(data, got, inode.size == got);
}

static enum ext_status guess_all(struct output_names *names, struct ext_error *error)
{
	const struct rescue_tree *tree = names->tree;
	struct content *content = NULL;

	for (uint32_t i = 0; i < tree->count; i++) {
		if (!is_nameless(tree, &tree->nodes[i]))
			continue;
		if (!content) {
			content = content_new(tree->filesystem);
			names->extensions = calloc(tree->count, 1);
		}
		if (!content || !names->extensions) {
			content_free(content);
			return ext_no_memory(error);
		}
		names->extensions[i] = guess(tree, &tree->nodes[i], content);
	}
	content_free(content);
	return EXT_OK;
}

/* Telling twins apart. */

struct sibling {
	uint32_t node;
	const struct output_names *names;
};

static int compare_nodes(const struct sibling *a, const struct sibling *b)
{
	return a->node < b->node ? -1 : a->node > b->node;
}

static int compare_raw(const void *left, const void *right)
{
	const struct sibling *a = left, *b = right;
	const struct rescue_tree *tree = a->names->tree;
	const struct rescue_node *x = &tree->nodes[a->node], *y = &tree->nodes[b->node];

	if (x->name_length != y->name_length)
		return x->name_length < y->name_length ? -1 : 1;
	const int order = memcmp(rescue_name(tree, x), rescue_name(tree, y), x->name_length);

	return order != 0 ? order : compare_nodes(a, b);
}

static int compare_written(const void *left, const void *right)
{
	const struct sibling *a = left, *b = right;
	char x[OUTPUT_NAME_SIZE], y[OUTPUT_NAME_SIZE];

	output_name(a->names, a->node, x);
	output_name(b->names, b->node, y);
	/* Who has its own name keeps it. */
	if (strcmp(x, y) != 0)
		return strcmp(x, y);
	if (a->names->changes[a->node] != b->names->changes[b->node])
		return a->names->changes[a->node] < b->names->changes[b->node] ? -1 : 1;
	return compare_nodes(a, b);
}

/*
 * The names as they will be written, once more, where one of them was changed: a change may have
 * made it the name of another. Renames the later of two; false when there was none.
 */
static bool rename_round(struct output_names *names, struct sibling *siblings, size_t count,
			 bool is_last)
{
	char before[OUTPUT_NAME_SIZE], name[OUTPUT_NAME_SIZE];
	bool found = false;

	qsort(siblings, count, sizeof *siblings, compare_written);
	output_name(names, siblings[0].node, before);
	for (size_t i = 1; i < count; i++) {
		uint8_t *changes = &names->changes[siblings[i].node];

		output_name(names, siblings[i].node, name);
		if (strcmp(before, name) == 0) {
			*changes = is_last ? (uint8_t)UNNAMABLE : (uint8_t)(*changes + 1);
			found = true;
		} else {
			memcpy(before, name, sizeof before);
		}
	}
	return found;
}

static void rename_twins(struct output_names *names, struct sibling *siblings, size_t count)
{
	const struct rescue_tree *tree = names->tree;
	bool is_any_changed = false;

	qsort(siblings, count, sizeof *siblings, compare_raw);
	for (size_t i = 0; i < count; i++) {
		const uint32_t at = siblings[i].node;
		const struct rescue_node *node = &tree->nodes[at];
		const char *name = rescue_name(tree, node);
		const struct rescue_node *other = i > 0 ? &tree->nodes[siblings[i - 1].node] : NULL;

		if (is_our_own(name, node->name_length, node->parent == RESCUE_ROOT) ||
		    (other && other->name_length == node->name_length &&
		     memcmp(rescue_name(tree, other), name, node->name_length) == 0))
			names->changes[at] = 1;
		is_any_changed |= names->changes[at] != 0 ||
				  (names->extensions && names->extensions[at] != 0) ||
				  is_changed_by_force(name, node->name_length);
	}
	for (unsigned round = 1; is_any_changed && round <= ROUNDS; round++)
		if (!rename_round(names, siblings, count, round == ROUNDS))
			break;
}

enum ext_status output_names_init(struct output_names *names, const struct rescue_tree *tree,
				  struct ext_error *error)
{
	struct sibling *siblings = NULL;
	size_t size = 0;
	enum ext_status status;

	*names = (struct output_names){.tree = tree, .changes = calloc(tree->count + 1, 1)};
	status = names->changes ? guess_all(names, error) : ext_no_memory(error);
	for (uint32_t i = 0; i < tree->count && status == EXT_OK; i++) {
		size_t count = 0;

		for (uint32_t at = tree->nodes[i].child; at != RESCUE_NONE && status == EXT_OK;
		     at = tree->nodes[at].next) {
			if (!GROW(siblings, count, size))
				status = ext_no_memory(error);
			else
				siblings[count++] = (struct sibling){at, names};
		}
		if (count > 0 && status == EXT_OK)
			rename_twins(names, siblings, count);
	}
	free(siblings);
	if (status != EXT_OK)
		output_names_clear(names);
	return status;
}

void output_names_clear(struct output_names *names)
{
	free(names->changes);
	free(names->extensions);
	memset(names, 0, sizeof *names);
}
