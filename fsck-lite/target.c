/* SPDX-License-Identifier: MIT */
/* From an operand of the command line to an inode. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <ext/directory.h>

#include "complain.h"
#include "exit.h"
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
	const bool is_hex = operand[0] == '0' && (operand[1] == 'x' || operand[1] == 'X');
	const char *const digits = is_hex ? "0123456789abcdefABCDEF" : "0123456789";
	const unsigned base = is_hex ? 16 : 10;
	uint64_t value = 0;

	operand += is_hex ? 2 : 0;
	if (*operand == '\0')
		return false;
	for (; *operand; operand++) {
		const char *digit = strchr(digits, *operand);
		unsigned worth;

		if (!digit)
			return false;
		worth = (unsigned)(digit - digits);
		worth -= worth >= 16 ? 6 : 0;
		if (value > (UINT64_MAX - worth) / base)
			return false;
		value = value * base + worth;
	}
	*number = value;
	return true;
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
