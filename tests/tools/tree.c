/* SPDX-License-Identifier: MIT */
/*
 * Prints an image's tree in a canonical form, one line a path, to be compared with what the kernel
 * shows: `tree [-j JOURNAL] [-n] [-o] IMAGE`. -n ignores the journal, -o leaves the orphans alone.
 * Line:
 *
 *   path inode type mode links uid gid size atime mtime ctime device|target|sha256|- xattrs|-
 *
 * Paths, targets and xattr names have %XX for bytes outside printable ASCII, for % and for blanks;
 * times are seconds.nanoseconds. The first line is "df FREE_BLOCKS FREE_INODES". Complaints about
 * the image go to stderr.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ext/directory.h>
#include <ext/journal.h>
#include <ext/recovery.h>
#include <ext/source.h>
#include <ext/xattr.h>

#include "bytes/sha256.h"

enum { PIECE = 1 << 18, XATTR_MOST = 64, FIRST_CHUNK = 64 };

static void print_finding(struct ext_sink *sink, const struct ext_finding *finding)
{
	char text[1024];

	(void)sink;
	ext_finding_describe(finding, text, sizeof text);
	fprintf(stderr, "finding: %s\n", text);
}

static struct ext_sink findings = {print_finding};

static void die(const char *what, const struct ext_error *error)
{
	char text[1024] = "";

	if (error)
		ext_error_describe(error, text, sizeof text);
	fprintf(stderr, "tree: %s: %s\n", what, text);
	exit(8);
}

static void print_escaped(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] <= ' ' || bytes[i] > '~' || bytes[i] == '%')
			printf("%%%02X", bytes[i]);
		else
			putchar(bytes[i]);
	}
}

static void print_hex(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		printf("%02x", bytes[i]);
}

/* A directory that is still to be listed. */
struct pending {
	struct pending *next;
	ext_ino inode;
	size_t length;
	char path[];
};

struct walk {
	const struct ext_filesystem *filesystem;
	struct ext_mapping *mapping;
	struct pending *pending;
	uint8_t *buffer;
};

static void push(struct walk *walk, ext_ino inode, const char *parent, size_t parent_length,
		 const char *name, size_t name_length)
{
	struct pending *new = malloc(sizeof *new + parent_length + name_length + 1);

	if (!new)
		die("no memory", NULL);
	new->inode = inode;
	new->length = parent_length + name_length + 1;
	memcpy(new->path, parent, parent_length);
	new->path[parent_length] = '/';
	memcpy(new->path + parent_length + 1, name, name_length);
	new->next = walk->pending;
	walk->pending = new;
}

static void print_content(struct walk *walk, const struct ext_inode *inode)
{
	struct ext_error error;
	struct sha256 hash;
	uint8_t digest[SHA256_SIZE];
	uint64_t offset = 0;

	sha256_init(&hash);
	while (offset < inode->size) {
		size_t got = 0;

		if (ext_file_read(walk->mapping, inode, offset, walk->buffer, PIECE, &got,
				  &error) != EXT_OK ||
		    got == 0) {
			printf("unreadable");
			return;
		}
		sha256_update(&hash, walk->buffer, got);
		offset += got;
	}
	sha256_finish(&hash, digest);
	print_hex(digest, sizeof digest);
}

static void print_target(struct walk *walk, const struct ext_inode *inode)
{
	size_t length = 0;

	if (ext_symlink_read(walk->mapping, inode, (char *)walk->buffer, PIECE, &length, NULL) !=
	    EXT_OK)
		printf("unreadable");
	else
		print_escaped(walk->buffer, length);
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "user.a=hex", newly allocated. */
static char *xattr_text(const struct ext_xattr *xattr, struct ext_span value)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t acl[4096];
	char name[512];
	size_t length, size = value.size;
	const uint8_t *bytes = value.data;
	char *text, *out;

	length = ext_xattr_name(xattr, name, sizeof name);
	if (strncmp(name, "system.posix_acl_", 17) == 0) {
		size = ext_acl_to_syscall(value, acl, sizeof acl);
		bytes = acl;
	}
	text = malloc(length + 2 * size + 2);
	if (!text)
		die("no memory", NULL);
	memcpy(text, name, length);
	out = text + length;
	*out++ = '=';
	for (size_t i = 0; i < size; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
	return text;
}

static void print_xattrs(struct walk *walk, ext_ino ino)
{
	struct ext_xattr_list *list;
	struct ext_xattr xattr;
	struct ext_span value;
	char *texts[XATTR_MOST];
	size_t count = 0;

	if (ext_xattr_list_open(walk->filesystem, ino, &list, NULL) != EXT_OK) {
		printf("unreadable");
		return;
	}
	while (count < XATTR_MOST &&
	       ext_xattr_list_next(list, &xattr, &value, &findings, NULL) == EXT_OK) {
		char name[512];

		/* The kernel keeps inline data there, and shows it to nobody. */
		ext_xattr_name(&xattr, name, sizeof name);
		if (strcmp(name, "system.data") == 0)
			continue;
		texts[count++] = xattr_text(&xattr, value);
	}
	ext_xattr_list_close(list);
	qsort(texts, count, sizeof *texts, compare_text);
	if (count == 0)
		putchar('-');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			putchar(',');
		print_escaped((const uint8_t *)texts[i], strlen(texts[i]));
		free(texts[i]);
	}
}

static void print_time(const struct ext_time *time)
{
	printf(" %" PRId64 ".%09" PRIu32, time->seconds, time->nanoseconds);
}

static void print_inode(struct walk *walk, const struct ext_inode *inode)
{
	static const char *const types[] = {"unknown", "file", "dir",	 "char",
					    "block",   "fifo", "socket", "symlink"};
	uint32_t major = 0, minor = 0;

	printf(" %" PRIu32 " %s %o %u %" PRIu32 " %" PRIu32 " %" PRIu64, inode->number,
	       types[inode->type], inode->mode & 07777u, inode->links, inode->uid, inode->gid,
	       inode->size);
	print_time(&inode->atime);
	print_time(&inode->mtime);
	print_time(&inode->ctime);
	putchar(' ');
	if (inode->type == EXT_TYPE_REGULAR) {
		print_content(walk, inode);
	} else if (inode->type == EXT_TYPE_SYMLINK) {
		print_target(walk, inode);
	} else if (inode->type == EXT_TYPE_CHARACTER || inode->type == EXT_TYPE_BLOCK) {
		ext_inode_device(inode, &major, &minor);
		printf("%" PRIu32 ":%" PRIu32, major, minor);
	} else {
		putchar('-');
	}
	putchar(' ');
	print_xattrs(walk, inode->number);
	putchar('\n');
}

static void list_directory(struct walk *walk, const struct pending *directory)
{
	struct ext_directory *open;
	struct ext_dirent entry;
	struct ext_error error;
	/* The root's own path is "/"; the children's begin with it just once. */
	const size_t prefix = directory->length > 1 ? directory->length : 0;

	if (ext_directory_open(walk->filesystem, directory->inode, &open, &error) != EXT_OK) {
		print_escaped((const uint8_t *)directory->path, directory->length);
		printf(" unreadable-directory\n");
		return;
	}
	while (ext_directory_next(open, &entry, &findings, &error) == EXT_OK) {
		struct ext_inode inode;

		if ((entry.name_length == 1 && entry.name[0] == '.') ||
		    (entry.name_length == 2 && memcmp(entry.name, "..", 2) == 0))
			continue;
		if (ext_inode_read(walk->filesystem, entry.inode, &inode, NULL, NULL) == EXT_OK &&
		    inode.type == EXT_TYPE_DIRECTORY) {
			push(walk, entry.inode, directory->path, prefix, entry.name,
			     entry.name_length);
			continue;
		}
		print_escaped((const uint8_t *)directory->path, prefix);
		putchar('/');
		print_escaped((const uint8_t *)entry.name, entry.name_length);
		print_inode(walk, &inode);
	}
	ext_directory_close(open);
}

static void print_tree(const struct ext_filesystem *filesystem)
{
	const struct ext_superblock *sb = ext_filesystem_superblock(filesystem);
	struct walk walk = {.filesystem = filesystem};
	uint64_t free_blocks = 0, free_inodes = 0, most = sb->inode_count;
	struct ext_error error;

	for (ext_group group = 0; group < sb->group_count; group++) {
		struct ext_group_descriptor descriptor;

		ext_group_read(filesystem, group, &descriptor);
		free_blocks += (uint64_t)descriptor.free_clusters << sb->cluster_log2;
		free_inodes += descriptor.free_inodes;
	}
	printf("df %" PRIu64 " %" PRIu64 "\n", free_blocks, free_inodes);
	walk.buffer = malloc(PIECE);
	if (!walk.buffer || ext_mapping_new(filesystem, &walk.mapping, &error) != EXT_OK)
		die("no memory", NULL);
	push(&walk, EXT_INO_ROOT, "", 0, "", 0);
	/* A directory that holds itself would go on for ever. */
	while (walk.pending && most-- > 0) {
		struct pending *directory = walk.pending;
		struct ext_inode inode;

		walk.pending = directory->next;
		print_escaped((const uint8_t *)directory->path, directory->length);
		if (ext_inode_read(filesystem, directory->inode, &inode, NULL, NULL) != EXT_OK)
			printf(" unreadable\n");
		else
			print_inode(&walk, &inode);
		list_directory(&walk, directory);
		free(directory);
	}
	while (walk.pending) {
		struct pending *directory = walk.pending;

		walk.pending = directory->next;
		free(directory);
	}
	ext_mapping_free(walk.mapping);
	free(walk.buffer);
}

int main(int argc, char **argv)
{
	struct ext_source *source, *journal_source = NULL, *view = NULL;
	struct ext_filesystem *filesystem;
	struct ext_recovery *recovery = NULL;
	struct ext_recovery_options options = {.sink = &findings, .orphans = EXT_ORPHANS_ALWAYS};
	struct ext_error error;
	bool ignore = false;
	int option;

	while ((option = getopt(argc, argv, "j:no")) != -1) {
		if (option == 'j' && ext_source_open(optarg, &journal_source, &error) != EXT_OK)
			die(optarg, &error);
		else if (option == 'n')
			ignore = true;
		else if (option == 'o')
			options.orphans = EXT_ORPHANS_LEAVE;
		else if (option == '?')
			return 16;
	}
	if (optind + 1 != argc)
		return 16;
	if (ext_source_open(argv[optind], &source, &error) != EXT_OK)
		die(argv[optind], &error);
	options.external = journal_source;
	view = source;
	if (!ignore) {
		if (ext_recovery_open(source, &options, &recovery, &error) != EXT_OK)
			die("recovery", &error);
		if (ext_recovery_view(recovery))
			view = ext_recovery_view(recovery);
	}
	if (ext_filesystem_open(view, NULL, &filesystem, &error) != EXT_OK)
		die("filesystem", &error);
	print_tree(filesystem);
	ext_filesystem_close(filesystem);
	ext_recovery_close(recovery);
	ext_source_close(source);
	ext_source_close(journal_source);
	return 0;
}
