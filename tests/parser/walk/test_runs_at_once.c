/* SPDX-License-Identifier: MIT */
/*
 * A map walked for all of its runs, several at a time and its leaves read together, gives what it
 * gives run by run and block by block: the same runs, faults and unreadable blocks.
 */
#include "config.h"

#include <ext/mapping.h>

#include "bytes/crc32c.h"
#include "image/source.h"
#include "parser/walk/tiny.h"
#include "random.h"
#include "unit.h"

enum { ROUNDS = 4000, INO = 12, MODE = 0100644, DOUBLE = 13, MOST = 4096, LENT = 8 };

static const unsigned room = (FUZZ_BLOCK_SIZE - 12) / 12;

static bool one_in(uint64_t *state, unsigned many)
{
	return next_number(state) % many == 0;
}

/* Every other map is without fault, and so short that the filesystem has blocks for all it names.
 */
static bool is_odd;

static bool odd_in(uint64_t *state, unsigned many)
{
	return one_in(state, many) && is_odd;
}

static void write_checksum(struct tiny *tiny, uint8_t *node)
{
	const size_t at = 12 + (size_t)room * 12;
	const uint32_t seed = ext_inode_seed(ext_filesystem_superblock(tiny->filesystem), INO, 0);

	put((struct le32 *)(void *)(node + at), crc32c(seed, node, at));
}

/* A leaf for file blocks from `logical` on, mostly right; returns the first behind it. */
static uint32_t write_leaf(uint8_t *node, uint32_t logical, uint64_t *state)
{
	const unsigned entries = 1 + next_number(state) % (is_odd ? room : 3);

	tiny_node(node, entries, odd_in(state, 40) ? room + 1 : room, 0);
	for (unsigned i = 0; i < entries; i++) {
		uint8_t *const at = node + 12 + (size_t)i * 12;
		uint32_t length = 1 + next_number(state) % (is_odd ? 3 : 1);

		if (i > 0)
			logical += next_number(state) % 2;
		put((struct le32 *)(void *)at, odd_in(state, 200) ? logical / 2 : logical);
		logical += length;
		if (odd_in(state, 50))
			length += one_in(state, 2) ? 32768 : 60;
		put((struct le16 *)(void *)(at + 4), (uint16_t)(odd_in(state, 300) ? 0 : length));
		put((struct le16 *)(void *)(at + 6), odd_in(state, 300));
		put((struct le32 *)(void *)(at + 8),
		    1 + next_number(state) % 60 - odd_in(state, 300));
	}
	return logical;
}

/* Two levels below the root: blocks 40 to 59 are leaves, most of them in order. */
static void make_tree(struct tiny *tiny, uint64_t *state)
{
	uint8_t *const root = (uint8_t *)tiny_make(tiny, INO, MODE, 1 << 20) + 0x28;
	uint8_t *const inner = tiny_block(tiny, 39);
	const unsigned leaves = 1 + next_number(state) % (is_odd ? 20 : 8);
	uint32_t logical = 0;

	put(&tiny_inode(tiny, INO)->i_flags, EXT_INODE_EXTENTS);
	tiny_node(root, 1, 4, 2);
	tiny_index_entry(root, 0, 0, 39);
	tiny_node(inner, leaves, room, 1);
	/* Another inner node, which may be one of the leaves. */
	if (odd_in(state, 2)) {
		const uint32_t from = 3 + next_number(state) % 200;

		tiny_node(root, 2, 4, 2);
		tiny_index_entry(root, 1, from, 39 + next_number(state) % 22);
	}
	for (unsigned i = 0; i < leaves; i++) {
		const uint32_t block = odd_in(state, 8) ? 40 + next_number(state) % 25 : 40 + i;

		tiny_index_entry(inner, i, logical, block);
		logical = write_leaf(tiny_block(tiny, 40 + i), logical, state);
		if (!odd_in(state, 20))
			write_checksum(tiny, tiny_block(tiny, 40 + i));
	}
	write_checksum(tiny, inner);
}

static void make_pointers(struct tiny *tiny, uint64_t *state)
{
	struct le32 *const list = (void *)tiny_block(tiny, 39);
	const unsigned blocks = 1 + next_number(state) % (is_odd ? 20 : 5);

	tiny_make(tiny, INO, MODE, 1 << 20);
	tiny_map(tiny, INO, DOUBLE, 39);
	memset(list, 0, FUZZ_BLOCK_SIZE);
	for (unsigned i = 0; i < blocks; i++) {
		struct le32 *const pointers = (void *)tiny_block(tiny, 40 + i);

		put(&list[i], odd_in(state, 8) ? next_number(state) % 70 : 40 + i);
		memset(pointers, 0, FUZZ_BLOCK_SIZE);
		for (unsigned j = next_number(state) % 9; j < FUZZ_BLOCK_SIZE / 4; j += 50)
			put(&pointers[j], next_number(state) % (is_odd ? 70 : 60));
	}
}

/* The block that cannot be read; 0: none. */
static uint32_t broken;
static const struct source_operations *whole;

static enum ext_status read_or_fail(struct ext_source *source, uint64_t offset, void *buffer,
				    size_t length, struct ext_error *error)
{
	const uint64_t bad = (uint64_t)broken * FUZZ_BLOCK_SIZE;

	if (broken != 0 && offset <= bad && bad < offset + length)
		return ext_fail(error, EXT_IO, EXT_UNREADABLE, source_place(bad), 5);
	return whole->read(source, offset, buffer, length, error);
}

static void let_fail(struct ext_source *source)
{
	static struct source_operations operations;

	whole = source->operations;
	operations = *whole;
	operations.read = read_or_fail;
	source->operations = &operations;
}

struct walked {
	struct tiny_sink findings;
	unsigned count;
	bool is_damaged;
	struct ext_run runs[MOST];
	bool has_bytes[MOST]; /* of tree blocks */
};

static void note(struct walked *walked, const struct ext_run *run,
		 const struct ext_mapping *mapping)
{
	ck_assert_uint_lt(walked->count, MOST);
	walked->has_bytes[walked->count] =
		run->kind == EXT_RUN_TREE && ext_mapping_tree_block(mapping).data != NULL;
	walked->runs[walked->count++] = *run;
}

static void begin(struct walked *walked, struct ext_mapping *mapping, const struct ext_inode *inode)
{
	*walked = (struct walked){.findings.sink = {tiny_report}};
	ext_mapping_start(mapping, inode, 0, &walked->findings.sink);
}

static void walk_singly(struct walked *walked, struct ext_mapping *mapping,
			const struct ext_inode *inode)
{
	struct ext_run run;

	begin(walked, mapping, inode);
	while (ext_mapping_next(mapping, &run) == EXT_OK)
		note(walked, &run, mapping);
	walked->is_damaged = ext_mapping_damaged(mapping);
}

static void walk_together(struct walked *walked, struct ext_mapping *mapping,
			  const struct ext_inode *inode, unsigned at_once)
{
	struct ext_run run, several[32];
	unsigned count;

	begin(walked, mapping, inode);
	for (;;) {
		while ((count = ext_mapping_several(mapping, several, at_once)) > 0)
			for (unsigned i = 0; i < count; i++)
				note(walked, &several[i], mapping);
		if (ext_mapping_next(mapping, &run) != EXT_OK)
			break;
		note(walked, &run, mapping);
		ext_mapping_hint(mapping, &run);
	}
	walked->is_damaged = ext_mapping_damaged(mapping);
}

static void compare(const struct walked *a, const struct walked *b)
{
	const unsigned kept = a->findings.count < 16 ? a->findings.count : 16;

	ck_assert_uint_eq(a->count, b->count);
	ck_assert_int_eq(a->is_damaged, b->is_damaged);
	for (unsigned i = 0; i < a->count; i++) {
		ck_assert_int_eq(a->runs[i].kind, b->runs[i].kind);
		ck_assert_uint_eq(a->runs[i].logical, b->runs[i].logical);
		ck_assert_uint_eq(a->runs[i].length, b->runs[i].length);
		ck_assert_uint_eq(a->runs[i].physical, b->runs[i].physical);
		ck_assert_uint_eq(a->runs[i].depth, b->runs[i].depth);
		ck_assert_int_eq(a->runs[i].is_doubtful, b->runs[i].is_doubtful);
		ck_assert_int_eq(a->has_bytes[i], b->has_bytes[i]);
	}
	ck_assert_uint_eq(a->findings.count, b->findings.count);
	for (unsigned i = 0; i < kept; i++) {
		const struct ext_finding *x = &a->findings.findings[i],
					 *y = &b->findings.findings[i];

		ck_assert_int_eq(x->problem, y->problem);
		ck_assert_uint_eq(x->place.logical, y->place.logical);
		ck_assert_uint_eq(x->place.block, y->place.block);
		ck_assert_uint_eq(x->found, y->found);
		ck_assert_uint_eq(x->low, y->low);
		ck_assert_uint_eq(x->high, y->high);
	}
}

static void rounds(void (*make)(struct tiny *tiny, uint64_t *state))
{
	static struct walked singly, together;
	static uint8_t lent[LENT * FUZZ_BLOCK_SIZE];
	struct tiny tiny = tiny_open();
	struct ext_mapping *one, *other;
	struct ext_inode inode;
	uint64_t state = 1;
	unsigned whole_maps = 0, damaged_maps = 0;

	let_fail(tiny.source);
	ck_assert_int_eq(ext_mapping_new(tiny.filesystem, &one, NULL), EXT_OK);
	ck_assert_int_eq(ext_mapping_new(tiny.filesystem, &other, NULL), EXT_OK);
	for (unsigned i = 0; i < ROUNDS; i++) {
		broken = 0;
		is_odd = i % 2 != 0;
		make(&tiny, &state);
		ck_assert_int_eq(ext_inode_read(tiny.filesystem, INO, &inode, NULL, NULL), EXT_OK);
		if (one_in(&state, 4))
			broken = 40 + next_number(&state) % 20;
		/* First into memory of its own, then into what is lent. */
		if (i == ROUNDS / 2)
			ext_mapping_lend(other, lent, sizeof lent);
		walk_singly(&singly, one, &inode);
		walk_together(&together, other, &inode, 1 + i % 32);
		compare(&singly, &together);
		whole_maps += !singly.is_damaged;
		damaged_maps += singly.is_damaged;
	}
	ck_assert_uint_gt(whole_maps, 50);
	ck_assert_uint_gt(damaged_maps, 50);
	ext_mapping_free(one);
	ext_mapping_free(other);
	broken = 0;
	tiny_close(&tiny);
}

START_TEST(extents_come_the_same)
{
	rounds(make_tree);
}
END_TEST

START_TEST(pointers_come_the_same)
{
	rounds(make_pointers);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, extents_come_the_same);
	tcase_add_test(tests, pointers_come_the_same);
}

int main(void)
{
	return unit_run("runs_at_once", add_tests);
}
