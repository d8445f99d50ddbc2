/* SPDX-License-Identifier: MIT */
/* The hashes of names, against vectors that the kernel and debugfs agree on. */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "structure/dirhash.h"
#include "unit.h"

static const uint32_t seed[4] = {0x98badcfe, 0x10325476, 0x98badcfe, 0x10325476};
static const uint32_t no_seed[4] = {0, 0, 0, 0};
static const char cafe[] = "caf\xc3\xa9";

static uint64_t hash_of(unsigned version, const uint32_t seed_words[4], const char *name)
{
	uint32_t major = 0, minor = 0;

	ck_assert_int_eq(
		ext_directory_hash(version, seed_words, name, strlen(name), &major, &minor),
		EXT_OK);
	return (uint64_t)major << 32 | minor;
}

START_TEST(ascii_names_hash_as_the_kernel_does)
{
	ck_assert_uint_eq(hash_of(EXT_HASH_LEGACY, seed, "hello.txt"), 0x65a0577600000000);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4, seed, "hello.txt"), 0x80b3d116e7ea282a);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA, seed, "hello.txt"), 0xf1a8d5442ccc0616);
}
END_TEST

START_TEST(a_zero_seed_means_the_default_one)
{
	ck_assert_uint_eq(hash_of(EXT_HASH_LEGACY, no_seed, "hello.txt"), 0x65a0577600000000);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4, no_seed, "hello.txt"), 0xa26e1d86133b3f98);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA, no_seed, "hello.txt"), 0x5107c3f203840cb7);
}
END_TEST

START_TEST(unsigned_versions_differ_only_beyond_ascii)
{
	for (unsigned version = EXT_HASH_LEGACY; version <= EXT_HASH_TEA; version++) {
		ck_assert_uint_eq(hash_of(version, seed, "hello.txt"),
				  hash_of(version + 3, seed, "hello.txt"));
		ck_assert_uint_ne(hash_of(version, seed, cafe), hash_of(version + 3, seed, cafe));
	}
}
END_TEST

START_TEST(signed_bytes_hash_as_on_x86)
{
	ck_assert_uint_eq(hash_of(EXT_HASH_LEGACY, seed, cafe), 0x96ca5a2c00000000);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4, seed, cafe), 0x97ed1696877d6a98);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA, seed, cafe), 0x065e49a2b916301f);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4, no_seed, cafe), 0xfb9c5e5c0573e8b8);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA, no_seed, cafe), 0x105842eafb9165ca);
}
END_TEST

START_TEST(unsigned_bytes_hash_as_on_arm)
{
	ck_assert_uint_eq(hash_of(EXT_HASH_LEGACY_UNSIGNED, seed, cafe), 0x6dde423000000000);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4_UNSIGNED, seed, cafe), 0x9f7d4e16a8128a56);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA_UNSIGNED, seed, cafe), 0x04a794785d5f1856);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4_UNSIGNED, no_seed, cafe), 0x9d72aed6f6138c6a);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA_UNSIGNED, no_seed, cafe), 0x6621f032f86699c6);
}
END_TEST

/* From debugfs: dx_hash -h HASH -s fedcba98-7654-3210-fedc-ba9876543210 NAME. */
START_TEST(names_longer_than_a_chunk_carry_state_over)
{
	static const char name[] = "a-rather-long-file-name-to-fill-directory-blocks-01";

	ck_assert_uint_eq(hash_of(EXT_HASH_LEGACY, seed, name), 0x4951a5b000000000);
	ck_assert_uint_eq(hash_of(EXT_HASH_HALF_MD4, seed, name), 0x4fd1b81c0287ffe5);
	ck_assert_uint_eq(hash_of(EXT_HASH_TEA, seed, name), 0xcfea02641b30ea3d);
}
END_TEST

/* Names of all lengths, with and without bytes beyond ASCII, in batches of all sizes. */
START_TEST(many_names_hash_as_each_alone)
{
	enum { NAMES = 11 };
	char text[NAMES][EXT_NAME_MAX];
	struct ext_name names[NAMES];
	uint32_t majors[NAMES];

	for (unsigned round = 0; round < 600; round++) {
		const unsigned version = round % 6, count = round % (NAMES + 1);

		for (unsigned i = 0; i < count; i++) {
			names[i] = (struct ext_name){text[i], 1 + (round * 7 + i * 37) % 255};
			for (unsigned at = 0; at < names[i].length; at++)
				text[i][at] = (char)(round % 3 == 0 ? at * 29 + i * 11 + round
								    : 'a' + (at * 7 + i) % 26);
		}
		ck_assert_int_eq(ext_directory_hash_names(version, seed, names, count, majors),
				 EXT_OK);

		for (unsigned i = 0; i < count; i++) {
			uint32_t major, minor;

			ck_assert_int_eq(ext_directory_hash(version, seed, names[i].bytes,
							    names[i].length, &major, &minor),
					 EXT_OK);
			ck_assert_uint_eq(majors[i], major);
		}
	}
}
END_TEST

#ifdef __GNUC__
/* The longest and the shortest names side by side, by each kind of vectors that this CPU has. */
START_TEST(all_vectors_give_the_same_hashes)
{
	char text[DIRHASH_LANES][EXT_NAME_MAX];
	struct ext_name names[DIRHASH_LANES];

	ck_assert(dirhash_vectors_are_here(DIRHASH_PLAIN));
	for (unsigned round = 0; round < 300; round++) {
		const unsigned count = 1 + round % DIRHASH_LANES;
		const bool is_unsigned = round % 2;

		for (unsigned i = 0; i < count; i++) {
			names[i] = (struct ext_name){text[i], 1 + (round * 11 + i * 53) % 255};
			for (unsigned at = 0; at < names[i].length; at++)
				text[i][at] = (char)(1 + (at * 31 + i * 17 + round * 7) % 255);
		}
		for (unsigned vectors = 0; vectors < DIRHASH_VECTORS; vectors++) {
			uint32_t hashes[DIRHASH_LANES];

			if (!dirhash_vectors_are_here((enum dirhash_vectors)vectors))
				continue;
			dirhash_half_md4_lanes((enum dirhash_vectors)vectors, seed, is_unsigned,
					       names, count, hashes);

			for (unsigned i = 0; i < count; i++) {
				uint32_t major, minor;

				ck_assert_int_eq(
					ext_directory_hash(is_unsigned ? EXT_HASH_HALF_MD4_UNSIGNED
								       : EXT_HASH_HALF_MD4,
							   seed, names[i].bytes, names[i].length,
							   &major, &minor),
					EXT_OK);
				ck_assert_uint_eq(dirhash_major(hashes[i]), major);
			}
		}
	}
}
END_TEST
#endif

START_TEST(siphash_cannot_be_computed)
{
	uint32_t major, minor;

	ck_assert_int_eq(ext_directory_hash(EXT_HASH_SIPHASH, seed, "a", 1, &major, &minor),
			 EXT_UNSUPPORTED);
	ck_assert_int_eq(ext_directory_hash(200, seed, "a", 1, &major, &minor), EXT_UNSUPPORTED);
	ck_assert_int_eq(ext_directory_hash_names(EXT_HASH_SIPHASH, seed,
						  &(struct ext_name){"a", 1}, 1, &major),
			 EXT_UNSUPPORTED);
}
END_TEST

START_TEST(the_filesystem_decides_whether_bytes_are_signed)
{
	struct ext_superblock superblock = {.flags = EXT_FLAG_SIGNED_HASH};

	ck_assert_uint_eq(ext_directory_hash_version(&superblock, EXT_HASH_HALF_MD4),
			  EXT_HASH_HALF_MD4);
	superblock.flags = EXT_FLAG_UNSIGNED_HASH;
	ck_assert_uint_eq(ext_directory_hash_version(&superblock, EXT_HASH_HALF_MD4),
			  EXT_HASH_HALF_MD4_UNSIGNED);
	ck_assert_uint_eq(ext_directory_hash_version(&superblock, EXT_HASH_SIPHASH),
			  EXT_HASH_SIPHASH);
}
END_TEST

START_TEST(casefolded_ascii_names_hash_alike_in_either_case)
{
	const struct ext_superblock superblock = {.hash_seed = {1, 2, 3, 4}};
	const struct ext_inode directory = {.flags = EXT_INODE_CASEFOLD};
	const struct ext_inode plain = {.flags = 0};
	uint32_t upper, lower, kept, minor;

	ck_assert_int_eq(ext_directory_name_hash(&superblock, &directory, EXT_HASH_HALF_MD4,
						 "README", 6, &upper, &minor),
			 EXT_OK);
	ck_assert_int_eq(ext_directory_name_hash(&superblock, &directory, EXT_HASH_HALF_MD4,
						 "readme", 6, &lower, &minor),
			 EXT_OK);
	ck_assert_int_eq(ext_directory_name_hash(&superblock, &plain, EXT_HASH_HALF_MD4, "README",
						 6, &kept, &minor),
			 EXT_OK);

	ck_assert_uint_eq(upper, lower);
	ck_assert_uint_ne(upper, kept);
}
END_TEST

START_TEST(folded_names_beyond_ascii_are_not_guessed)
{
	const struct ext_superblock superblock = {.hash_seed = {1, 2, 3, 4}};
	const struct ext_inode directory = {.flags = EXT_INODE_CASEFOLD};
	uint32_t major, minor;

	ck_assert_int_eq(ext_directory_name_hash(&superblock, &directory, EXT_HASH_HALF_MD4, cafe,
						 5, &major, &minor),
			 EXT_UNSUPPORTED);
	/* What is no UTF-8 is not folded at all. */
	ck_assert_int_eq(ext_directory_name_hash(&superblock, &directory, EXT_HASH_HALF_MD4,
						 "caf\xc3", 4, &major, &minor),
			 EXT_OK);
}
END_TEST

START_TEST(utf8_is_told_from_other_bytes)
{
	static const char *const right[] = {"", "a", "\xc2\x80", "\xe2\x82\xac",
					    "\xf4\x8f\xbf\xbf"};
	static const char *const wrong[] = {"\x80",	    "\xc3",
					    "\xc0\x80",	    "\xe0\x80\x80",
					    "\xed\xa0\x80", "\xf4\x90\x80\x80",
					    "\xff",	    "\xf0\x8f\xbf\xbf",
					    "a\xe2\x82"};

	for (size_t i = 0; i < sizeof right / sizeof *right; i++)
		ck_assert(ext_name_is_utf8(right[i], strlen(right[i])));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert(!ext_name_is_utf8(wrong[i], strlen(wrong[i])));
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, ascii_names_hash_as_the_kernel_does);
	tcase_add_test(tests, a_zero_seed_means_the_default_one);
	tcase_add_test(tests, unsigned_versions_differ_only_beyond_ascii);
	tcase_add_test(tests, signed_bytes_hash_as_on_x86);
	tcase_add_test(tests, unsigned_bytes_hash_as_on_arm);
	tcase_add_test(tests, names_longer_than_a_chunk_carry_state_over);
	tcase_add_test(tests, many_names_hash_as_each_alone);
#ifdef __GNUC__
	tcase_add_test(tests, all_vectors_give_the_same_hashes);
#endif
	tcase_add_test(tests, siphash_cannot_be_computed);
	tcase_add_test(tests, the_filesystem_decides_whether_bytes_are_signed);
	tcase_add_test(tests, casefolded_ascii_names_hash_alike_in_either_case);
	tcase_add_test(tests, folded_names_beyond_ascii_are_not_guessed);
	tcase_add_test(tests, utf8_is_told_from_other_bytes);
}

int main(void)
{
	return unit_run("dirhash", add_tests);
}
