/* SPDX-License-Identifier: MIT */
/*
 * The verdict over a checksum. One place, so that a fuzzer (--enable-fuzzing), which would never
 * guess a right one, can take all of them as right.
 */
#ifndef STRUCTURE_CHECKSUM_H
#define STRUCTURE_CHECKSUM_H

#include <ext/superblock.h>

static inline enum ext_checksum_state checksum_state(bool holds)
{
#ifdef EXT_SKIP_CHECKSUMS
	(void)holds;
	return EXT_CHECKSUM_OK;
#else
	return holds ? EXT_CHECKSUM_OK : EXT_CHECKSUM_BAD;
#endif
}

#endif
