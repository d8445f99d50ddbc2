/* SPDX-License-Identifier: MIT */
/*
 * Shell patterns on bytes. The C library's fnmatch() depends on the locale, and brings the tables
 * of all of Unicode into a static program.
 */
#include "config.h"

#include <string.h>

#include "rescue/pattern.h"

/*
 * One byte against the set that begins behind `[`. Returns where the pattern goes on, or NULL when
 * no `]` ends it: then `[` is a byte like others.
 */
static const char *match_set(const char *set, unsigned char byte, bool *fits)
{
	const bool is_negated = *set == '!' || *set == '^';
	bool found = false;

	set += is_negated;
	/* A ] that comes first belongs to the set. */
	for (bool is_first = true; *set != ']' || is_first; is_first = false) {
		unsigned char least, most;

		if (*set == '\\' && set[1])
			set++;
		if (!*set || *set == '/')
			return NULL;
		least = most = (unsigned char)*set++;
		if (set[0] == '-' && set[1] && set[1] != ']') {
			set += set[1] == '\\' && set[2] ? 2 : 1;
			most = (unsigned char)*set++;
		}
		found = found || (least <= byte && byte <= most);
	}
	*fits = found != is_negated;
	return set + 1;
}

/* One byte of the path, not the end, against what stands at `pattern`; moves that on. */
static bool match_one(const char **pattern, char byte)
{
	const char *at = *pattern;
	bool fits;

	if (*at == '?' && byte != '/') {
		*pattern = at + 1;
		return true;
	}
	if (*at == '[' && byte != '/') {
		const char *const behind = match_set(at + 1, (unsigned char)byte, &fits);

		if (behind) {
			*pattern = behind;
			return fits;
		}
	} else if (*at == '\\' && at[1]) {
		at++;
	} else if (*at == '?') {
		return false;
	}
	*pattern = at + 1;
	return *at == byte;
}

/*
 * When a byte does not fit, the last star takes one more. No earlier star need be tried: stars do
 * not cross a /, and within a part of the path the last one can take whatever an earlier one could.
 */
bool pattern_fits(const char *pattern, const char *path)
{
	const char *behind_star = NULL, *star_end = NULL;

	while (*path || *pattern) {
		if (*pattern == '*') {
			behind_star = ++pattern;
			star_end = path;
			continue;
		}
		if (*path && *pattern && match_one(&pattern, *path)) {
			path++;
			continue;
		}
		if (!behind_star || !*star_end || *star_end == '/')
			return false;
		path = ++star_end;
		pattern = behind_star;
	}
	return true;
}
