/* SPDX-License-Identifier: MIT */
/* File content in pieces. The map is walked once for the list; data are then read by position. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/grow.h"
#include "accounting/shortfall.h"
#include "rescue/content.h"

enum { BUFFER = 1 << 20, LINK_MOST = 65536 };

/* A piece and where it lies; 0 as the source for inline data. */
struct place {
	uint64_t offset, length, source;
};

struct content {
	const struct ext_filesystem *filesystem;
	struct ext_mapping *mapping;
	struct content_piece *pieces;
	struct place *places;
	size_t piece_count, piece_size, place_count, place_size, last;
	struct shortfall shortfall;
	uint8_t *buffer;
};

struct content *content_new(const struct ext_filesystem *filesystem)
{
	struct content *content = calloc(1, sizeof *content);

	if (!content)
		return NULL;
	content->filesystem = filesystem;
	content->buffer = malloc(BUFFER);
	if (content->buffer && ext_mapping_new(filesystem, &content->mapping, NULL) == EXT_OK)
		return content;
	content_free(content);
	return NULL;
}

void content_free(struct content *content)
{
	if (!content)
		return;
	ext_mapping_free(content->mapping);
	free(content->pieces);
	free(content->places);
	free(content->buffer);
	free(content);
}

/* Adds a run to the list, joined with the one before where they touch. */
static bool add(struct content *content, uint64_t offset, uint64_t length, uint64_t source)
{
	struct content_piece *piece =
		content->piece_count ? &content->pieces[content->piece_count - 1] : NULL;
	struct place *place =
		content->place_count ? &content->places[content->place_count - 1] : NULL;

	/* Out of order in a damaged map: what comes later in the file stays in front. */
	if (piece && offset < piece->offset + piece->length)
		return true;
	if (place && place->offset + place->length == offset && place->source != 0 &&
	    place->source + place->length == source) {
		place->length += length;
	} else {
		if (!GROW(content->places, content->place_count, content->place_size))
			return false;
		content->places[content->place_count++] = (struct place){offset, length, source};
	}
	if (piece && piece->offset + piece->length == offset) {
		piece->length += length;
		return true;
	}
	if (!GROW(content->pieces, content->piece_count, content->piece_size))
		return false;
	content->pieces[content->piece_count++] = (struct content_piece){offset, length};
	return true;
}

bool content_map(struct content *content, const struct ext_inode *inode,
		 const struct content_piece **pieces, size_t *count)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(content->filesystem);
	const unsigned shift = sb->block_size_log2;
	struct ext_run run;
	bool whole = true;

	content->piece_count = content->place_count = content->last = 0;
	content->shortfall = (struct shortfall){0};
	if (inode->flags & EXT_INODE_INLINE_DATA) {
		if (inode->size > 0)
			whole = add(content, 0, inode->size < 65536 ? inode->size : 65536, 0);
	} else {
		ext_mapping_start(content->mapping, inode, 0, NULL);
		while (whole && ext_mapping_next(content->mapping, &run) == EXT_OK) {
			const uint64_t offset = (uint64_t)run.logical << shift;
			uint64_t length = (uint64_t)run.length << shift;

			shortfall_add(&content->shortfall, sb, inode, &run);
			if (run.kind != EXT_RUN_DATA || offset >= inode->size)
				continue;
			if (length > inode->size - offset)
				length = inode->size - offset;
			whole = add(content, offset, length, run.physical << shift);
		}
		whole = whole && !ext_mapping_damaged(content->mapping);
	}
	*pieces = content->pieces;
	*count = content->piece_count;
	return whole;
}

uint64_t content_shortfall(const struct content *content, const struct ext_inode *inode)
{
	return shortfall_bytes(&content->shortfall, content->filesystem, inode);
}

static const struct place *place_of(struct content *content, uint64_t offset)
{
	/* Reading goes forward: the place is nearly always the last one or the next. */
	if (content->last >= content->place_count || content->places[content->last].offset > offset)
		content->last = 0;
	while (content->last < content->place_count &&
	       content->places[content->last].offset + content->places[content->last].length <=
		       offset)
		content->last++;
	return content->last < content->place_count &&
			       content->places[content->last].offset <= offset
		       ? &content->places[content->last]
		       : NULL;
}

bool content_read(struct content *content, const struct ext_inode *inode, uint64_t offset,
		  uint64_t length, const uint8_t **data, size_t *got)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(content->filesystem);
	struct ext_source *source = ext_filesystem_source(content->filesystem);
	const struct place *place = place_of(content, offset);
	uint64_t left;

	*data = content->buffer;
	*got = (size_t)(length < sb->block_size ? length : sb->block_size);
	if (!place)
		return false;
	left = place->length - (offset - place->offset);
	if (left > length)
		left = length;
	if (left > BUFFER)
		left = BUFFER;
	*got = (size_t)left;
	if (place->source == 0) {
		size_t read = 0;

		return ext_file_read(content->mapping, inode, offset, content->buffer, *got, &read,
				     NULL) == EXT_OK &&
		       read == *got;
	}
	if (ext_source_read(source, place->source + (offset - place->offset), content->buffer, *got,
			    NULL) == EXT_OK)
		return true;
	/* Block by block around what is unreadable. */
	if (left > sb->block_size - offset % sb->block_size)
		left = sb->block_size - offset % sb->block_size;
	*got = (size_t)left;
	return ext_source_read(source, place->source + (offset - place->offset), content->buffer,
			       *got, NULL) == EXT_OK;
}

bool content_link(struct content *content, const struct ext_inode *inode, const char **target,
		  size_t *length)
{
	char *text = (char *)content->buffer;

	if (inode->flags & EXT_INODE_ENCRYPT || inode->size > LINK_MOST ||
	    ext_symlink_read(content->mapping, inode, text, LINK_MOST, length, NULL) != EXT_OK)
		return false;
	*target = text;
	return *length > 0 && memchr(text, '\0', *length) == NULL;
}
