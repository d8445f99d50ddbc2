/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes in one space: behind the fields of an inode, or in a block of their own. A
 * list of entries that ends with four zero bytes; values from the other end, found by offset. Also
 * their hashes and the checksum of a block. Values in inodes of their own are for
 * walk/xattr_list.c. Doc: ext4/attributes.rst. Unlike there, the checksum of a block covers the
 * number of the block too.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include <ext/xattr.h>

#include "bytes/crc32c.h"
#include "bytes/span.h"
#include "layout/layout.h"
#include "structure/checksum.h"

enum { SMALL_INODE = 128 };

static const uint32_t xattr_magic = 0xea020000;

/* By namespace; the name of an ACL is the prefix alone. */
static const char *const prefixes[] = {
	[1] = "user.",
	[2] = "system.posix_acl_access",
	[3] = "system.posix_acl_default",
	[4] = "trusted.",
	[5] = "lustre.",
	[6] = "security.",
	[7] = "system.",
	[8] = "system.richacl",
	[9] = "encryption.",
	[10] = "gnu.",
};

const char *ext_xattr_prefix(unsigned index)
{
	return index < sizeof prefixes / sizeof *prefixes ? prefixes[index] : NULL;
}

size_t ext_xattr_name(const struct ext_xattr *xattr, char *text, size_t size)
{
	const char *prefix = ext_xattr_prefix(xattr->index);
	char number[16];

	if (!prefix) {
		snprintf(number, sizeof number, "namespace%u.", (unsigned)xattr->index);
		prefix = number;
	}
	return (size_t)snprintf(text, size, "%s%.*s", prefix, (int)xattr->name_length, xattr->name);
}

static struct ext_place place_of(uint32_t at, const char *field)
{
	return (struct ext_place){
		.structure = EXT_AT_XATTR, .has = EXT_HAS_OFFSET, .offset = at, .field = field};
}

enum ext_status ext_xattr_inode_begin(const struct ext_superblock *superblock, struct ext_span raw,
				      struct ext_xattr_cursor *cursor, struct ext_error *error)
{
	const struct le16 *extra = SPAN_AS(struct le16, raw, SMALL_INODE);
	const struct ext_raw_xattr_inode_header *header;
	size_t at;

	(void)error;
	if (superblock->inode_size <= SMALL_INODE || !extra)
		return EXT_END;
	/* A wrong i_extra_isize is the inode's fault, named with the inode; no space begins there.
	 */
	at = (size_t)SMALL_INODE + get(*extra);
	header = SPAN_AS(struct ext_raw_xattr_inode_header, raw, at);
	if (!header || at % 4 != 0 || get(header->h_magic) != xattr_magic)
		return EXT_END;
	*cursor = (struct ext_xattr_cursor){span_part(raw, at + sizeof *header, raw.size), 0,
					    EXT_XATTR_IN_INODE};
	return EXT_OK;
}

enum ext_status ext_xattr_block_begin(const struct ext_superblock *superblock,
				      struct ext_span block, struct ext_xattr_cursor *cursor,
				      struct ext_error *error)
{
	const struct ext_raw_xattr_header *header = SPAN_AS(struct ext_raw_xattr_header, block, 0);
	const uint32_t magic = header ? get(header->h_magic) : 0;

	(void)superblock;
	if (magic != xattr_magic)
		return ext_corrupt(error, EXT_XATTR_MAGIC, place_of(0, "h_magic"), magic,
				   xattr_magic, xattr_magic);
	*cursor = (struct ext_xattr_cursor){block, sizeof *header, EXT_XATTR_IN_BLOCK};
	return EXT_OK;
}

/* Where the value lies, or nothing when it is elsewhere or nowhere. */
static struct span value_span(const struct ext_xattr_cursor *cursor, const struct ext_xattr *xattr)
{
	const uint32_t least =
		cursor->home == EXT_XATTR_IN_BLOCK ? sizeof(struct ext_raw_xattr_header) : 0;
	const uint8_t *data;

	if (xattr->value_inode != 0)
		return (struct span){NULL, 0};
	/* The offset of an empty value means nothing. */
	if (xattr->value_size == 0)
		return (struct span){cursor->space.data, 0};
	data = span_at(cursor->space, xattr->value_offset, xattr->value_size);
	if (!data || xattr->value_offset < least)
		return (struct span){NULL, 0};
	return (struct span){data, xattr->value_size};
}

/* What of the value's last word lies behind it, within the space. */
static uint8_t padding_of(const struct ext_xattr_cursor *cursor, const struct ext_xattr *xattr)
{
	const uint8_t padding = (uint8_t)((4 - xattr->value.size % 4) % 4);

	if (!xattr->value.data || xattr->value.size == 0)
		return 0;
	return span_at(cursor->space, xattr->value_offset, xattr->value.size + padding) ? padding
											: 0;
}

/* An entry or a name that ends behind its space: what follows cannot be found. */
static enum ext_status passes_end(struct ext_xattr_cursor *cursor, const char *field,
				  struct ext_error *error)
{
	const uint32_t at = cursor->at;

	cursor->at = (uint32_t)cursor->space.size;
	return ext_corrupt(error,
			   cursor->home == EXT_XATTR_IN_BLOCK ? EXT_XATTR_BLOCK_OVERLAP
							      : EXT_XATTR_INODE_OVERLAP,
			   place_of(at, field), at, 0, cursor->space.size);
}

enum ext_status ext_xattr_next(struct ext_xattr_cursor *cursor, struct ext_xattr *xattr,
			       struct ext_error *error)
{
	const uint32_t at = cursor->at;
	const size_t left = span_left(cursor->space, at);
	const struct ext_raw_xattr_entry *raw;
	const struct le32 *terminator = SPAN_AS(struct le32, cursor->space, at);
	size_t length;

	/* The kernel wants the terminator; e2fsprogs takes the end of the space for one. */
	if (!terminator || get(*terminator) == 0)
		return EXT_END;
	raw = SPAN_AS(struct ext_raw_xattr_entry, cursor->space, at);
	if (!raw)
		return passes_end(cursor, NULL, error);
	if (raw->e_name_len > left - sizeof *raw)
		return passes_end(cursor, "e_name_len", error);
	*xattr = (struct ext_xattr){
		.home = cursor->home,
		.at = at,
		.index = raw->e_name_index,
		.name_length = raw->e_name_len,
		.name = (const char *)raw + sizeof *raw,
		.value_offset = get(raw->e_value_offs),
		.value_size = get(raw->e_value_size),
		.value_inode = get(raw->e_value_inum),
		.hash_stored = get(raw->e_hash),
	};
	xattr->value = value_span(cursor, xattr);
	xattr->padding = padding_of(cursor, xattr);
	length = (sizeof *raw + raw->e_name_len + 3) / 4 * 4;
	cursor->at = at + (uint32_t)(length < left ? length : left);
	return EXT_OK;
}

enum ext_status ext_xattr_header(const struct ext_superblock *superblock, ext_block block,
				 struct ext_span bytes, struct ext_xattr_header *header,
				 struct ext_error *error)
{
	static const uint8_t zeros[4];
	const struct ext_raw_xattr_header *raw = SPAN_AS(struct ext_raw_xattr_header, bytes, 0);
	const size_t checksum_at = offsetof(struct ext_raw_xattr_header, h_checksum);
	struct le64 number;
	uint32_t checksum;

	if (!raw || get(raw->h_magic) != xattr_magic)
		return ext_corrupt(error, EXT_XATTR_MAGIC, place_of(0, "h_magic"),
				   raw ? get(raw->h_magic) : 0, xattr_magic, xattr_magic);
	*header = (struct ext_xattr_header){
		.magic = get(raw->h_magic),
		.reference_count = get(raw->h_refcount),
		.blocks = get(raw->h_blocks),
		.hash = get(raw->h_hash),
		.checksum_stored = get(raw->h_checksum),
	};
	if (!superblock->has_metadata_csum)
		return EXT_OK;
	/* Keyed with the block's number and not with an inode's: inodes share the block. */
	put(&number, block);
	checksum = crc32c(superblock->checksum_seed, &number, sizeof number);
	checksum = crc32c(checksum, bytes.data, checksum_at);
	checksum = crc32c(checksum, zeros, sizeof zeros);
	checksum = crc32c(checksum, bytes.data + checksum_at + sizeof zeros,
			  bytes.size - checksum_at - sizeof zeros);
	header->checksum_computed = checksum;
	header->checksum = checksum_state(checksum == header->checksum_stored);
	return EXT_OK;
}

static uint32_t mix_word(uint32_t hash, uint32_t word)
{
	return hash << 16 ^ hash >> 16 ^ word;
}

uint32_t ext_xattr_entry_hash(const struct ext_xattr *xattr, bool signed_names,
			      uint32_t value_inode_hash)
{
	uint32_t hash = 0;

	/* Linux hashes unsigned bytes now; on x86 it used to hash signed ones. Either may be
	 * stored. */
	for (unsigned i = 0; i < xattr->name_length; i++) {
		const uint32_t byte = (unsigned char)xattr->name[i];
		const uint32_t number = signed_names && byte >= 0x80 ? byte | 0xffffff00 : byte;

		hash = hash << 5 ^ hash >> 27 ^ number;
	}
	if (xattr->value_inode != 0)
		return mix_word(hash, value_inode_hash);
	for (size_t at = 0; at < xattr->value.size; at += 4) {
		const size_t left = xattr->value.size + xattr->padding - at;
		struct le32 word = {{0, 0, 0, 0}};

		memcpy(word.byte, xattr->value.data + at, left < 4 ? left : 4);
		hash = mix_word(hash, get(word));
	}
	return hash;
}

uint32_t ext_xattr_block_hash(struct ext_span block)
{
	struct ext_xattr_cursor cursor = {block, sizeof(struct ext_raw_xattr_header),
					  EXT_XATTR_IN_BLOCK};
	struct ext_xattr xattr;
	uint32_t hash = 0;

	while (ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK) {
		/* One attribute without a hash makes the whole block one that is not shared. */
		if (xattr.hash_stored == 0)
			return 0;
		hash = mix_word(hash, xattr.hash_stored);
	}
	return hash;
}

uint32_t ext_xattr_value_hash(const struct ext_superblock *superblock, struct ext_span value)
{
	return crc32c(superblock->checksum_seed, value.data, value.size);
}

uint32_t ext_xattr_value_hash_more(uint32_t hash, struct ext_span piece)
{
	return crc32c(hash, piece.data, piece.size);
}

int ext_xattr_compare(const struct ext_xattr *a, const struct ext_xattr *b)
{
	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->name_length != b->name_length)
		return a->name_length < b->name_length ? -1 : 1;
	return memcmp(a->name, b->name, a->name_length);
}
