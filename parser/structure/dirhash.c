/* SPDX-License-Identifier: MIT */
/*
 * The hash of a file name by which an htree is ordered: legacy, half MD4 and TEA, each over signed
 * or unsigned bytes. SipHash, which directories both encrypted and casefolded use, needs the
 * directory's key and cannot be computed here. Of casefolded names only those are known whose
 * folding needs no Unicode tables.
 * Doc: ext4/directory.rst, "Hash Tree Directories"; format-facts "Hash versions".
 */
#include "config.h"

#include <string.h>

#include "structure/dirhash.h"

/* The end of a directory in a hash-ordered listing; the kernel keeps real hashes away from it. */
static const uint32_t hash_end_of_directory = 0xfffffffe;

static uint32_t rotate_left(uint32_t value, unsigned count)
{
	return value << count | value >> (32 - count);
}

/* A name byte as the machine that made the filesystem saw a `char`. */
static uint32_t name_byte(const char *name, size_t at, bool is_unsigned)
{
	const uint32_t byte = (unsigned char)name[at];

	return !is_unsigned && byte >= 0x80 ? byte | 0xffffff00 : byte;
}

void dirhash_pack(const char *name, size_t left, bool is_unsigned, uint32_t *words, size_t count)
{
	const uint32_t pad = ((uint32_t)left | (uint32_t)left << 8) * 0x10001;
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		words[i] = pad;
		for (unsigned byte = 0; byte < 4 && at < left; byte++, at++)
			words[i] = (words[i] << 8) + name_byte(name, at, is_unsigned);
	}
}

static uint32_t legacy_hash(const char *name, size_t length, bool is_unsigned)
{
	uint32_t newer = 0x12a3fe2d;
	uint32_t older = 0x37abe8f9;

	for (size_t at = 0; at < length; at++) {
		uint32_t hash = older + (newer ^ name_byte(name, at, is_unsigned) * 7152373);

		if (hash & 0x80000000)
			hash -= 0x7fffffff;
		older = newer;
		newer = hash;
	}
	return newer << 1;
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
	return z ^ (x & (y ^ z));
}

static uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
	return (x & y) + ((x ^ y) & z);
}

static uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
	return x ^ y ^ z;
}

/* The steps of MD4's three rounds that this hash keeps: half of them. */
static void half_md4(uint32_t state[4], const uint32_t words[HASH_WORDS])
{
	static const struct {
		uint32_t (*mix)(uint32_t x, uint32_t y, uint32_t z);
		uint32_t constant;
		uint8_t order[HASH_WORDS];
		uint8_t shifts[4];
	} rounds[3] = {
		{choose, 0, {0, 1, 2, 3, 4, 5, 6, 7}, {3, 7, 11, 19}},
		{majority, 0x5a827999, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 5, 9, 13}},
		{parity, 0x6ed9eba1, {3, 7, 2, 6, 1, 5, 0, 4}, {3, 9, 11, 15}},
	};
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned step = 0; step < HASH_WORDS; step++) {
			const uint32_t mixed = a + rounds[round].mix(b, c, d) +
					       words[rounds[round].order[step]] +
					       rounds[round].constant;

			/* The word just changed becomes b; the next to change is what was d. */
			a = d;
			d = c;
			c = b;
			b = rotate_left(mixed, rounds[round].shifts[step % 4]);
		}
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

static void tea(uint32_t state[4], const uint32_t key[4])
{
	uint32_t sum = 0;
	uint32_t left = state[0], right = state[1];

	for (unsigned round = 0; round < 16; round++) {
		sum += 0x9e3779b9;
		left += ((right << 4) + key[0]) ^ (right + sum) ^ ((right >> 5) + key[1]);
		right += ((left << 4) + key[2]) ^ (left + sum) ^ ((left >> 5) + key[3]);
	}
	state[0] += left;
	state[1] += right;
}

void dirhash_begin(const uint32_t seed[4], uint32_t state[4])
{
	static const uint32_t unset[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

	/* An all-zero seed was never set and means the default. */
	memcpy(state, seed[0] | seed[1] | seed[2] | seed[3] ? seed : unset, sizeof unset);
}

uint32_t dirhash_major(uint32_t hash)
{
	hash &= ~(uint32_t)1;
	return hash == hash_end_of_directory ? hash_end_of_directory - 2 : hash;
}

enum ext_status ext_directory_hash(unsigned version, const uint32_t seed[4], const char *name,
				   size_t length, uint32_t *major, uint32_t *minor)
{
	const bool is_unsigned = version >= EXT_HASH_LEGACY_UNSIGNED;
	uint32_t state[4], words[HASH_WORDS];
	uint32_t hash = 0, low = 0;

	if (version > EXT_HASH_TEA_UNSIGNED)
		return EXT_UNSUPPORTED;
	dirhash_begin(seed, state);
	switch (version % EXT_HASH_LEGACY_UNSIGNED) {
	case EXT_HASH_LEGACY:
		hash = legacy_hash(name, length, is_unsigned);
		break;
	case EXT_HASH_HALF_MD4:
		for (size_t at = 0; at < length; at += 32) {
			dirhash_pack(name + at, length - at, is_unsigned, words, 8);
			half_md4(state, words);
		}
		hash = state[1];
		low = state[2];
		break;
	case EXT_HASH_TEA:
		for (size_t at = 0; at < length; at += 16) {
			dirhash_pack(name + at, length - at, is_unsigned, words, 4);
			tea(state, words);
		}
		hash = state[0];
		low = state[1];
		break;
	}
	*major = dirhash_major(hash);
	*minor = low;
	return EXT_OK;
}

enum ext_status ext_directory_hash_names(unsigned version, const uint32_t seed[4],
					 const struct ext_name *names, unsigned count,
					 uint32_t *majors)
{
	enum ext_status status = version > EXT_HASH_TEA_UNSIGNED ? EXT_UNSUPPORTED : EXT_OK;
	unsigned done = 0;

#if defined __GNUC__
	if (version == EXT_HASH_HALF_MD4 || version == EXT_HASH_HALF_MD4_UNSIGNED) {
		const enum dirhash_vectors best = dirhash_best_vectors();

		for (unsigned part; done < count; done += part) {
			part = count - done < DIRHASH_LANES ? count - done : DIRHASH_LANES;
			dirhash_half_md4_lanes(best, seed, version == EXT_HASH_HALF_MD4_UNSIGNED,
					       names + done, part, majors + done);
		}
		for (unsigned i = 0; i < count; i++)
			majors[i] = dirhash_major(majors[i]);
	}
#endif
	for (uint32_t minor; done < count && status == EXT_OK; done++)
		status = ext_directory_hash(version, seed, names[done].bytes, names[done].length,
					    &majors[done], &minor);
	return status;
}

unsigned ext_directory_hash_version(const struct ext_superblock *superblock, unsigned stored)
{
	if (stored <= EXT_HASH_TEA && superblock->flags & EXT_FLAG_UNSIGNED_HASH)
		return stored + EXT_HASH_LEGACY_UNSIGNED;
	return stored;
}

/*
 * Folds a name whose folding is known without tables: ASCII alone. Other valid UTF-8 would need
 * the Unicode tables; what is not UTF-8 at all is hashed as it is.
 */
static enum ext_status fold_name(const char *name, size_t length, char folded[EXT_NAME_MAX])
{
	bool is_ascii = true;

	for (size_t i = 0; i < length; i++) {
		const char byte = name[i];

		is_ascii = is_ascii && (unsigned char)byte < 0x80;
		folded[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
	}
	if (is_ascii)
		return EXT_OK;
	if (ext_name_is_utf8(name, length))
		return EXT_UNSUPPORTED;
	memcpy(folded, name, length);
	return EXT_OK;
}

bool ext_name_is_utf8(const char *name, size_t length)
{
	for (size_t at = 0; at < length;) {
		const unsigned char first = (unsigned char)name[at++];
		const unsigned more = first < 0x80   ? 0
				      : first < 0xc2 ? 4
				      : first < 0xe0 ? 1
				      : first < 0xf0 ? 2
				      : first < 0xf5 ? 3
						     : 4;
		uint32_t code = more == 0 ? first : first & (0x3fu >> more);

		if (more > 3 || length - at < more)
			return false;
		for (unsigned i = 0; i < more; i++) {
			const unsigned char byte = (unsigned char)name[at++];

			if ((byte & 0xc0) != 0x80)
				return false;
			code = code << 6 | (byte & 0x3fu);
		}
		/* Longer than needed, a surrogate, or beyond the last code point. */
		if ((more == 2 && code < 0x800) || (more == 3 && code < 0x10000) ||
		    (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
			return false;
	}
	return true;
}

enum ext_status ext_directory_name_hash(const struct ext_superblock *superblock,
					const struct ext_inode *directory, unsigned stored_version,
					const char *name, size_t length, uint32_t *major,
					uint32_t *minor)
{
	const bool is_encrypted = (directory->flags & EXT_INODE_ENCRYPT) != 0;
	const unsigned version = ext_directory_hash_version(superblock, stored_version);
	char folded[EXT_NAME_MAX];

	if (length > EXT_NAME_MAX)
		return EXT_ARGUMENT;
	if (directory->flags & EXT_INODE_CASEFOLD) {
		if (is_encrypted || fold_name(name, length, folded) != EXT_OK)
			return EXT_UNSUPPORTED;
		name = folded;
	}
	return ext_directory_hash(version, superblock->hash_seed, name, length, major, minor);
}
