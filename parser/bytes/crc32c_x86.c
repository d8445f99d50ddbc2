/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C with the instruction of SSE4.2. It takes eight bytes a cycle but gives its result only
 * three cycles later, so one chain runs at a third of the speed; three chains over three
 * neighbouring lanes fill the gap. The lanes are joined with carry-less multiplication: a register
 * that n more bytes follow is multiplied by x^(8n) modulo the polynomial.
 */
#include "config.h"

#include "bytes/crc32c.h"

#ifdef HAVE_CRC32C_X86

#include <immintrin.h>
#include <string.h>

#ifdef __x86_64__
typedef uint64_t word;
#define CRC32C_STEP(crc, value) _mm_crc32_u64((crc), (value))
#else
typedef uint32_t word;
#define CRC32C_STEP(crc, value) _mm_crc32_u32((crc), (value))
#endif

static inline word load(const uint8_t *bytes)
{
	word value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(uint32_t seed, const void *data,
							size_t length)
{
	const uint8_t *bytes = data;
	word crc = seed;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word))
		crc = CRC32C_STEP(crc, load(bytes));
	for (; length > 0; length--, bytes++)
		crc = _mm_crc32_u8((uint32_t)crc, *bytes);
	return (uint32_t)crc;
}

__attribute__((target("sse4.2"))) void crc32c_sse42_each(uint32_t *registers,
							 const uint8_t *const *bytes, size_t length)
{
	const uint8_t *const a = bytes[0], *const b = bytes[1], *const c = bytes[2],
			     *const d = bytes[3];
	word first = registers[0], second = registers[1], third = registers[2],
	     fourth = registers[3];
	size_t at = 0;

	for (; length - at >= sizeof(word); at += sizeof(word)) {
		first = CRC32C_STEP(first, load(a + at));
		second = CRC32C_STEP(second, load(b + at));
		third = CRC32C_STEP(third, load(c + at));
		fourth = CRC32C_STEP(fourth, load(d + at));
	}
	for (; at < length; at++) {
		first = _mm_crc32_u8((uint32_t)first, a[at]);
		second = _mm_crc32_u8((uint32_t)second, b[at]);
		third = _mm_crc32_u8((uint32_t)third, c[at]);
		fourth = _mm_crc32_u8((uint32_t)fourth, d[at]);
	}
	registers[0] = (uint32_t)first;
	registers[1] = (uint32_t)second;
	registers[2] = (uint32_t)third;
	registers[3] = (uint32_t)fourth;
}

#ifdef __x86_64__

/*
 * The product of `crc` and `factor`, as a register. Both are bit-reversed, so the product comes
 * out one bit low, and the crc instruction multiplies by x^32: the factor for n bytes is therefore
 * x^(8n - 33) modulo the polynomial.
 */
__attribute__((target("sse4.2,pclmul"))) static inline uint32_t shift(uint32_t crc, uint32_t factor)
{
	const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)crc),
						     _mm_cvtsi32_si128((int)factor), 0);

	return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* Lane lengths in bytes, chosen so that 4096, 1024, 256 and 128 bytes leave little behind. */
static const struct lanes {
	size_t length;
	uint32_t once, twice; /* the factors for one lane and for two */
} lanes[] = {
	{1360, 0x3f70cc6f, 0x5aa1f3cf},
	{336, 0xa60ce07b, 0xcec3662e},
	{80, 0x39d3b296, 0x878a92a7},
	{40, 0x3da6d0cb, 0x39d3b296},
};

__attribute__((target("sse4.2,pclmul"))) uint32_t
crc32c_sse42_lanes(uint32_t seed, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint64_t first = seed;

	for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
		const size_t lane = lanes[i].length;

		while (length >= 3 * lane) {
			const uint8_t *const end = bytes + lane;
			uint64_t second = 0, third = 0;

			for (; bytes < end; bytes += 8) {
				first = _mm_crc32_u64(first, load(bytes));
				second = _mm_crc32_u64(second, load(bytes + lane));
				third = _mm_crc32_u64(third, load(bytes + 2 * lane));
			}
			first = shift((uint32_t)first, lanes[i].twice) ^
				shift((uint32_t)second, lanes[i].once) ^ third;
			bytes += 2 * lane;
			length -= 3 * lane;
		}
	}
	for (; length >= 8; length -= 8, bytes += 8)
		first = _mm_crc32_u64(first, load(bytes));
	if (length >= 4) {
		uint32_t value;

		memcpy(&value, bytes, sizeof value);
		first = _mm_crc32_u32((uint32_t)first, value);
		bytes += 4;
		length -= 4;
	}
	for (; length > 0; length--, bytes++)
		first = _mm_crc32_u8((uint32_t)first, *bytes);
	return (uint32_t)first;
}

#else

/* Without 64-bit registers the lanes gain too little to be worth a second version. */
uint32_t crc32c_sse42_lanes(uint32_t seed, const void *data, size_t length)
{
	return crc32c_sse42(seed, data, length);
}

#endif

#else
typedef int crc32c_x86_is_not_built; /* ISO C wants a declaration in every file */
#endif
