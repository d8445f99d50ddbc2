/* SPDX-License-Identifier: MIT */
/* A mutex where there are threads, nothing where the build is without. */
#ifndef ACCOUNTING_LOCK_H
#define ACCOUNTING_LOCK_H

#ifdef HAVE_THREADS
#include <pthread.h>

struct lock {
	pthread_mutex_t mutex;
};
static inline void lock_init(struct lock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
}
static inline void lock_clear(struct lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}
static inline void lock_take(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
}
static inline void lock_give(struct lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}
#else
struct lock {
	char unused;
};
static inline void lock_init(struct lock *lock)
{
	lock->unused = 0;
}
static inline void lock_clear(struct lock *lock)
{
	(void)lock;
}
static inline void lock_take(struct lock *lock)
{
	(void)lock;
}
static inline void lock_give(struct lock *lock)
{
	(void)lock;
}
#endif

#endif
