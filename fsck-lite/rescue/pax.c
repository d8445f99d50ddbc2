/* SPDX-License-Identifier: MIT */
/* Extended header records. The length counts itself, so its own digits have to be guessed right. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rescue/pax.h"

enum {
	ACL_TEXT = 65536,
	XATTR_ACL_ACCESS = 2,
	XATTR_ACL_DEFAULT = 3,
	XATTR_SYSTEM = 7,
	XATTR_ENCRYPTION = 9
};

void pax_clear(struct pax *pax)
{
	pax->length = 0;
	pax->failed = false;
}

void pax_free(struct pax *pax)
{
	free(pax->data);
	memset(pax, 0, sizeof *pax);
}

static size_t digits_of(size_t number)
{
	size_t digits = 1;

	for (; number >= 10; number /= 10)
		digits++;
	return digits;
}

void pax_add(struct pax *pax, const char *key, const char *value, size_t length)
{
	const size_t rest = strlen(key) + length + 3; /* blank, '=', newline */
	size_t whole = rest + digits_of(rest);

	if (digits_of(whole) != digits_of(rest))
		whole = rest + digits_of(whole);
	if (pax->length + whole + 1 > pax->size) {
		const size_t size = pax->size + pax->size / 2 + whole + 1024;
		char *data = realloc(pax->data, size);

		if (!data) {
			pax->failed = true;
			return;
		}
		pax->data = data;
		pax->size = size;
	}
	pax->length += (size_t)snprintf(pax->data + pax->length, pax->size - pax->length,
					"%zu %s=", whole, key);
	memcpy(pax->data + pax->length, value, length);
	pax->length += length;
	pax->data[pax->length++] = '\n';
}

void pax_add_number(struct pax *pax, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	pax_add(pax, key, text, strlen(text));
}

void pax_add_time(struct pax *pax, const char *key, struct ext_time time)
{
	char text[48];

	/* Before 1970 the fraction counts towards zero: -1.25 is 0.75 seconds after -2. */
	if (time.seconds < 0 && time.nanoseconds != 0)
		snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRIu32,
			 time.seconds == -1 ? "-" : "", time.seconds + 1,
			 1000000000u - time.nanoseconds);
	else
		snprintf(text, sizeof text, "%" PRId64 ".%09" PRIu32, time.seconds,
			 time.nanoseconds);
	pax_add(pax, key, text, strlen(text));
}

static const char *tag_name(uint16_t tag)
{
	switch (tag) {
	case 0x01:
	case 0x02:
		return "user";
	case 0x04:
	case 0x08:
		return "group";
	case 0x10:
		return "mask";
	case 0x20:
		return "other";
	}
	return NULL;
}

/* "user::rw-,user:1000:r--,group::r--,mask::rw-,other::r--"; 0 when it is no ACL. */
static size_t acl_text(struct ext_span value, char *text, size_t size)
{
	struct ext_acl_entry entry;
	size_t at = 0, length = 0;
	enum ext_status status;

	while ((status = ext_acl_next(value, &at, &entry, NULL)) == EXT_OK) {
		char id[16] = "";

		if (!tag_name(entry.tag) || length + 64 > size)
			return 0;
		if (entry.has_id)
			snprintf(id, sizeof id, "%" PRIu32, entry.id);
		length += (size_t)snprintf(
			text + length, size - length, "%s%s:%s:%c%c%c", length ? "," : "",
			tag_name(entry.tag), id, entry.permissions & 4 ? 'r' : '-',
			entry.permissions & 2 ? 'w' : '-', entry.permissions & 1 ? 'x' : '-');
	}
	return status == EXT_END ? length : 0;
}

bool pax_add_xattr(struct pax *pax, const struct ext_xattr *xattr, struct ext_span value)
{
	char key[EXT_NAME_MAX + 96] = "SCHILY.xattr.";
	const size_t prefix = strlen(key);

	if (xattr->index == XATTR_ENCRYPTION ||
	    (xattr->index == XATTR_SYSTEM && xattr->name_length == 4 &&
	     memcmp(xattr->name, "data", 4) == 0))
		return true;
	if (xattr->index == XATTR_ACL_ACCESS || xattr->index == XATTR_ACL_DEFAULT) {
		char *text = malloc(ACL_TEXT);
		const size_t length = text ? acl_text(value, text, ACL_TEXT) : 0;

		if (length > 0)
			pax_add(pax,
				xattr->index == XATTR_ACL_ACCESS ? "SCHILY.acl.access"
								 : "SCHILY.acl.default",
				text, length);
		free(text);
		return length > 0;
	}
	/* A key ends at the first '='; such a name cannot be said. */
	if (ext_xattr_name(xattr, key + prefix, sizeof key - prefix) >= sizeof key - prefix ||
	    strchr(key, '='))
		return false;
	pax_add(pax, key, (const char *)value.data, value.size);
	return true;
}
