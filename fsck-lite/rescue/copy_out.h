/* SPDX-License-Identifier: MIT */
/*
 * Copies a rescue tree out: walks it, decides what each node becomes, and hands it to a writer (a
 * directory, or a tar archive). Names are made harmless here, once, for all writers.
 */
#ifndef RESCUE_COPY_OUT_H
#define RESCUE_COPY_OUT_H

#include <stdio.h>

#include <ext/xattr.h>

#include "rescue/content.h"
#include "rescue/tree.h"

/* What became of a node in a writer's hands. */
enum write_result {
	WRITE_DONE,
	WRITE_SKIPPED, /* is there already, from an earlier run */
	WRITE_FAILED,  /* not there; `reason` says why */
	WRITE_FULL,    /* no room: nothing more can be written */
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
	uint64_t unread;	   /* out: bytes that could not be read and are holes now */
	char reason[160];	   /* out: why it failed */
};

struct writer {
	enum write_result (*enter)(struct writer *writer, struct copy_item *directory);
	enum write_result (*leave)(struct writer *writer, struct copy_item *directory);
	enum write_result (*file)(struct writer *writer, struct copy_item *item);
	enum write_result (*hard_link)(struct writer *writer, struct copy_item *item);
	enum write_result (*symlink)(struct writer *writer, struct copy_item *item);
	enum write_result (*special)(struct writer *writer, struct copy_item *item);
	/* The end; also writes what the target could not take to a sidecar. */
	enum write_result (*finish)(struct writer *writer);
	void (*close)(struct writer *writer);
	bool preserve_privileged;
	bool resume;
	/* What could not be kept, counted for one line each at the end. */
	uint64_t owners_lost, modes_dropped, xattrs_lost, times_lost, sockets_left, devices_left;
};

/* Writers. NULL when it cannot be made; errno says why. */
struct writer *directory_writer_new(const char *path);
/* "-" is standard output. */
struct writer *tar_writer_new(const char *path);

struct copy_failure {
	char *path;
	ext_ino ino;
	char *reason;
};

struct copy_report {
	uint64_t files, directories, symlinks, other, bytes;
	uint64_t lost_restored, deleted_restored, skipped;
	uint64_t unread_bytes, damaged_files;
	struct copy_failure *failures;
	size_t failure_count, failure_size;
	uint64_t failure_total;
	bool full, stopped;
};

struct copy_options {
	const char *const *patterns; /* paths or globs; none: everything */
	size_t pattern_count;
	bool dry_run;
	FILE *manifest; /* or NULL */
	FILE *listing;	/* where --dry-run and -v list; or NULL */
	bool (*stop)(void);
	void (*progress)(void *context, uint64_t done, uint64_t all);
	void *progress_context;
};

/*
 * Copies `tree` to `writer` (NULL with dry_run). `matched` tells whether any pattern fitted.
 * Fails with MEMORY only.
 */
enum ext_status copy_out(const struct rescue_tree *tree, struct writer *writer,
			 const struct copy_options *options, struct copy_report *report,
			 bool *matched, struct ext_error *error);
void copy_report_clear(struct copy_report *report);

#endif
