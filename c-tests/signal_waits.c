/* Calls that change the signal mask for their own length: a signal that is blocked outside of them runs its
 * handler inside, ends the wait with EINTR, and is blocked again afterwards. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t handled;
static int epoll;

static void handle(int signal_number)
{
	CHECK_EQ(signal_number, SIGUSR1);
	handled++;
}

static int in_sigsuspend(const sigset_t *open_mask)
{
	return sigsuspend(open_mask);
}

/* BSD's, of a mask, and System V's, of a signal: <signal.h> warns of both. */
extern int bsd_sigpause(int mask) __asm__("sigpause");
extern int system_v_sigpause(int signal_number) __asm__("__xpg_sigpause");

static int in_sigpause(const sigset_t *unused)
{
	(void)unused;
	return bsd_sigpause(0);
}

static int in_other_sigpause(const sigset_t *unused)
{
	(void)unused;
	return system_v_sigpause(SIGUSR1);
}

static int in_ppoll(const sigset_t *open_mask)
{
	return ppoll(NULL, 0, NULL, open_mask);
}

static int in_pselect(const sigset_t *open_mask)
{
	return pselect(0, NULL, NULL, NULL, NULL, open_mask);
}

static int in_epoll_pwait(const sigset_t *open_mask)
{
	struct epoll_event event;
	return epoll_pwait(epoll, &event, 1, -1, open_mask);
}

static void *kill_soon(void *unused)
{
	sleep_ms(20);
	CHECK_OK(kill(getpid(), SIGUSR1));
	return unused;
}

static void check_call(int (*call)(const sigset_t *), const sigset_t *open_mask)
{
	/* one that is pending already when the call begins */
	int before = handled;
	CHECK_OK(kill(getpid(), SIGUSR1));
	sleep_ms(2);
	CHECK_EQ(handled, before);
	CHECK_ERRNO(call(open_mask), EINTR);
	CHECK_EQ(handled, before + 1);

	/* one that comes while the call waits */
	pthread_t killer = check_start(kill_soon, NULL);
	CHECK_ERRNO(call(open_mask), EINTR);
	CHECK_EQ(handled, before + 2);
	check_join(killer);

	sigset_t now;
	CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &now));
	CHECK_EQ(sigismember(&now, SIGUSR1), 1);
}

int main(void)
{
	static int (*const calls[])(const sigset_t *) = {in_sigsuspend, in_sigpause, in_other_sigpause,
							in_ppoll,      in_pselect,  in_epoll_pwait};
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
	sigset_t usr1, open_mask;
	CHECK_OK(sigemptyset(&usr1));
	CHECK_OK(sigaddset(&usr1, SIGUSR1));
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr1, &open_mask));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	CHECK(epoll >= 0);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		check_call(calls[i], &open_mask);
	return 0;
}
