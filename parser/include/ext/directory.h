/* SPDX-License-Identifier: MIT */
/*
 * Directories: the entries of one block, the entries of a whole directory, names to inodes, and
 * the hashed index (htree).
 */
#ifndef EXT_DIRECTORY_H
#define EXT_DIRECTORY_H

#include <ext/mapping.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_dirent {
	ext_ino inode;
	uint32_t at;		/* bytes from the start of the block (or of the inline part) */
	uint32_t record_length; /* bytes */
	uint8_t name_length;
	uint8_t file_type;   /* as stored: enum ext_file_type, other values possible; 0 without
				filetype */
	uint8_t type_stored; /* the byte itself, which without filetype is to be 0 */
	const char *name;    /* name_length bytes inside the block, no terminator */
};

/* The entries of one block: a linear or leaf block, or one of the two inline parts. */
struct ext_dirent_cursor {
	const struct ext_superblock *superblock;
	struct ext_span block;
	uint32_t at, end;
};

/*
 * `block` is a directory block; `at` the byte to begin at (0; 4 in the first inline part). A
 * checksum tail at the end is recognised and left out when `has_tail` is set.
 */
void ext_dirent_cursor_init(struct ext_dirent_cursor *cursor,
			    const struct ext_superblock *superblock, struct ext_span block,
			    uint32_t at, bool has_tail);

/*
 * The next entry, unused ones (inode 0) included. EXT_END at the end of the block. After CORRUPT
 * (dirent-length, dirent-alignment, dirent-truncated) what follows cannot be found, and the next
 * call gives EXT_END; after CORRUPT for dirent-name-length the next call goes on behind the entry.
 * error->place.offset is the byte within the block.
 */
enum ext_status ext_dirent_next(struct ext_dirent_cursor *cursor, struct ext_dirent *entry,
				struct ext_error *error);

/* The least that a record can have: 8 bytes, and a name of 1 to 4. */
enum { EXT_DIRENT_SIZE_MIN = 12 };

/*
 * The same as ext_dirent_next, for loops over all entries of a filesystem: records that are in
 * order, as all but a few are, are decoded in the caller. Blocks of 64 KiB, whose lengths are
 * written in another way, and whatever is not in order go the long way.
 */
static inline enum ext_status ext_dirent_step(struct ext_dirent_cursor *cursor,
					      struct ext_dirent *entry, struct ext_error *error)
{
	const uint32_t at = cursor->at;
	const uint32_t left = at < cursor->end ? cursor->end - at : 0;
	const uint8_t *const raw = cursor->block.data + at;
	uint32_t length;

	if (left < EXT_DIRENT_SIZE_MIN || cursor->superblock->block_size >= 65536)
		return ext_dirent_next(cursor, entry, error);
	/* rec_len at byte 4, name_len at byte 6, file_type at byte 7, name from byte 8 on. */
	length = (uint32_t)raw[4] | (uint32_t)raw[5] << 8;
	if (length < EXT_DIRENT_SIZE_MIN || length % 4 != 0 || length > left || raw[6] > length - 8)
		return ext_dirent_next(cursor, entry, error);
	entry->inode = (ext_ino)raw[0] | (ext_ino)raw[1] << 8 | (ext_ino)raw[2] << 16 |
		       (ext_ino)raw[3] << 24;
	entry->at = at;
	entry->record_length = length;
	entry->name_length = raw[6];
	entry->type_stored = raw[7];
	entry->file_type = ext_has_incompat(cursor->superblock, EXT_INCOMPAT_FILETYPE) ? raw[7] : 0;
	entry->name = (const char *)raw + 8;
	cursor->at = at + length;
	return EXT_OK;
}

/* The hash behind the name, in directories both encrypted and casefolded; false: no room for one.
 */
bool ext_dirent_stored_hash(const struct ext_dirent *entry, uint32_t *major, uint32_t *minor);

/*
 * What kind of block this is, by the directory's flags, its place and its content. Without
 * `directory` (NULL) the content alone decides.
 */
enum ext_directory_block_kind {
	EXT_DIRECTORY_LEAF,
	EXT_DIRECTORY_HTREE_ROOT,
	EXT_DIRECTORY_HTREE_NODE
};
enum ext_directory_block_kind ext_directory_block_kind(const struct ext_superblock *superblock,
						       const struct ext_inode *directory,
						       ext_logical logical, struct ext_span block);

/*
 * Does the block end in a checksum tail; and does its checksum (leaf or htree) hold? NONE when
 * there is no room for one. `stored` and `computed` may be NULL.
 */
bool ext_directory_block_has_tail(const struct ext_superblock *superblock, struct ext_span block);
enum ext_checksum_state ext_directory_block_checksum(const struct ext_superblock *superblock,
						     uint32_t inode_seed,
						     enum ext_directory_block_kind kind,
						     struct ext_span block, uint32_t *stored,
						     uint32_t *computed);

/*
 * The only seed of an inode (ext_inode_seed) under which this block's checksum holds: blocks with
 * the same one are of the same directory. False when there is no checksum. A block of anything else
 * has a seed, too: that it means something, only a second sign can tell.
 */
bool ext_directory_block_seed(const struct ext_superblock *superblock,
			      enum ext_directory_block_kind kind, struct ext_span block,
			      uint32_t *inode_seed);

/* A whole directory, entry by entry, inline ones included (with "." and ".." made up for them). */
struct ext_directory;

enum ext_status ext_directory_open(const struct ext_filesystem *filesystem, ext_ino ino,
				   struct ext_directory **directory, struct ext_error *error);

/* The same for an inode that has been read; `raw` are its bytes, borrowed for the call. */
enum ext_status ext_directory_open_inode(const struct ext_filesystem *filesystem,
					 const struct ext_inode *inode, const uint8_t *raw,
					 struct ext_directory **directory, struct ext_error *error);
void ext_directory_close(struct ext_directory *directory);
const struct ext_inode *ext_directory_inode(const struct ext_directory *directory);

/*
 * The next used entry; its name stays until the next call. A damaged block is reported to `sink`
 * (may be NULL) and skipped from the damage on.
 */
enum ext_status ext_directory_next(struct ext_directory *directory, struct ext_dirent *entry,
				   struct ext_sink *sink, struct ext_error *error);

/* Where the entry that came last lies: inode, file block, block; entry->at is the byte in it. */
struct ext_place ext_directory_place(const struct ext_directory *directory);

/*
 * Finds `name` in directory `ino`; `found->name` is NULL afterwards. In a casefolded directory the
 * case of ASCII letters does not count, in an encrypted one the name shown without the key is found
 * too. Fails with ARGUMENT (no-such-path, not-a-directory), or as ext_directory_open does; with
 * CORRUPT and the first damage when the name may be in a part of the directory that is damaged.
 */
enum ext_status ext_directory_lookup(const struct ext_filesystem *filesystem, ext_ino ino,
				     const char *name, size_t length, struct ext_dirent *found,
				     struct ext_error *error);

/*
 * Follows a path from the root ("/a/b", "a/b", "/"); no symlink is followed. "#12" alone names
 * inode 12. Fails as ext_directory_lookup does.
 */
enum ext_status ext_path_lookup(const struct ext_filesystem *filesystem, const char *path,
				ext_ino *ino, struct ext_error *error);

/* The hash of a name, as the filesystem stores it in an htree (structure/dirhash.c). */
enum {
	EXT_HASH_LEGACY,
	EXT_HASH_HALF_MD4,
	EXT_HASH_TEA,
	EXT_HASH_LEGACY_UNSIGNED,
	EXT_HASH_HALF_MD4_UNSIGNED,
	EXT_HASH_TEA_UNSIGNED,
	EXT_HASH_SIPHASH
};
enum ext_status ext_directory_hash(unsigned version, const uint32_t seed[4], const char *name,
				   size_t length, uint32_t *major, uint32_t *minor);

/* The hashes of many names, faster than one after another. */
struct ext_name {
	const char *bytes;
	size_t length;
};
enum ext_status ext_directory_hash_names(unsigned version, const uint32_t seed[4],
					 const struct ext_name *names, unsigned count,
					 uint32_t *majors);

/* Bits of s_flags: the bytes of names are signed or unsigned numbers to the hash. */
enum { EXT_FLAG_SIGNED_HASH = 1, EXT_FLAG_UNSIGNED_HASH = 2 };

/* The hash version to compute with: the stored one, made unsigned when the filesystem says so. */
unsigned ext_directory_hash_version(const struct ext_superblock *superblock, unsigned stored);

/*
 * The hash of a name in `directory`, with the filesystem's seed and, in a casefolded directory, of
 * the folded name. UNSUPPORTED for SipHash, and for folded names beyond ASCII: these need a key, or
 * Unicode tables.
 */
enum ext_status ext_directory_name_hash(const struct ext_superblock *superblock,
					const struct ext_inode *directory, unsigned stored_version,
					const char *name, size_t length, uint32_t *major,
					uint32_t *minor);

/* Is the name valid UTF-8? */
bool ext_name_is_utf8(const char *name, size_t length);

/* An index block of an htree, decoded (structure/htree.c). */
struct ext_htree_block {
	bool is_root;
	uint32_t reserved;
	uint8_t hash_version, info_length, levels, unused_flags; /* root only */
	uint16_t limit, count;
	uint16_t limit_expected;
	struct ext_span
		entries; /* `count` of them, 8 bytes each; the first has counts for a hash */
};

/*
 * Decodes a block as an index block of `kind`. CORRUPT (htree-root, htree-limit, htree-count) when
 * its entries cannot be found; a limit that is only not the expected one is for the caller to see.
 */
enum ext_status ext_htree_decode(const struct ext_superblock *superblock,
				 enum ext_directory_block_kind kind, struct ext_span block,
				 struct ext_htree_block *htree, struct ext_error *error);

/* Entry `index`, below count: lowest hash (0 for the first entry) and file block. */
void ext_htree_entry(const struct ext_htree_block *htree, unsigned index, uint32_t *hash,
		     ext_logical *block);

/* How many slots an index block of `kind` has room for. */
uint16_t ext_htree_limit(const struct ext_superblock *superblock,
			 enum ext_directory_block_kind kind);

/*
 * The name that Linux shows for an encrypted name without the key. `text` takes 256 bytes at least;
 * returns the length.
 */
size_t ext_encrypted_name(const struct ext_superblock *superblock, const char *name, size_t length,
			  bool is_symlink_target, char text[256]);

/*
 * The name under which Linux lists `entry` of `directory`: as stored, or as above in an encrypted
 * directory. Terminated, but other bytes of it may be 0 in a damaged directory; returns the length.
 */
size_t ext_dirent_shown_name(const struct ext_superblock *superblock,
			     const struct ext_inode *directory, const struct ext_dirent *entry,
			     char text[256]);

#ifdef __cplusplus
}
#endif

#endif
