/* SPDX-License-Identifier: MIT */
/* The last step of opening an image. */
#ifndef FSCK_LITE_IMAGE_JOURNAL_H
#define FSCK_LITE_IMAGE_JOURNAL_H

#include <ext/choose.h>

#include "image.h"

/*
 * Lays the journal's pending changes over the image. Block 0 and descriptors may be among them, so
 * the filesystem is opened again on top, through `choice`, which may change. Returns EXIT_CLEAN, or
 * complains and returns the exit status of the command.
 */
int image_lay_journal(const struct options *options, struct opened_image *image,
		      struct ext_choice *choice, struct ext_sink *sink);

#endif
