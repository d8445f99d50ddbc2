/* SPDX-License-Identifier: MIT */
/*
 * Memory that is sure to be used. The system gives a page when it is first touched, one interrupt a
 * page, which under a hypervisor costs more than to fill it; asked beforehand it gives many in one
 * go.
 */
#ifndef EXT_PAGES_H
#define EXT_PAGES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Says that `size` bytes of fresh memory at `memory` (may be NULL) will be written soon, all of
 * them. Changes nothing but the time that takes, and nothing at all where the system has no way.
 */
void ext_pages_expect(void *memory, size_t size);

/*
 * Memory that begins at a multiple of its size and is that of a large page, for the system to give
 * in one piece if it can; its content is undefined, free() gives it back. NULL: there is none.
 */
enum { EXT_LARGE_PAGE = 2 * 1024 * 1024 };
void *ext_pages_large(void);

#ifdef __cplusplus
}
#endif

#endif
