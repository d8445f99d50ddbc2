/* SPDX-License-Identifier: MIT */
/*
 * The names under which the nodes of a rescue tree are written, listed and asked for: harmless,
 * unlike each other within a directory, and with an extension where the content tells one and no
 * name survived. Restore, `ls --lost` and `cat --lost` all take them from here.
 */
#ifndef RESCUE_OUTPUT_NAMES_H
#define RESCUE_OUTPUT_NAMES_H

#include "rescue/tree.h"

/* Room for any name, its terminator included. */
enum { OUTPUT_NAME_SIZE = EXT_NAME_MAX * 3 + 32 };

/* A file that is being written, and what the target could not take: names that only the writers
 * give. */
extern const char output_partial_name[];
extern const char output_sidecar_name[];

struct output_names {
	const struct rescue_tree *tree; /* borrowed */
	uint8_t *changes;    /* how often a node had to be renamed; OUTPUT_UNNAMABLE: in vain */
	uint8_t *extensions; /* what guess_extension says; NULL: no node is without a name */
};

/* Fails with MEMORY. */
enum ext_status output_names_init(struct output_names *names, const struct rescue_tree *tree,
				  struct ext_error *error);
void output_names_clear(struct output_names *names);

/* The name of a node; returns its length. */
size_t output_name(const struct output_names *names, uint32_t at, char text[OUTPUT_NAME_SIZE]);

/* False: every name for this node belongs to another entry already; it cannot be written. */
bool output_is_namable(const struct output_names *names, uint32_t at);

/*
 * The path of a node without a leading '/', allocated. NULL: no memory, or longer than
 * OUTPUT_PATH_MOST.
 */
enum { OUTPUT_PATH_MOST = 65536 };
char *output_path(const struct output_names *names, uint32_t at);

enum output_step {
	OUTPUT_ENTRY, /* a node, before what is in it */
	OUTPUT_LEAVE, /* a directory, after what is in it */
	OUTPUT_END,
};

/*
 * A walk over all nodes in the order in which they are written. After OUTPUT_ENTRY of a directory,
 * `descend` may be set to false; then its entries and its OUTPUT_LEAVE are left out.
 */
struct output_walk {
	const struct output_names *names;
	uint32_t at;
	char *path; /* of `at`, without a leading '/'; "" where it is too long or cannot be had */
	bool is_too_long; /* it is; nothing below is walked */
	bool descend;
	char name[OUTPUT_NAME_SIZE];
	size_t length, size;
	enum output_step step;
	bool has_begun;
};

void output_walk_init(struct output_walk *walk, const struct output_names *names);
void output_walk_clear(struct output_walk *walk);
enum output_step output_walk_next(struct output_walk *walk);

#endif
