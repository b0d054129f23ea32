/* The state matrix: what a thread may be when it makes a call, and checks that must hold in each of them.
 *
 * A family of calls is one file here: a few checks, plain functions of a few milliseconds, listed with CHECKS.
 * It is built as a library; driver.c opens it, brings a thread into a state and runs one check there, each in a
 * process of its own. docs/testing.md lists the states. */
#ifndef STATES_H
#define STATES_H

#include "../check.h"
#include "../net.h"

/* What a check may need, or may not meet. */
enum trait {
	NO_TRAIT = 0,
	/* Makes async-signal-safe calls only: runs in signal handlers and on threads that libc does not know, too. */
	SIGNAL_SAFE = 1,
	/* Makes an epoll descriptor, which some of the states forbid. */
	MAKES_EPOLL = 2,
	/* Forks, for which libc has to know the thread. */
	FORKS = 4,
};

struct check {
	const char *name;
	void (*run)(void);
	unsigned traits;
};

#define CHECKS(...) const struct check checks[] = {__VA_ARGS__, {NULL, NULL, NO_TRAIT}}

enum { SOON_MS = 20, EXPIRES_MS = 30 };

/* An address that no program has; volatile, so that the compiler does not know better. */
__attribute__((unused)) static void *volatile nowhere = (void *)8;

/* A child that waits a little and then does something for whoever waits here; async-signal-safe. */
__attribute__((unused)) static pid_t child_soon(void (*action)(long), long argument)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid > 0)
		return pid;
	sleep_ms(SOON_MS);
	action(argument);
	_exit(0);
}

__attribute__((unused)) static void write_byte(long descriptor)
{
	CHECK_EQ(write((int)descriptor, "x", 1), 1);
}

/* A child that sends this process SIGUSR2 every few milliseconds: one comes before the wait, the next does not. */
__attribute__((unused)) static void keep_signalling(long process)
{
	while (kill((pid_t)process, SIGUSR2) == 0)
		sleep_ms(SOON_MS);
}

__attribute__((unused)) static pid_t child_signalling(void)
{
	return child_soon(keep_signalling, getpid());
}

__attribute__((unused)) static void end_child(pid_t child)
{
	int status;
	CHECK_OK(kill(child, SIGKILL));
	while (waitpid(child, &status, 0) == -1)
		CHECK_EQ(errno, EINTR);
	CHECK(WIFSIGNALED(status));
}

__attribute__((unused)) static sigset_t only(int signal_number)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	return set;
}

/* The time from then to now is at least that much, and not absurdly more. */
__attribute__((unused)) static void check_waited(long since_ms, long at_least)
{
	long waited = monotonic_ms() - since_ms;
	CHECK(waited >= at_least);
	CHECK(waited < at_least + 5000);
}

#endif
