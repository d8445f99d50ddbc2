/* SPDX-License-Identifier: MIT */
/* walk/earlier*.c: where an earlier filesystem had its inodes, from directories that agree. */
#include "config.h"

#include <ext/earlier.h>

#include "parser/walk/tiny.h"
#include "unit.h"

enum { TABLE = 30, FIRST_DIRECTORY = 20, FIRST_BLOCK = 50, DIRECTORIES = 4 };

static void make_mark(struct tiny *tiny, uint32_t block, uint32_t ino)
{
	tiny_entry(tiny_block(tiny, block), 0, ino, 12, ".", 2);
	tiny_entry(tiny_block(tiny, block), 12, 2, FUZZ_BLOCK_SIZE - 12, "..", 2);
}

/* The inode of a directory with one block, anywhere. */
static void make_record(uint8_t *bytes, uint32_t block)
{
	struct ext_raw_inode *const raw = (void *)bytes;

	put(&raw->i_mode, 040755);
	put(&raw->i_links_count, 2);
	put(&raw->i_size_lo, FUZZ_BLOCK_SIZE);
	put((struct le32 *)(void *)(bytes + 0x28), block);
}

/* Directories 20 to 23 of a filesystem whose table was at TABLE. */
static void make_earlier(struct tiny *tiny, uint32_t inode_size)
{
	for (uint32_t i = 0; i < DIRECTORIES; i++) {
		make_mark(tiny, FIRST_BLOCK + i, FIRST_DIRECTORY + i);
		make_record(tiny_block(tiny, TABLE) +
				    (size_t)(FIRST_DIRECTORY + i - 1) * inode_size,
			    FIRST_BLOCK + i);
	}
}

static void finds(struct tiny *tiny, uint32_t inode_size)
{
	struct ext_filesystem *earlier = NULL;
	struct ext_choice choice;
	struct ext_inode inode;
	uint64_t offset;

	ck_assert_int_eq(ext_earlier_find(tiny->filesystem, NULL, &choice, NULL), EXT_OK);
	ck_assert_int_eq(ext_choice_open(tiny->source, &choice, NULL, &earlier, NULL), EXT_OK);
	ck_assert_uint_eq(ext_filesystem_superblock(earlier)->inode_size, inode_size);
	for (uint32_t i = 0; i < DIRECTORIES; i++) {
		ck_assert_int_eq(ext_inode_offset(earlier, FIRST_DIRECTORY + i, &offset, NULL),
				 EXT_OK);
		ck_assert_uint_eq(offset,
				  TABLE * FUZZ_BLOCK_SIZE + (FIRST_DIRECTORY + i - 1) * inode_size);
		ck_assert_int_eq(ext_inode_read(earlier, FIRST_DIRECTORY + i, &inode, NULL, NULL),
				 EXT_OK);
		ck_assert_int_eq(inode.type, EXT_TYPE_DIRECTORY);
		ck_assert_uint_eq(inode.i_block[0], FIRST_BLOCK + i);
	}
	ext_filesystem_close(earlier);
	ext_choice_clear(&choice);
}

START_TEST(directories_tell_where_their_table_was)
{
	static const uint32_t sizes[] = {128, 256, 512};

	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct tiny tiny = tiny_open();

		make_earlier(&tiny, sizes[i]);
		finds(&tiny, sizes[i]);
		tiny_close(&tiny);
	}
}
END_TEST

START_TEST(a_copy_at_another_place_is_outvoted)
{
	struct tiny tiny = tiny_open();

	make_earlier(&tiny, 128);
	make_record(tiny_block(&tiny, 60) + 256, FIRST_BLOCK);

	finds(&tiny, 128);
	tiny_close(&tiny);
}
END_TEST

START_TEST(directories_of_today_are_none_of_an_earlier_filesystem)
{
	struct tiny tiny = tiny_open();
	struct ext_choice choice;

	for (uint32_t i = 0; i < DIRECTORIES; i++) {
		make_mark(&tiny, FIRST_BLOCK + i, FIRST_DIRECTORY + i);
		make_record((uint8_t *)tiny_inode(&tiny, FIRST_DIRECTORY + i), FIRST_BLOCK + i);
		/* And what the log has of them. */
		make_record(tiny_block(&tiny, TABLE) + (size_t)i * FUZZ_INODE_SIZE,
			    FIRST_BLOCK + i);
	}

	ck_assert_int_eq(ext_earlier_find(tiny.filesystem, NULL, &choice, NULL), EXT_END);
	tiny_close(&tiny);
}
END_TEST

START_TEST(an_image_without_directories_has_no_earlier_filesystem)
{
	struct tiny tiny = tiny_open();
	struct ext_choice choice;

	ck_assert_int_eq(ext_earlier_find(tiny.filesystem, NULL, &choice, NULL), EXT_END);
	tiny_close(&tiny);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, directories_tell_where_their_table_was);
	tcase_add_test(tests, a_copy_at_another_place_is_outvoted);
	tcase_add_test(tests, directories_of_today_are_none_of_an_earlier_filesystem);
	tcase_add_test(tests, an_image_without_directories_has_no_earlier_filesystem);
}

int main(void)
{
	return unit_run("earlier", add_tests);
}
