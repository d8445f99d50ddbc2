/* SPDX-License-Identifier: MIT */
/*
 * Reads ranges of a file in the order in which they are listed, a line each: first byte, bytes.
 * What a program that needs these bytes is held against when nothing is in memory.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };

int main(int argc, char **argv)
{
	if (argc != 3)
		return 16;

	const int image = open(argv[1], O_RDONLY);
	FILE *ranges = fopen(argv[2], "r");
	char *buffer = malloc(BUFFER);
	uint64_t at, length;
	if (image < 0 || !ranges || !buffer)
		return 8;
	/* Nothing between the ranges is wanted. */
	(void)posix_fadvise(image, 0, 0, POSIX_FADV_RANDOM);
	while (fscanf(ranges, "%" SCNu64 " %" SCNu64, &at, &length) == 2) {
		while (length > 0) {
			const size_t most = length < BUFFER ? (size_t)length : BUFFER;
			const ssize_t got = pread(image, buffer, most, (off_t)at);

			if (got <= 0)
				return 8;
			at += (uint64_t)got;
			length -= (uint64_t)got;
		}
	}
	free(buffer);
	fclose(ranges);
	close(image);
	return 0;
}
