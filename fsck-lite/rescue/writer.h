/* SPDX-License-Identifier: MIT */
/*
 * What copying out asks of whoever writes: a directory, or an archive. The names in an item are
 * harmless already.
 */
#ifndef RESCUE_WRITER_H
#define RESCUE_WRITER_H

#include <ext/xattr.h>

#include "rescue/pour.h"
#include "rescue/sidecar.h"
#include "rescue/tree.h"

/* What became of a node in a writer's hands. */
enum write_result {
	WRITE_DONE,
	WRITE_SKIPPED,	/* is there already, from an earlier run */
	WRITE_LEFT,	/* of a kind that is not written here; counted, and in the sidecar */
	WRITE_FAILED,	/* not there; `reason` says why */
	WRITE_FULL,	/* no room: nothing more can be written */
	WRITE_CANCELLED /* stopped in the middle of it: not there */
};

/* One thing to write. Everything is borrowed for the call. */
struct copy_item {
	const struct rescue_node *node;
	const struct ext_inode *inode;
	const uint8_t *raw; /* the inode's bytes */
	const char *name;   /* harmless: no '/', not ".", not ".." */
	const char *path;   /* from the output's root, without a leading '/' */
	const char *link;   /* symlink: target; hard link: path written before; else NULL */
	size_t link_length;
	const struct ext_filesystem *filesystem;
	struct content *content;
	struct ext_digest *digest; /* of regular files, to be fed with all bytes; or NULL */
	struct gaps *gaps;	   /* out: what could not be read */
	bool (*stop)(void);
	char reason[160]; /* out: why it failed */
};

struct writer {
	enum write_result (*enter)(struct writer *writer, struct copy_item *directory);
	enum write_result (*leave)(struct writer *writer, struct copy_item *directory);
	enum write_result (*file)(struct writer *writer, struct copy_item *item);
	enum write_result (*hard_link)(struct writer *writer, struct copy_item *item);
	enum write_result (*symlink)(struct writer *writer, struct copy_item *item);
	enum write_result (*special)(struct writer *writer, struct copy_item *item);
	/* The end; also writes the sidecar. */
	enum write_result (*finish)(struct writer *writer);
	void (*close)(struct writer *writer);
	bool preserve_privileged;
	bool resume;
	struct sidecar sidecar;
	/* What could not be kept, counted for one line each at the end. */
	uint64_t owners_lost, modes_dropped, xattrs_lost, times_lost, sockets_left, devices_left;
	uint64_t flags_lost;
	uint64_t without_room; /* files that the free space cannot hold */
};

/* Writers. NULL when it cannot be made; errno says why. */
struct writer *directory_writer_new(const char *path);
/* "-" is standard output. */
struct writer *tar_writer_new(const char *path);

#endif
