/* SPDX-License-Identifier: MIT */
/* What the two halves of growing a tree share: the nodes of directories, and the names taken. */
#ifndef RESCUE_GROW_TREE_H
#define RESCUE_GROW_TREE_H

#include "rescue/deleted.h"
#include "rescue/name_index.h"
#include "rescue/records.h"
#include "rescue/tree.h"

/* An entry whose inode is not in use. */
struct bare_name {
	uint32_t parent, name_at; /* node of its directory; into `bare_names` */
	uint8_t length;
	ext_ino ino;
};

struct grower {
	struct rescue_tree *tree;
	const struct rescue_options *options;
	uint32_t lost_found;	    /* its node, once something goes there */
	uint32_t *ghosts, *deleted; /* nodes, for each of the records' and the list's */
	uint32_t *nodes; /* of each directory of the survey; RESCUE_NONE: not in the tree yet */
	struct name_index names;
	struct bare_name *bare;
	size_t bare_count, bare_size;
	char *bare_names;
	size_t bare_names_length, bare_names_size;
	bool failed;
};

static inline size_t index_of(const struct survey *survey, const struct directory *directory)
{
	return (size_t)(directory - survey->directories);
}

/*
 * Once all directory entries are in the tree: hangs up what is lost, what was deleted, and the
 * directories known from blocks alone, each under its best name. False: no memory.
 */
bool place_the_rest(struct grower *grower, struct survey *survey);

/* Keeps an entry of the directory at node `parent` whose inode is not in use. False: no memory. */
bool bare_names_keep(struct grower *grower, uint32_t parent, const struct ext_dirent *entry);

/*
 * At the end, when everything has its place: a node for each kept name that nothing came to stand
 * under. False: no memory.
 */
bool bare_names_place(struct grower *grower);
void bare_names_clear(struct grower *grower);

#endif
