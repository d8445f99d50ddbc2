/* SPDX-License-Identifier: MIT */
/* All attributes of an inode: from the inode, its block, and inodes of values. */
#include "config.h"

#include <ext/xattr.h>

#include "bytes/crc32c.h"
#include "parser/walk/tiny.h"
#include "unit.h"

static void put_attribute(uint8_t *at, const char *name, uint16_t offset, uint32_t size,
			  uint32_t inode)
{
	struct ext_raw_xattr_entry *entry = (void *)at;

	memset(entry, 0, sizeof *entry);
	entry->e_name_len = (uint8_t)strlen(name);
	entry->e_name_index = 1;
	put(&entry->e_value_offs, offset);
	put(&entry->e_value_size, size);
	put(&entry->e_value_inum, inode);
	memcpy(at + sizeof *entry, name, strlen(name));
}

/* Inode 12: user.in=inside in the inode, user.out=outside in block 30. */
static struct tiny both_homes(void)
{
	struct tiny tiny = tiny_open();
	struct ext_raw_inode *raw = tiny_make(&tiny, 12, 0x81a4, 0);
	struct ext_raw_xattr_header *header = (void *)tiny_block(&tiny, 30);
	uint8_t *bytes = (uint8_t *)raw;

	put((struct le32 *)(void *)(bytes + 160), 0xea020000);
	put_attribute(bytes + 164, "in", 60, 6, 0);
	memcpy(bytes + 164 + 60, "inside", 6);
	put(&raw->i_file_acl_lo, 30);
	put(&header->h_magic, 0xea020000);
	put(&header->h_refcount, 1);
	put(&header->h_blocks, 1);
	put_attribute(tiny_block(&tiny, 30) + 32, "out", 1000, 7, 0);
	memcpy(tiny_block(&tiny, 30) + 1000, "outside", 7);
	return tiny;
}

/* "name=value " of all attributes; what is wrong goes to `sink`. */
static void list(struct tiny *tiny, ext_ino ino, char text[512], struct tiny_sink *sink)
{
	struct ext_xattr_list *xattrs;
	struct ext_xattr xattr;
	struct ext_span value;
	enum ext_status status;

	*sink = (struct tiny_sink){.sink = {tiny_report}};
	text[0] = '\0';
	ck_assert_int_eq(ext_xattr_list_open(tiny->filesystem, ino, &xattrs, NULL), EXT_OK);
	while ((status = ext_xattr_list_next(xattrs, &xattr, &value, &sink->sink, NULL)) ==
	       EXT_OK) {
		ext_xattr_name(&xattr, text + strlen(text), 100);
		strcat(text, "=");
		strncat(text, (const char *)value.data, value.size);
		strcat(text, " ");
	}
	ck_assert_int_eq(status, EXT_END);
	ext_xattr_list_close(xattrs);
}

/* Findings but those about the checksums that these images do without. */
static unsigned faults(const struct tiny_sink *sink)
{
	unsigned count = 0;

	for (unsigned i = 0; i < sink->count; i++)
		count += sink->findings[i].problem != EXT_XATTR_CHECKSUM;
	return count;
}

START_TEST(attributes_come_from_the_inode_and_from_the_block)
{
	struct tiny tiny = both_homes();
	struct tiny_sink sink;
	char text[512];

	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.in=inside user.out=outside ");
	ck_assert_uint_eq(faults(&sink), 0);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_bad_block_leaves_those_in_the_inode)
{
	struct tiny tiny = both_homes();
	struct tiny_sink sink;
	char text[512];

	tiny_block(&tiny, 30)[0] = 1;
	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.in=inside ");
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_MAGIC);
	ck_assert_uint_eq(sink.findings[0].place.block, 30);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_block_beyond_the_filesystem_is_named)
{
	struct tiny tiny = both_homes();
	struct tiny_sink sink;
	char text[512];

	put(&tiny_inode(&tiny, 12)->i_file_acl_lo, 1000000);
	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.in=inside ");
	ck_assert_uint_eq(sink.count, 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_BLOCK_RANGE);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_value_out_of_bounds_is_named_and_left_out)
{
	struct tiny tiny = both_homes();
	struct tiny_sink sink;
	char text[512];

	put_attribute((uint8_t *)tiny_inode(&tiny, 12) + 164, "in", 90, 6, 0);
	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.out=outside ");
	ck_assert_uint_eq(faults(&sink), 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_INODE_VALUE);
	ck_assert_mem_eq(sink.findings[0].name, "user.in", 7);
	tiny_close(&tiny);
}
END_TEST

START_TEST(without_ea_inode_no_value_is_elsewhere)
{
	struct tiny tiny = both_homes();
	struct tiny_sink sink;
	char text[512];

	put_attribute((uint8_t *)tiny_inode(&tiny, 12) + 164, "in", 0, 6, 13);
	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.out=outside ");
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_VALUE_BLOCK);
	tiny_close(&tiny);
}
END_TEST

/* The same filesystem with ea_inode, and the value "elsewhere" in inode 13. */
static struct tiny with_value_inode(void)
{
	struct tiny tiny = both_homes();
	struct ext_raw_superblock *superblock = (void *)(tiny.image + 1024);
	struct ext_raw_inode *raw = tiny_make(&tiny, 13, 0x8180, 9);
	const struct ext_superblock *decoded;

	put(&superblock->s_feature_incompat, get(superblock->s_feature_incompat) | 0x400);
	ext_filesystem_close(tiny.filesystem);
	tiny.filesystem = NULL;
	ck_assert_int_eq(ext_filesystem_open(tiny.source, NULL, &tiny.filesystem, NULL), EXT_OK);
	decoded = ext_filesystem_superblock(tiny.filesystem);
	put(&raw->i_flags, EXT_INODE_EA_INODE);
	put(&raw->i_atime, crc32c(decoded->checksum_seed, "elsewhere", 9));
	tiny_map(&tiny, 13, 0, 31);
	memcpy(tiny_block(&tiny, 31), "elsewhere", 9);
	put_attribute((uint8_t *)tiny_inode(&tiny, 12) + 164, "in", 0, 9, 13);
	return tiny;
}

START_TEST(a_value_in_an_inode_is_read)
{
	struct tiny tiny = with_value_inode();
	struct tiny_sink sink;
	char text[512];

	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.in=elsewhere user.out=outside ");
	ck_assert_uint_eq(faults(&sink), 0);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_value_whose_hash_is_wrong_is_given_and_named)
{
	struct tiny tiny = with_value_inode();
	struct tiny_sink sink;
	char text[512];

	tiny_block(&tiny, 31)[0] = 'E';
	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.in=Elsewhere user.out=outside ");
	ck_assert_uint_eq(faults(&sink), 1);
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_INODE_HASH);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_value_inode_of_another_size_is_not_believed)
{
	struct tiny tiny = with_value_inode();
	struct tiny_sink sink;
	char text[512];

	put(&tiny_inode(&tiny, 13)->i_size_high, 1);
	list(&tiny, 12, text, &sink);

	ck_assert_str_eq(text, "user.out=outside ");
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_INODE_SIZE);
	tiny_close(&tiny);
}
END_TEST

START_TEST(a_value_inode_that_does_not_exist_is_named)
{
	struct tiny tiny = with_value_inode();
	struct tiny_sink sink;
	char text[512];

	put_attribute((uint8_t *)tiny_inode(&tiny, 12) + 164, "in", 0, 9, 99);
	list(&tiny, 12, text, &sink);

	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_INODE_RANGE);
	put_attribute((uint8_t *)tiny_inode(&tiny, 12) + 164, "in", 0, 9, 20);
	list(&tiny, 12, text, &sink);
	ck_assert_int_eq(sink.findings[0].problem, EXT_XATTR_INODE_WRONG);
	tiny_close(&tiny);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, attributes_come_from_the_inode_and_from_the_block);
	tcase_add_test(tests, a_bad_block_leaves_those_in_the_inode);
	tcase_add_test(tests, a_block_beyond_the_filesystem_is_named);
	tcase_add_test(tests, a_value_out_of_bounds_is_named_and_left_out);
	tcase_add_test(tests, without_ea_inode_no_value_is_elsewhere);
	tcase_add_test(tests, a_value_in_an_inode_is_read);
	tcase_add_test(tests, a_value_whose_hash_is_wrong_is_given_and_named);
	tcase_add_test(tests, a_value_inode_of_another_size_is_not_believed);
	tcase_add_test(tests, a_value_inode_that_does_not_exist_is_named);
}

int main(void)
{
	return unit_run("xattr_list", add_tests);
}
