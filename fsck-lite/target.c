/* SPDX-License-Identifier: MIT */
/* From an operand of the command line to an inode. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <ext/directory.h>

#include "complain.h"
#include "exit.h"
#include "option_value.h"
#include "target.h"

int target_by_path(const struct opened_image *image, const char *path, struct ext_inode *inode,
		   uint8_t *raw)
{
	struct ext_error error;
	enum ext_status status;
	ext_ino ino;
	char text[512];

	status = ext_path_lookup(image->filesystem, path, &ino, &error);
	if (status == EXT_CORRUPT) {
		ext_error_describe(&error, text, sizeof text);
		complain("%s: %s: not found, and a directory on the way cannot be read whole: %s",
			 image->path, path, text);
		return EXIT_CANNOT_RUN;
	}
	if (status == EXT_OK)
		status = ext_inode_read(image->filesystem, ino, inode, raw, &error);
	if (status == EXT_OK)
		return EXIT_CLEAN;
	if (error.problem == EXT_NO_SUCH_PATH)
		complain("%s: %s: no such file or directory", image->path, path);
	else
		complain_error(image->path, &error);
	return EXIT_CANNOT_RUN;
}

bool target_number(const char *operand, uint64_t *number)
{
	return option_number(operand, NULL, number);
}

int target_by_number_or_path(const struct opened_image *image, const char *operand,
			     struct ext_inode *inode, uint8_t *raw)
{
	char name[32];
	uint64_t number;

	if (!target_number(operand, &number))
		return target_by_path(image, operand, inode, raw);
	if (number > UINT32_MAX) {
		complain("%s: there is no inode %s", image->path, operand);
		return EXIT_CANNOT_RUN;
	}
	snprintf(name, sizeof name, "#%lu", (unsigned long)number);
	return target_by_path(image, name, inode, raw);
}
