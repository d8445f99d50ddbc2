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

#include "rescue/output_names.h"
#include "rescue/tar_header.h"
#include "rescue/writer.h"

struct tar_writer {
	struct writer writer;
	struct tar_stream stream;
	bool is_stdout;
	bool is_cut; /* stopped in the middle of a member: the archive has no end */
};

static struct tar_writer *self_of(struct writer *writer)
{
	return (struct tar_writer *)(void *)writer;
}

/* Whatever fails in the middle of an archive ends it. */
static enum write_result fail(struct copy_item *item, int error)
{
	if (error == ECANCELED)
		return WRITE_CANCELLED;
	snprintf(item->reason, sizeof item->reason, "the archive cannot be written: %s",
		 strerror(error));
	return WRITE_FULL;
}

static void add_xattrs(struct tar_writer *self, const struct copy_item *item)
{
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_span value;

	if (item->node->ino == 0 ||
	    (item->inode->xattr_block == 0 && item->inode->extra_isize == 0) ||
	    ext_xattr_list_open_raw(item->filesystem, item->inode, item->raw, &list, NULL) !=
		    EXT_OK)
		return;
	while (ext_xattr_list_next(list, &xattr, &value, NULL, NULL) == EXT_OK) {
		if (pax_add_xattr(&self->stream.pax, &xattr, value))
			continue;
		self->writer.xattrs_lost++;
		sidecar_add_xattr(&self->writer.sidecar, item, &xattr, value);
	}
	ext_xattr_list_close(list);
}

/* Header and records of an item. A hard link has no attributes but those of what it names. */
static bool put_item(struct tar_writer *self, const struct copy_item *item, char type,
		     const char *name, uint64_t stored)
{
	const struct ext_inode *inode = item->inode;
	struct tar_entry entry = {.type = type,
				  .name = name,
				  .mode = inode->mode & 07777,
				  .uid = inode->uid,
				  .gid = inode->gid,
				  .stored = stored,
				  .mtime = inode->mtime};
	char *link = NULL;
	bool done;

	if (item->link) {
		link = malloc(item->link_length + 1);
		if (!link) {
			errno = ENOMEM;
			return false;
		}
		memcpy(link, item->link, item->link_length);
		link[item->link_length] = '\0';
		entry.link = link;
	}
	if (item->node->ino != 0) {
		pax_add_time(&self->stream.pax, "atime", inode->atime);
		pax_add_time(&self->stream.pax, "ctime", inode->ctime);
	}
	if (inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK)
		ext_inode_device(inode, &entry.major, &entry.minor);
	if (type != '1') {
		add_xattrs(self, item);
		if (sidecar_add_flags(&self->writer.sidecar, item))
			self->writer.flags_lost++;
	}
	done = tar_put_entry(&self->stream, &entry);
	free(link);
	return done;
}

/* The map of a sparse file, format 1.0: numbers as lines of text, padded to a block. */
static size_t sparse_map(const struct content_piece *pieces, size_t count, uint64_t size,
			 char **map)
{
	const size_t room = (2 * count + 4) * 22 + TAR_BLOCK;
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
	while (at % TAR_BLOCK != 0)
		(*map)[at++] = '\0';
	return at;
}

static int put_data(void *context, uint64_t at, const uint8_t *data, size_t length)
{
	(void)at;
	return tar_put(context, data, length) ? 0 : errno ? errno : EIO;
}

/* A hole stands in the map; a gap is known only now, when the map has been written: its bytes are
 * zeros, and its place stands in the sidecar. */
static int put_gap(void *context, uint64_t at, uint64_t length, bool is_gap)
{
	(void)at;
	return !is_gap || tar_put_zeros(context, length) ? 0 : errno ? errno : EIO;
}

/* "dir/GNUSparseFile.0/name": the name that a reader without the format sees. Allocated. */
static char *sparse_name(const char *path)
{
	static const char infix[] = "GNUSparseFile.0/";
	const char *slash = strrchr(path, '/');
	const size_t before = slash ? (size_t)(slash - path) + 1 : 0;
	char *name = malloc(strlen(path) + sizeof infix);

	if (!name)
		return NULL;
	memcpy(name, path, before);
	memcpy(name + before, infix, sizeof infix - 1);
	memcpy(name + before + sizeof infix - 1, path + before, strlen(path + before) + 1);
	return name;
}

static bool put_sparse(struct tar_writer *self, struct copy_item *item,
		       const struct content_piece *pieces, size_t count, uint64_t stored)
{
	struct pax *pax = &self->stream.pax;
	char *map = NULL, *name = sparse_name(item->path), size[24];
	const size_t map_length = sparse_map(pieces, count, item->inode->size, &map);
	bool done = false;

	if (map_length > 0 && name) {
		snprintf(size, sizeof size, "%" PRIu64, item->inode->size);
		pax_add(pax, "GNU.sparse.major", "1", 1);
		pax_add(pax, "GNU.sparse.minor", "0", 1);
		tar_add_name(pax, "GNU.sparse.name", item->path);
		pax_add(pax, "GNU.sparse.realsize", size, strlen(size));
		done = put_item(self, item, '0', name, map_length + stored) &&
		       tar_put(&self->stream, map, map_length);
	} else {
		errno = ENOMEM;
	}
	free(map);
	free(name);
	return done;
}

static enum write_result write_file(struct writer *writer, struct copy_item *item)
{
	struct tar_writer *self = self_of(writer);
	const struct pour into = {.content = item->content,
				  .inode = item->inode,
				  .digest = item->digest,
				  .gaps = item->gaps,
				  .stop = item->stop,
				  .data = put_data,
				  .zeros = put_gap,
				  .context = &self->stream};
	const struct content_piece *pieces;
	uint64_t stored = 0;
	size_t count;
	int error;

	/* What tar, bsdtar and Python count in 64 bits with a sign. */
	if (item->inode->size > INT64_MAX) {
		snprintf(item->reason, sizeof item->reason, "cannot be written: %s",
			 strerror(EFBIG));
		return WRITE_FAILED;
	}
	(void)content_map(item->content, item->inode, &pieces, &count);
	for (size_t i = 0; i < count; i++)
		stored += pieces[i].length;
	if (!(stored < item->inode->size ? put_sparse(self, item, pieces, count, stored)
					 : put_item(self, item, '0', item->path, stored)))
		return fail(item, errno);
	error = pour(&into);
	self->is_cut = error == ECANCELED;
	if (error == 0 && !tar_pad(&self->stream))
		error = errno;
	return error != 0 ? fail(item, error) : WRITE_DONE;
}

static enum write_result write_plain(struct writer *writer, struct copy_item *item, char type)
{
	return put_item(self_of(writer), item, type, item->path, 0) ? WRITE_DONE
								    : fail(item, errno);
}

static enum write_result write_link(struct writer *writer, struct copy_item *item)
{
	return write_plain(writer, item, '1');
}

static enum write_result write_symlink(struct writer *writer, struct copy_item *item)
{
	return write_plain(writer, item, '2');
}

static enum write_result write_special(struct writer *writer, struct copy_item *item)
{
	if (item->inode->type == EXT_TYPE_SOCKET) {
		/* An archive has no sockets; nobody misses one that no process listens on. */
		writer->sockets_left++;
		sidecar_add_special(&writer->sidecar, item);
		return WRITE_LEFT;
	}
	return write_plain(writer, item,
			   item->inode->type == EXT_TYPE_CHARACTER ? '3'
			   : item->inode->type == EXT_TYPE_BLOCK   ? '4'
								   : '6');
}

static enum write_result enter(struct writer *writer, struct copy_item *item)
{
	const size_t length = strlen(item->path);
	char *name = malloc(length + 3);
	bool done;

	if (!name)
		return fail(item, ENOMEM);
	memcpy(name, length ? item->path : ".", length ? length : 1);
	memcpy(name + (length ? length : 1), "/", 2);
	done = put_item(self_of(writer), item, '5', name, 0);
	free(name);
	return done ? WRITE_DONE : fail(item, errno);
}

static enum write_result leave(struct writer *writer, struct copy_item *item)
{
	(void)writer;
	(void)item;
	return WRITE_DONE;
}

/* The sidecar is the last member. */
static enum write_result finish(struct writer *writer)
{
	struct tar_stream *stream = &self_of(writer)->stream;
	struct tar_entry entry = {.type = '0', .name = output_sidecar_name, .mode = 0600};
	uint8_t buffer[16384];
	size_t got;
	bool done;

	if (self_of(writer)->is_cut)
		return fflush(stream->out) == 0 ? WRITE_DONE : WRITE_FAILED;
	done = sidecar_end(&writer->sidecar, &entry.stored);

	if (done && entry.stored > 0) {
		done = tar_put_entry(stream, &entry);
		while (done && (got = sidecar_read(&writer->sidecar, buffer, sizeof buffer)) > 0)
			done = tar_put(stream, buffer, got);
		done = done && tar_pad(stream);
	}
	return done && tar_end(stream) ? WRITE_DONE : WRITE_FAILED;
}

static void close_writer(struct writer *writer)
{
	struct tar_writer *self = self_of(writer);

	if (!self->is_stdout)
		fclose(self->stream.out);
	pax_free(&self->stream.pax);
	sidecar_clear(&writer->sidecar);
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
	self->stream.out = self->is_stdout ? stdout : fopen(path, "wb");
	if (!self->stream.out) {
		free(self);
		return NULL;
	}
	return &self->writer;
}
