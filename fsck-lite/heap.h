/* SPDX-License-Identifier: MIT */
/* The manners of the C library's heap, where it can be told any. */
#ifndef HEAP_H
#define HEAP_H

/*
 * Keeps what is freed, in one place for all threads: a pass over an image takes the buffers of the
 * one before, and the first touch of new memory is dear. Before any thread is started.
 */
void heap_keep(void);

#endif
