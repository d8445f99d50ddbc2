/* SPDX-License-Identifier: MIT */
/*
 * Encryption contexts. Invariants: every encrypted inode has a context of a form that exists. Keeps
 * which policy (a context without its nonce) each encrypted inode has, so that entries.c can hold a
 * directory's against those of what is in it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <ext/xattr.h>

#include "accounting/grow.h"
#include "checks/directories.h"

enum {
	INDEX_ENCRYPTION = 9,
	SIZE_V1 = 28, /* version, two modes, flags, descriptor of 8, nonce of 16 */
	SIZE_V2 =
		40, /* version, two modes, flags, unit, 3 reserved, identifier of 16, nonce of 16 */
	NONCE = 16,
	KEY_SIZE = SIZE_V2 - NONCE,
};

struct policy_slot {
	ext_ino ino; /* 0: empty */
	uint32_t policy;
};

struct policy_key {
	uint8_t bytes[KEY_SIZE];
};

static size_t slot_of(const struct policies *policies, ext_ino ino)
{
	return (size_t)(ino * 0x9e3779b1u) & (policies->slot_count - 1);
}

uint32_t policy_of(const struct policies *policies, ext_ino ino)
{
	if (policies->slot_count == 0)
		return POLICY_NONE;
	for (size_t slot = slot_of(policies, ino); policies->slots[slot].ino != 0;
	     slot = (slot + 1) & (policies->slot_count - 1))
		if (policies->slots[slot].ino == ino)
			return policies->slots[slot].policy;
	return POLICY_NONE;
}

void policies_clear(struct policies *policies)
{
	free(policies->slots);
	free(policies->keys);
	memset(policies, 0, sizeof *policies);
}

static void put(struct policies *policies, ext_ino ino, uint32_t policy)
{
	size_t slot = slot_of(policies, ino);

	while (policies->slots[slot].ino != 0)
		slot = (slot + 1) & (policies->slot_count - 1);
	policies->slots[slot] = (struct policy_slot){ino, policy};
}

static bool make_room(struct policies *policies)
{
	struct policies larger = *policies;

	if (policies->used < policies->slot_count / 4 * 3)
		return true;
	larger.slot_count = policies->slot_count ? policies->slot_count * 2 : 256;
	larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < policies->slot_count; i++)
		if (policies->slots[i].ino != 0)
			put(&larger, policies->slots[i].ino, policies->slots[i].policy);
	free(policies->slots);
	*policies = larger;
	return true;
}

/* The number of a policy; there are few of them. 0 when there is no memory. */
static uint32_t intern(struct policies *policies, const struct policy_key *key)
{
	for (size_t i = 0; i < policies->key_count; i++)
		if (memcmp(&policies->keys[i], key, sizeof *key) == 0)
			return (uint32_t)i + POLICY_FIRST;
	if (!GROW(policies->keys, policies->key_count, policies->key_size))
		return 0;
	policies->keys[policies->key_count] = *key;
	return (uint32_t)policies->key_count++ + POLICY_FIRST;
}

/* The context, where there is one; its bytes belong to `raw` or to `block`. */
static bool find_context(const struct survey *survey, const struct ext_inode *inode,
			 const uint8_t *raw, uint8_t *block, struct ext_span *context)
{
	const struct ext_superblock *sb = survey->superblock;
	struct ext_xattr_cursor cursor;
	struct ext_xattr xattr;

	for (unsigned home = 0; home < 2; home++) {
		enum ext_status status;

		if (home == 0)
			status = ext_xattr_inode_begin(sb, (struct ext_span){raw, sb->inode_size},
						       &cursor, NULL);
		else if (inode->xattr_block == 0 || !block ||
			 ext_filesystem_read_blocks(survey->filesystem, inode->xattr_block, 1,
						    block, NULL) != EXT_OK)
			break;
		else
			status = ext_xattr_block_begin(sb, (struct ext_span){block, sb->block_size},
						       &cursor, NULL);
		while (status == EXT_OK && ext_xattr_next(&cursor, &xattr, NULL) == EXT_OK)
			if (xattr.index == INDEX_ENCRYPTION && xattr.name_length == 1 &&
			    xattr.name[0] == 'c') {
				*context = xattr.value;
				return true;
			}
	}
	return false;
}

static bool is_known(struct ext_span context)
{
	return context.data[0] == 1 || context.data[0] == 2;
}

/* A version that nobody knows yet may have any form; e2fsck leaves it alone, too. */
static bool has_form(struct ext_span context)
{
	if (!context.data || context.size == 0)
		return false;
	return !is_known(context) || context.size == (context.data[0] == 1 ? SIZE_V1 : SIZE_V2);
}

static void report_context(struct ext_sink *sink, enum ext_problem problem, ext_ino ino,
			   uint64_t version, uint64_t size)
{
	const struct ext_finding finding = {
		.problem = problem,
		.place = {.structure = EXT_AT_INODE, .has = EXT_HAS_INODE, .inode = ino},
		.found = version,
		.low = size,
		.high = size};

	ext_report(sink, &finding);
}

void note_policy(struct directory_checks *checks, const struct survey *survey,
		 const struct ext_inode *inode, const uint8_t *raw, struct ext_sink *sink)
{
	struct policies *policies = &checks->policies;
	struct policy_key key = {{0}};
	struct ext_span context = {NULL, 0};
	uint32_t policy = POLICY_UNKNOWN;
	uint8_t *block;

	block = inode->xattr_block ? checks_memory(checks->checks, survey->superblock->block_size)
				   : NULL;
	if (!find_context(survey, inode, raw, block, &context)) {
		report_context(sink, EXT_ENCRYPTION_CONTEXT_MISSING, inode->number, 0, 0);
	} else if (!has_form(context)) {
		report_context(sink, EXT_ENCRYPTION_CONTEXT, inode->number,
			       context.data && context.size ? context.data[0] : 0, context.size);
	} else if (is_known(context)) {
		memcpy(key.bytes, context.data, context.size - NONCE);
		policy = 0;
	}
	lock_take(&checks->lock);
	if (policy == 0)
		policy = intern(policies, &key);
	if (policy != 0 && make_room(policies)) {
		put(policies, inode->number, policy);
		policies->used++;
	} else {
		checks->checks->out_of_memory = true;
	}
	lock_give(&checks->lock);
	free(block);
}
