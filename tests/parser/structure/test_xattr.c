/* SPDX-License-Identifier: MIT */
/* Extended attributes in an inode and in a block, and where their lists break. */
#include "config.h"

#include <string.h>

#include <ext/xattr.h>

#include "bytes/crc32c.h"
#include "layout/layout.h"
#include "unit.h"

static const struct ext_superblock plain = {.block_size = 1024, .inode_size = 256};
static const struct ext_superblock checked = {
	.block_size = 1024, .inode_size = 256, .checksum_seed = 99, .has_metadata_csum = true};

static size_t put_attribute(uint8_t *at, uint8_t index, const char *name, uint16_t offset,
			    uint32_t size, uint32_t hash)
{
	struct ext_raw_xattr_entry *entry = (struct ext_raw_xattr_entry *)(void *)at;

	memset(entry, 0, sizeof *entry);
	entry->e_name_len = (uint8_t)strlen(name);
	entry->e_name_index = index;
	put(&entry->e_value_offs, offset);
	put(&entry->e_value_size, size);
	put(&entry->e_hash, hash);
	memcpy(at + sizeof *entry, name, strlen(name));
	return (sizeof *entry + strlen(name) + 3) / 4 * 4;
}

/* An inode of 256 bytes with user.k1=value1. */
static struct ext_span make_inode(uint8_t raw[256])
{
	memset(raw, 0, 256);
	raw[128] = 32;
	put((struct le32 *)(void *)(raw + 160), 0xea020000);
	put_attribute(raw + 164, 1, "k1", 84, 6, 0);
	memcpy(raw + 164 + 84, "value1", 6);
	return (struct ext_span){raw, 256};
}

static struct ext_span make_block(uint8_t block[1024])
{
	struct ext_raw_xattr_header *header = (struct ext_raw_xattr_header *)(void *)block;

	memset(block, 0, 1024);
	put(&header->h_magic, 0xea020000);
	put(&header->h_refcount, 1);
	put(&header->h_blocks, 1);
	put_attribute(block + 32, 1, "k1", 1016, 6, 0x61764958);
	memcpy(block + 1016, "value1", 6);
	return (struct ext_span){block, 1024};
}

START_TEST(an_attribute_in_an_inode_is_found_behind_its_fields)
{
	uint8_t raw[256];
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;
	char name[300];

	ck_assert_int_eq(ext_xattr_inode_begin(&plain, make_inode(raw), &cursor, NULL), EXT_OK);

	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, NULL), EXT_OK);
	ck_assert_int_eq(xattr.home, EXT_XATTR_IN_INODE);
	ck_assert_uint_eq(ext_xattr_name(&xattr, name, sizeof name), 7);
	ck_assert_str_eq(name, "user.k1");
	ck_assert_uint_eq(xattr.value.size, 6);
	ck_assert_mem_eq(xattr.value.data, "value1", 6);
	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, NULL), EXT_END);
}
END_TEST

START_TEST(an_inode_without_the_magic_has_no_attributes)
{
	const struct ext_superblock small = {.inode_size = 128};
	uint8_t raw[256];
	struct ext_span inode = make_inode(raw);
	struct ext_xattr_cursor cursor;

	ck_assert_int_eq(ext_xattr_inode_begin(&small, inode, &cursor, NULL), EXT_END);
	raw[160] = 1;
	ck_assert_int_eq(ext_xattr_inode_begin(&plain, inode, &cursor, NULL), EXT_END);
	/* A hostile i_extra_isize leads out of the inode, or leaves no room for the magic. */
	raw[128] = 0xff;
	raw[129] = 0xff;
	ck_assert_int_eq(ext_xattr_inode_begin(&plain, inode, &cursor, NULL), EXT_END);
	raw[128] = 126;
	raw[129] = 0;
	ck_assert_int_eq(ext_xattr_inode_begin(&plain, inode, &cursor, NULL), EXT_END);
}
END_TEST

START_TEST(the_end_of_the_space_ends_the_list_too)
{
	uint8_t raw[256];
	struct ext_span inode = make_inode(raw);
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;

	/* 92 bytes behind the magic: one entry of 16 + 76. */
	put_attribute(
		raw + 164, 1,
		"0123456789012345678901234567890123456789012345678901234567890123456789012345", 0,
		0, 0);
	ck_assert_int_eq(ext_xattr_inode_begin(&plain, inode, &cursor, NULL), EXT_OK);

	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, NULL), EXT_OK);
	ck_assert_uint_eq(xattr.name_length, 76);
	ck_assert_ptr_nonnull(xattr.value.data);
	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, NULL), EXT_END);
}
END_TEST

START_TEST(a_name_beyond_the_space_ends_the_list)
{
	uint8_t raw[256];
	struct ext_span inode = make_inode(raw);
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;
	struct ext_error error;

	raw[164] = 77;
	ck_assert_int_eq(ext_xattr_inode_begin(&plain, inode, &cursor, NULL), EXT_OK);

	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_XATTR_INODE_OVERLAP);
	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, &error), EXT_END);
}
END_TEST

START_TEST(an_entry_cut_off_by_the_end_is_an_error)
{
	uint8_t bytes[1024];
	struct ext_span block = make_block(bytes);
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;
	struct ext_error error;

	block.size = 60;
	bytes[52] = 1;
	ck_assert_int_eq(ext_xattr_block_begin(&plain, block, &cursor, NULL), EXT_OK);

	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, &error), EXT_OK);
	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_XATTR_BLOCK_OVERLAP);
}
END_TEST

START_TEST(a_value_out_of_bounds_leaves_the_entry_without_one)
{
	uint8_t bytes[1024];
	struct ext_span block = make_block(bytes);
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;

	put_attribute(bytes + 32, 1, "k1", 1020, 6, 0);
	put_attribute(bytes + 52, 1, "k2", 8, 6, 0);
	ck_assert_int_eq(ext_xattr_block_begin(&plain, block, &cursor, NULL), EXT_OK);

	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, NULL), EXT_OK);
	ck_assert_ptr_null(xattr.value.data);
	/* Inside the block's header. */
	ck_assert_int_eq(ext_xattr_next(&cursor, &xattr, NULL), EXT_OK);
	ck_assert_ptr_null(xattr.value.data);
}
END_TEST

START_TEST(a_block_without_the_magic_is_rejected)
{
	uint8_t bytes[1024] = {0};
	const struct ext_span block = {bytes, sizeof bytes};
	struct ext_xattr_cursor cursor;
	struct ext_xattr_header header;
	struct ext_error error;

	ck_assert_int_eq(ext_xattr_block_begin(&plain, block, &cursor, &error), EXT_CORRUPT);
	ck_assert_int_eq(error.problem, EXT_XATTR_MAGIC);
	ck_assert_int_eq(ext_xattr_header(&plain, 7, block, &header, NULL), EXT_CORRUPT);
}
END_TEST

START_TEST(the_checksum_is_keyed_with_the_number_of_the_block)
{
	uint8_t bytes[1024];
	const struct ext_span block = make_block(bytes);
	struct ext_xattr_header header;
	struct le64 number;

	put(&number, UINT64_C(136));
	put((struct le32 *)(void *)(bytes + 16), crc32c(crc32c(99, &number, 8), bytes, 1024));

	ck_assert_int_eq(ext_xattr_header(&checked, 136, block, &header, NULL), EXT_OK);
	ck_assert_int_eq(header.checksum, EXT_CHECKSUM_OK);
	ck_assert_int_eq(ext_xattr_header(&checked, 137, block, &header, NULL), EXT_OK);
	ck_assert_int_eq(header.checksum, EXT_CHECKSUM_BAD);
	ck_assert_int_eq(ext_xattr_header(&plain, 137, block, &header, NULL), EXT_OK);
	ck_assert_int_eq(header.checksum, EXT_CHECKSUM_NONE);
}
END_TEST

START_TEST(hashes_of_entries_are_the_kernels)
{
	const struct ext_xattr ascii = {
		.name_length = 2, .name = "k1", .value = {(const uint8_t *)"value1", 6}};
	const struct ext_xattr high = {.name_length = 3, .name = "\xc3\xa9\xff"};

	ck_assert_uint_eq(ext_xattr_entry_hash(&ascii, false, 0), 0x61764958);
	ck_assert_uint_eq(ext_xattr_entry_hash(&ascii, true, 0), 0x61764958);
	ck_assert_uint_ne(ext_xattr_entry_hash(&high, true, 0),
			  ext_xattr_entry_hash(&high, false, 0));
}
END_TEST

START_TEST(one_entry_without_a_hash_leaves_the_block_without_one)
{
	uint8_t bytes[1024];
	const struct ext_span block = make_block(bytes);

	ck_assert_uint_eq(ext_xattr_block_hash(block), 0x61764958);
	put_attribute(bytes + 52, 6, "capability", 0, 0, 0);
	ck_assert_uint_eq(ext_xattr_block_hash(block), 0);
}
END_TEST

START_TEST(unknown_namespaces_are_named_by_number)
{
	const struct ext_xattr xattr = {.index = 11, .name_length = 1, .name = "x"};
	char name[32];

	ck_assert_ptr_null(ext_xattr_prefix(0));
	ck_assert_ptr_null(ext_xattr_prefix(11));
	ext_xattr_name(&xattr, name, sizeof name);
	ck_assert_str_eq(name, "namespace11.x");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, an_attribute_in_an_inode_is_found_behind_its_fields);
	tcase_add_test(tests, an_inode_without_the_magic_has_no_attributes);
	tcase_add_test(tests, the_end_of_the_space_ends_the_list_too);
	tcase_add_test(tests, a_name_beyond_the_space_ends_the_list);
	tcase_add_test(tests, an_entry_cut_off_by_the_end_is_an_error);
	tcase_add_test(tests, a_value_out_of_bounds_leaves_the_entry_without_one);
	tcase_add_test(tests, a_block_without_the_magic_is_rejected);
	tcase_add_test(tests, the_checksum_is_keyed_with_the_number_of_the_block);
	tcase_add_test(tests, hashes_of_entries_are_the_kernels);
	tcase_add_test(tests, one_entry_without_a_hash_leaves_the_block_without_one);
	tcase_add_test(tests, unknown_namespaces_are_named_by_number);
}

int main(void)
{
	return unit_run("xattr", add_tests);
}
