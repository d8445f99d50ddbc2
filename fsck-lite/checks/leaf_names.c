/* SPDX-License-Identifier: MIT */
/*
 * The names of one directory block. Invariant: each is there once. Where the directory has an
 * index, the hashes of the names are computed on the way, several at a time, and the range that
 * they span is noted for htree.c. Names in different blocks are duplicates.c's matter.
 */
#include "config.h"

#include <string.h>

#include "checks/leaf_names.h"

void leaf_names_begin(struct leaf_names *names, const struct directory_view *view, bool is_indexed)
{
	const struct ext_superblock *sb = view->superblock;
	uint32_t slots = 64;

	names->view = view;
	names->is_indexed = is_indexed;
	names->version = sb->default_hash_version;
	names->exact_version = ext_directory_hash_version(sb, names->version);
	names->hash_is_key = is_indexed && !(view->directory->flags & EXT_INODE_CASEFOLD) &&
			     names->exact_version <= EXT_HASH_TEA_UNSIGNED;
	names->low = UINT32_MAX;
	names->high = 0;
	names->count = 0;
	while (slots < NAME_SLOTS_MOST && slots < view->block.size / 6)
		slots *= 2;
	names->mask = slots - 1;
	memset(names->slots, 0, slots * sizeof names->slots[0]);
}

static void widen(struct leaf_names *names, uint32_t hash)
{
	if (hash < names->low)
		names->low = hash;
	if (hash > names->high)
		names->high = hash;
}

/* The first entry of this name in the block; or 0, and the name is put into the table. */
static uint32_t find_or_add(struct leaf_names *names, const struct ext_dirent *entry,
			    uint32_t number)
{
	const uint8_t *block = names->view->block.data;
	const uint32_t flags = names->view->directory->flags;
	uint32_t slot = number & names->mask;

	for (; names->slots[slot] != 0; slot = (slot + 1) & names->mask) {
		const uint32_t at = (names->slots[slot] - 1u) * 4;

		/* The entry went through the cursor: its length stands at byte 6. */
		if (block[at + 6] == entry->name_length &&
		    names_are_equal(flags, (const char *)block + at + 8, entry->name,
				    entry->name_length))
			return at + 1;
	}
	names->slots[slot] = (uint16_t)(entry->at / 4 + 1);
	return 0;
}

static void check_twice(struct leaf_names *names, const struct ext_dirent *entry, uint32_t number)
{
	const struct directory_view *view = names->view;
	const uint32_t other = find_or_add(names, entry, number);
	const uint8_t *bytes;
	ext_ino first;

	if (other == 0)
		return;
	bytes = view->block.data + other - 1;
	first = (ext_ino)bytes[0] | (ext_ino)bytes[1] << 8 | (ext_ino)bytes[2] << 16 |
		(ext_ino)bytes[3] << 24;
	report_in_directory(view,
			    view->is_encrypted	    ? EXT_DIRENT_DUPLICATE_ENCRYPTED
			    : first == entry->inode ? EXT_DIRENT_DUPLICATE
						    : EXT_DIRENT_DUPLICATE_NAME,
			    entry, "name", entry->inode, first, first);
}

/* Equal names have equal hashes: one computation serves both questions. */
static void take_by_hash(struct leaf_names *names)
{
	struct ext_name strings[NAMES_AT_ONCE];
	uint32_t hashes[NAMES_AT_ONCE];

	for (unsigned i = 0; i < names->count; i++)
		strings[i] =
			(struct ext_name){names->waiting[i].name, names->waiting[i].name_length};
	if (ext_directory_hash_names(names->exact_version, names->view->superblock->hash_seed,
				     strings, names->count, hashes) != EXT_OK)
		return;
	for (unsigned i = 0; i < names->count; i++) {
		widen(names, hashes[i]);
		/* The lowest bit of a hash is always 0. */
		check_twice(names, &names->waiting[i], hashes[i] >> 1);
	}
}

static void take_by_name(struct leaf_names *names)
{
	const uint32_t flags = names->view->directory->flags;
	uint32_t hash;

	for (unsigned i = 0; i < names->count; i++) {
		const struct ext_dirent *entry = &names->waiting[i];

		check_twice(names, entry,
			    (uint32_t)name_number(flags, entry->name, entry->name_length));
		if (names->is_indexed &&
		    entry_hash(names->view->superblock, flags, names->version, entry, &hash))
			widen(names, hash);
	}
}

static void take(struct leaf_names *names)
{
	if (names->hash_is_key)
		take_by_hash(names);
	else
		take_by_name(names);
	names->count = 0;
}

void leaf_names_add(struct leaf_names *names, const struct ext_dirent *entry)
{
	names->waiting[names->count++] = *entry;
	if (names->count == NAMES_AT_ONCE)
		take(names);
}

void leaf_names_end(struct leaf_names *names)
{
	take(names);
	if (names->is_indexed)
		note_leaf(names->view, names->version, names->low, names->high);
}
