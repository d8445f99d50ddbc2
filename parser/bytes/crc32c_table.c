/* SPDX-License-Identifier: MIT */
/*
 * CRC-32C on any CPU: eight bytes a step through eight tables, where table k gives the effect of a
 * byte that k more bytes follow.
 */
#include "config.h"

#include "bytes/crc32c.h"
#include "bytes/endian.h"
#include "bytes/linear_table.h"

#define ENTRY_0(b)                                                                                 \
	LINEAR_ENTRY(b, 0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede,    \
		     0x417b1dbc, 0x82f63b78)
#define ENTRY_1(b)                                                                                 \
	LINEAR_ENTRY(b, 0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302,    \
		     0xff17c604, 0xfbc3faf9)
#define ENTRY_2(b)                                                                                 \
	LINEAR_ENTRY(b, 0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14,    \
		     0xc76580d9, 0x8b277743)
#define ENTRY_3(b)                                                                                 \
	LINEAR_ENTRY(b, 0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b,    \
		     0xaba65fe7, 0x52a0c93f)
#define ENTRY_4(b)                                                                                 \
	LINEAR_ENTRY(b, 0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557,    \
		     0x37516aae, 0x6ea2d55c)
#define ENTRY_5(b)                                                                                 \
	LINEAR_ENTRY(b, 0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d,    \
		     0x0e045beb, 0x1c08b7d6)
#define ENTRY_6(b)                                                                                 \
	LINEAR_ENTRY(b, 0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd,    \
		     0x7ab7077a, 0xf56e0ef4)
#define ENTRY_7(b)                                                                                 \
	LINEAR_ENTRY(b, 0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599,    \
		     0x1a00cb32, 0x34019664)

static const uint32_t table[8][256] = {
	LINEAR_TABLE(ENTRY_0), LINEAR_TABLE(ENTRY_1), LINEAR_TABLE(ENTRY_2), LINEAR_TABLE(ENTRY_3),
	LINEAR_TABLE(ENTRY_4), LINEAR_TABLE(ENTRY_5), LINEAR_TABLE(ENTRY_6), LINEAR_TABLE(ENTRY_7),
};

uint32_t crc32c_table(uint32_t seed, const void *data, size_t length)
{
	const uint8_t *bytes = data;
	uint32_t crc = seed;

	for (; length >= 8; length -= 8, bytes += 8) {
		const struct {
			struct le32 low, high;
		} *const pair = (const void *)bytes;
		const uint32_t low = get(pair->low) ^ crc, high = get(pair->high);

		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^
		      table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^ table[3][high & 0xff] ^
		      table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^
		      table[0][high >> 24];
	}
	for (; length > 0; length--, bytes++)
		crc = table[0][(crc ^ *bytes) & 0xff] ^ crc >> 8;
	return crc;
}
