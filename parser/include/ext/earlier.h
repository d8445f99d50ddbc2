/* SPDX-License-Identifier: MIT */
/*
 * A filesystem that was in an image before the one that is there now, laid out otherwise: mke2fs
 * writes its superblocks and descriptors where those of the earlier one were, but leaves most inode
 * tables and directories alone.
 */
#ifndef EXT_EARLIER_H
#define EXT_EARLIER_H

#include <ext/choose.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_earlier_options {
	bool (*stop)(void); /* ends the search early; may be NULL */
};

/*
 * Looks in the image of `now`, the filesystem that is there, for directories whose inodes lie in no
 * place where it has them, and works out from these where the inode tables of an earlier filesystem
 * are. Reads the whole image once. EXT_END when there is none, or one with the very layout of
 * `now`. `choice` is to be cleared; it opens like any other, its descriptors good for the places of
 * inode tables and nothing else.
 */
enum ext_status ext_earlier_find(const struct ext_filesystem *now,
				 const struct ext_earlier_options *options,
				 struct ext_choice *choice, struct ext_error *error);

#ifdef __cplusplus
}
#endif

#endif
