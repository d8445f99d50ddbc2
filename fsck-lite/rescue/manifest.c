/* SPDX-License-Identifier: MIT */
/* Lines as sha256sum(1) writes and reads them. */
#include "config.h"

#include <string.h>

#include "rescue/manifest.h"

/* A file with more bytes of holes than this is not hashed for the manifest: each byte counts. */
static const uint64_t most_holes_hashed = UINT64_C(1) << 38;

void manifest_put(FILE *manifest, const struct copy_item *item, const char *digest)
{
	if (!gaps_none(item->gaps))
		fputs("# damaged, not all of the next file could be read:\n", manifest);
	if (strpbrk(item->path, "\\\n\r"))
		fputc('\\', manifest);
	fprintf(manifest, "%s  ", digest);
	for (const char *at = item->path; *at; at++) {
		if (*at == '\\')
			fputs("\\\\", manifest);
		else if (*at == '\n')
			fputs("\\n", manifest);
		else if (*at == '\r')
			fputs("\\r", manifest);
		else
			fputc(*at, manifest);
	}
	fputc('\n', manifest);
}

bool manifest_has_too_many_holes(struct content *content, const struct ext_inode *inode)
{
	const struct content_piece *pieces;
	uint64_t stored = 0;
	size_t count;

	if (inode->size <= most_holes_hashed)
		return false;
	(void)content_map(content, inode, &pieces, &count);
	for (size_t i = 0; i < count; i++)
		stored += pieces[i].length;
	return inode->size - stored > most_holes_hashed;
}
