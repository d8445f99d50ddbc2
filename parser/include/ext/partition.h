/* SPDX-License-Identifier: MIT */
/*
 * Partition tables: where filesystems lie inside the image of a disk. MBR with logical partitions,
 * and GPT with its copy at the end of the disk.
 */
#ifndef EXT_PARTITION_H
#define EXT_PARTITION_H

#include <ext/source.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_partition_table { EXT_TABLE_NONE, EXT_TABLE_MBR, EXT_TABLE_GPT, EXT_TABLE_GPT_BACKUP };

struct ext_partition {
	unsigned number;  /* as the kernel counts them, from 1; logical ones from 5 */
	uint64_t offset;  /* bytes from the start of the source */
	uint64_t size;	  /* bytes; may pass the end of the source */
	uint8_t mbr_type; /* 0 with GPT */
	bool is_linux;	  /* its type says that it holds a Linux filesystem */
	char name[73];	  /* GPT's name as ASCII, other characters as '?' */
};

enum { EXT_PARTITIONS_MAX = 256 };

struct ext_partition_list {
	enum ext_partition_table table;
	uint32_t sector_size; /* bytes: 512 or 4096 */
	unsigned count;
	struct ext_partition partitions[EXT_PARTITIONS_MAX];
};

/*
 * Reads the partition table of a disk image. `list->table` is EXT_TABLE_NONE when there is none, or
 * none that holds. Never fails: what cannot be read is not there.
 */
void ext_partitions_read(struct ext_source *source, struct ext_partition_list *list);

#ifdef __cplusplus
}
#endif

#endif
