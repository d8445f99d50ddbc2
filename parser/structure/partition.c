/* SPDX-License-Identifier: MIT */
/*
 * Partition tables. GPT is believed only with both checksums right (zlib's CRC-32, nothing of
 * ext's), MBR only when its entries make sense: a boot sector ends in the same two bytes.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <ext/partition.h>

#include "bytes/checked.h"
#include "bytes/endian.h"
#include "layout/layout.h"

enum {
	MBR_ENTRIES_AT = 446,
	MBR_SIGNATURE_AT = 510,
	MBR_SIGNATURE = 0xaa55,
	MBR_PROTECTIVE = 0xee,
	MBR_LINUX = 0x83,
	SECTOR = 512,
	LOGICAL_MAX = 128, /* an extended partition is a chain; it may be a loop */
	GPT_ENTRIES_MAX = 1024,
	GPT_ENTRY_SIZE_MAX = 4096,
};

/* 0FC63DAF-8483-4772-8E79-3D69D8477DE4 as it lies on disk. */
static const uint8_t linux_guid[16] = {0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
				       0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4};

static void add(struct ext_partition_list *list, unsigned number, uint64_t first, uint64_t sectors,
		uint8_t type)
{
	struct ext_partition *new;
	uint64_t offset, size;

	if (list->count == EXT_PARTITIONS_MAX || sectors == 0 ||
	    !multiply_fits(first, list->sector_size, &offset) ||
	    !multiply_fits(sectors, list->sector_size, &size))
		return;
	new = &list->partitions[list->count++];
	*new = (struct ext_partition){.number = number, .offset = offset, .size = size};
	new->mbr_type = type;
	new->is_linux = type == MBR_LINUX;
}

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static const struct ext_raw_mbr_entry *mbr_entry(const uint8_t *sector, unsigned index)
{
	const size_t at = MBR_ENTRIES_AT + index * sizeof(struct ext_raw_mbr_entry);

	return (const struct ext_raw_mbr_entry *)(const void *)(sector + at);
}

static bool read_mbr(struct ext_source *source, uint64_t sector, uint32_t sector_size,
		     uint8_t bytes[SECTOR])
{
	const struct ext_raw_mbr_tail *tail =
		(const struct ext_raw_mbr_tail *)(const void *)(bytes + MBR_SIGNATURE_AT);
	uint64_t offset;

	return multiply_fits(sector, sector_size, &offset) &&
	       ext_source_read(source, offset, bytes, SECTOR, NULL) == EXT_OK &&
	       get(tail->signature) == MBR_SIGNATURE;
}

/* A chain of records: each names one logical partition and the next record. */
static void read_logical(struct ext_source *source, uint64_t extended,
			 struct ext_partition_list *list)
{
	uint64_t record = extended;
	uint8_t bytes[SECTOR];

	for (unsigned i = 0; i < LOGICAL_MAX; i++) {
		const struct ext_raw_mbr_entry *here = mbr_entry(bytes, 0);
		const struct ext_raw_mbr_entry *next = mbr_entry(bytes, 1);

		if (!read_mbr(source, record, list->sector_size, bytes))
			return;
		add(list, 5 + i, record + get(here->lba_first), get(here->sector_count),
		    get(here->type));
		if (!is_extended(get(next->type)) || get(next->lba_first) == 0)
			return;
		record = extended + get(next->lba_first);
	}
}

/* Entries inside the image that do not overlap: what a boot sector's code hardly looks like. */
static bool mbr_makes_sense(const uint8_t *sector, uint64_t sectors)
{
	bool any = false;

	for (unsigned i = 0; i < 4; i++) {
		const struct ext_raw_mbr_entry *entry = mbr_entry(sector, i);
		const uint64_t first = get(entry->lba_first), count = get(entry->sector_count);

		if ((get(entry->status) & 0x7f) != 0)
			return false;
		if (get(entry->type) == 0 || count == 0)
			continue;
		if (first == 0 || first >= sectors)
			return false;
		any = true;
		for (unsigned j = 0; j < i; j++) {
			const struct ext_raw_mbr_entry *other = mbr_entry(sector, j);
			const uint64_t start = get(other->lba_first);

			if (get(other->type) != 0 && first < start + get(other->sector_count) &&
			    start < first + count)
				return false;
		}
	}
	return any;
}

static bool read_mbr_table(struct ext_source *source, uint32_t sector_size,
			   struct ext_partition_list *list)
{
	uint8_t sector[SECTOR];

	if (!read_mbr(source, 0, sector_size, sector) ||
	    !mbr_makes_sense(sector, ext_source_size(source) / sector_size))
		return false;
	list->table = EXT_TABLE_MBR;
	list->sector_size = sector_size;
	for (unsigned i = 0; i < 4; i++) {
		const struct ext_raw_mbr_entry *entry = mbr_entry(sector, i);
		const uint8_t type = get(entry->type);

		if (type == MBR_PROTECTIVE)
			continue;
		if (is_extended(type))
			read_logical(source, get(entry->lba_first), list);
		else if (type != 0)
			add(list, i + 1, get(entry->lba_first), get(entry->sector_count), type);
	}
	return list->count > 0;
}

static void copy_name(char name[73], const uint8_t *utf16)
{
	for (size_t i = 0; i < 36; i++) {
		const unsigned unit = utf16[2 * i] | (unsigned)utf16[2 * i + 1] << 8;

		if (unit == 0)
			return;
		name[i] = unit >= 0x20 && unit < 0x7f ? (char)unit : '?';
	}
}

static void add_gpt_entry(struct ext_partition_list *list, unsigned number, const uint8_t *bytes)
{
	static const uint8_t unused[16];
	const struct ext_raw_gpt_entry *raw = (const struct ext_raw_gpt_entry *)(const void *)bytes;
	const uint64_t first = get(raw->starting_lba), last = get(raw->ending_lba);
	const unsigned before = list->count;

	if (memcmp(raw->partition_type_guid, unused, sizeof unused) == 0 || last < first ||
	    last == UINT64_MAX)
		return;
	add(list, number, first, last - first + 1, 0);
	if (list->count == before)
		return;
	list->partitions[before].is_linux =
		memcmp(raw->partition_type_guid, linux_guid, sizeof linux_guid) == 0;
	copy_name(list->partitions[before].name, raw->partition_name);
}

static bool header_holds(const uint8_t *sector, uint32_t sector_size, uint64_t lba)
{
	const struct ext_raw_gpt_header *raw =
		(const struct ext_raw_gpt_header *)(const void *)sector;
	const uint32_t size = get(raw->header_size);
	static const uint8_t zeros[4];
	uLong crc;

	if (memcmp(raw->signature, "EFI PART", 8) != 0 || size < sizeof *raw ||
	    size > sector_size || get(raw->my_lba) != lba ||
	    get(raw->number_of_partition_entries) == 0 ||
	    get(raw->number_of_partition_entries) > GPT_ENTRIES_MAX ||
	    get(raw->size_of_partition_entry) < sizeof(struct ext_raw_gpt_entry) ||
	    get(raw->size_of_partition_entry) > GPT_ENTRY_SIZE_MAX)
		return false;
	crc = crc32(0, sector, 0x10);
	crc = crc32(crc, zeros, sizeof zeros);
	crc = crc32(crc, sector + 0x14, size - 0x14);
	return crc == get(raw->header_crc32);
}

static bool read_gpt(struct ext_source *source, uint32_t sector_size, uint64_t lba,
		     struct ext_partition_list *list)
{
	uint8_t sector[4096];
	const struct ext_raw_gpt_header *raw =
		(const struct ext_raw_gpt_header *)(const void *)sector;
	uint64_t offset;
	uint32_t count, entry_size;
	uint8_t *entries;
	bool holds;

	if (ext_source_read(source, lba * sector_size, sector, sector_size, NULL) != EXT_OK ||
	    !header_holds(sector, sector_size, lba) ||
	    !multiply_fits(get(raw->partition_entry_lba), sector_size, &offset))
		return false;
	count = get(raw->number_of_partition_entries);
	entry_size = get(raw->size_of_partition_entry);
	entries = malloc((size_t)count * entry_size);
	if (!entries)
		return false;
	holds = ext_source_read(source, offset, entries, (size_t)count * entry_size, NULL) ==
			EXT_OK &&
		crc32(0, entries, count * entry_size) == get(raw->partition_entry_array_crc32);
	list->sector_size = sector_size;
	for (uint32_t i = 0; holds && i < count; i++)
		add_gpt_entry(list, i + 1, entries + (size_t)i * entry_size);
	free(entries);
	return holds;
}

void ext_partitions_read(struct ext_source *source, struct ext_partition_list *list)
{
	static const uint32_t sector_sizes[] = {512, 4096};
	const uint64_t size = ext_source_size(source);

	*list = (struct ext_partition_list){.table = EXT_TABLE_NONE};
	for (unsigned i = 0; i < 2; i++) {
		const uint32_t sector_size = sector_sizes[i];

		if (size < (uint64_t)sector_size * 4)
			continue;
		if (read_gpt(source, sector_size, 1, list)) {
			list->table = EXT_TABLE_GPT;
			return;
		}
		list->count = 0;
		if (read_gpt(source, sector_size, size / sector_size - 1, list)) {
			list->table = EXT_TABLE_GPT_BACKUP;
			return;
		}
		list->count = 0;
	}
	if (read_mbr_table(source, SECTOR, list))
		return;
	*list = (struct ext_partition_list){.table = EXT_TABLE_NONE};
}
