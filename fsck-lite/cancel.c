/* SPDX-License-Identifier: MIT */
/*
 * Signals. The flag is the one mutable global of the program: a signal handler can reach nothing
 * else. It is an atomic one, since all threads ask for it, and free of locks, since a handler may
 * not wait for one.
 */
#include "config.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "cancel.h"

static atomic_int cancel_flag;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler takes no lock");

static void raise_flag(int signal_number)
{
	(void)signal_number;
	atomic_store_explicit(&cancel_flag, 1, memory_order_relaxed);
}

void cancel_install(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	sigemptyset(&action.sa_mask);

	/*
	 * SA_RESETHAND: whoever presses ^C twice means it. SA_RESTART: a read that was interrupted
	 * goes on, so that no code has to know of EINTR.
	 */
	action.sa_handler = raise_flag;
	action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	action.sa_handler = SIG_IGN;
	action.sa_flags = 0;
	sigaction(SIGPIPE, &action, NULL);
}

bool cancelled(void)
{
	return atomic_load_explicit(&cancel_flag, memory_order_relaxed) != 0;
}
