/* SPDX-License-Identifier: MIT */
/*
 * CRC-32, most significant bit first: eight bytes a step through eight tables, where table k gives
 * the effect of a byte that k more bytes follow. No CPU has an instruction for this one, but those
 * that multiply without carry are faster with that.
 */
#include "config.h"

#include "bytes/crc32_be.h"
#include "bytes/crc_fold.h"
#include "bytes/endian.h"
#include "bytes/linear_table.h"

#define ENTRY_0(b)                                                                                 \
	LINEAR_ENTRY(b, 0x04c11db7, 0x09823b6e, 0x130476dc, 0x2608edb8, 0x4c11db70, 0x9823b6e0,    \
		     0x34867077, 0x690ce0ee)
#define ENTRY_1(b)                                                                                 \
	LINEAR_ENTRY(b, 0xd219c1dc, 0xa0f29e0f, 0x452421a9, 0x8a484352, 0x10519b13, 0x20a33626,    \
		     0x41466c4c, 0x828cd898)
#define ENTRY_2(b)                                                                                 \
	LINEAR_ENTRY(b, 0x01d8ac87, 0x03b1590e, 0x0762b21c, 0x0ec56438, 0x1d8ac870, 0x3b1590e0,    \
		     0x762b21c0, 0xec564380)
#define ENTRY_3(b)                                                                                 \
	LINEAR_ENTRY(b, 0xdc6d9ab7, 0xbc1a28d9, 0x7cf54c05, 0xf9ea980a, 0xf7142da3, 0xeae946f1,    \
		     0xd1139055, 0xa6e63d1d)
#define ENTRY_4(b)                                                                                 \
	LINEAR_ENTRY(b, 0x490d678d, 0x921acf1a, 0x20f48383, 0x41e90706, 0x83d20e0c, 0x036501af,    \
		     0x06ca035e, 0x0d9406bc)
#define ENTRY_5(b)                                                                                 \
	LINEAR_ENTRY(b, 0x1b280d78, 0x36501af0, 0x6ca035e0, 0xd9406bc0, 0xb641ca37, 0x684289d9,    \
		     0xd08513b2, 0xa5cb3ad3)
#define ENTRY_6(b)                                                                                 \
	LINEAR_ENTRY(b, 0x4f576811, 0x9eaed022, 0x399cbdf3, 0x73397be6, 0xe672f7cc, 0xc824f22f,    \
		     0x9488f9e9, 0x2dd0ee65)
#define ENTRY_7(b)                                                                                 \
	LINEAR_ENTRY(b, 0x5ba1dcca, 0xb743b994, 0x6a466e9f, 0xd48cdd3e, 0xadd8a7cb, 0x5f705221,    \
		     0xbee0a442, 0x79005533)

static const uint32_t table[8][256] = {
	LINEAR_TABLE(ENTRY_0), LINEAR_TABLE(ENTRY_1), LINEAR_TABLE(ENTRY_2), LINEAR_TABLE(ENTRY_3),
	LINEAR_TABLE(ENTRY_4), LINEAR_TABLE(ENTRY_5), LINEAR_TABLE(ENTRY_6), LINEAR_TABLE(ENTRY_7),
};

uint32_t crc32_be_table(uint32_t seed, const uint8_t *bytes, size_t length)
{
	uint32_t crc = seed;

	for (; length >= 8; length -= 8, bytes += 8) {
		const struct {
			struct be32 high, low;
		} *const pair = (const void *)bytes;
		const uint32_t high = get(pair->high) ^ crc, low = get(pair->low);

		crc = table[7][high >> 24] ^ table[6][high >> 16 & 0xff] ^
		      table[5][high >> 8 & 0xff] ^ table[4][high & 0xff] ^ table[3][low >> 24] ^
		      table[2][low >> 16 & 0xff] ^ table[1][low >> 8 & 0xff] ^ table[0][low & 0xff];
	}
	for (; length > 0; length--, bytes++)
		crc = table[0][(crc >> 24 ^ *bytes) & 0xff] ^ crc << 8;
	return crc;
}

uint32_t crc32_be(uint32_t seed, const void *data, size_t length)
{
#ifdef HAVE_CRC_FOLD
	if (length >= CRC_FOLD_LEAST && crc_fold_is_here())
		return crc32_be_fold(seed, data, length);
#endif
#ifdef HAVE_CRC32C_X86
	if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("ssse3"))
		return crc32_be_pclmul(seed, data, length);
#endif
	return crc32_be_table(seed, data, length);
}
