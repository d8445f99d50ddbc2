/* SPDX-License-Identifier: MIT */
/*
 * Quota files against what is really used. Space and inodes are added up by owner while the inodes
 * pass by. Invariant: each quota file says the same of every owner who has anything.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/quota.h>

#include "checks/inspection.h"
#include "checks/quotas.h"

struct usage {
	uint64_t bytes, inodes;
	uint32_t id;
	bool is_used, was_compared;
};

/* By owner; open addressing, size a power of two. */
struct usages {
	struct usage *table;
	size_t size, count;
};

struct quota_checks {
	struct usages kinds[EXT_QUOTA_KINDS];
};

enum { TABLE_FIRST = 256 };

static ext_ino file_of(const struct ext_superblock *sb, unsigned kind)
{
	const ext_ino files[EXT_QUOTA_KINDS] = {sb->user_quota_inode, sb->group_quota_inode,
						sb->project_quota_inode};

	return files[kind];
}

bool quotas_init(struct checks *checks)
{
	if (!ext_has_ro_compat(checks->superblock, EXT_RO_QUOTA))
		return true;
	checks->quotas = calloc(1, sizeof *checks->quotas);
	return checks->quotas != NULL;
}

void quotas_clear(struct checks *checks)
{
	if (!checks->quotas)
		return;
	for (unsigned kind = 0; kind < EXT_QUOTA_KINDS; kind++)
		free(checks->quotas->kinds[kind].table);
	free(checks->quotas);
	checks->quotas = NULL;
}

static size_t slot_of(const struct usages *usages, uint32_t id)
{
	size_t slot = (id * UINT32_C(0x9e3779b1)) & (usages->size - 1);

	while (usages->table[slot].is_used && usages->table[slot].id != id)
		slot = (slot + 1) & (usages->size - 1);
	return slot;
}

static bool grow(struct usages *usages)
{
	struct usages larger = {.size = usages->size > 0 ? usages->size * 2 : TABLE_FIRST,
				.count = usages->count};

	larger.table = calloc(larger.size, sizeof *larger.table);
	if (!larger.table)
		return false;
	for (size_t i = 0; i < usages->size; i++)
		if (usages->table[i].is_used)
			larger.table[slot_of(&larger, usages->table[i].id)] = usages->table[i];
	free(usages->table);
	*usages = larger;
	return true;
}

static struct usage *usage_of(struct usages *usages, uint32_t id)
{
	struct usage *usage;

	if (usages->count * 2 >= usages->size && !grow(usages))
		return NULL;
	usage = &usages->table[slot_of(usages, id)];
	if (!usage->is_used) {
		usage->is_used = true;
		usage->id = id;
		usages->count++;
	}
	return usage;
}

void inspect_quota(const struct inspection *inspection)
{
	struct quota_checks *quotas = inspection->checks->quotas;
	const struct ext_superblock *sb = inspection->superblock;
	const struct ext_inode *inode = inspection->inode;
	uint32_t owners[EXT_QUOTA_KINDS];

	if (!quotas || (inode->flags & EXT_INODE_EA_INODE) ||
	    (inode->number != EXT_INO_ROOT && inode->number < sb->first_inode))
		return;
	owners[EXT_QUOTA_USER] = inode->uid;
	owners[EXT_QUOTA_GROUP] = inode->gid;
	owners[EXT_QUOTA_PROJECT] = inode->project;
	lock_take(&inspection->checks->lock);
	for (unsigned kind = 0; kind < EXT_QUOTA_KINDS; kind++) {
		struct usage *usage;

		if (file_of(sb, kind) == 0)
			continue;
		usage = usage_of(&quotas->kinds[kind], owners[kind]);
		if (!usage) {
			inspection->checks->out_of_memory = true;
			continue;
		}
		usage->bytes += inspection_clusters(inspection) * sb->cluster_size;
		usage->inodes += 1 + inspection->values.inodes;
	}
	lock_give(&inspection->checks->lock);
}

struct comparison {
	uint64_t different;
	uint32_t first; /* the lowest owner of them */
};

static void note_difference(struct comparison *comparison, uint32_t id)
{
	if (comparison->different == 0 || id < comparison->first)
		comparison->first = id;
	comparison->different++;
}

static void report(const struct checks *checks, enum ext_problem problem, ext_ino ino,
		   const struct comparison *comparison)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_QUOTA, .has = EXT_HAS_INODE, .inode = ino},
		.found = comparison ? comparison->different : 0,
		.low = comparison ? comparison->first : 0,
		.high = comparison ? comparison->first : 0};

	ext_report(checks->sink, &finding);
}

static void compare_kind(struct checks *checks, const struct survey *survey, unsigned kind)
{
	struct usages *usages = &checks->quotas->kinds[kind];
	const ext_ino ino = file_of(checks->superblock, kind);
	struct comparison comparison = {0};
	struct ext_quota_entry entry;
	struct ext_quota *quota;
	const enum ext_status status =
		ext_quota_open(checks->filesystem, ino, (enum ext_quota_kind)kind, &quota, NULL);

	if (status == EXT_MEMORY) {
		checks->out_of_memory = true;
		return;
	}
	if (status != EXT_OK) {
		report(checks, status == EXT_IO ? EXT_UNREADABLE : EXT_QUOTA_FILE, ino, NULL);
		return;
	}
	while (ext_quota_next(quota, &entry) == EXT_OK) {
		struct usage *usage = usage_of(usages, entry.id);

		if (!usage) {
			checks->out_of_memory = true;
			break;
		}
		if (usage->bytes != entry.bytes || usage->inodes != entry.inodes)
			note_difference(&comparison, entry.id);
		usage->was_compared = true;
	}
	for (size_t i = 0; i < usages->size; i++) {
		const struct usage *usage = &usages->table[i];

		if (usage->is_used && !usage->was_compared && (usage->bytes | usage->inodes) != 0)
			note_difference(&comparison, usage->id);
	}
	if (ext_quota_unread(quota))
		report(checks, EXT_UNREADABLE, ino, NULL);
	else if (ext_quota_damaged(quota))
		report(checks, EXT_QUOTA_FILE, ino, NULL);
	else if (comparison.different > 0 && survey->inodes_unread == 0 && survey->maps_unread == 0)
		report(checks, EXT_QUOTA_USAGE, ino, &comparison);
	ext_quota_close(quota);
}

void check_quotas(struct checks *checks, const struct survey *survey)
{
	if (!checks->quotas || checks->out_of_memory)
		return;
	for (unsigned kind = 0; kind < EXT_QUOTA_KINDS; kind++)
		if (file_of(checks->superblock, kind) != 0)
			compare_kind(checks, survey, kind);
}
