/* SPDX-License-Identifier: MIT */
/*
 * CRC tables without 256 numbers to mistype. A CRC of one byte is linear over GF(2): the entry of
 * a byte is the XOR of the entries of its bits, so eight constants say the whole table and the
 * compiler writes it out.
 */
#ifndef BYTES_LINEAR_TABLE_H
#define BYTES_LINEAR_TABLE_H

/* The entry of byte `b`, from the entries of bytes 1, 2, 4 ... 128. */
#define LINEAR_ENTRY(b, e1, e2, e4, e8, e16, e32, e64, e128)                                       \
	(((b)&1 ? (e1) : 0u) ^ ((b)&2 ? (e2) : 0u) ^ ((b)&4 ? (e4) : 0u) ^ ((b)&8 ? (e8) : 0u) ^   \
	 ((b)&16 ? (e16) : 0u) ^ ((b)&32 ? (e32) : 0u) ^ ((b)&64 ? (e64) : 0u) ^                   \
	 ((b)&128 ? (e128) : 0u))

/* The initialiser of a table: entry(0), entry(1) ... entry(255). */
#define LINEAR_FOUR(entry, b) entry((b)), entry((b) + 1), entry((b) + 2), entry((b) + 3)
#define LINEAR_SIXTEEN(entry, b)                                                                   \
	LINEAR_FOUR(entry, (b)), LINEAR_FOUR(entry, (b) + 4), LINEAR_FOUR(entry, (b) + 8),         \
		LINEAR_FOUR(entry, (b) + 12)
#define LINEAR_SIXTY_FOUR(entry, b)                                                                \
	LINEAR_SIXTEEN(entry, (b)), LINEAR_SIXTEEN(entry, (b) + 16),                               \
		LINEAR_SIXTEEN(entry, (b) + 32), LINEAR_SIXTEEN(entry, (b) + 48)
#define LINEAR_TABLE(entry)                                                                        \
	{                                                                                          \
		LINEAR_SIXTY_FOUR(entry, 0), LINEAR_SIXTY_FOUR(entry, 64),                         \
			LINEAR_SIXTY_FOUR(entry, 128), LINEAR_SIXTY_FOUR(entry, 192)               \
	}

#endif
