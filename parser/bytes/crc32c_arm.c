/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C with the CRC32 extension of ARMv8.
 */
#include "config.h"

#include "bytes/crc32c.h"

#ifdef HAVE_CRC32C_ARM

/* clang's header hides the functions unless the whole file is compiled for the extension. */
#ifdef __clang__
#define CRC32C_WORD __builtin_arm_crc32cd
#define CRC32C_BYTE __builtin_arm_crc32cb
#else
#include <arm_acle.h>
#define CRC32C_WORD __crc32cd
#define CRC32C_BYTE __crc32cb
#endif

#include "bytes/endian.h"

__attribute__((target(CRC32C_ARM_TARGET))) uint32_t crc32c_arm(uint32_t seed, const void *data,
							       size_t length)
{
	const uint8_t *bytes = data;
	uint32_t crc = seed;

	for (; length >= 8; length -= 8, bytes += 8)
		crc = CRC32C_WORD(crc, get(*(const struct le64 *)(const void *)bytes));
	for (; length > 0; length--, bytes++)
		crc = CRC32C_BYTE(crc, *bytes);
	return crc;
}

#else
typedef int crc32c_arm_is_not_built; /* ISO C wants a declaration in every file */
#endif
