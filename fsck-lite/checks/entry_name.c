/* SPDX-License-Identifier: MIT */
/*
 * Names of directory entries: they can be typed, and are encrypted where they should be.
 */
#include "config.h"

#include <string.h>

#include "checks/directories.h"

enum {
	ENCRYPTED_LEAST = 16, /* one block of the cipher */
	STRICT_ENCODING = 1,  /* s_encoding_flags */
};

/* Is any byte of these eight zero? What is above the lowest such byte is not to be trusted. */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - 0x0101010101010101u) & ~word & 0x8080808080808080u;
}

/* Does the name have a '/' or a zero? Most names are too short for two calls to be worth it. */
static bool has_forbidden_byte(const char *name, size_t length)
{
	size_t at = 0;

	for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
		memcpy(&word, name + at, sizeof word);
		if ((zero_bytes(word) | zero_bytes(word ^ '/' * 0x0101010101010101u)) != 0)
			return true;
	}
	for (; at < length; at++)
		if (name[at] == 0 || name[at] == '/')
			return true;
	return false;
}

void check_entry_name(const struct directory_view *view, const struct ext_dirent *entry)
{
	const struct ext_superblock *sb = view->superblock;

	if (view->is_encrypted) {
		if (entry->name_length < ENCRYPTED_LEAST)
			report_in_directory(view, EXT_ENCRYPTED_NAME, entry, "name_len",
					    entry->inode, entry->name_length, entry->name_length);
		return;
	}
	if (has_forbidden_byte(entry->name, entry->name_length))
		report_in_directory(view, EXT_DIRENT_NAME_INVALID, entry, "name", entry->inode, 0,
				    0);
	if (view->is_casefolded && (sb->encoding_flags & STRICT_ENCODING) &&
	    !ext_name_is_utf8(entry->name, entry->name_length))
		report_in_directory(view, EXT_CASEFOLD_NAME, entry, "name", entry->inode, 0, 0);
}

void check_entry_policy(const struct directory_view *view, const struct ext_dirent *entry,
			uint8_t state)
{
	uint32_t policy;

	if (!view->is_encrypted || view->policy == POLICY_UNKNOWN)
		return;
	policy = policy_of(&view->checks->policies, entry->inode);
	if (policy == view->policy)
		return;
	if (policy != POLICY_NONE) {
		report_in_directory(view, EXT_ENCRYPTED_POLICY, entry, NULL, entry->inode, 0, 0);
		return;
	}
	/* Devices, fifos and sockets have nothing that could be encrypted. */
	if ((state & STATE_TYPE) == EXT_TYPE_REGULAR ||
	    (state & STATE_TYPE) == EXT_TYPE_DIRECTORY || (state & STATE_TYPE) == EXT_TYPE_SYMLINK)
		report_in_directory(view, EXT_ENCRYPTED_DIRECTORY_PLAIN_FILE, entry, NULL,
				    entry->inode, 0, 0);
}
