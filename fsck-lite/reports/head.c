/* SPDX-License-Identifier: MIT */
/* The members that all JSON documents about an image share. */
#include "config.h"

#include <string.h>

#include "reports/head.h"

const char *head_source_name(enum superblock_source source)
{
	static const char *const names[] = {"primary", "backup", "scan"};

	return names[source];
}

const char *head_journal_name(enum journal_state state)
{
	static const char *const names[] = {"none", "clean", "replayed", "ignored", "damaged"};

	return names[state];
}

static void write_filesystem(struct json *json, const struct ext_superblock *superblock)
{
	char text[40];
	const char *feature;

	json_object(json, "filesystem");
	json_text(json, "type", ext_superblock_type(superblock));
	ext_uuid_show(superblock->uuid, text);
	json_text(json, "uuid", text);
	json_name(json, "label", superblock->volume_name, strlen(superblock->volume_name));
	json_u64(json, "block_size", superblock->block_size);
	json_u64(json, "blocks", superblock->block_count);
	json_u64(json, "inodes", superblock->inode_count);
	json_u64(json, "groups", superblock->group_count);
	json_array(json, "features");
	for (unsigned i = 0; (feature = ext_superblock_feature(superblock, i, text)); i++)
		json_text(json, NULL, feature);
	json_end_array(json);
	json_end_object(json);
}

void head_begin_document(struct json *json, const char *command, const struct opened_image *image)
{
	json_begin_document(json, command, image->path);
	if (!image->superblock)
		return;
	if (image->partition) {
		json_object(json, "partition");
		json_u64(json, "number", image->partition);
		json_u64(json, "offset", image->start);
		json_u64(json, "size", image->partition_size);
		json_end_object(json);
	}
	write_filesystem(json, image->superblock);
	json_object(json, "superblock");
	json_u64(json, "block", image->superblock_block);
	json_u64(json, "offset", image->start + image->superblock_offset);
	json_text(json, "source", head_source_name(image->source));
	if (image->reason[0])
		json_text(json, "reason", image->reason);
	json_end_object(json);
	json_object(json, "journal");
	json_text(json, "state", head_journal_name(image->journal));
	json_u64(json, "transactions", image->transactions);
	json_end_object(json);
}
