/* SPDX-License-Identifier: MIT */
/* Quota files of format 2, revision 1: what each user, group or project may use and does use. */
#ifndef EXT_QUOTA_H
#define EXT_QUOTA_H

#include <ext/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_quota_kind { EXT_QUOTA_USER, EXT_QUOTA_GROUP, EXT_QUOTA_PROJECT, EXT_QUOTA_KINDS };

struct ext_quota_entry {
	uint32_t id;
	uint64_t inodes, bytes; /* in use */
	uint64_t inodes_soft, inodes_hard;
	uint64_t kib_soft, kib_hard;
};

struct ext_quota;

/*
 * A cursor over the quota file in inode `ino`, in ascending order of ids. `filesystem` is borrowed.
 * Fails with CORRUPT (quota-file) when the header is none, with IO when it cannot be read.
 */
enum ext_status ext_quota_open(const struct ext_filesystem *filesystem, ext_ino ino,
			       enum ext_quota_kind kind, struct ext_quota **quota,
			       struct ext_error *error);
void ext_quota_close(struct ext_quota *quota);

/*
 * The next entry, or EXT_END. What cannot be read is left out: ext_quota_unread tells afterwards
 * that the medium did not give it, ext_quota_damaged that it makes no sense, or neither.
 */
enum ext_status ext_quota_next(struct ext_quota *quota, struct ext_quota_entry *entry);
bool ext_quota_unread(const struct ext_quota *quota);
bool ext_quota_damaged(const struct ext_quota *quota);

#ifdef __cplusplus
}
#endif

#endif
