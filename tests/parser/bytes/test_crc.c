/* SPDX-License-Identifier: MIT */
/*
 * The three CRC families of ext against known values, and every way to compute CRC-32C against a
 * bit by bit one.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/crc16.h"
#include "bytes/crc32_be.h"
#include "bytes/crc32c.h"
#include "bytes/crc_fold.h"
#include "unit.h"

#define DIGITS "123456789", 9

static const uint8_t uuid[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

/* The definition: one bit a step. */
static uint32_t bit_by_bit(uint32_t crc, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return crc;
}

static void fill(uint8_t *bytes, size_t length)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
}

typedef uint32_t way(uint32_t seed, const void *data, size_t length);

/* Every length that meets another mix of lanes, words and bytes, at every alignment of a word. */
static void agrees_with_definition(way *compute)
{
	static const size_t long_ones[] = {1008, 1023, 1024, 2048, 4079,
					   4080, 4092, 4096, 8190, 16384};
	uint8_t *const bytes = malloc(16384 + 8);

	ck_assert_ptr_nonnull(bytes);
	fill(bytes, 16384 + 8);
	for (size_t length = 0; length < 520; length++)
		ck_assert_uint_eq(compute(0x688cb585, bytes + length % 8, length),
				  bit_by_bit(0x688cb585, bytes + length % 8, length));
	for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
		for (size_t at = 0; at < 8; at++)
			ck_assert_uint_eq(compute(~0u, bytes + at, long_ones[i]),
					  bit_by_bit(~0u, bytes + at, long_ones[i]));
	free(bytes);
}

START_TEST(crc32c_gives_the_known_values)
{
	uint8_t zeros[32] = {0}, ones[32];

	memset(ones, 0xff, sizeof ones);

	ck_assert_uint_eq(~crc32c(~0u, DIGITS), 0xe3069283);
	ck_assert_uint_eq(crc32c(~0u, DIGITS), 0x1cf96d7c);
	ck_assert_uint_eq(crc32c(0, DIGITS), 0x58e3fa20);
	ck_assert_uint_eq(~crc32c(~0u, zeros, sizeof zeros), 0x8a9136aa);
	ck_assert_uint_eq(~crc32c(~0u, ones, sizeof ones), 0x62a8ab43);
	ck_assert_uint_eq(crc32c(~0u, uuid, sizeof uuid), 0x688cb585);
}
END_TEST

START_TEST(crc32c_of_nothing_is_its_seed)
{
	ck_assert_uint_eq(crc32c(0xdeadbeef, NULL, 0), 0xdeadbeef);
}
END_TEST

START_TEST(crc32c_of_two_parts_chains)
{
	uint8_t bytes[300];

	fill(bytes, sizeof bytes);

	for (size_t cut = 0; cut <= sizeof bytes; cut++)
		ck_assert_uint_eq(crc32c(crc32c(~0u, bytes, cut), bytes + cut, sizeof bytes - cut),
				  crc32c(~0u, bytes, sizeof bytes));
}
END_TEST

START_TEST(crc32c_agrees_with_its_definition)
{
	agrees_with_definition(crc32c);
}
END_TEST

START_TEST(crc32c_by_table_agrees_with_its_definition)
{
	agrees_with_definition(crc32c_table);
}
END_TEST

#ifdef HAVE_CRC32C_X86
START_TEST(crc32c_by_sse42_agrees_with_its_definition)
{
	if (__builtin_cpu_supports("sse4.2"))
		agrees_with_definition(crc32c_sse42);
}
END_TEST

START_TEST(crc32c_by_sse42_lanes_agrees_with_its_definition)
{
	if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
		agrees_with_definition(crc32c_sse42_lanes);
}
END_TEST
#endif

#ifdef HAVE_CRC_FOLD
static uint32_t fold_or_lanes(uint32_t seed, const void *data, size_t length)
{
	return length >= 256 ? crc32c_fold(seed, data, length) : crc32c(seed, data, length);
}

START_TEST(crc32c_by_folding_agrees_with_its_definition)
{
	if (crc_fold_is_here())
		agrees_with_definition(fold_or_lanes);
}
END_TEST

START_TEST(crc32_be_by_folding_agrees_with_the_tables)
{
	uint8_t bytes[1400];

	if (!crc_fold_is_here())
		return;
	fill(bytes, sizeof bytes);
	for (size_t length = 256; length < sizeof bytes - 8; length++)
		ck_assert_uint_eq(crc32_be_fold(0x688cb585, bytes + length % 8, length),
				  crc32_be_table(0x688cb585, bytes + length % 8, length));
}
END_TEST
#endif

START_TEST(crc32c_of_several_at_once_is_that_of_each)
{
	uint8_t bytes[4 * 300];
	const uint8_t *starts[CRC32C_LANES];

	fill(bytes, sizeof bytes);
	for (size_t length = 0; length < 290; length++) {
		uint32_t registers[CRC32C_LANES];

		for (unsigned i = 0; i < CRC32C_LANES; i++) {
			starts[i] = bytes + i * 300 + (length + i) % 8;
			registers[i] = i * 0x01234567u;
		}
		crc32c_each(registers, starts, length);

		for (unsigned i = 0; i < CRC32C_LANES; i++)
			ck_assert_uint_eq(registers[i],
					  bit_by_bit(i * 0x01234567u, starts[i], length));
	}
}
END_TEST

START_TEST(crc32c_back_undoes_crc32c)
{
	static const uint32_t seeds[] = {0, 1, 0xdeadbeef, UINT32_MAX};
	static const uint8_t zeros[100];

	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(crc32c_back(crc32c(seeds[i], DIGITS), DIGITS), seeds[i]);
		ck_assert_uint_eq(
			crc32c_back(crc32c(seeds[i], zeros, sizeof zeros), NULL, sizeof zeros),
			seeds[i]);
		ck_assert_uint_eq(crc32c_back(seeds[i], NULL, 0), seeds[i]);
	}
}
END_TEST

START_TEST(crc32_be_is_the_same_in_pieces)
{
	uint8_t bytes[400];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 37 + i / 7 + 11);

	/* A byte at a time never takes the step of eight, nor that of 64. */
	for (size_t length = 0; length <= sizeof bytes; length++) {
		uint32_t crc = 0x12345678;

		for (size_t i = 0; i < length; i++)
			crc = crc32_be(crc, bytes + i, 1);
		ck_assert_uint_eq(crc32_be(0x12345678, bytes, length), crc);
		ck_assert_uint_eq(crc32_be_table(0x12345678, bytes, length), crc);
	}
}
END_TEST

START_TEST(crc32_be_gives_the_known_values)
{
	static const uint8_t zeros[1024];

	ck_assert_uint_eq(crc32_be(~0u, DIGITS), 0x0376e6e7);
	ck_assert_uint_eq(~crc32_be(~0u, DIGITS), 0xfc891918);
	ck_assert_uint_eq(crc32_be(~0u, zeros, sizeof zeros), 0x8b0a5208);
}
END_TEST

START_TEST(crc16_gives_the_known_values)
{
	ck_assert_uint_eq(crc16(0xffff, DIGITS), 0x4b37);
	ck_assert_uint_eq(crc16(0, DIGITS), 0xbb3d);
	ck_assert_uint_eq(crc16(0xffff, uuid, sizeof uuid), 0x5e51);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, crc32c_gives_the_known_values);
	tcase_add_test(tests, crc32c_of_nothing_is_its_seed);
	tcase_add_test(tests, crc32c_of_two_parts_chains);
	tcase_add_test(tests, crc32c_agrees_with_its_definition);
	tcase_add_test(tests, crc32c_by_table_agrees_with_its_definition);
#ifdef HAVE_CRC32C_X86
	tcase_add_test(tests, crc32c_by_sse42_agrees_with_its_definition);
	tcase_add_test(tests, crc32c_by_sse42_lanes_agrees_with_its_definition);
#endif
#ifdef HAVE_CRC_FOLD
	tcase_add_test(tests, crc32c_by_folding_agrees_with_its_definition);
	tcase_add_test(tests, crc32_be_by_folding_agrees_with_the_tables);
#endif
	tcase_add_test(tests, crc32c_of_several_at_once_is_that_of_each);
	tcase_add_test(tests, crc32c_back_undoes_crc32c);
	tcase_add_test(tests, crc32_be_gives_the_known_values);
	tcase_add_test(tests, crc32_be_is_the_same_in_pieces);
	tcase_add_test(tests, crc16_gives_the_known_values);
}

int main(void)
{
	return unit_run("crc", add_tests);
}
