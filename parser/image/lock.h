/* SPDX-License-Identifier: MIT */
/*
 * One lock, and none where the build has no threads: for sources that keep what they unpacked last.
 */
#ifndef IMAGE_LOCK_H
#define IMAGE_LOCK_H

#include <stdbool.h>

#ifdef HAVE_THREADS
#include <pthread.h>

struct lock {
	pthread_mutex_t mutex;
};

static inline bool lock_init(struct lock *lock)
{
	return pthread_mutex_init(&lock->mutex, NULL) == 0;
}
static inline void lock_clear(struct lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}
static inline void lock_take(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
}
static inline void lock_release(struct lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

#else

struct lock {
	char unused;
};

static inline bool lock_init(struct lock *lock)
{
	lock->unused = 0;
	return true;
}
static inline void lock_clear(struct lock *lock)
{
	(void)lock;
}
static inline void lock_take(struct lock *lock)
{
	(void)lock;
}
static inline void lock_release(struct lock *lock)
{
	(void)lock;
}

#endif
#endif
