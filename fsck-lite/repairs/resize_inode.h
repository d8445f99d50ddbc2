/* SPDX-License-Identifier: MIT */
/* The reserved descriptor blocks of group 0, which lie behind the table and are wiped with it. */
#ifndef REPAIRS_RESIZE_INODE_H
#define REPAIRS_RESIZE_INODE_H

#include "image.h"
#include "repairs/plan.h"

/*
 * Plans to write the reserved descriptor blocks of group 0 that are zero. Their content follows
 * from the geometry alone: each lists the same block of every group with a superblock copy, as an
 * indirect block of the resize inode. Those that hold anything else are left alone.
 */
int resize_inode_plan(const struct opened_image *image, struct plan *plan);

#endif
