/* SPDX-License-Identifier: MIT */
/*
 * What can go wrong, in two different kinds. An *error* stops a call: `struct ext_error`, with a
 * status that says of what kind it is. A *finding* is what there is to say about an image and stops
 * nothing: `struct ext_finding`, handed to a sink that the caller supplies. Both name the same
 * problem (a rule of the format, from problem.def) and the same place.
 */
#ifndef EXT_ERROR_H
#define EXT_ERROR_H

#include <ext/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ext_status {
	EXT_OK = 0,
	EXT_END,	 /* an iteration has nothing more to give */
	EXT_IO,		 /* bytes could not be read: unreadable, or beyond the end of the image */
	EXT_MEMORY,	 /* no memory */
	EXT_CORRUPT,	 /* the image breaks a rule of the format */
	EXT_UNSUPPORTED, /* the image may be right, but this code does not know how to read it */
	EXT_LIMIT,	 /* more than this library is willing to do for an image of this size */
	EXT_ARGUMENT,	 /* the caller asked for something that does not exist */
};

/* Which rule of the format: one row of problem.def each. */
enum ext_problem {
	EXT_NO_PROBLEM = 0,
#define PROBLEM(id, slug, severity, message, question, cause, repair, e2fsck) EXT_##id,
#include <ext/problem.def>
	EXT_PROBLEM_COUNT
};

enum ext_severity { EXT_SEVERITY_INFO, EXT_SEVERITY_WARNING, EXT_SEVERITY_ERROR };

/* What kind of thing stands at a place: the first word of a message. */
enum ext_structure {
	EXT_AT_NOTHING = 0,
	EXT_AT_IMAGE,
	EXT_AT_PARTITION_TABLE,
	EXT_AT_SUPERBLOCK,
	EXT_AT_GROUP_DESCRIPTOR,
	EXT_AT_BLOCK_BITMAP,
	EXT_AT_INODE_BITMAP,
	EXT_AT_INODE_TABLE,
	EXT_AT_INODE,
	EXT_AT_EXTENT_NODE,
	EXT_AT_BLOCK_MAP,
	EXT_AT_DIRECTORY_BLOCK,
	EXT_AT_DIRENT,
	EXT_AT_HTREE,
	EXT_AT_XATTR,
	EXT_AT_INLINE_DATA,
	EXT_AT_JOURNAL,
	EXT_AT_JOURNAL_SUPERBLOCK,
	EXT_AT_FAST_COMMIT,
	EXT_AT_ORPHAN,
	EXT_AT_MMP,
	EXT_AT_QUOTA,
	EXT_AT_FILE_DATA,
	EXT_STRUCTURE_COUNT
};

/* Which members of a place are meant; the others are 0. */
enum {
	EXT_HAS_GROUP = 1 << 0,
	EXT_HAS_INODE = 1 << 1,
	EXT_HAS_BLOCK = 1 << 2,
	EXT_HAS_OFFSET = 1 << 3,
	EXT_HAS_LOGICAL = 1 << 4,
};

struct ext_place {
	enum ext_structure structure;
	uint32_t has; /* EXT_HAS_ bits */
	ext_group group;
	ext_ino inode;
	ext_block block;   /* physical block */
	uint64_t logical;  /* block within the file of `inode` */
	uint64_t offset;   /* bytes: within `block` when EXT_HAS_BLOCK is set, else within the
			      filesystem */
	const char *field; /* the kernel's name of the field, a string constant; or NULL */
};

struct ext_error {
	enum ext_status status;
	enum ext_problem problem;
	struct ext_place place;
	uint64_t found, low, high; /* the value, and the range that would have been right */
	int os_error;		   /* errno, only with EXT_IO, EXT_MEMORY and EXT_ARGUMENT */
};

enum { EXT_NAME_MAX = 255 };

/* In which runs e2fsck asks about a finding, as far as this is known where it is found. */
enum ext_asked {
	EXT_ASKED_ALWAYS,
	EXT_ASKED_WITHOUT_REPAIR, /* with -n: a repair of something else makes it right */
	EXT_ASKED_IN_REPAIR,	  /* with -y: only repairs of other things make it wrong */
};

struct ext_finding {
	enum ext_problem problem;
	struct ext_place place;
	uint64_t found, low, high;
	uint16_t unasked;    /* codes of the row that e2fsck does not ask of this one: a bit each */
	uint8_t asked;	     /* enum ext_asked */
	uint8_t name_length; /* a file name that belongs to the finding, or 0 */
	char name[EXT_NAME_MAX]; /* any bytes, no terminator */
};

/* Receives findings. Embed it as the first member of a larger struct to carry state. */
struct ext_sink {
	void (*report)(struct ext_sink *sink, const struct ext_finding *finding);
};

struct ext_problem_text {
	const char *slug; /* stable, such as "extent-magic" */
	enum ext_severity severity;
	const char *message; /* what; {found}, {low}, {high}, {second}, {name}; {found:x} for hex */
	const char *question; /* the question that the check answers */
	const char *cause;    /* how it arises and how to see it */
	const char *repair;   /* what a repair does about it */
	const char *e2fsck;   /* e2fsck's problem codes, "0x010001 0x010002", or "" */
};

/* The row of problem.def for `problem`; never NULL. Constant memory. */
const struct ext_problem_text *ext_problem_text(enum ext_problem problem);

/* The problem with this slug, or EXT_NO_PROBLEM. */
enum ext_problem ext_problem_by_slug(const char *slug);

/* The plain name of a structure, such as "extent node"; "" for EXT_AT_NOTHING. */
const char *ext_structure_name(enum ext_structure structure);

/*
 * Writes one line of text for an error or a finding, without a newline:
 * "inode 12, block 1604, byte 0: extent header magic is 0x0000, expected 0xf30a [extent-magic]".
 * Always terminated; returns the length that the whole text has, as snprintf does.
 */
size_t ext_error_describe(const struct ext_error *error, char *text, size_t size);
size_t ext_finding_describe(const struct ext_finding *finding, char *text, size_t size);

/* The message alone, without place and slug; and the place alone. */
size_t ext_finding_message(const struct ext_finding *finding, char *text, size_t size);
size_t ext_place_describe(const struct ext_place *place, char *text, size_t size);

/*
 * Notes that e2fsck does not ask `code` about this finding: what else the image holds makes it see
 * the same fault otherwise. A code that the finding's row does not have changes nothing.
 * ext_finding_asks tells of the code that stands at `position` of the row.
 */
void ext_finding_unasked(struct ext_finding *finding, uint32_t code);
bool ext_finding_asks(const struct ext_finding *finding, unsigned position);

/* Hands `finding` to `sink`; nothing happens when `sink` is NULL. */
void ext_report(struct ext_sink *sink, const struct ext_finding *finding);

/* The finding that tells of the same fault as `error`. */
struct ext_finding ext_finding_of_error(const struct ext_error *error);

/*
 * Fill `error` (if not NULL) and return the status, so that a fault is one return statement where
 * it is seen. `found`, `low` and `high` as in struct ext_error.
 */
enum ext_status ext_corrupt(struct ext_error *error, enum ext_problem problem,
			    struct ext_place place, uint64_t found, uint64_t low, uint64_t high);
enum ext_status ext_fail(struct ext_error *error, enum ext_status status, enum ext_problem problem,
			 struct ext_place place, int os_error);
enum ext_status ext_no_memory(struct ext_error *error);

#ifdef __cplusplus
}
#endif

#endif
