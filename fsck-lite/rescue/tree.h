/* SPDX-License-Identifier: MIT */
/*
 * The tree that can be brought back: what the root reaches, and below lost+found whatever else was
 * found, each under its best name. It says which bytes are the inode of each file and through which
 * view its blocks are read; copying out is left to others.
 */
#ifndef RESCUE_TREE_H
#define RESCUE_TREE_H

#include <ext/mapping.h>

#include "accounting/survey.h"

enum rescue_origin {
	RESCUE_REACHED, /* the root reaches it */
	RESCUE_LOST,	/* in use, but no directory leads there */
	RESCUE_DELETED, /* not in use any more: an older version of its inode was found */
};

enum rescue_confidence {
	RESCUE_SURE,	/* as good as a file of an intact filesystem */
	RESCUE_LIKELY,	/* deleted, and its blocks are free now: probably whole */
	RESCUE_PARTIAL, /* some of its blocks belong to another file now, or cannot be found */
	RESCUE_NAME,	/* nothing but the name is left */
};

#define RESCUE_ROOT ((uint32_t)0)
#define RESCUE_NONE UINT32_MAX

struct rescue_node {
	uint32_t parent;  /* index of the directory it is in; RESCUE_NONE for the root */
	uint32_t next;	  /* the next entry of the same directory; RESCUE_NONE: the last */
	uint32_t child;	  /* first entry of a directory; RESCUE_NONE: none */
	uint32_t name_at; /* into the pool of names */
	ext_ino ino;
	uint32_t entries;      /* of a directory */
	uint64_t inode_offset; /* bytes in the view where the inode's bytes lie; 0: in its table */
	uint8_t name_length;
	uint8_t type;	    /* enum ext_file_type */
	uint8_t origin;	    /* enum rescue_origin */
	uint8_t confidence; /* enum rescue_confidence */
};

struct deleted_list;

struct rescue_tree {
	const struct ext_filesystem
		*filesystem;   /* the view that everything is read through; borrowed */
	struct survey *survey; /* of that view; borrowed */
	struct rescue_node *nodes;
	uint32_t count;
	size_t size;
	char *names;
	size_t names_length, names_size;
	const struct deleted_list *deleted; /* whose inodes are among them; borrowed, or NULL */
};

struct records;
struct healing;

struct rescue_options {
	bool lost;			    /* with what no directory reaches */
	const struct healing *healing;	    /* what the names are proved with; or NULL */
	const struct records *records;	    /* names from elsewhere, for what has none; or NULL */
	const struct deleted_list *deleted; /* deleted inodes to bring back too; or NULL */
};

/*
 * Builds the tree of a finished survey. Names come as the directories have them, any bytes: who
 * writes them out must see to it that they stay harmless. A directory comes once, a file with hard
 * links under each of its names. Loops are cut. Fails with MEMORY.
 */
enum ext_status rescue_tree_build(struct survey *survey, const struct rescue_options *options,
				  struct rescue_tree *tree, struct ext_error *error);
void rescue_tree_clear(struct rescue_tree *tree);

/*
 * Reads the inode of a node, and its inode_size bytes into `raw` when that is not NULL. Fails as
 * ext_inode_read does.
 */
enum ext_status rescue_inode(const struct rescue_tree *tree, const struct rescue_node *node,
			     struct ext_inode *inode, uint8_t *raw, struct ext_error *error);

static inline const char *rescue_name(const struct rescue_tree *tree,
				      const struct rescue_node *node)
{
	return tree->names ? tree->names + node->name_at : "";
}

/* The next node in pre-order, directories before their entries, or RESCUE_NONE at the end. */
uint32_t rescue_next(const struct rescue_tree *tree, uint32_t at);

/* Path of a node from the root, "/a/b"; returns its length as snprintf does. */
size_t rescue_path(const struct rescue_tree *tree, uint32_t at, char *text, size_t size);

/*
 * Adds a node below `parent`, at the end of its entries. For builders. RESCUE_NONE: no memory.
 */
uint32_t rescue_add(struct rescue_tree *tree, uint32_t parent, const char *name, size_t length,
		    ext_ino ino, uint8_t type, enum rescue_origin origin);

/* Gives a node that hangs nowhere its name and its place below `parent`. False: no memory. */
bool rescue_hang(struct rescue_tree *tree, uint32_t node, uint32_t parent, const char *name,
		 size_t length);

/* Ends building: turns the entries of each directory from newest first to the order they came in.
 */
void rescue_turn(struct rescue_tree *tree);

#endif
