/* SPDX-License-Identifier: MIT */
/*
 * From a path to the bytes of an image, whatever it is wrapped in.
 */
#include "config.h"

#include "image/source.h"

enum ext_status ext_source_open(const char *path, struct ext_source **source,
				struct ext_error *error)
{
	return ext_source_open_file(path, source, error);
}
