/* SPDX-License-Identifier: MIT */
/* The same work in several threads, and in one where there are none. */
#ifndef ACCOUNTING_THREADS_H
#define ACCOUNTING_THREADS_H

/*
 * Calls `work(context, index)` for index 0 .. count - 1, each in a thread of its own but index 0,
 * and waits for all. A thread that cannot be made is no error: its share is done by the others, so
 * `work` must take its work from a common place, or is called for that index afterwards.
 */
void threads_run(unsigned count, void (*work)(void *context, unsigned index), void *context);

/* How many processors there are; 1 without threads. */
unsigned threads_available(void);

/*
 * How many threads do the work of `count` when most of them wait for a device: twice as many, and
 * of few more, so that enough is asked of it; `count` where there are no others.
 */
unsigned threads_that_wait(unsigned count);

#endif
