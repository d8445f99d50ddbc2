/* SPDX-License-Identifier: MIT */
/* Partition tables, byte by byte. */
#include "config.h"

#include <string.h>
#include <zlib.h>

#include <ext/partition.h>

#include "layout/layout.h"
#include "unit.h"

enum { SECTORS = 256, ENTRY = 446 };

static uint8_t disk[SECTORS * 512];

static void sign(uint64_t sector)
{
	disk[sector * 512 + 510] = 0x55;
	disk[sector * 512 + 511] = 0xaa;
}

static void put_entry(uint64_t sector, unsigned index, uint8_t type, uint32_t first, uint32_t count)
{
	struct ext_raw_mbr_entry *raw =
		(struct ext_raw_mbr_entry *)(void *)(disk + sector * 512 + ENTRY + index * 16);

	raw->type = type;
	put(&raw->lba_first, first);
	put(&raw->sector_count, count);
}

static struct ext_partition_list read_disk(void)
{
	struct ext_partition_list list;
	struct ext_source *source;

	ck_assert_int_eq(ext_source_open_memory(disk, sizeof disk, &source, NULL), EXT_OK);
	ext_partitions_read(source, &list);
	ext_source_close(source);
	return list;
}

/* A GUID partition table with one Linux partition, its header in sector `lba`. */
static void put_gpt(uint64_t lba, uint64_t entries_lba)
{
	static const uint8_t linux_type[16] = {0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
					       0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4};
	struct ext_raw_gpt_header *header = (struct ext_raw_gpt_header *)(void *)(disk + lba * 512);
	struct ext_raw_gpt_entry *entry =
		(struct ext_raw_gpt_entry *)(void *)(disk + entries_lba * 512 + 128);

	memcpy(entry->partition_type_guid, linux_type, 16);
	put(&entry->starting_lba, 64);
	put(&entry->ending_lba, 127);
	entry->partition_name[0] = 'r';
	memcpy(header->signature, "EFI PART", 8);
	put(&header->revision, 0x10000);
	put(&header->header_size, 92);
	put(&header->my_lba, lba);
	put(&header->partition_entry_lba, entries_lba);
	put(&header->number_of_partition_entries, 4);
	put(&header->size_of_partition_entry, 128);
	put(&header->partition_entry_array_crc32,
	    (uint32_t)crc32(0, disk + entries_lba * 512, 4 * 128));
	put(&header->header_crc32, 0);
	put(&header->header_crc32, (uint32_t)crc32(0, disk + lba * 512, 92));
}

START_TEST(nothing_is_no_table)
{
	memset(disk, 0, sizeof disk);
	ck_assert_int_eq(read_disk().table, EXT_TABLE_NONE);
	sign(0);
	ck_assert_int_eq(read_disk().table, EXT_TABLE_NONE);
}
END_TEST

START_TEST(primary_and_logical_partitions_are_numbered_as_the_kernel_does)
{
	struct ext_partition_list list;

	memset(disk, 0, sizeof disk);
	sign(0);
	put_entry(0, 1, 0x83, 8, 16);
	put_entry(0, 2, 0x05, 32, 200);
	sign(32);
	put_entry(32, 0, 0x83, 2, 10);
	put_entry(32, 1, 0x05, 40, 20); /* relative to the extended partition */
	sign(72);
	put_entry(72, 0, 0x07, 2, 10);
	list = read_disk();
	ck_assert_int_eq(list.table, EXT_TABLE_MBR);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_uint_eq(list.partitions[0].number, 2);
	ck_assert_uint_eq(list.partitions[0].offset, 8 * 512);
	ck_assert_uint_eq(list.partitions[0].size, 16 * 512);
	ck_assert(list.partitions[0].is_linux);
	ck_assert_uint_eq(list.partitions[1].number, 5);
	ck_assert_uint_eq(list.partitions[1].offset, 34 * 512);
	ck_assert_uint_eq(list.partitions[2].number, 6);
	ck_assert_uint_eq(list.partitions[2].offset, 74 * 512);
	ck_assert(!list.partitions[2].is_linux);
}
END_TEST

START_TEST(a_chain_of_logical_partitions_that_is_a_loop_ends)
{
	memset(disk, 0, sizeof disk);
	sign(0);
	put_entry(0, 0, 0x05, 32, 200);
	sign(32);
	put_entry(32, 0, 0x83, 2, 10);
	sign(72);
	put_entry(32, 1, 0x05, 40, 20);
	put_entry(72, 0, 0x83, 2, 10);
	put_entry(72, 1, 0x05, 40, 20);
	ck_assert_uint_le(read_disk().count, EXT_PARTITIONS_MAX);
}
END_TEST

START_TEST(overlapping_entries_are_no_table)
{
	memset(disk, 0, sizeof disk);
	sign(0);
	put_entry(0, 0, 0x83, 8, 16);
	put_entry(0, 1, 0x83, 20, 16);
	ck_assert_int_eq(read_disk().table, EXT_TABLE_NONE);
}
END_TEST

START_TEST(a_gpt_is_read_with_the_numbers_of_its_slots)
{
	struct ext_partition_list list;

	memset(disk, 0, sizeof disk);
	put_gpt(1, 2);
	list = read_disk();
	ck_assert_int_eq(list.table, EXT_TABLE_GPT);
	ck_assert_uint_eq(list.count, 1);
	ck_assert_uint_eq(list.partitions[0].number, 2);
	ck_assert_uint_eq(list.partitions[0].offset, 64 * 512);
	ck_assert_uint_eq(list.partitions[0].size, 64 * 512);
	ck_assert(list.partitions[0].is_linux);
	ck_assert_str_eq(list.partitions[0].name, "r");
}
END_TEST

START_TEST(a_damaged_gpt_gives_way_to_its_copy_at_the_end)
{
	memset(disk, 0, sizeof disk);
	put_gpt(1, 2);
	disk[2 * 512 + 128 + 0x20] ^= 1;
	ck_assert_int_eq(read_disk().table, EXT_TABLE_NONE);
	put_gpt(SECTORS - 1, SECTORS - 9);
	ck_assert_int_eq(read_disk().table, EXT_TABLE_GPT_BACKUP);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, nothing_is_no_table);
	tcase_add_test(tests, primary_and_logical_partitions_are_numbered_as_the_kernel_does);
	tcase_add_test(tests, a_chain_of_logical_partitions_that_is_a_loop_ends);
	tcase_add_test(tests, overlapping_entries_are_no_table);
	tcase_add_test(tests, a_gpt_is_read_with_the_numbers_of_its_slots);
	tcase_add_test(tests, a_damaged_gpt_gives_way_to_its_copy_at_the_end);
}

int main(void)
{
	return unit_run("partition", add_tests);
}
