/* SPDX-License-Identifier: MIT */
/*
 * Signals. The flag is the one mutable global of the program: a signal handler can reach nothing
 * else.
 */
#include "config.h"

#include <signal.h>
#include <string.h>

#include "cancel.h"

static volatile sig_atomic_t cancel_flag;

static void raise_flag(int signal_number)
{
	(void)signal_number;
	cancel_flag = 1;
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
	return cancel_flag != 0;
}
