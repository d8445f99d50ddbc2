/* SPDX-License-Identifier: MIT */
/* Pages of memory, asked for ahead of use: Linux since 5.14. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#ifdef HAVE_SYS_MMAN_H
#include <sys/mman.h>
#endif
#include <unistd.h>

#include <ext/pages.h>

/* Less is not worth a call. */
enum { FEW = 16 * 1024 };

void ext_pages_expect(void *memory, size_t size)
{
#ifdef MADV_POPULATE_WRITE
	const long page = sysconf(_SC_PAGESIZE);
	size_t before;

	if (!memory || size < FEW || page <= 0)
		return;
	/* From the page on that the memory begins in: what else is in it is not changed. */
	before = (uintptr_t)memory % (size_t)page;
	(void)madvise((char *)memory - before, size + before, MADV_POPULATE_WRITE);
#else
	(void)memory;
	(void)size;
	(void)FEW;
#endif
}

void *ext_pages_large(void)
{
	void *const memory = aligned_alloc(EXT_LARGE_PAGE, EXT_LARGE_PAGE);

#ifdef MADV_HUGEPAGE
	if (memory)
		(void)madvise(memory, EXT_LARGE_PAGE, MADV_HUGEPAGE);
#endif
	return memory;
}
