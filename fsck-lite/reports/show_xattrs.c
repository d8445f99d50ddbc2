/* SPDX-License-Identifier: MIT */
/*
 * `show xattrs`: the extended attributes of an inode with their values: text where it is text,
 * access control lists and the encryption context decoded.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ext/field.h>

#include "complain.h"
#include "exit.h"
#include "reports/show.h"
#include "reports/text.h"
#include "target.h"

enum { INDEX_ACL_ACCESS = 2, INDEX_ACL_DEFAULT = 3, INDEX_ENCRYPTION = 9, HEX_SHOWN = 64 };

/* Values in the order in which they lie, so that a dump can go through them. */
struct value {
	size_t at, size;
};

static int compare_values(const void *a, const void *b)
{
	const struct value *left = a, *right = b;

	return left->at < right->at ? -1 : left->at > right->at;
}

void annotate_xattrs(struct annotate *annotate, struct ext_xattr_cursor *cursor, size_t base)
{
	const size_t most = cursor->space.size / 16 + 1;
	struct value *values = malloc(most * sizeof *values);
	size_t count = 0;
	struct ext_xattr xattr;

	while (ext_xattr_next(cursor, &xattr, NULL) == EXT_OK) {
		annotate_structure(annotate, "xattr_entry", base + xattr.at, NULL);
		if (xattr.name_length > 0)
			annotate_bytes(annotate, base + xattr.at + 16, xattr.name_length, "name",
				       "", EXT_SHOW_TEXT);
		if (values && count < most && xattr.value.size > 0)
			values[count++] =
				(struct value){base + xattr.value_offset, xattr.value.size};
	}
	if (values)
		qsort(values, count, sizeof *values, compare_values);
	for (size_t i = 0; values && i < count; i++)
		annotate_bytes(annotate, values[i].at, values[i].size, "value", "", EXT_SHOW_BYTES);
	free(values);
}

void show_dump_xattr_block(struct show *show, const char *key, struct ext_span block,
			   uint64_t offset)
{
	struct ext_xattr_cursor cursor;
	struct annotate annotate;

	show_dump_begin(show, &annotate, key, block, offset);
	annotate_structure(&annotate, "xattr_header", 0, NULL);
	if (ext_xattr_block_begin(show->superblock, block, &cursor, NULL) == EXT_OK)
		annotate_xattrs(&annotate, &cursor, 0);
	annotate_end(&annotate);
}

static bool is_acl(const struct ext_xattr *xattr)
{
	return xattr->index == INDEX_ACL_ACCESS || xattr->index == INDEX_ACL_DEFAULT;
}

static void acl_text(const struct ext_acl_entry *entry, char *text, size_t size)
{
	const char *who = "other";
	char id[16] = "";

	switch (entry->tag) {
	case EXT_ACL_USER_OWNER:
	case EXT_ACL_USER:
		who = "user";
		break;
	case EXT_ACL_GROUP_OWNER:
	case EXT_ACL_GROUP:
		who = "group";
		break;
	case EXT_ACL_MASK:
		who = "mask";
		break;
	}
	if (entry->has_id)
		snprintf(id, sizeof id, "%" PRIu32, entry->id);
	snprintf(text, size, "%s:%s:%c%c%c", who, id, entry->permissions & 4 ? 'r' : '-',
		 entry->permissions & 2 ? 'w' : '-', entry->permissions & 1 ? 'x' : '-');
}

static void show_acl(struct show *show, struct ext_span value)
{
	struct ext_acl_entry entry;
	struct ext_error error;
	enum ext_status status;
	size_t at = 0;
	char text[48];

	if (show->json)
		json_array(show->json, "acl");
	while ((status = ext_acl_next(value, &at, &entry, &error)) == EXT_OK) {
		acl_text(&entry, text, sizeof text);
		if (show->json)
			json_text(show->json, NULL, text);
		else
			printf("    %s\n", text);
	}
	if (show->json)
		json_end_array(show->json);
	if (status != EXT_END)
		findings_aloud_error(show->findings, &error);
}

static void show_hex_value(struct show *show, struct ext_span value)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * 4096 + 1];
	const size_t most = show->json ? 4096 : HEX_SHOWN;
	const size_t count = value.size < most ? value.size : most;

	for (size_t i = 0; i < count; i++) {
		text[2 * i] = digits[value.data[i] >> 4];
		text[2 * i + 1] = digits[value.data[i] & 15];
	}
	text[2 * count] = '\0';
	if (show->json)
		json_text(show->json, count < value.size ? "value_hex_start" : "value_hex", text);
	else
		printf("    %s%s\n", text, count < value.size ? "..." : "");
}

static void show_value(struct show *show, const struct ext_xattr *xattr, struct ext_span value)
{
	const bool is_text = value.size > 0 && value.size <= 4096 &&
			     text_is_utf8((const char *)value.data, value.size) &&
			     memchr(value.data, 0, value.size - 1) == NULL;

	if (is_acl(xattr)) {
		show_acl(show, value);
		return;
	}
	if (xattr->index == INDEX_ENCRYPTION && (value.size == 28 || value.size == 40)) {
		show->indent++;
		show_fields(show, "context",
			    value.size == 28 ? "encryption_context_v1" : "encryption_context_v2",
			    value, value.size);
		show->indent--;
		return;
	}
	if (!is_text) {
		if (value.size > 0)
			show_hex_value(show, value);
		return;
	}
	if (show->json) {
		json_name(show->json, "value", (const char *)value.data, value.size);
		return;
	}
	fputs("    \"", stdout);
	text_name(stdout, (const char *)value.data, value.size);
	puts("\"");
}

static void show_xattr(struct show *show, const struct ext_xattr *xattr, struct ext_span value)
{
	const char *home = xattr->home == EXT_XATTR_IN_INODE ? "inode" : "block";
	char name[320];
	const size_t length = ext_xattr_name(xattr, name, sizeof name);

	if (show->json) {
		json_object(show->json, NULL);
		json_name(show->json, "name", name,
			  length < sizeof name ? length : sizeof name - 1);
		json_u64(show->json, "namespace", xattr->index);
		json_text(show->json, "home", home);
		json_u64(show->json, "at", xattr->at);
		json_u64(show->json, "size", value.size);
		if (xattr->value_inode != 0)
			json_u64(show->json, "value_inode", xattr->value_inode);
		json_u64(show->json, "hash", xattr->hash_stored);
		show_value(show, xattr, value);
		json_end_object(show->json);
		return;
	}
	fputs("  ", stdout);
	fputs(text_color(show->colors, TEXT_BOLD), stdout);
	text_name(stdout, name, length < sizeof name ? length : sizeof name - 1);
	printf("%s  %zu byte%s, in the %s", text_color(show->colors, TEXT_PLAIN), value.size,
	       text_plural(value.size), home);
	if (xattr->value_inode != 0)
		printf(", value in inode %" PRIu32, xattr->value_inode);
	putchar('\n');
	show_value(show, xattr, value);
}

static void show_block_header(struct show *show, const struct ext_inode *inode,
			      const uint8_t *block)
{
	const struct ext_span bytes = {block, show->superblock->block_size};
	struct ext_xattr_header header;

	if (ext_xattr_header(show->superblock, inode->xattr_block, bytes, &header, NULL) != EXT_OK)
		return;
	show_heading(show, "Attribute block %" PRIu64, inode->xattr_block);
	show_begin(show, "block");
	if (show->json)
		show_u64(show, "number", inode->xattr_block);
	show_u64(show, "references", header.reference_count);
	show_hex(show, "hash", header.hash, 8);
	show_checksum(show, header.checksum, header.checksum_stored, header.checksum_computed, 8);
	show_end(show);
}

static void show_list(struct show *show, struct ext_xattr_list *list)
{
	struct ext_xattr xattr;
	struct ext_span value;
	struct ext_error error;
	uint64_t count = 0;

	if (show->json)
		json_array(show->json, "attributes");
	while (ext_xattr_list_next(list, &xattr, &value, &show->findings->sink, &error) == EXT_OK) {
		show_xattr(show, &xattr, value);
		count++;
	}
	if (show->json)
		json_end_array(show->json);
	else if (count == 0)
		puts("  none");
}

int show_xattrs(struct show *show, const char *operand)
{
	const uint32_t block_size = show->superblock->block_size;
	struct ext_xattr_list *list = NULL;
	struct ext_inode inode;
	struct ext_error error;
	uint64_t offset = 0;
	uint8_t *raw, *block;
	bool has_block;
	int status;

	if (!operand) {
		complain("show xattrs: an inode number or a path is wanted");
		return EXIT_WRONG_USAGE;
	}
	raw = malloc(show->superblock->inode_size);
	block = malloc(block_size);
	if (!raw || !block) {
		complain("%s: out of memory", show->image->path);
		status = EXIT_CANNOT_RUN;
		goto out;
	}
	status = target_by_number_or_path(show->image, operand, &inode, raw);
	if (status != EXIT_CLEAN)
		goto out;
	if (ext_xattr_list_open(show->filesystem, inode.number, &list, &error) != EXT_OK) {
		complain_error(show->image->path, &error);
		status = EXIT_CANNOT_RUN;
		goto out;
	}
	has_block = inode.xattr_block != 0 &&
		    ext_filesystem_read_blocks(show->filesystem, inode.xattr_block, 1, block,
					       NULL) == EXT_OK;
	show_heading(show, "Attributes of inode %" PRIu32, inode.number);
	if (show->json) {
		json_object(show->json, "xattrs");
		json_u64(show->json, "inode", inode.number);
	}
	if (show->hex) {
		ext_inode_offset(show->filesystem, inode.number, &offset, NULL);
		show_dump_inode(show, "inode_bytes",
				(struct ext_span){raw, show->superblock->inode_size}, offset);
		if (has_block) {
			show_heading(show, "\nAttribute block %" PRIu64, inode.xattr_block);
			show_dump_xattr_block(show, "block_bytes",
					      (struct ext_span){block, block_size},
					      show_block_offset(show, inode.xattr_block));
		}
	} else {
		show_list(show, list);
		if (has_block)
			show_block_header(show, &inode, block);
	}
	if (show->json)
		json_end_object(show->json);
out:
	ext_xattr_list_close(list);
	free(block);
	free(raw);
	return status;
}
