/* SPDX-License-Identifier: MIT */
/*
 * A qcow2 image (QEMU's, and e2image -Q's) as a source: two levels of tables say where each cluster
 * lies. Tables are read in pieces when needed, never whole, so that memory does not follow what the
 * header says. Snapshots and reference counts are for those who write.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "bytes/checked.h"
#include "image/cache.h"
#include "image/lock.h"
#include "image/qcow2.h"
#include "image/source.h"

enum {
	PIECE_LOG2 = 12, /* tables are read in pieces of 4096 bytes of the file */
	PIECE = 1 << PIECE_LOG2,
	PIECES = 64,
	MOST_STEPS = 1 << 20, /* of one search for data */
};

/* Where a cluster's bytes are. */
enum cluster_kind { CLUSTER_ZERO, CLUSTER_RAW, CLUSTER_COMPRESSED };

struct cluster {
	enum cluster_kind kind;
	uint64_t offset; /* in the file, when raw */
	uint64_t entry;	 /* as it stands in the table, when compressed */
};

static enum ext_status out_of_range(const struct qcow2 *qcow2, uint64_t at, struct ext_error *error)
{
	return source_fail(error, EXT_IO, EXT_QCOW2_RANGE, 0, at, 0,
			   ext_source_size(qcow2->source.inner), NULL);
}

/* The table entry at byte `at` of the file, a multiple of 8. */
static enum ext_status read_entry(struct qcow2 *qcow2, uint64_t at, uint64_t *entry,
				  struct ext_error *error)
{
	const uint64_t number = at >> PIECE_LOG2;
	struct cache_slot *slot = cache_find(&qcow2->pieces, number);

	if (!slot) {
		enum ext_status status;

		slot = cache_claim(&qcow2->pieces, number);
		status = source_read_some(qcow2->source.inner, number << PIECE_LOG2, slot->data,
					  PIECE, &slot->size, error);
		if (status != EXT_OK)
			return status;
		slot->is_valid = true;
	}
	if (slot->size < (at & (PIECE - 1)) + 8)
		return out_of_range(qcow2, at, error);
	*entry = get(*(const struct be64 *)(const void *)(slot->data + (at & (PIECE - 1))));
	return EXT_OK;
}

/*
 * Where the cluster with number `number` is. `run` receives how many clusters from it on share the
 * answer, or the failure, because it is that of their whole level 2 table; else 1.
 */
static enum ext_status find_cluster(struct qcow2 *qcow2, uint64_t number, struct cluster *cluster,
				    uint64_t *run, struct ext_error *error)
{
	const unsigned table_log2 = qcow2->cluster_log2 - 3; /* entries of 8 bytes */
	const uint64_t in_table = number & (((uint64_t)1 << table_log2) - 1);
	uint64_t entry, table;
	enum ext_status status;

	*run = 1;
	/* The L1 table has an entry for each byte of the size, and lies inside the file. */
	status = read_entry(qcow2, qcow2->l1_offset + 8 * (number >> table_log2), &entry, error);
	if (status != EXT_OK)
		return status;
	table = entry & qcow2_offset_mask;
	*cluster = (struct cluster){.kind = CLUSTER_ZERO};
	*run = ((uint64_t)1 << table_log2) - in_table;
	if (table == 0)
		return EXT_OK;
	if (table & (((uint64_t)1 << qcow2->cluster_log2) - 1) ||
	    table >= ext_source_size(qcow2->source.inner))
		return out_of_range(qcow2, table, error);
	*run = 1;
	status = read_entry(qcow2, table + 8 * in_table, &entry, error);
	if (status != EXT_OK)
		return status;
	if (entry & qcow2_is_compressed) {
		cluster->kind = CLUSTER_COMPRESSED;
		cluster->entry = entry;
		return EXT_OK;
	}
	if ((entry & qcow2_offset_mask) == 0 || (qcow2->version >= 3 && entry & qcow2_is_zero))
		return EXT_OK;
	cluster->kind = CLUSTER_RAW;
	cluster->offset = entry & qcow2_offset_mask;
	if (cluster->offset >= ext_source_size(qcow2->source.inner))
		return out_of_range(qcow2, cluster->offset, error);
	return EXT_OK;
}

/* Unpacks `packed` into exactly `length` bytes. */
static bool inflate_exactly(const uint8_t *packed, size_t packed_size, uint8_t *bytes,
			    size_t length)
{
	z_stream z;
	bool fits;

	memset(&z, 0, sizeof z);
	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return false;
	/* zlib does not write through next_in, but older versions of it do not say so. */
	memcpy(&z.next_in, &packed, sizeof packed);
	z.avail_in = (unsigned)packed_size;
	z.next_out = bytes;
	z.avail_out = (unsigned)length;
	/* What follows in the last sector is another cluster's: the stream's end is not asked for.
	 */
	(void)inflate(&z, Z_FINISH);
	fits = z.avail_out == 0;
	inflateEnd(&z);
	return fits;
}

/* The unpacked bytes of a compressed cluster. */
static enum ext_status read_compressed(struct qcow2 *qcow2, uint64_t entry, const uint8_t **bytes,
				       struct ext_error *error)
{
	const size_t cluster = (size_t)1 << qcow2->cluster_log2;
	const unsigned offset_bits = 62 - (qcow2->cluster_log2 - 8);
	const uint64_t offset = entry & (((uint64_t)1 << offset_bits) - 1);
	const uint64_t sectors =
		(entry >> offset_bits & (((uint64_t)1 << (qcow2->cluster_log2 - 8)) - 1)) + 1;
	struct cache_slot *slot = cache_find(&qcow2->clusters, entry);
	enum ext_status status;
	uint8_t *packed;
	size_t got = 0;
	bool fits;

	if (slot) {
		*bytes = slot->data;
		return EXT_OK;
	}
	if (offset >= ext_source_size(qcow2->source.inner))
		return out_of_range(qcow2, offset, error);
	/* Large clusters are few to a table: keep 4 MiB of them at most, and always one. */
	if (qcow2->clusters.count == 0 &&
	    !cache_init(&qcow2->clusters,
			qcow2->cluster_log2 > 16 ? 1u << (22 - qcow2->cluster_log2) : 32, cluster))
		return ext_no_memory(error);
	packed = malloc((size_t)(sectors * 512));
	if (!packed)
		return ext_no_memory(error);
	/* The last cluster's last sector may be cut at the end of the file. */
	status = source_read_some(qcow2->source.inner, offset, packed,
				  (size_t)(sectors * 512 - (offset & 511)), &got, error);
	if (status != EXT_OK) {
		free(packed);
		return status;
	}
	slot = cache_claim(&qcow2->clusters, entry);
	fits = inflate_exactly(packed, got, slot->data, cluster);
	free(packed);
	if (!fits)
		return source_fail(error, EXT_IO, EXT_QCOW2_COMPRESSED, 0, offset, 0, 0, NULL);
	slot->is_valid = true;
	*bytes = slot->data;
	return EXT_OK;
}

/*
 * Reads bytes of the file, with zeros behind its end: QEMU leaves the last cluster short when its
 * rest is zero.
 */
static enum ext_status read_raw(struct qcow2 *qcow2, uint64_t at, uint8_t *bytes, size_t length,
				struct ext_error *error)
{
	const uint64_t size = ext_source_size(qcow2->source.inner);
	const size_t there = (size_t)min_u64(length, at < size ? size - at : 0);

	memset(bytes + there, 0, length - there);
	return ext_source_read(qcow2->source.inner, at, bytes, there, error);
}

static enum ext_status qcow2_read(struct ext_source *source, uint64_t offset, void *buffer,
				  size_t length, struct ext_error *error)
{
	struct qcow2 *const qcow2 = (struct qcow2 *)source;
	const uint64_t cluster_size = (uint64_t)1 << qcow2->cluster_log2;
	enum ext_status status = EXT_OK;
	uint8_t *bytes = buffer;

	while (length > 0) {
		const uint64_t number = offset >> qcow2->cluster_log2;
		const size_t at = (size_t)(offset & (cluster_size - 1));
		size_t part = (size_t)min_u64(length, cluster_size - at);
		const uint8_t *unpacked = NULL;
		struct cluster cluster, next;
		uint64_t run;

		lock_take(&qcow2->lock);
		status = find_cluster(qcow2, number, &cluster, &run, error);
		if (status == EXT_OK && cluster.kind == CLUSTER_COMPRESSED) {
			status = read_compressed(qcow2, cluster.entry, &unpacked, error);
			if (status == EXT_OK)
				memcpy(bytes, unpacked + at, part);
		}
		/* Clusters in a row in the file too are read together. */
		for (uint64_t i = 1;
		     status == EXT_OK && cluster.kind == CLUSTER_RAW && part < length &&
		     find_cluster(qcow2, number + i, &next, &run, NULL) == EXT_OK &&
		     next.kind == CLUSTER_RAW && next.offset == cluster.offset + i * cluster_size;
		     i++)
			part += (size_t)min_u64(length - part, cluster_size);
		lock_release(&qcow2->lock);
		if (status == EXT_OK && cluster.kind == CLUSTER_RAW)
			status = read_raw(qcow2, cluster.offset + at, bytes, part, error);
		else if (status == EXT_OK && cluster.kind == CLUSTER_ZERO)
			memset(bytes, 0, part);
		if (status != EXT_OK)
			break;
		bytes += part;
		offset += part;
		length -= part;
	}
	if (status != EXT_OK && error && error->place.has & EXT_HAS_OFFSET)
		error->place.offset = offset;
	return status;
}

static enum ext_status qcow2_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
				       uint64_t *end)
{
	struct qcow2 *const qcow2 = (struct qcow2 *)source;
	const uint64_t count = divide_up(source->size, (uint64_t)1 << qcow2->cluster_log2);
	uint64_t number = offset >> qcow2->cluster_log2, first, run = 0;
	struct cluster cluster;
	unsigned steps;

	lock_take(&qcow2->lock);
	/*
	 * A cluster that cannot be found counts as data: whoever reads it is told why. So does one
	 * that nobody looked at, since tables that are used over and over have no end.
	 */
	for (steps = 0; number < count && steps < MOST_STEPS; number += run, steps++)
		if (find_cluster(qcow2, number, &cluster, &run, NULL) != EXT_OK ||
		    cluster.kind != CLUSTER_ZERO)
			break;
	first = number;
	for (steps = 0; number < count && steps < MOST_STEPS; number += run, steps++)
		if (find_cluster(qcow2, number, &cluster, &run, NULL) == EXT_OK &&
		    cluster.kind == CLUSTER_ZERO && steps > 0)
			break;
	lock_release(&qcow2->lock);
	if (first >= count)
		return EXT_END;
	first <<= qcow2->cluster_log2;
	*start = first < offset ? offset : first;
	*end = number >= count ? source->size : number << qcow2->cluster_log2;
	return EXT_OK;
}

static void qcow2_close(struct ext_source *source)
{
	struct qcow2 *const qcow2 = (struct qcow2 *)source;

	cache_clear(&qcow2->clusters);
	cache_clear(&qcow2->pieces);
	if (qcow2->has_lock)
		lock_clear(&qcow2->lock);
	ext_source_close(source->inner);
	free(qcow2);
}

static const struct source_operations qcow2_operations = {
	.read = qcow2_read,
	.next_data = qcow2_next_data,
	.close = qcow2_close,
};

enum ext_status ext_source_open_qcow2(struct ext_source *inner, struct ext_source **source,
				      struct ext_error *error)
{
	struct qcow2 *const qcow2 = calloc(1, sizeof *qcow2);
	enum ext_status status;

	if (!qcow2) {
		ext_source_close(inner);
		return ext_no_memory(error);
	}
	source_init(&qcow2->source, &qcow2_operations, inner, 0);
	qcow2->has_lock = lock_init(&qcow2->lock);
	if (!qcow2->has_lock || !cache_init(&qcow2->pieces, PIECES, PIECE))
		status = ext_no_memory(error);
	else
		status = qcow2_check_header(qcow2, error);
	if (status != EXT_OK) {
		qcow2_close(&qcow2->source);
		return status;
	}
	*source = &qcow2->source;
	return EXT_OK;
}
