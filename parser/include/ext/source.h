/* SPDX-License-Identifier: MIT */
/*
 * Where bytes come from. A source is a read-only run of bytes with a size: a file, a block device,
 * memory, an unpacked gzip or qcow2 image, a window into another source, or a copy-on-write overlay
 * on one. Reads are positional and keep no shared state, so threads may read one source together.
 */
#ifndef EXT_SOURCE_H
#define EXT_SOURCE_H

#include <ext/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ext_source;

/*
 * Opens the image at `path` read-only, whatever it is wrapped in: raw file or block device, gzip,
 * qcow2 (versions 2 and 3), Android sparse. The wrapping is recognised by content.
 * Fails with ARGUMENT (os_error says why: ENOENT, EACCES, EISDIR ...), IO, CORRUPT, UNSUPPORTED.
 */
enum ext_status ext_source_open(const char *path, struct ext_source **source,
				struct ext_error *error);

/*
 * `inner` unwrapped, by content, as often as it is wrapped. Owns `inner` from here on, also on
 * failure. What begins like a kind that is not unpacked here (xz, VMDK ...) is left as it lies,
 * with a finding (image-packed) that names the kind as its field.
 */
enum ext_status ext_source_unwrap(struct ext_source *inner, struct ext_source **source,
				  struct ext_error *error);

/* The file or device itself, not unwrapped. */
enum ext_status ext_source_open_file(const char *path, struct ext_source **source,
				     struct ext_error *error);

/* Borrows `data`, which must stay unchanged until the source is closed. */
enum ext_status ext_source_open_memory(const void *data, size_t size, struct ext_source **source,
				       struct ext_error *error);

/* Bytes `offset` .. `offset + size` of `inner`, clipped to its end. Owns `inner` from here on, also
 * on failure. */
enum ext_status ext_source_open_window(struct ext_source *inner, uint64_t offset, uint64_t size,
				       struct ext_source **source, struct ext_error *error);

/* Unpacks `inner` on the fly. Own `inner` from here on, also on failure. */
enum ext_status ext_source_open_gzip(struct ext_source *inner, struct ext_source **source,
				     struct ext_error *error);
enum ext_status ext_source_open_qcow2(struct ext_source *inner, struct ext_source **source,
				      struct ext_error *error);
enum ext_status ext_source_open_android_sparse(struct ext_source *inner, struct ext_source **source,
					       struct ext_error *error);

/*
 * `inner`, with the areas that a ddrescue map file calls not rescued turned into read errors.
 * Owns `inner` from here on, also on failure. Fails with CORRUPT (map-syntax) on a file that is no
 * map.
 */
enum ext_status ext_source_open_map(struct ext_source *inner, const char *map_path,
				    struct ext_source **source, struct ext_error *error);

void ext_source_close(struct ext_source *source);

/* Size in bytes. */
uint64_t ext_source_size(const struct ext_source *source);

/* The path that was opened, or a word for what has none ("memory"). Lives as long as the source. */
const char *ext_source_name(const struct ext_source *source);

/*
 * What is wrong with the wrapping of an image that can be read all the same (a gzip stream that is
 * cut, a checksum that does not hold): call with index 0, 1, ... until false.
 */
bool ext_source_finding(const struct ext_source *source, size_t index, struct ext_finding *finding);

/*
 * Reads exactly `length` bytes at `offset`. Fails with IO: `image-truncated` when the range passes
 * the end, `unreadable` when the medium fails; place.offset is then the first byte that could not
 * be read. A damaged wrapping fails with IO too, and with its own problem. The buffer's content is
 * undefined after a failure.
 */
enum ext_status ext_source_read(struct ext_source *source, uint64_t offset, void *buffer,
				size_t length, struct ext_error *error);

/*
 * Tells where data lie in a sparse source: the first byte at or after `offset` that may be other
 * than zero, and the end of that run. Without knowledge the run is the rest of the source.
 * Returns EXT_END when nothing but zeros follows.
 */
enum ext_status ext_source_next_data(struct ext_source *source, uint64_t offset, uint64_t *start,
				     uint64_t *end);

/* A hint that these bytes will be read soon. */
void ext_source_will_need(struct ext_source *source, uint64_t offset, uint64_t length);

/*
 * Whether this byte can be had without waiting for a device, so that a hint is of no use. False
 * when that cannot be told.
 */
bool ext_source_in_memory(struct ext_source *source, uint64_t offset);

/* How a source is going to be read. A hint too: what a read gives is the same in all ways. */
enum ext_reads {
	/* The system reads on by its own guess. So it is at first. */
	EXT_READS_GUESSED,
	/* The reader hints at all it will need: a guess from scattered reads fetches many times
	 * what is wanted. */
	EXT_READS_HINTED,
	/*
	 * The same, but what is read EXT_LONG_READ bytes at a time or more, into memory that
	 * begins with a page, is read once, by several threads, and was not read lately. It is
	 * fetched past the system's page cache, where that is quicker, and hints that long do
	 * nothing.
	 */
	EXT_READS_LONG,
};
enum { EXT_LONG_READ = 64 * 1024 };

/* Not while other threads read. */
void ext_source_expect_reads(struct ext_source *source, enum ext_reads reads);

/*
 * A copy-on-write overlay on `inner`, which it borrows. Reads see what was written or redirected,
 * else `inner`. Kept in units of `unit` bytes (a power of two, 512 to 65536). Writing is not for
 * two threads at once, nor beside a reader; reading by many threads is.
 */
enum ext_status ext_source_open_overlay(struct ext_source *inner, size_t unit,
					struct ext_source **source, struct ext_error *error);

/*
 * Makes the overlay larger than what lies below: of an image that was cut, blocks behind its end
 * may be known from elsewhere. What is not written there cannot be read. Fails with ARGUMENT when
 * `size` is less than now or beyond what an overlay can hold.
 */
enum ext_status ext_overlay_extend(struct ext_source *overlay, uint64_t size,
				   struct ext_error *error);

/* Writes into the overlay's memory; any offset and length inside the source's size. */
enum ext_status ext_overlay_write(struct ext_source *overlay, uint64_t offset, const void *data,
				  size_t length, struct ext_error *error);

/*
 * Makes `count` units from `offset` on (a multiple of `unit`) read as as many units' worth of bytes
 * at `from_offset` of `from`, which is borrowed, with the first four bytes of each replaced by
 * `head` when that is not NULL. Costs an index entry a run (16 to 24 bytes), a unit with a head,
 * not a copy. ARGUMENT, or IO where a range is not inside its source: nothing has changed then.
 */
enum ext_status ext_overlay_redirect(struct ext_source *overlay, uint64_t offset, uint64_t count,
				     struct ext_source *from, uint64_t from_offset,
				     const uint8_t head[4], struct ext_error *error);

/* Forgets what was written or redirected at the unit that holds `offset`. */
void ext_overlay_revert(struct ext_source *overlay, uint64_t offset);

/*
 * Visits the changed units in ascending order: the first at or after `offset`. EXT_END when there
 * is none. `changed` receives its offset; read the unit itself through ext_source_read.
 */
enum ext_status ext_overlay_next_changed(const struct ext_source *overlay, uint64_t offset,
					 uint64_t *changed);

#ifdef __cplusplus
}
#endif

#endif
