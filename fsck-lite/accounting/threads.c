/* SPDX-License-Identifier: MIT */
/* Threads with small stacks: glibc would reserve 8 MiB for each, musl gives 128 KiB. */
#include "config.h"

#include <unistd.h>

#include "accounting/threads.h"

#ifdef HAVE_THREADS
#include <pthread.h>

enum { STACK = 256 * 1024, MOST = 64, FEW = 8 };

struct job {
	void (*work)(void *context, unsigned index);
	void *context;
	unsigned index;
	pthread_t thread;
	int started;
};

static void *run_job(void *argument)
{
	struct job *job = argument;

	job->work(job->context, job->index);
	return NULL;
}

void threads_run(unsigned count, void (*work)(void *context, unsigned index), void *context)
{
	struct job jobs[MOST] = {0};
	pthread_attr_t attributes;
	const int tuned = pthread_attr_init(&attributes) == 0 &&
			  pthread_attr_setstacksize(&attributes, STACK) == 0;

	for (unsigned i = 1; i < count && i < MOST; i++) {
		jobs[i] = (struct job){.work = work, .context = context, .index = i};
		jobs[i].started = pthread_create(&jobs[i].thread, tuned ? &attributes : NULL,
						 run_job, &jobs[i]) == 0;
	}
	work(context, 0);
	for (unsigned i = 1; i < count; i++) {
		if (i < MOST && jobs[i].started)
			pthread_join(jobs[i].thread, NULL);
		else
			work(context, i);
	}
	pthread_attr_destroy(&attributes);
}

unsigned threads_available(void)
{
	const long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : count > MOST ? MOST : (unsigned)count;
}

unsigned threads_that_wait(unsigned count)
{
	if (count <= FEW / 4)
		return 4 * count;
	if (count <= FEW / 2)
		return FEW;
	return count <= MOST / 2 ? 2 * count : count;
}
#else
void threads_run(unsigned count, void (*work)(void *context, unsigned index), void *context)
{
	for (unsigned i = 0; i < count; i++)
		work(context, i);
}

unsigned threads_available(void)
{
	return 1;
}

unsigned threads_that_wait(unsigned count)
{
	return count;
}
#endif
