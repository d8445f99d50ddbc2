/* SPDX-License-Identifier: MIT */
/*
 * Long reads past the system's page cache (O_DIRECT). A page of that cache costs more to make than
 * a fast device takes to fill it, and a request of scattered pages is cut into many. Where the
 * device is slow the cache is worth its price: the next command will want the same bytes again.
 */
#ifndef IMAGE_DIRECT_H
#define IMAGE_DIRECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct direct {
	int descriptor;			     /* -1: there is none */
	_Atomic bool is_off;		     /* it cannot be done, or is not worth it */
	_Atomic uint64_t bytes, nanoseconds; /* read so, and waited for, by all threads */
};

void direct_init(struct direct *direct);

/* Opens what `descriptor` has open once more; where that fails, direct_read reads nothing. */
void direct_open(struct direct *direct, int descriptor);
void direct_close(struct direct *direct);

/* Are long reads made past the cache? */
bool direct_is_on(const struct direct *direct);

/*
 * Reads the beginning of the range, as far as that can be done in whole sectors. Returns how many
 * bytes; 0 where the read is short or not aligned, where the system refuses it, and where the
 * medium fails: an ordinary read will find out why.
 */
size_t direct_read(struct direct *direct, uint64_t offset, void *buffer, size_t length);

#endif
