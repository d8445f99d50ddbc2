/* SPDX-License-Identifier: MIT */
/*
 * Records what a repair overwrites, and puts it back. The numbers in a record are little-endian
 * whatever machine wrote it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "complain.h"
#include "exit.h"
#include "repairs/undo.h"

enum { MAGIC_SIZE = 16, HEADER = MAGIC_SIZE + 8, ENTRY = 16, NAMES_TRIED = 1000 };
enum { LENGTH_MAX = 1 << 20 };

static const char magic[MAGIC_SIZE + 1] = "fsck-lite undo 1";

static void put_u64(uint8_t *bytes, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get_u64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

static bool put_bytes(FILE *file, uLong *crc, const uint8_t *bytes, size_t length)
{
	*crc = crc32(*crc, bytes, (uInt)length);
	return fwrite(bytes, 1, length, file) == length;
}

static bool write_record(const struct plan *plan, uint64_t start, FILE *file)
{
	uint8_t numbers[ENTRY];
	uLong crc = crc32(0, NULL, 0);
	bool good;

	memcpy(numbers, magic, MAGIC_SIZE);
	good = put_bytes(file, &crc, numbers, MAGIC_SIZE);
	put_u64(numbers, plan->count);
	good = good && put_bytes(file, &crc, numbers, 8);
	for (size_t i = 0; good && i < plan->count; i++) {
		const struct planned_write *write = &plan->writes[i];

		put_u64(numbers, start + write->offset);
		put_u64(numbers + 8, write->length);
		good = put_bytes(file, &crc, numbers, ENTRY) &&
		       put_bytes(file, &crc, write->before, write->length) &&
		       put_bytes(file, &crc, write->after, write->length);
	}
	put_u64(numbers, crc);
	good = good && fwrite(numbers, 1, 8, file) == 8;
	return good && fflush(file) == 0 && fsync(fileno(file)) == 0;
}

/* A new file, or NULL; an existing one is never touched. */
static FILE *create(const char *name)
{
	const int file = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	FILE *stream;

	if (file < 0)
		return NULL;
	stream = fdopen(file, "wb");
	if (!stream)
		close(file);
	return stream;
}

/* IMAGE.undo, or IMAGE.undo.2 and so on. */
static FILE *create_beside(const char *image, char name[4096])
{
	for (unsigned i = 1; i < NAMES_TRIED; i++) {
		FILE *file;

		if (i == 1)
			snprintf(name, 4096, "%s.undo", image);
		else
			snprintf(name, 4096, "%s.undo.%u", image, i);
		file = create(name);
		if (file || errno != EEXIST)
			return file;
	}
	return NULL;
}

static void flush_directory(const char *name)
{
	char directory[4096];
	const char *const slash = strrchr(name, '/');
	int file;

	snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - name) + 1 : 1,
		 slash ? name : ".");
	file = open(directory, O_RDONLY);
	if (file < 0)
		return;
	/* Not every filesystem can flush a directory; the record itself is flushed. */
	(void)fsync(file);
	close(file);
}

bool undo_write(const struct plan *plan, const char *image, uint64_t start, const char *path,
		char name[4096])
{
	const char *const slash = strrchr(image, '/');
	FILE *file;
	bool good;

	if (path) {
		snprintf(name, 4096, "%s", path);
		file = create(path);
	} else {
		file = strncmp(image, "/dev/", 5) == 0 ? NULL : create_beside(image, name);
		if (!file)
			file = create_beside(slash ? slash + 1 : image, name);
	}
	if (!file) {
		complain("%s: the undo record cannot be made: %s; nothing is written", name,
			 strerror(errno));
		return false;
	}
	good = write_record(plan, start, file);
	if (fclose(file) != 0)
		good = false;
	flush_directory(name);
	if (!good) {
		complain("%s: the undo record cannot be written: %s; nothing is written to the "
			 "image",
			 name, strerror(errno));
		unlink(name);
	}
	return good;
}

/* The whole record in memory, with its checksum right; NULL after a complaint. */
static uint8_t *read_record(const char *path, size_t *size)
{
	FILE *const file = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long length;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= HEADER + 8 &&
	    fseek(file, 0, SEEK_SET) == 0 && (bytes = malloc((size_t)length)) &&
	    fread(bytes, 1, (size_t)length, file) == (size_t)length &&
	    memcmp(bytes, magic, MAGIC_SIZE) == 0 &&
	    crc32(crc32(0, NULL, 0), bytes, (uInt)(length - 8)) == get_u64(bytes + length - 8)) {
		*size = (size_t)length - 8;
	} else {
		complain("%s: this is no undo record, or it is not complete", path);
		free(bytes);
		bytes = NULL;
	}
	fclose(file);
	return bytes;
}

/* Sector by sector: either what the repair found or what it wrote, or somebody wrote since. */
static bool is_known(const uint8_t *now, const uint8_t *before, const uint8_t *after, size_t length)
{
	enum { SECTOR = 512 };

	for (size_t at = 0; at < length; at += SECTOR) {
		const size_t size = length - at < SECTOR ? length - at : SECTOR;

		if (memcmp(now + at, before + at, size) != 0 &&
		    memcmp(now + at, after + at, size) != 0)
			return false;
	}
	return true;
}

/* Goes through the entries, to look first and then to write. False after a complaint. */
static bool go_through(struct writer *writer, const uint8_t *record, size_t size, bool force,
		       bool write, const char *path)
{
	const uint64_t count = get_u64(record + MAGIC_SIZE);
	size_t at = HEADER;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t offset, length;
		const uint8_t *before, *after;
		uint8_t *now;
		bool good;

		if (size - at < ENTRY)
			break;
		offset = get_u64(record + at);
		length = get_u64(record + at + 8);
		at += ENTRY;
		if (length > LENGTH_MAX || size - at < 2 * length)
			break;
		before = record + at;
		after = before + length;
		at += (size_t)(2 * length);
		now = malloc((size_t)length + 1);
		good = now && writer_read(writer, offset, now, (size_t)length);
		if (!good)
			complain("%s: byte %" PRIu64 " cannot be read", writer->path, offset);
		else if (write)
			good = writer_change(writer, offset, now, before, (size_t)length);
		else if (!force && !is_known(now, before, after, (size_t)length)) {
			complain("%s: byte %" PRIu64 ": somebody wrote here after the repair; -y "
				 "puts the old bytes back all the same",
				 writer->path, offset);
			good = false;
		}
		free(now);
		if (!good)
			return false;
	}
	if (at == size)
		return true;
	complain("%s: the undo record is malformed", path);
	return false;
}

int undo_apply(const char *image, const char *path, bool force)
{
	struct writer writer;
	size_t size;
	uint8_t *const record = read_record(path, &size);
	bool good;

	if (!record)
		return EXIT_CANNOT_RUN;
	good = writer_open(&writer, image, 0) &&
	       go_through(&writer, record, size, force, false, path) &&
	       go_through(&writer, record, size, force, true, path) && writer_flush(&writer);
	if (good)
		printf("%s: as it was before the repair (%u sectors put back)\n", image,
		       writer.writes);
	writer_close(&writer);
	free(record);
	return good ? EXIT_CLEAN : EXIT_CANNOT_RUN;
}
