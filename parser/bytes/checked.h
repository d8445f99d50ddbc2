/* SPDX-License-Identifier: MIT */
/*
 * Arithmetic on numbers that came from disk. The names read as conditions; the result is stored
 * only when it fits.
 */
#ifndef BYTES_CHECKED_H
#define BYTES_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool add_fits(uint64_t a, uint64_t b, uint64_t *sum)
{
	if (b > UINT64_MAX - a)
		return false;
	*sum = a + b;
	return true;
}

static inline bool multiply_fits(uint64_t a, uint64_t b, uint64_t *product)
{
	if (a != 0 && b > UINT64_MAX / a)
		return false;
	*product = a * b;
	return true;
}

/* `a << shift` without losing a bit. */
static inline bool shift_fits(uint64_t a, unsigned shift, uint64_t *result)
{
	if (shift > 63 || (a << shift) >> shift != a)
		return false;
	*result = a << shift;
	return true;
}

static inline bool narrow_u32(uint64_t value, uint32_t *result)
{
	if (value > UINT32_MAX)
		return false;
	*result = (uint32_t)value;
	return true;
}

static inline bool narrow_size(uint64_t value, size_t *result)
{
	if (value > SIZE_MAX)
		return false;
	*result = (size_t)value;
	return true;
}

/* True when `length` bytes or blocks from `start` end at or before `limit`. */
static inline bool range_inside(uint64_t start, uint64_t length, uint64_t limit)
{
	return start <= limit && length <= limit - start;
}

/* Division that rounds up; `divisor` is not 0. */
static inline uint64_t divide_up(uint64_t value, uint64_t divisor)
{
	return value / divisor + (value % divisor != 0);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

#endif
