/* SPDX-License-Identifier: MIT */
/* Whether somebody else uses an image: a mount, or a loop device. Linux only; elsewhere: no. */
#ifndef FSCK_LITE_MOUNTS_H
#define FSCK_LITE_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * Is this device, or a loop device on this file, mounted? `where` receives the mount point,
 * `writable` whether the filesystem is mounted for writing; both may be NULL.
 */
bool mounts_have(const struct stat *wanted, char *where, size_t size, bool *writable);

/* The number of the loop device that stands on this file, or -1. */
int mounts_loop_device(const struct stat *wanted);

#endif
