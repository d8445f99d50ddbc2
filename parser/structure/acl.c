/* SPDX-License-Identifier: MIT */
/*
 * POSIX access control lists as ext stores them: version 1, where only named users and groups have
 * an id; and turned into version 2, which the system calls speak and where all have one.
 * Doc: ext4/attributes.rst, "POSIX ACLs".
 */
#include "config.h"

#include <string.h>

#include <ext/xattr.h>

#include "bytes/span.h"
#include "layout/layout.h"

enum {
	STORED_VERSION = 1,
	SYSCALL_VERSION = 2,
	PERMISSIONS = 7,
};

static const uint32_t no_id = 0xffffffff;

static enum ext_status malformed(size_t at, struct ext_span value, const char *field,
				 struct ext_error *error)
{
	const struct ext_place place = {
		.structure = EXT_AT_XATTR, .has = EXT_HAS_OFFSET, .offset = at, .field = field};

	return ext_corrupt(error, EXT_ACL_MALFORMED, place, at, 0, value.size);
}

enum ext_status ext_acl_next(struct ext_span value, size_t *at, struct ext_acl_entry *entry,
			     struct ext_error *error)
{
	const struct ext_raw_acl_header *header = SPAN_AS(struct ext_raw_acl_header, value, 0);
	const struct ext_raw_acl_entry_short *raw;
	const struct ext_raw_acl_entry *with_id;
	struct ext_acl_entry decoded = {0};

	if (!header || get(header->a_version) != STORED_VERSION)
		return malformed(0, value, "a_version", error);
	if (*at < sizeof *header)
		*at = sizeof *header;
	if (*at == value.size)
		return EXT_END;
	raw = SPAN_AS(struct ext_raw_acl_entry_short, value, *at);
	with_id = SPAN_AS(struct ext_raw_acl_entry, value, *at);
	if (!raw)
		return malformed(*at, value, NULL, error);
	decoded.tag = get(raw->e_tag);
	decoded.permissions = get(raw->e_perm);
	if (decoded.permissions & ~PERMISSIONS)
		return malformed(*at, value, "e_perm", error);
	switch (decoded.tag) {
	case EXT_ACL_USER_OWNER:
	case EXT_ACL_GROUP_OWNER:
	case EXT_ACL_MASK:
	case EXT_ACL_OTHER:
		*at += sizeof *raw;
		break;
	case EXT_ACL_USER:
	case EXT_ACL_GROUP:
		if (!with_id)
			return malformed(*at, value, "e_id", error);
		decoded.id = get(with_id->e_id);
		decoded.has_id = true;
		*at += sizeof *with_id;
		break;
	default:
		return malformed(*at, value, "e_tag", error);
	}
	*entry = decoded;
	return EXT_OK;
}

size_t ext_acl_to_syscall(struct ext_span value, uint8_t *buffer, size_t size)
{
	struct ext_raw_acl_header header;
	struct ext_acl_entry entry;
	enum ext_status status;
	size_t at = 0;
	size_t written = sizeof header;

	if (size < sizeof header)
		return 0;
	put(&header.a_version, SYSCALL_VERSION);
	memcpy(buffer, &header, sizeof header);
	while ((status = ext_acl_next(value, &at, &entry, NULL)) == EXT_OK) {
		struct ext_raw_acl_entry raw;

		if (size - written < sizeof raw)
			return 0;
		put(&raw.e_tag, entry.tag);
		put(&raw.e_perm, entry.permissions);
		put(&raw.e_id, entry.has_id ? entry.id : no_id);
		memcpy(buffer + written, &raw, sizeof raw);
		written += sizeof raw;
	}
	return status == EXT_END ? written : 0;
}
