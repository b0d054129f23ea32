/* Signals that meet a thread in a call: one handler counts, the other never returns to the call. */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include "check.h"
#include <setjmp.h>

static volatile sig_atomic_t handled;
static sigjmp_buf away;

static void count_signal(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void jump_away(int signal_number)
{
	(void)signal_number;
	handled++;
	siglongjmp(away, 1);
}

static void handle_usr1(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

/* Signals until the handler has met the call, and not what is before it. */
static void signal_until_over(pthread_t thread)
{
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		sleep_ms(1);
	}
}

/* Has the handler run so often that it has met the call. */
__attribute__((unused)) static void signal_often(pthread_t thread)
{
	handled = 0;
	while (handled < 20) {
		CHECK_OK(pthread_kill(thread, SIGUSR1));
		sleep_ms(1);
	}
}

#endif
