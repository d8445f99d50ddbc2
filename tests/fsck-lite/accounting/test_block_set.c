/* SPDX-License-Identifier: MIT */
/* A paged set against an array with a byte a number: the same operations, the same answers. */
#include "config.h"

#include <string.h>

#include "accounting/bits.h"
#include "accounting/block_set.h"
#include "random.h"
#include "unit.h"

enum { BITS = 6 * BLOCK_SET_PAGE + 100, ROUNDS = 30000 };

struct plain {
	uint8_t has[BITS + 64];
};

/* As block_set_add does it: how many are new, and those that are not go to `again`. */
static uint64_t add(struct plain *set, uint64_t start, uint64_t length, struct plain *again)
{
	uint64_t added = 0;

	for (uint64_t i = start; i < start + length; i++) {
		if (set->has[i])
			again->has[i] = 1;
		else
			added++;
		set->has[i] = 1;
	}
	return added;
}

static void compare(const struct block_set *set, const struct plain *plain)
{
	uint64_t next = 0, count = 0;

	for (uint64_t i = 0; i < BITS; i++) {
		ck_assert_int_eq(block_set_has(set, i), plain->has[i]);
		count += plain->has[i];
		if (plain->has[i]) {
			ck_assert(block_set_next(set, next, &next));
			ck_assert_uint_eq(next, i);
			next++;
		}
	}
	ck_assert(!block_set_next(set, next, &next));
	ck_assert_uint_eq(block_set_count(set, 0, BITS), count);
}

/* Runs of all lengths and scattered bits, until nearly all pages are full. */
static void rounds(uint64_t seed, uint32_t longest)
{
	static struct plain plain, plain_again;
	struct block_set set, again;
	uint64_t state = seed;

	memset(&plain, 0, sizeof plain);
	memset(&plain_again, 0, sizeof plain_again);
	ck_assert(block_set_init(&set, BITS) && block_set_init(&again, BITS));
	for (unsigned round = 0; round < ROUNDS / longest; round++) {
		uint64_t start = next_number(&state) % BITS;

		if (next_number(&state) % 2 == 0) {
			uint64_t length = 1 + next_number(&state) % longest;

			if (length > BITS - start)
				length = BITS - start;
			ck_assert_uint_eq(block_set_add(&set, start, length, &again),
					  add(&plain, start, length, &plain_again));
		} else {
			uint64_t bits = (uint64_t)next_number(&state) << 33 ^ next_number(&state);
			uint64_t added = 0;

			start -= start % 64;
			if (BITS - start < 64)
				bits &= bits_mask(0, (unsigned)(BITS - start));
			for (unsigned i = 0; i < 64; i++)
				if (bits >> i & 1)
					added += add(&plain, start + i, 1, &plain_again);
			ck_assert_uint_eq(block_set_add_word(&set, start, bits, &again), added);
		}
		if (round % 500 == 0)
			compare(&set, &plain);
	}
	compare(&set, &plain);
	compare(&again, &plain_again);
	ck_assert(!set.out_of_memory);
	block_set_clear(&set);
	block_set_clear(&again);
}

START_TEST(short_runs_and_words)
{
	rounds(1, 8);
}
END_TEST

START_TEST(long_runs_and_words)
{
	rounds(2, 3 * BLOCK_SET_PAGE);
	rounds(3, 200);
}
END_TEST

START_TEST(a_word_fills_a_page)
{
	struct block_set set;

	ck_assert(block_set_init(&set, BITS));
	ck_assert_uint_eq(block_set_add(&set, 64, BLOCK_SET_PAGE - 64, NULL), BLOCK_SET_PAGE - 64);
	ck_assert_uint_eq(set.pool_used, 1);
	ck_assert_uint_eq(block_set_add_word(&set, 0, UINT64_MAX, NULL), 64);
	/* Its page of the pool is free for the next. */
	ck_assert_uint_eq(block_set_add_word(&set, BLOCK_SET_PAGE, 1, NULL), 1);
	ck_assert_uint_eq(set.pool_used, 1);
	ck_assert_uint_eq(block_set_add_word(&set, 0, 3, NULL), 0);
	ck_assert_uint_eq(block_set_count(&set, 0, BITS), BLOCK_SET_PAGE + 1);
	block_set_clear(&set);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, short_runs_and_words);
	tcase_add_test(tests, long_runs_and_words);
	tcase_add_test(tests, a_word_fills_a_page);
}

int main(void)
{
	return unit_run("block_set", add_tests);
}
