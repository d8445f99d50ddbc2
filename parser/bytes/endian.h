/* SPDX-License-Identifier: MIT */
/*
 * Numbers as they lie on disk: one-member structs of bytes. Alignment 1, no padding, correct on
 * every host, and not usable as a number until get() is called, so that nobody forgets the order.
 * Compilers turn get() and put() into one load or store.
 */
#ifndef BYTES_ENDIAN_H
#define BYTES_ENDIAN_H

#include <stdint.h>

struct le16 {
	uint8_t byte[2];
};
struct le32 {
	uint8_t byte[4];
};
struct le64 {
	uint8_t byte[8];
};
struct be16 {
	uint8_t byte[2];
};
struct be32 {
	uint8_t byte[4];
};
struct be64 {
	uint8_t byte[8];
};

/* A single byte has no order and stays a plain uint8_t; get() and put() take it all the same. */
static inline uint8_t get_u8(uint8_t v)
{
	return v;
}
static inline uint16_t get_le16(struct le16 v)
{
	return (uint16_t)(v.byte[0] | v.byte[1] << 8);
}
static inline uint32_t get_le32(struct le32 v)
{
	return (uint32_t)v.byte[0] | (uint32_t)v.byte[1] << 8 | (uint32_t)v.byte[2] << 16 |
	       (uint32_t)v.byte[3] << 24;
}
static inline uint64_t get_le64(struct le64 v)
{
	return (uint64_t)v.byte[0] | (uint64_t)v.byte[1] << 8 | (uint64_t)v.byte[2] << 16 |
	       (uint64_t)v.byte[3] << 24 | (uint64_t)v.byte[4] << 32 | (uint64_t)v.byte[5] << 40 |
	       (uint64_t)v.byte[6] << 48 | (uint64_t)v.byte[7] << 56;
}
static inline uint16_t get_be16(struct be16 v)
{
	return (uint16_t)(v.byte[0] << 8 | v.byte[1]);
}
static inline uint32_t get_be32(struct be32 v)
{
	return (uint32_t)v.byte[0] << 24 | (uint32_t)v.byte[1] << 16 | (uint32_t)v.byte[2] << 8 |
	       (uint32_t)v.byte[3];
}
static inline uint64_t get_be64(struct be64 v)
{
	return (uint64_t)v.byte[0] << 56 | (uint64_t)v.byte[1] << 48 | (uint64_t)v.byte[2] << 40 |
	       (uint64_t)v.byte[3] << 32 | (uint64_t)v.byte[4] << 24 | (uint64_t)v.byte[5] << 16 |
	       (uint64_t)v.byte[6] << 8 | (uint64_t)v.byte[7];
}

static inline void put_u8(uint8_t *v, uint8_t n)
{
	*v = n;
}
static inline void put_le16(struct le16 *v, uint16_t n)
{
	v->byte[0] = (uint8_t)n;
	v->byte[1] = (uint8_t)(n >> 8);
}
static inline void put_le32(struct le32 *v, uint32_t n)
{
	for (unsigned i = 0; i < 4; i++)
		v->byte[i] = (uint8_t)(n >> 8 * i);
}
static inline void put_le64(struct le64 *v, uint64_t n)
{
	for (unsigned i = 0; i < 8; i++)
		v->byte[i] = (uint8_t)(n >> 8 * i);
}
static inline void put_be16(struct be16 *v, uint16_t n)
{
	v->byte[0] = (uint8_t)(n >> 8);
	v->byte[1] = (uint8_t)n;
}
static inline void put_be32(struct be32 *v, uint32_t n)
{
	for (unsigned i = 0; i < 4; i++)
		v->byte[i] = (uint8_t)(n >> 8 * (3 - i));
}
static inline void put_be64(struct be64 *v, uint64_t n)
{
	for (unsigned i = 0; i < 8; i++)
		v->byte[i] = (uint8_t)(n >> 8 * (7 - i));
}

/* The value of an on-disk number; its width and byte order come from its type. */
#define get(v)                                                                                     \
	_Generic((v), uint8_t                                                                      \
		 : get_u8, struct le16                                                             \
		 : get_le16, struct le32                                                           \
		 : get_le32, struct le64                                                           \
		 : get_le64, struct be16                                                           \
		 : get_be16, struct be32                                                           \
		 : get_be32, struct be64                                                           \
		 : get_be64)(v)

/* Stores a number through a pointer to its on-disk place. */
#define put(p, n)                                                                                  \
	_Generic((p), uint8_t *                                                                    \
		 : put_u8, struct le16 *                                                           \
		 : put_le16, struct le32 *                                                         \
		 : put_le32, struct le64 *                                                         \
		 : put_le64, struct be16 *                                                         \
		 : put_be16, struct be32 *                                                         \
		 : put_be32, struct be64 *                                                         \
		 : put_be64)(p, n)

#endif
