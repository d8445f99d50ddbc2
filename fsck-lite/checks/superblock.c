/* SPDX-License-Identifier: MIT */
/*
 * The superblock beyond what decoding needs. Decoding itself reports magic, geometry and checksum
 * (parser/structure/superblock.c).
 */
#include "config.h"

#include "checks/checks.h"

void check_superblock(struct checks *checks)
{
	(void)checks;
}
