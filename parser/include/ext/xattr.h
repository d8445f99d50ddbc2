/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes: in the inode, in a block of their own, with values in inodes of their own.
 */
#ifndef EXT_XATTR_H
#define EXT_XATTR_H

#include <ext/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_xattr_home { EXT_XATTR_IN_INODE, EXT_XATTR_IN_BLOCK };

struct ext_xattr {
	enum ext_xattr_home home;
	uint32_t at;   /* byte of the entry, from the first entry (inode) or the block's start */
	uint8_t index; /* namespace, as stored */
	uint8_t name_length;
	const char *name;      /* as stored, without the namespace's prefix; not terminated */
	uint32_t value_offset; /* as stored */
	uint32_t value_size;   /* bytes */
	ext_ino value_inode;   /* 0 when the value lies beside the entry */
	uint32_t hash_stored;
	struct ext_span value; /* data is NULL when the value is in an inode, or out of bounds */
	uint8_t padding; /* bytes that stand behind the value, up to a whole word: hashed, too */
};

/* The prefix of a namespace: "user.", "system.posix_acl_access" (whose name is empty) ...; NULL if
 * unknown. */
const char *ext_xattr_prefix(unsigned index);

/* Is it the second part of inline data (system.data), which is no attribute to user space? */
bool ext_xattr_is_inline_data(const struct ext_xattr *xattr);

/*
 * Full name as user space sees it, "user.k1"; "namespace11.x" for an unknown namespace. Returns the
 * length as snprintf does.
 */
size_t ext_xattr_name(const struct ext_xattr *xattr, char *text, size_t size);

/* A cursor over one space: the tail of an inode, or a block. */
struct ext_xattr_cursor {
	struct ext_span space; /* from the first entry (inode) or from the block's start */
	uint32_t at;
	enum ext_xattr_home home;
};

/* EXT_END when there are no attributes in the inode. `raw` is the whole inode. */
enum ext_status ext_xattr_inode_begin(const struct ext_superblock *superblock, struct ext_span raw,
				      struct ext_xattr_cursor *cursor, struct ext_error *error);
enum ext_status ext_xattr_block_begin(const struct ext_superblock *superblock,
				      struct ext_span block, struct ext_xattr_cursor *cursor,
				      struct ext_error *error);
/* CORRUPT ends the space: what follows cannot be found. A value out of bounds: entry comes, value
 * NULL. */
enum ext_status ext_xattr_next(struct ext_xattr_cursor *cursor, struct ext_xattr *xattr,
			       struct ext_error *error);

/* Header of an attribute block. */
struct ext_xattr_header {
	uint32_t magic, reference_count, blocks, hash;
	uint32_t checksum_stored, checksum_computed;
	enum ext_checksum_state checksum;
};
enum ext_status ext_xattr_header(const struct ext_superblock *superblock, ext_block block,
				 struct ext_span bytes, struct ext_xattr_header *header,
				 struct ext_error *error);

/* Hashes: of an entry (with signed or unsigned name bytes), of a block, of a value in an inode. */
uint32_t ext_xattr_entry_hash(const struct ext_xattr *xattr, bool signed_names,
			      uint32_t value_inode_hash);
uint32_t ext_xattr_block_hash(struct ext_span block);
uint32_t ext_xattr_value_hash(const struct ext_superblock *superblock, struct ext_span value);
/* The same, of a value in pieces: `hash` is that of the pieces before. */
uint32_t ext_xattr_value_hash_more(uint32_t hash, struct ext_span piece);

/* The order of the entries in a block: by namespace, length of the name, name. <0, 0, >0. */
int ext_xattr_compare(const struct ext_xattr *a, const struct ext_xattr *b);

/* All attributes of an inode, one after another, values of ea_inodes read in. */
struct ext_xattr_list;
enum ext_status ext_xattr_list_open(const struct ext_filesystem *filesystem, ext_ino ino,
				    struct ext_xattr_list **list, struct ext_error *error);
/* The same for an inode whose bytes are at hand: an older version of it, say. `raw` is copied. */
enum ext_status ext_xattr_list_open_raw(const struct ext_filesystem *filesystem,
					const struct ext_inode *inode, const uint8_t *raw,
					struct ext_xattr_list **list, struct ext_error *error);
void ext_xattr_list_close(struct ext_xattr_list *list);
const struct ext_inode *ext_xattr_list_inode(const struct ext_xattr_list *list);
/* `value` stays until the next call. What is damaged goes to `sink` and is left out. */
enum ext_status ext_xattr_list_next(struct ext_xattr_list *list, struct ext_xattr *xattr,
				    struct ext_span *value, struct ext_sink *sink,
				    struct ext_error *error);

/* Whom an entry of an access control list is for. */
enum {
	EXT_ACL_USER_OWNER = 1,
	EXT_ACL_USER = 2,
	EXT_ACL_GROUP_OWNER = 4,
	EXT_ACL_GROUP = 8,
	EXT_ACL_MASK = 16,
	EXT_ACL_OTHER = 32,
};

/*
 * POSIX ACL as stored (version 1), decoded entry by entry; begin with *at = 0. EXT_END after the
 * last, CORRUPT (acl-malformed) where it cannot go on.
 */
struct ext_acl_entry {
	uint16_t tag, permissions;
	uint32_t id; /* only for named users and groups */
	bool has_id;
};
enum ext_status ext_acl_next(struct ext_span value, size_t *at, struct ext_acl_entry *entry,
			     struct ext_error *error);

/* The same ACL in the form of the system call interface (version 2); returns its size, 0 if
 * malformed. */
size_t ext_acl_to_syscall(struct ext_span value, uint8_t *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
