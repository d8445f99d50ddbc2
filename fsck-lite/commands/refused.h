/* SPDX-License-Identifier: MIT */
/* What a reader of JSON gets when an image could not be opened. */
#ifndef COMMANDS_REFUSED_H
#define COMMANDS_REFUSED_H

#include "image.h"
#include "options.h"

/*
 * After open_image: where `status` says that the command cannot run because there is no filesystem,
 * and JSON was asked for, writes a document whose findings say why. Returns `status`.
 */
int refused(const char *command, const struct opened_image *image, const struct options *options,
	    int status);

#endif
