/* SPDX-License-Identifier: MIT */
/*
 * Writes a rescue tree as a pax archive (POSIX.1-2001): ustar headers, an extended header for what
 * does not fit them. Holes as GNU tar's sparse format 1.0, attributes as SCHILY.xattr and
 * SCHILY.acl, which GNU tar, bsdtar and Python read. Needs no rights on the target at all.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rescue/copy_out.h"
#include "rescue/pax.h"

enum { BLOCK = 512, BLOCKS_AT_END = 2 };

struct tar_writer {
	struct writer writer;
	FILE *out;
	bool is_stdout;
	uint64_t written; /* bytes */
	struct pax pax;
};

/* The ustar header: numbers as octal text. */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type[1];
	char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
	char unused[12];
};

_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static enum write_result fail(struct copy_item *item, int error)
{
	snprintf(item->reason, sizeof item->reason, "the archive cannot be written: %s",
		 strerror(error));
	return WRITE_FULL;
}

static bool put(struct tar_writer *self, const void *data, size_t length)
{
	self->written += length;
	return fwrite(data, 1, length, self->out) == length;
}

static bool pad(struct tar_writer *self)
{
	static const char zeros[BLOCK];
	const size_t left = (size_t)(self->written % BLOCK);

	return left == 0 || put(self, zeros, BLOCK - left);
}

/* Octal digits to the width of the field; false when they do not fit. */
static bool octal(char *field, size_t width, uint64_t value)
{
	field[--width] = '\0';
	while (width > 0) {
		field[--width] = (char)('0' + value % 8);
		value /= 8;
	}
	return value == 0;
}

static void copy_text(char *field, size_t width, const char *text, size_t length)
{
	memcpy(field, text, length < width ? length : width);
}

static bool put_header(struct tar_writer *self, struct ustar *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned sum = 0;

	memcpy(header->magic, "ustar", 6);
	memcpy(header->version, "00", 2);
	memset(header->checksum, ' ', sizeof header->checksum);
	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	octal(header->checksum, 7, sum);
	return put(self, header, BLOCK);
}

/* The extended header that goes before an entry. */
static bool put_pax(struct tar_writer *self)
{
	struct ustar header = {0};

	if (self->pax.failed)
		return false;
	if (self->pax.length == 0)
		return true;
	copy_text(header.name, sizeof header.name, "PaxHeaders/x", 12);
	octal(header.mode, sizeof header.mode, 0644);
	octal(header.uid, sizeof header.uid, 0);
	octal(header.gid, sizeof header.gid, 0);
	octal(header.size, sizeof header.size, self->pax.length);
	octal(header.mtime, sizeof header.mtime, 0);
	header.type[0] = 'x';
	return put_header(self, &header) && put(self, self->pax.data, self->pax.length) &&
	       pad(self);
}

static bool is_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e)
			return false;
	return true;
}

static void add_xattrs(struct tar_writer *self, struct copy_item *item)
{
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_span value;

	if (item->node->ino == 0 ||
	    (item->inode->xattr_block == 0 && item->inode->extra_isize == 0) ||
	    ext_xattr_list_open_raw(item->filesystem, item->inode, item->raw, &list, NULL) !=
		    EXT_OK)
		return;
	while (ext_xattr_list_next(list, &xattr, &value, NULL, NULL) == EXT_OK)
		pax_add_xattr(&self->pax, &xattr, value);
	ext_xattr_list_close(list);
}

/*
 * Header, with what it cannot hold in an extended one: times with nanoseconds, long or unusual
 * names, large numbers, attributes. `stored` is how many bytes follow; `name` the entry's name.
 */
static bool put_entry(struct tar_writer *self, struct copy_item *item, char type, const char *name,
		      uint64_t stored, bool with_attributes)
{
	const struct ext_inode *inode = item->inode;
	struct ustar header = {0};
	const size_t length = strlen(name);
	const size_t link_length = item->link ? item->link_length : 0;
	uint32_t major_number = 0, minor_number = 0;
	bool fits;

	if (length > sizeof header.name || !is_plain(name, length))
		pax_add(&self->pax, "path", name, length);
	copy_text(header.name, sizeof header.name, name, length);
	octal(header.mode, sizeof header.mode, inode->mode & 07777);
	if (!octal(header.uid, sizeof header.uid, inode->uid)) {
		pax_add_number(&self->pax, "uid", inode->uid);
		octal(header.uid, sizeof header.uid, 0);
	}
	if (!octal(header.gid, sizeof header.gid, inode->gid)) {
		pax_add_number(&self->pax, "gid", inode->gid);
		octal(header.gid, sizeof header.gid, 0);
	}
	if (!octal(header.size, sizeof header.size, stored)) {
		pax_add_number(&self->pax, "size", stored);
		octal(header.size, sizeof header.size, 0);
	}
	fits = inode->mtime.seconds >= 0 &&
	       octal(header.mtime, sizeof header.mtime, (uint64_t)inode->mtime.seconds);
	if (!fits)
		octal(header.mtime, sizeof header.mtime, 0);
	if (!fits || inode->mtime.nanoseconds != 0)
		pax_add_time(&self->pax, "mtime", inode->mtime);
	if (item->node->ino != 0) {
		pax_add_time(&self->pax, "atime", inode->atime);
		pax_add_time(&self->pax, "ctime", inode->ctime);
	}
	header.type[0] = type;
	if (link_length > sizeof header.link || (item->link && !is_plain(item->link, link_length)))
		pax_add(&self->pax, "linkpath", item->link, link_length);
	if (item->link)
		copy_text(header.link, sizeof header.link, item->link, link_length);
	if (inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK)
		ext_inode_device(inode, &major_number, &minor_number);
	octal(header.major, sizeof header.major, major_number);
	octal(header.minor, sizeof header.minor, minor_number);
	if (with_attributes)
		add_xattrs(self, item);
	return put_pax(self) && put_header(self, &header);
}

/* The map of a sparse file, format 1.0: numbers as lines of text, padded to a block. */
static size_t sparse_map(const struct content_piece *pieces, size_t count, uint64_t size,
			 char **map)
{
	const size_t room = (2 * count + 4) * 22 + BLOCK;
	size_t at;

	*map = malloc(room);
	if (!*map)
		return 0;
	/* A file that ends in a hole gets an empty piece at its end. */
	const bool open_end =
		count == 0 || pieces[count - 1].offset + pieces[count - 1].length < size;

	at = (size_t)snprintf(*map, room, "%zu\n", count + open_end);
	for (size_t i = 0; i < count; i++)
		at += (size_t)snprintf(*map + at, room - at, "%" PRIu64 "\n%" PRIu64 "\n",
				       pieces[i].offset, pieces[i].length);
	if (open_end)
		at += (size_t)snprintf(*map + at, room - at, "%" PRIu64 "\n0\n", size);
	while (at % BLOCK != 0)
		(*map)[at++] = '\0';
	return at;
}

static void digest_zeros(struct ext_digest *digest, uint64_t length)
{
	static const uint8_t zeros[4096];

	while (digest && length > 0) {
		const size_t part = length < sizeof zeros ? (size_t)length : sizeof zeros;

		ext_digest_add(digest, zeros, part);
		length -= part;
	}
}

static bool put_pieces(struct tar_writer *self, struct copy_item *item,
		       const struct content_piece *pieces, size_t count)
{
	static const uint8_t zeros[BLOCK];
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		const uint64_t stop = pieces[i].offset + pieces[i].length;

		digest_zeros(item->digest, pieces[i].offset - end);
		for (uint64_t at = pieces[i].offset; at < stop;) {
			const uint8_t *data;
			size_t got;

			if (content_read(item->content, item->inode, at, stop - at, &data, &got)) {
				if (item->digest)
					ext_digest_add(item->digest, data, got);
				if (!put(self, data, got))
					return false;
			} else {
				item->unread += got;
				digest_zeros(item->digest, got);
				for (size_t left = got; left > 0;) {
					const size_t part = left < BLOCK ? left : BLOCK;

					if (!put(self, zeros, part))
						return false;
					left -= part;
				}
			}
			at += got;
		}
		end = stop;
	}
	digest_zeros(item->digest, item->inode->size - end);
	return true;
}

/* "dir/GNUSparseFile.0/name": the name that a reader without the format sees. */
static void sparse_name(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');
	const int length = slash ? (int)(slash - path + 1) : 0;

	snprintf(name, size, "%.*sGNUSparseFile.0/%s", length, path, path + length);
}

static enum write_result write_file(struct writer *writer, struct copy_item *item)
{
	struct tar_writer *self = (struct tar_writer *)(void *)writer;
	const struct content_piece *pieces;
	uint64_t stored = 0;
	size_t count;
	const bool whole = content_map(item->content, item->inode, &pieces, &count);
	bool sparse, done;

	for (size_t i = 0; i < count; i++)
		stored += pieces[i].length;
	sparse = stored < item->inode->size;
	if (sparse) {
		char *map, name[8300], size[24];
		const size_t map_length = sparse_map(pieces, count, item->inode->size, &map);

		if (map_length == 0)
			return fail(item, ENOMEM);
		snprintf(size, sizeof size, "%" PRIu64, item->inode->size);
		pax_add(&self->pax, "GNU.sparse.major", "1", 1);
		pax_add(&self->pax, "GNU.sparse.minor", "0", 1);
		pax_add(&self->pax, "GNU.sparse.name", item->path, strlen(item->path));
		pax_add(&self->pax, "GNU.sparse.realsize", size, strlen(size));
		sparse_name(item->path, name, sizeof name);
		done = put_entry(self, item, '0', name, map_length + stored, true) &&
		       put(self, map, map_length);
		free(map);
	} else {
		done = put_entry(self, item, '0', item->path, stored, true);
	}
	if (done)
		done = put_pieces(self, item, pieces, count) && pad(self);
	pax_clear(&self->pax);
	if (!whole && item->unread == 0)
		item->unread = item->inode->size > stored ? item->inode->size - stored : 1;
	return done ? WRITE_DONE : fail(item, errno);
}

static enum write_result write_plain(struct tar_writer *self, struct copy_item *item, char type,
				     bool with_attributes)
{
	const bool done = put_entry(self, item, type, item->path, 0, with_attributes);

	pax_clear(&self->pax);
	return done ? WRITE_DONE : fail(item, errno);
}

static enum write_result write_link(struct writer *writer, struct copy_item *item)
{
	return write_plain((struct tar_writer *)(void *)writer, item, '1', false);
}

static enum write_result write_symlink(struct writer *writer, struct copy_item *item)
{
	return write_plain((struct tar_writer *)(void *)writer, item, '2', true);
}

static enum write_result write_special(struct writer *writer, struct copy_item *item)
{
	char type = '6';

	if (item->inode->type == EXT_TYPE_SOCKET) {
		/* An archive has no sockets; nobody misses one that no process listens on. */
		writer->sockets_left++;
		return WRITE_SKIPPED;
	}
	if (item->inode->type == EXT_TYPE_CHARACTER)
		type = '3';
	else if (item->inode->type == EXT_TYPE_BLOCK)
		type = '4';
	return write_plain((struct tar_writer *)(void *)writer, item, type, true);
}

static enum write_result enter(struct writer *writer, struct copy_item *item)
{
	char path[8300];
	const char *name = item->path;

	snprintf(path, sizeof path, "%s/", *name ? name : ".");
	item->path = path;
	const enum write_result result =
		write_plain((struct tar_writer *)(void *)writer, item, '5', true);

	item->path = name;
	return result;
}

static enum write_result leave(struct writer *writer, struct copy_item *item)
{
	(void)writer;
	(void)item;
	return WRITE_DONE;
}

static enum write_result finish(struct writer *writer)
{
	static const char zeros[BLOCK];
	struct tar_writer *self = (struct tar_writer *)(void *)writer;
	bool done = true;

	for (unsigned i = 0; i < BLOCKS_AT_END && done; i++)
		done = put(self, zeros, BLOCK);
	/* Whole records, as tape drives wanted and some readers still warn about. */
	while (done && self->written % (20 * BLOCK) != 0)
		done = put(self, zeros, BLOCK);
	return done && fflush(self->out) == 0 ? WRITE_DONE : WRITE_FAILED;
}

static void close_writer(struct writer *writer)
{
	struct tar_writer *self = (struct tar_writer *)(void *)writer;

	if (!self->is_stdout)
		fclose(self->out);
	pax_free(&self->pax);
	free(self);
}

struct writer *tar_writer_new(const char *path)
{
	struct tar_writer *self = calloc(1, sizeof *self);

	if (!self)
		return NULL;
	self->writer = (struct writer){.enter = enter,
				       .leave = leave,
				       .file = write_file,
				       .hard_link = write_link,
				       .symlink = write_symlink,
				       .special = write_special,
				       .finish = finish,
				       .close = close_writer};
	self->is_stdout = strcmp(path, "-") == 0;
	self->out = self->is_stdout ? stdout : fopen(path, "wb");
	if (!self->out) {
		free(self);
		return NULL;
	}
	return &self->writer;
}
