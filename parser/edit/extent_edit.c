/* SPDX-License-Identifier: MIT */
/*
 * Finding, mapping and unmapping ranges of one inode's extent tree, as Linux does it.
 */
#include "config.h"

#include "bytes/checked.h"
#include "edit/extent_balance.h"

enum ext_status extent_edit_find(struct extent_edit *edit, uint32_t logical, struct extent *extent,
				 uint64_t *hole, struct ext_error *error)
{
	struct extent_path path;
	const enum ext_status status = extent_path_to(edit, logical, &path, error);
	uint64_t next;

	if (status != EXT_OK)
		return status;

	const struct extent_node *leaf = &edit->nodes[path.node[path.depth]];
	const int64_t at = path.at[path.depth];

	*extent = (struct extent){0};
	*hole = 0;
	if (at >= 0 && logical - leaf->entries[at].logical < leaf->entries[at].length) {
		const struct extent_entry *entry = &leaf->entries[at];

		*extent = (struct extent){entry->logical, entry->length, entry->block,
					  entry->unwritten};
		return EXT_OK;
	}
	next = at + 1 < (int64_t)leaf->count ? leaf->entries[at + 1].logical
					     : extent_path_next_key(edit, &path);
	*hole = next > logical ? next - logical : 1;
	return EXT_OK;
}

enum ext_status extent_edit_insert(struct extent_edit *edit, const struct extent *extent,
				   struct ext_error *error)
{
	const struct extent_entry new = {
		.logical = extent->logical,
		.length = extent->length,
		.block = extent->physical,
		.unwritten = extent->unwritten,
	};

	/* Growing makes room only from depth 0 to 1; a split follows it otherwise. */
	for (unsigned tries = 0; tries < 4; tries++) {
		struct extent_path path;
		enum ext_status status = extent_path_to(edit, extent->logical, &path, error);
		int64_t at;

		if (status != EXT_OK)
			return status;
		if (extent_append(edit, &path, &new, &at))
			return extent_merge_around(edit, &path, at, error);

		struct extent_node *leaf = &edit->nodes[path.node[path.depth]];

		at = path.at[path.depth];
		if (leaf->count < leaf->max) {
			extent_node_insert(leaf, (uint32_t)(at + 1), &new);
			extent_correct_keys(edit, &path, path.depth);
			return extent_merge_around(edit, &path, at + 1, error);
		}
		/* Behind the last of a full leaf, the next leaf may have room. */
		if (at + 1 == (int64_t)leaf->count) {
			const uint64_t next = extent_path_next_key(edit, &path);

			if (next <= UINT32_MAX) {
				status = extent_path_to(edit, (uint32_t)next, &path, error);
				if (status != EXT_OK)
					return status;
				leaf = &edit->nodes[path.node[path.depth]];
				if (leaf->count < leaf->max) {
					path.at[path.depth] = -1;
					if (extent_append(edit, &path, &new, &at))
						return extent_merge_around(edit, &path, at, error);
					extent_node_insert(leaf, 0, &new);
					extent_correct_keys(edit, &path, path.depth);
					return extent_merge_around(edit, &path, 0, error);
				}
			}
		}
		status = extent_make_room(edit, extent->logical, error);
		if (status != EXT_OK)
			return status;
	}
	return ext_fail(error, EXT_LIMIT, EXT_NO_PROBLEM, (struct ext_place){0}, 0);
}

/* Cuts first .. last out of one extent. True when a part behind `last` is left over, in `rest`. */
static bool cut(struct extent_entry *entry, uint64_t first, uint64_t last, struct extent *rest)
{
	const uint64_t end = (uint64_t)entry->logical + entry->length;
	bool split = false;

	if (last + 1 < end) {
		const uint64_t kept_from = last + 1;

		*rest = (struct extent){(uint32_t)kept_from, (uint32_t)(end - kept_from),
					entry->block + (kept_from - entry->logical),
					entry->unwritten};
		split = true;
	}
	entry->length = first > entry->logical ? (uint32_t)(first - entry->logical) : 0;
	return split;
}

enum ext_status extent_edit_remove(struct extent_edit *edit, uint32_t first, uint32_t last,
				   bool free_data, struct ext_error *error)
{
	uint64_t next = first;

	while (next <= last) {
		struct extent found, rest;
		struct extent_path path;
		uint64_t hole, freed_from, freed_end;
		bool split;
		enum ext_status status =
			extent_edit_find(edit, (uint32_t)next, &found, &hole, error);

		if (status != EXT_OK)
			return status;
		if (found.length == 0) {
			next += hole;
			continue;
		}
		status = extent_path_to(edit, (uint32_t)next, &path, error);
		if (status != EXT_OK)
			return status;

		struct extent_node *leaf = &edit->nodes[path.node[path.depth]];
		struct extent_entry *entry = &leaf->entries[path.at[path.depth]];

		freed_from = next;
		freed_end = min_u64((uint64_t)found.logical + found.length, (uint64_t)last + 1);
		split = cut(entry, next, last, &rest);
		leaf->changed = true;
		if (entry->length == 0 && split) {
			/* Cut at its beginning: the rest stands in its place. */
			*entry = (struct extent_entry){.logical = rest.logical,
						       .length = rest.length,
						       .block = rest.physical,
						       .unwritten = rest.unwritten};
			if (path.at[path.depth] == 0)
				extent_correct_keys(edit, &path, path.depth);
			split = false;
		} else if (entry->length == 0) {
			extent_node_remove(leaf, (uint32_t)path.at[path.depth]);
			status = extent_drop_empty(edit, &path, error);
		}
		if (status == EXT_OK && split)
			status = extent_edit_insert(edit, &rest, error);
		if (status == EXT_OK && free_data)
			status = ext_editor_mark_blocks(
				edit->editor, found.physical + (freed_from - found.logical),
				freed_end - freed_from, false, error);
		if (status != EXT_OK)
			return status;
		next = freed_end;
	}
	return EXT_OK;
}
