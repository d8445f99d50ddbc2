/* SPDX-License-Identifier: MIT */
/*
 * Which way this CPU computes CRC-32C. Asked at each call: it is a load and a test of what the
 * C library or the compiler's start-up code found out, cheaper than a pointer that threads share.
 */
#include "config.h"

#include "bytes/crc32c.h"
#include "bytes/crc_fold.h"

#ifdef HAVE_CRC32C_ARM
#include <sys/auxv.h>

#ifdef __aarch64__
enum { HAS_CRC32 = 1 << 7 };
#define HARDWARE_WORD AT_HWCAP
#else
enum { HAS_CRC32 = 1 << 4 };
#define HARDWARE_WORD AT_HWCAP2
#endif
#endif

uint32_t crc32c(uint32_t seed, const void *data, size_t length)
{
#ifdef HAVE_CRC_FOLD
	if (length >= CRC_FOLD_LEAST && crc_fold_is_here())
		return crc32c_fold(seed, data, length);
#endif
#ifdef HAVE_CRC32C_X86
	if (__builtin_cpu_supports("sse4.2"))
		return __builtin_cpu_supports("pclmul") ? crc32c_sse42_lanes(seed, data, length)
							: crc32c_sse42(seed, data, length);
#endif
#ifdef HAVE_CRC32C_ARM
	if (getauxval(HARDWARE_WORD) & HAS_CRC32)
		return crc32c_arm(seed, data, length);
#endif
	return crc32c_table(seed, data, length);
}

void crc32c_each(uint32_t *registers, const uint8_t *const *bytes, size_t length)
{
#ifdef HAVE_CRC32C_X86
	if (__builtin_cpu_supports("sse4.2")) {
		crc32c_sse42_each(registers, bytes, length);
		return;
	}
#endif
	for (unsigned i = 0; i < CRC32C_LANES; i++)
		registers[i] = crc32c(registers[i], bytes[i], length);
}
