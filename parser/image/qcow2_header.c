/* SPDX-License-Identifier: MIT */
/* What a qcow2 header says, and what of it is not supported. */
#include "config.h"

#include <string.h>

#include "bytes/checked.h"
#include "image/qcow2.h"

enum { LEAST_CLUSTER_LOG2 = 9, MOST_CLUSTER_LOG2 = 21 };

static enum ext_status bad_header(struct ext_error *error, const char *field, uint64_t found,
				  uint64_t low, uint64_t high)
{
	return source_fail(error, EXT_CORRUPT, EXT_QCOW2_HEADER, 0, found, low, high, field);
}

static enum ext_status unsupported(struct ext_error *error, const char *field, uint64_t found)
{
	return source_fail(error, EXT_UNSUPPORTED, EXT_QCOW2_UNSUPPORTED, 0, found, 0, 0, field);
}

/* What the header asks for beyond the plain format. */
static enum ext_status check_features(struct qcow2 *qcow2, const struct qcow2_header *header,
				      struct ext_error *error)
{
	const uint64_t known = QCOW2_DIRTY | QCOW2_CORRUPT | QCOW2_COMPRESSION;
	uint64_t features;

	if (get(header->backing_file_offset) != 0)
		return unsupported(error, "backing_file_offset", get(header->backing_file_offset));
	if (get(header->crypt_method) != 0)
		return unsupported(error, "crypt_method", get(header->crypt_method));
	if (qcow2->version < 3)
		return EXT_OK;
	features = get(header->incompatible_features);
	if (features & ~known)
		return unsupported(error, "incompatible_features", features & ~known);
	if (features & QCOW2_COMPRESSION && get(header->compression_type) != 0)
		return unsupported(error, "compression_type", get(header->compression_type));
	if (features & QCOW2_CORRUPT)
		source_note(&qcow2->source, EXT_QCOW2_MARKED_CORRUPT, 72, features, 0, 0);
	return EXT_OK;
}

enum ext_status qcow2_check_header(struct qcow2 *qcow2, struct ext_error *error)
{
	const uint64_t file_size = ext_source_size(qcow2->source.inner);
	struct qcow2_header header;
	enum ext_status status;
	uint64_t size, table_bytes, needed;
	uint32_t cluster_bits;
	size_t got = 0;

	memset(&header, 0, sizeof header);
	status = source_read_some(qcow2->source.inner, 0, &header, sizeof header, &got, error);
	if (status != EXT_OK)
		return status;
	if (got < QCOW2_V2_SIZE)
		return source_truncated(error, 0, QCOW2_V2_SIZE, file_size);
	if (get(header.magic) != QCOW2_MAGIC)
		return bad_header(error, "magic", get(header.magic), QCOW2_MAGIC, QCOW2_MAGIC);
	qcow2->version = get(header.version);
	if (qcow2->version < 2 || qcow2->version > 3)
		return bad_header(error, "version", qcow2->version, 2, 3);
	if (qcow2->version == 3 && got < QCOW2_V3_SIZE)
		return source_truncated(error, 0, QCOW2_V3_SIZE, file_size);
	status = check_features(qcow2, &header, error);
	if (status != EXT_OK)
		return status;
	cluster_bits = get(header.cluster_bits);
	if (cluster_bits < LEAST_CLUSTER_LOG2 || cluster_bits > MOST_CLUSTER_LOG2)
		return bad_header(error, "cluster_bits", cluster_bits, LEAST_CLUSTER_LOG2,
				  MOST_CLUSTER_LOG2);
	qcow2->cluster_log2 = cluster_bits;
	size = get(header.size);
	if (size > INT64_MAX)
		return bad_header(error, "size", size, 0, INT64_MAX);
	/* An L1 entry stands for a table of one cluster with entries of 8 bytes. */
	needed = divide_up(size, (uint64_t)1 << (2 * cluster_bits - 3));
	qcow2->l1_size = get(header.l1_size);
	if (qcow2->l1_size < needed)
		return bad_header(error, "l1_size", qcow2->l1_size, needed, UINT32_MAX);
	qcow2->l1_offset = get(header.l1_table_offset);
	table_bytes = 8 * needed;
	if (qcow2->l1_offset % 8 != 0 || !range_inside(qcow2->l1_offset, table_bytes, file_size))
		return bad_header(error, "l1_table_offset", qcow2->l1_offset, 0,
				  file_size > table_bytes ? file_size - table_bytes : 0);
	qcow2->source.size = size;
	return EXT_OK;
}
