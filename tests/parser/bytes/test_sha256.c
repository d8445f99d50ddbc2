/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 against the vectors of FIPS 180-4, and fed in pieces.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "bytes/sha256.h"
#include "unit.h"

static void is_hash_of(const char *expected, const void *data, size_t length)
{
	uint8_t digest[SHA256_SIZE];
	char text[2 * SHA256_SIZE + 1];

	sha256(data, length, digest);
	for (unsigned i = 0; i < SHA256_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(text, expected);
}

START_TEST(sha256_gives_the_known_values)
{
	is_hash_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", 0);
	is_hash_of("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc", 3);
	is_hash_of("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
		   "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56);
}
END_TEST

START_TEST(sha256_of_a_million_letters_fed_in_pieces_is_the_known_value)
{
	static const uint8_t expected[32] = {0xcd, 0xc7, 0x6e, 0x5c, 0x99, 0x14, 0xfb, 0x92,
					     0x81, 0xa1, 0xc7, 0xe2, 0x84, 0xd7, 0x3e, 0x67,
					     0xf1, 0x80, 0x9a, 0x48, 0xa4, 0x97, 0x20, 0x0e,
					     0x04, 0x6d, 0x39, 0xcc, 0xc7, 0x11, 0x2c, 0xd0};
	uint8_t letters[1000], digest[SHA256_SIZE];
	struct sha256 hash;
	size_t left = 1000000;

	memset(letters, 'a', sizeof letters);
	sha256_init(&hash);
	for (size_t piece = 0; left > 0; piece = (piece + 37) % sizeof letters) {
		const size_t length = piece < left ? piece : left;

		sha256_update(&hash, letters, length);
		left -= length;
	}
	sha256_finish(&hash, digest);

	ck_assert_mem_eq(digest, expected, sizeof expected);
}
END_TEST

/* Whatever the CPU has, the plain way stands beside it: one block after the other, and many. */
START_TEST(sha256_of_blocks_is_the_same_the_plain_way)
{
	uint8_t bytes[64 * 9];
	struct sha256 hash;
	uint32_t state[8], seed = 1;

	for (size_t i = 0; i < sizeof bytes; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	for (size_t blocks = 0; blocks <= 9; blocks++) {
		sha256_init(&hash);
		memcpy(state, hash.state, sizeof state);

		sha256_update(&hash, bytes, 64 * blocks);
		sha256_blocks_plain(state, bytes, blocks);

		ck_assert_mem_eq(state, hash.state, sizeof state);
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, sha256_gives_the_known_values);
	tcase_add_test(tests, sha256_of_blocks_is_the_same_the_plain_way);
	tcase_add_test(tests, sha256_of_a_million_letters_fed_in_pieces_is_the_known_value);
}

int main(void)
{
	return unit_run("sha256", add_tests);
}
