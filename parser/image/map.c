/* SPDX-License-Identifier: MIT */
/*
 * A ddrescue map file laid over an image: what it does not call rescued cannot be read, whatever
 * the copy has there. Where the map says nothing, nothing is known either.
 * Doc: GNU ddrescue manual, "Mapfile structure".
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bytes/checked.h"
#include "image/source.h"

enum { LINE = 256, READ_AHEAD = 16384 };

/* Bytes that were rescued. */
struct area {
	uint64_t start, end;
};

struct map {
	struct ext_source source;
	struct area *areas; /* ascending, not touching */
	size_t count, room;
};

/* The first rescued area that ends behind `offset`, or NULL. */
static const struct area *area_for(const struct map *map, uint64_t offset)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (map->areas[middle].end <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low < map->count ? &map->areas[low] : NULL;
}

static enum ext_status map_read(struct ext_source *source, uint64_t offset, void *buffer,
				size_t length, struct ext_error *error)
{
	const struct area *const area = area_for((const struct map *)source, offset);

	if (!area || area->start > offset)
		return source_fail(error, EXT_IO, EXT_UNREADABLE, offset, 0, 0, 0, NULL);
	if (area->end - offset < length)
		return source_fail(error, EXT_IO, EXT_UNREADABLE, area->end, 0, 0, 0, NULL);
	return ext_source_read(source->inner, offset, buffer, length, error);
}

/* What was not rescued is often a hole in the copy, but it must not count as zeros. */
static enum ext_status map_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
				     uint64_t *end)
{
	const struct map *const map = (const struct map *)source;
	const struct area *const area = area_for(map, offset);
	uint64_t lost = offset, found, found_end;
	enum ext_status status;

	if (area && area->start <= offset)
		lost = min_u64(area->end, source->size);
	if (lost > offset) {
		status = ext_source_next_data(source->inner, offset, &found, &found_end);
		if (status != EXT_OK && status != EXT_END)
			return status;
		if (status == EXT_OK && found < lost) {
			*start = found;
			*end = min_u64(found_end, lost);
			return EXT_OK;
		}
	}
	if (lost >= source->size)
		return EXT_END;
	*start = lost;
	*end = source->size;
	if (area_for(map, lost))
		*end = min_u64(area_for(map, lost)->start, source->size);
	return EXT_OK;
}

static void map_will_need(struct ext_source *source, uint64_t offset, uint64_t length)
{
	ext_source_will_need(source->inner, offset, length);
}

static bool map_in_memory(struct ext_source *source, uint64_t offset)
{
	return ext_source_in_memory(source->inner, offset);
}

static void map_expect_reads(struct ext_source *source, enum ext_reads reads)
{
	ext_source_expect_reads(source->inner, reads);
}

static void map_close(struct ext_source *source)
{
	struct map *const map = (struct map *)source;

	free(map->areas);
	ext_source_close(source->inner);
	free(map);
}

static const struct source_operations map_operations = {
	.read = map_read,
	.next_data = map_next_data,
	.will_need = map_will_need,
	.in_memory = map_in_memory,
	.expect_reads = map_expect_reads,
	.close = map_close,
};

static enum ext_status add_area(struct map *map, uint64_t start, uint64_t end,
				struct ext_error *error)
{
	if (map->count > 0 && map->areas[map->count - 1].end == start) {
		map->areas[map->count - 1].end = end;
		return EXT_OK;
	}
	if (map->count == map->room) {
		const size_t room = map->room ? 2 * map->room : 64;
		struct area *more;

		if (room > SIZE_MAX / sizeof *more)
			return ext_no_memory(error);
		more = realloc(map->areas, room * sizeof *more);
		if (!more)
			return ext_no_memory(error);
		map->areas = more;
		map->room = room;
	}
	map->areas[map->count++] = (struct area){start, end};
	return EXT_OK;
}

static const char *skip_blanks(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

/* A number as C writes it: 0x1f, 017, 15. NULL when there is none, or it is too large. */
static const char *take_number(const char *text, uint64_t *number)
{
	uint64_t value = 0;
	unsigned base = 10, digits = 0;

	text = skip_blanks(text);
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	} else if (text[0] == '0') {
		base = 8;
	}
	for (;; text++, digits++) {
		unsigned digit;

		if (*text >= '0' && *text <= '9')
			digit = (unsigned)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			digit = (unsigned)(*text - 'a') + 10;
		else if (*text >= 'A' && *text <= 'F')
			digit = (unsigned)(*text - 'A') + 10;
		else
			break;
		if (digit >= base || !multiply_fits(value, base, &value) ||
		    !add_fits(value, digit, &value))
			return NULL;
	}
	*number = value;
	return digits > 0 ? text : NULL;
}

/* What is read line by line; the end of the last area, and whether the status line was met. */
struct parser {
	struct map *map;
	uint64_t line, end;
	bool has_status;
};

/* One line without its end. EXT_CORRUPT when it is not understood. */
static enum ext_status take_line(struct parser *parser, const char *text, struct ext_error *error)
{
	uint64_t position, size, end;
	char status;

	text = skip_blanks(text);
	if (*text == '\0' || *text == '#')
		return EXT_OK;
	text = take_number(text, &position);
	if (!text)
		return EXT_CORRUPT;
	text = skip_blanks(text);
	if (!parser->has_status) {
		/* Where ddrescue stood, and what it was doing (and, in newer ones, the pass). */
		parser->has_status = true;
		return *text != '\0' && strchr("?*/-+FG", *text) ? EXT_OK : EXT_CORRUPT;
	}
	text = take_number(text, &size);
	if (!text)
		return EXT_CORRUPT;
	text = skip_blanks(text);
	status = *text;
	if (status == '\0' || !strchr("?*/-+", status) || *skip_blanks(text + 1) != '\0')
		return EXT_CORRUPT;
	if (!add_fits(position, size, &end) || position < parser->end)
		return EXT_CORRUPT;
	parser->end = end;
	if (status != '+' || size == 0)
		return EXT_OK;
	return add_area(parser->map, position, end, error);
}

/* Reads the whole file; `text` holds the line under way. */
static enum ext_status parse(struct parser *parser, struct ext_source *file,
			     struct ext_error *error)
{
	const uint64_t size = ext_source_size(file);
	enum ext_status status = EXT_OK;
	uint8_t bytes[READ_AHEAD];
	char text[LINE];
	size_t length = 0, got = 0;

	parser->line = 1;
	for (uint64_t at = 0; at < size; at += got) {
		status = source_read_some(file, at, bytes, sizeof bytes, &got, error);
		if (status != EXT_OK)
			return status;
		for (size_t i = 0; i < got; i++) {
			if (bytes[i] == '\n') {
				text[length] = '\0';
				length = 0;
				status = take_line(parser, text, error);
				if (status != EXT_OK)
					return status;
				parser->line++;
			} else if (bytes[i] == '\0') {
				return EXT_CORRUPT;
			} else if (length < LINE - 1 && bytes[i] != '\r') {
				text[length++] = (char)bytes[i];
			} else if (bytes[i] != '\r' && text[0] != '#') {
				/* Only comments, such as the command line, may be long. */
				return EXT_CORRUPT;
			}
		}
	}
	text[length] = '\0';
	status = take_line(parser, text, error);
	if (status == EXT_OK && !parser->has_status)
		return EXT_CORRUPT;
	return status;
}

enum ext_status ext_source_open_map(struct ext_source *inner, const char *map_path,
				    struct ext_source **source, struct ext_error *error)
{
	struct map *const map = calloc(1, sizeof *map);
	struct parser parser = {.map = map};
	struct ext_source *file = NULL;
	enum ext_status status;

	if (!map) {
		ext_source_close(inner);
		return ext_no_memory(error);
	}
	source_init(&map->source, &map_operations, inner, ext_source_size(inner));
	status = ext_source_open_file(map_path, &file, error);
	if (status == EXT_OK)
		status = parse(&parser, file, error);
	ext_source_close(file);
	if (status == EXT_CORRUPT)
		source_fail(error, EXT_CORRUPT, EXT_MAP_SYNTAX, 0, parser.line, 0, 0, NULL);
	if (status == EXT_CORRUPT && error)
		error->place = (struct ext_place){0};
	if (status != EXT_OK) {
		map_close(&map->source);
		return status;
	}
	*source = &map->source;
	return EXT_OK;
}
