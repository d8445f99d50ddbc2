/* SPDX-License-Identifier: MIT */
/*
 * Owner, mode, times and extended attributes of something that has just been written into a
 * directory. What cannot be set is counted, and stands in the sidecar.
 */
#ifndef RESCUE_ATTRIBUTES_H
#define RESCUE_ATTRIBUTES_H

#include "rescue/writer.h"

/*
 * For what is open as `fd`; or, with fd -1, for what stands in directory `folder` under the item's
 * name and cannot be opened: nowhere is a symbolic link followed. Returns 0, or the errno of the
 * one thing that must not fail, the mode.
 */
int attributes_set(struct writer *writer, const struct copy_item *item, int folder, int fd);

#endif
