/* SPDX-License-Identifier: MIT */
/*
 * The names that Linux shows in an encrypted directory while its key is not there: the ciphertext
 * with its directory hash, in letters that a path may hold. Long ones are cut and end in a digest.
 * Doc: filesystems/fscrypt.rst, "Access semantics, Without the key"; format-facts "Encryption,
 * listing without the key".
 */
#include "config.h"

#include <string.h>

#include <ext/directory.h>

#include "bytes/endian.h"
#include "bytes/sha256.h"

enum {
	KEPT = 149, /* bytes of ciphertext that are shown as they are */
	RAW_MAX = 8 + KEPT + SHA256_SIZE,
};

static size_t base64url(const uint8_t *bytes, size_t length, char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned held = 0;
	size_t written = 0;

	for (size_t i = 0; i < length; i++) {
		bits = bits << 8 | bytes[i];
		for (held += 8; held >= 6; held -= 6)
			text[written++] = digits[bits >> (held - 6) & 63];
	}
	if (held > 0)
		text[written++] = digits[bits << (6 - held) & 63];
	return written;
}

static size_t no_key_name(uint32_t major, uint32_t minor, const char *name, size_t length,
			  char text[256])
{
	uint8_t raw[RAW_MAX];
	struct le32 hash[2];
	size_t size = 8;

	if (length > EXT_NAME_MAX)
		length = EXT_NAME_MAX;
	put(&hash[0], major);
	put(&hash[1], minor);
	memcpy(raw, hash, 8);
	memcpy(raw + 8, name, length < KEPT ? length : KEPT);
	size += length < KEPT ? length : KEPT;
	if (length > KEPT) {
		sha256(name + KEPT, length - KEPT, raw + size);
		size += SHA256_SIZE;
	}
	size = base64url(raw, size, text);
	text[size] = '\0';
	return size;
}

size_t ext_encrypted_name(const struct ext_superblock *superblock, const char *name, size_t length,
			  bool is_symlink_target, char text[256])
{
	uint32_t major = 0, minor = 0;

	/* A version that nobody knows leaves the zeros, as a target has them. */
	if (!is_symlink_target && ext_has_compat(superblock, EXT_COMPAT_DIR_INDEX))
		(void)ext_directory_hash(
			ext_directory_hash_version(superblock, superblock->default_hash_version),
			superblock->hash_seed, name, length, &major, &minor);
	return no_key_name(major, minor, name, length, text);
}

size_t ext_dirent_shown_name(const struct ext_superblock *superblock,
			     const struct ext_inode *directory, const struct ext_dirent *entry,
			     char text[256])
{
	const bool is_dot = (entry->name_length == 1 && entry->name[0] == '.') ||
			    (entry->name_length == 2 && memcmp(entry->name, "..", 2) == 0);
	uint32_t major, minor;

	if (!(directory->flags & EXT_INODE_ENCRYPT) || is_dot) {
		memcpy(text, entry->name, entry->name_length);
		text[entry->name_length] = '\0';
		return entry->name_length;
	}
	/* The hash of the folded name needs the key, so it is stored behind the name. */
	if (directory->flags & EXT_INODE_CASEFOLD && ext_dirent_stored_hash(entry, &major, &minor))
		return no_key_name(major, minor, entry->name, entry->name_length, text);
	return ext_encrypted_name(superblock, entry->name, entry->name_length, false, text);
}
