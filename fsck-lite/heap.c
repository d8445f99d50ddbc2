/* SPDX-License-Identifier: MIT */
/* GNU libc gives each thread a heap of its own and hands freed buffers back to the system. */
#include "config.h"

#ifdef HAVE_MALLOC_H
#include <malloc.h>
#endif

#include "heap.h"

void heap_keep(void)
{
#if defined M_ARENA_MAX && defined M_TRIM_THRESHOLD && defined M_MMAP_THRESHOLD
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 32 * 1024 * 1024);
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
#endif
}
