/* SPDX-License-Identifier: MIT */
/* What an operand names inside an image: an inode, by number or by path. */
#ifndef FSCK_LITE_TARGET_H
#define FSCK_LITE_TARGET_H

#include <ext/inode.h>

#include "image.h"

/*
 * Finds and reads the inode at `path` ("/a/b", "a/b", "#12") into `inode` and, unless it is NULL,
 * its inode_size bytes into `raw`. Complains in one line and returns the exit status when there is
 * none.
 */
int target_by_path(const struct opened_image *image, const char *path, struct ext_inode *inode,
		   uint8_t *raw);

/* The same, and a plain number is an inode number. */
int target_by_number_or_path(const struct opened_image *image, const char *operand,
			     struct ext_inode *inode, uint8_t *raw);

/* A number, decimal or hex behind 0x; false when it is none or beyond 64 bits. */
bool target_number(const char *operand, uint64_t *number);

#endif
