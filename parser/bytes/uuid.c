/* SPDX-License-Identifier: MIT */
/*
 * UUIDs to text and back.
 */
#include "config.h"

#include <string.h>

#include "bytes/uuid.h"

/* Is there a dash before byte `i` in the text? */
static bool dash_before(unsigned i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

void uuid_format(const uint8_t uuid[16], char text[37])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < UUID_SIZE; i++) {
		if (dash_before(i))
			*text++ = '-';
		*text++ = digits[uuid[i] >> 4];
		*text++ = digits[uuid[i] & 15];
	}
	*text = '\0';
}

/* The value of a hex digit, or 16. */
static unsigned hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return (unsigned)(digit - '0');
	if (digit >= 'a' && digit <= 'f')
		return (unsigned)(digit - 'a') + 10;
	if (digit >= 'A' && digit <= 'F')
		return (unsigned)(digit - 'A') + 10;
	return 16;
}

bool uuid_parse(const char *text, uint8_t uuid[16])
{
	uint8_t bytes[UUID_SIZE];

	for (unsigned i = 0; i < UUID_SIZE; i++) {
		unsigned high, low;

		if (dash_before(i) && *text++ != '-')
			return false;
		high = hex_value(text[0]);
		if (high > 15)
			return false;
		low = hex_value(text[1]);
		if (low > 15)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return false;
	memcpy(uuid, bytes, UUID_SIZE);
	return true;
}

bool uuid_is_null(const uint8_t uuid[16])
{
	for (unsigned i = 0; i < UUID_SIZE; i++)
		if (uuid[i] != 0)
			return false;
	return true;
}
