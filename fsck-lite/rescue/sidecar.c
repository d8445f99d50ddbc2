/* SPDX-License-Identifier: MIT */
/* The sidecar of a restore: attributes that could not be set. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "reports/json.h"
#include "rescue/writer.h"

/* Inode flags that chattr(1) sets: what a person chose, not how the filesystem keeps the file. */
static const uint32_t flags_chosen = 0x628340ff;

static bool begin(struct sidecar *sidecar, const struct copy_item *item, struct json *json)
{
	if (!sidecar->lines && !sidecar->failed)
		sidecar->lines = tmpfile();
	if (!sidecar->lines) {
		sidecar->failed = true;
		return false;
	}
	json_open(json, sidecar->lines, true);
	json_object(json, NULL);
	json_name(json, "path", item->path, strlen(item->path));
	json_u64(json, "inode", item->node->ino);
	return true;
}

static void end(struct json *json)
{
	json_end_object(json);
	json_close(json);
}

void sidecar_add_owner(struct sidecar *sidecar, const struct copy_item *item)
{
	struct json json;

	if (!begin(sidecar, item, &json))
		return;
	json_u64(&json, "uid", item->inode->uid);
	json_u64(&json, "gid", item->inode->gid);
	end(&json);
}

void sidecar_add_mode(struct sidecar *sidecar, const struct copy_item *item)
{
	struct json json;
	char octal[16];

	if (!begin(sidecar, item, &json))
		return;
	snprintf(octal, sizeof octal, "%06o", (unsigned)item->inode->mode);
	json_text(&json, "mode", octal);
	end(&json);
}

void sidecar_add_times(struct sidecar *sidecar, const struct copy_item *item)
{
	struct json json;

	if (!begin(sidecar, item, &json))
		return;
	json_i64(&json, "mtime_seconds", item->inode->mtime.seconds);
	json_u64(&json, "mtime_nanoseconds", item->inode->mtime.nanoseconds);
	json_i64(&json, "atime_seconds", item->inode->atime.seconds);
	json_u64(&json, "atime_nanoseconds", item->inode->atime.nanoseconds);
	end(&json);
}

void sidecar_add_special(struct sidecar *sidecar, const struct copy_item *item)
{
	struct json json;
	char octal[16];

	if (!begin(sidecar, item, &json))
		return;
	snprintf(octal, sizeof octal, "%06o", (unsigned)item->inode->mode);
	json_text(&json, "mode", octal);
	if (item->inode->type != EXT_TYPE_SOCKET) {
		uint32_t major_number, minor_number;

		ext_inode_device(item->inode, &major_number, &minor_number);
		json_u64(&json, "major", major_number);
		json_u64(&json, "minor", minor_number);
	}
	end(&json);
}

bool sidecar_add_flags(struct sidecar *sidecar, const struct copy_item *item)
{
	const uint32_t flags = item->inode->flags & flags_chosen;
	struct json json;
	char text[16];

	if ((flags == 0 && item->inode->project == 0) || !begin(sidecar, item, &json))
		return false;
	snprintf(text, sizeof text, "0x%x", (unsigned)flags);
	if (flags != 0)
		json_text(&json, "flags", text);
	if (item->inode->project != 0)
		json_u64(&json, "project", item->inode->project);
	end(&json);
	return true;
}

void sidecar_add_gaps(struct sidecar *sidecar, const struct copy_item *item)
{
	const struct gaps *gaps = item->gaps;
	struct json json;

	if (!begin(sidecar, item, &json))
		return;
	json_u64(&json, "unread_bytes", gaps->bytes);
	json_array(&json, "unread");
	for (size_t i = 0; i < gaps->count; i++) {
		json_object(&json, NULL);
		json_u64(&json, "offset", gaps->list[i].offset);
		json_u64(&json, "length", gaps->list[i].length);
		json_end_object(&json);
	}
	json_end_array(&json);
	if (gaps->is_map_damaged || gaps->is_map_short)
		json_u64(&json, "unmapped_bytes", gaps->unmapped_bytes);
	end(&json);
}

void sidecar_add_xattr(struct sidecar *sidecar, const struct copy_item *item,
		       const struct ext_xattr *xattr, struct ext_span value)
{
	static const char digits[] = "0123456789abcdef";
	char name[EXT_NAME_MAX + 64];
	struct json json;
	char *hex;

	if (ext_xattr_name(xattr, name, sizeof name) >= sizeof name || !begin(sidecar, item, &json))
		return;
	json_bytes(&json, "xattr", name, strlen(name));
	hex = malloc(2 * value.size + 1);
	for (size_t i = 0; hex && i < value.size; i++) {
		hex[2 * i] = digits[value.data[i] >> 4];
		hex[2 * i + 1] = digits[value.data[i] & 15];
	}
	if (hex)
		json_bytes(&json, "value_hex", hex, 2 * value.size);
	free(hex);
	end(&json);
}

bool sidecar_end(struct sidecar *sidecar, uint64_t *size)
{
	long length = 0;

	if (sidecar->lines && (fflush(sidecar->lines) != 0 || (length = ftell(sidecar->lines)) < 0))
		sidecar->failed = true;
	if (sidecar->lines)
		rewind(sidecar->lines);
	*size = length > 0 ? (uint64_t)length : 0;
	return !sidecar->failed;
}

size_t sidecar_read(struct sidecar *sidecar, void *buffer, size_t size)
{
	return sidecar->lines ? fread(buffer, 1, size, sidecar->lines) : 0;
}

void sidecar_clear(struct sidecar *sidecar)
{
	if (sidecar->lines)
		fclose(sidecar->lines);
	sidecar->lines = NULL;
}
