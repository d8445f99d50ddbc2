/* SPDX-License-Identifier: MIT */
/*
 * The qcow2 format as bytes: the header, all big-endian, and the bits of table entries; and the
 * source that is made of it.
 * Doc: QEMU, docs/interop/qcow2.txt.
 */
#ifndef IMAGE_QCOW2_H
#define IMAGE_QCOW2_H

#include "bytes/endian.h"
#include "image/cache.h"
#include "image/lock.h"
#include "image/source.h"

struct qcow2_header {
	struct be32 magic, version;
	struct be64 backing_file_offset;
	struct be32 backing_file_size, cluster_bits;
	struct be64 size;
	struct be32 crypt_method, l1_size;
	struct be64 l1_table_offset, refcount_table_offset;
	struct be32 refcount_table_clusters, nb_snapshots;
	struct be64 snapshots_offset;
	/* From here on only in version 3. */
	struct be64 incompatible_features, compatible_features, autoclear_features;
	struct be32 refcount_order, header_length;
	uint8_t compression_type; /* only when header_length goes beyond 104 */
};

enum { QCOW2_MAGIC = 0x514649fb, QCOW2_V2_SIZE = 72, QCOW2_V3_SIZE = 104 };

/* Bits of incompatible_features. */
enum { QCOW2_DIRTY = 1, QCOW2_CORRUPT = 2, QCOW2_DATA_FILE = 4, QCOW2_COMPRESSION = 8 };

/* Entries of both tables; the offset is in bytes of the file, 0 when there is none. */
static const uint64_t qcow2_offset_mask = 0x00fffffffffffe00;
static const uint64_t qcow2_is_compressed = (uint64_t)1 << 62; /* level 2 only */
static const uint64_t qcow2_is_zero = 1;		       /* level 2, version 3 only */

struct qcow2 {
	struct ext_source source;
	unsigned cluster_log2;
	unsigned version;
	uint32_t l1_size; /* entries */
	uint64_t l1_offset;
	struct lock lock; /* over the caches and their content */
	bool has_lock;
	struct cache pieces;   /* of tables, by number of the piece in the file */
	struct cache clusters; /* unpacked ones, by their table entry; made when first needed */
};

/* Reads the header and takes over what it says, or says what is wrong with it. */
enum ext_status qcow2_check_header(struct qcow2 *qcow2, struct ext_error *error);

#endif
