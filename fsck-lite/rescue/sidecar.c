/* SPDX-License-Identifier: MIT */
/* The sidecar of a restore: attributes that could not be set. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/json.h"
#include "rescue/sidecar.h"

const char sidecar_name[] = "fsck-lite-attributes.jsonl";

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

void sidecar_add_device(struct sidecar *sidecar, const struct copy_item *item,
			uint32_t major_number, uint32_t minor_number)
{
	struct json json;
	char octal[16];

	if (!begin(sidecar, item, &json))
		return;
	snprintf(octal, sizeof octal, "%06o", (unsigned)item->inode->mode);
	json_text(&json, "mode", octal);
	json_u64(&json, "major", major_number);
	json_u64(&json, "minor", minor_number);
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

bool sidecar_write(struct sidecar *sidecar, int root)
{
	char buffer[16384];
	size_t got;
	bool fits = true;
	int fd;

	if (!sidecar->lines)
		return !sidecar->failed;
	/* A restored file may have the same name: it is not written over. */
	fd = openat(root, sidecar_name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return false;
	rewind(sidecar->lines);
	while (fits && (got = fread(buffer, 1, sizeof buffer, sidecar->lines)) > 0)
		fits = write(fd, buffer, got) == (ssize_t)got;
	return close(fd) == 0 && fits;
}

void sidecar_clear(struct sidecar *sidecar)
{
	if (sidecar->lines)
		fclose(sidecar->lines);
	sidecar->lines = NULL;
}
