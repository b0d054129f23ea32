/* poll, select and epoll: wake for what comes, expire, and report what is gone. */
#include "states.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static void poll_waits_for_process(void)
{
	int ends[2];
	pipe_pair(ends);
	pid_t child = child_soon(write_byte, ends[0]);
	struct pollfd entry = {.fd = ends[1], .events = POLLIN};
	CHECK_EQ(poll(&entry, 1, -1), 1);
	CHECK_EQ(entry.revents, POLLIN);
	check_child_succeeds(child);
	close_both(ends);
}

static void poll_expires(void)
{
	int ends[2];
	pipe_pair(ends);
	struct pollfd entry = {.fd = ends[1], .events = POLLIN};
	long start = monotonic_ms();
	CHECK_EQ(poll(&entry, 1, EXPIRES_MS), 0);
	CHECK_EQ(poll(NULL, 0, EXPIRES_MS), 0);
	check_waited(start, 2 * EXPIRES_MS);
	close_both(ends);
}

static volatile sig_atomic_t handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void ppoll_lets_a_signal_in(void)
{
	sigset_t usr2 = only(SIGUSR2), before;
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
	CHECK_OK(sigaction(SIGUSR2, &action, NULL));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &usr2, &before));
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(handled, 0);
	sigset_t open = before;
	sigdelset(&open, SIGUSR2);
	CHECK_ERRNO(ppoll(NULL, 0, NULL, &open), EINTR);
	CHECK_EQ(handled, 1);
	sigset_t now;
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, &now));
	CHECK(sigismember(&now, SIGUSR2));
}

static void closed_number_is_reported(void)
{
	int ends[2];
	pipe_pair(ends);
	close_both(ends);
	struct pollfd entry = {.fd = ends[1], .events = POLLIN};
	CHECK_EQ(poll(&entry, 1, -1), 1);
	CHECK_EQ(entry.revents, POLLNVAL);
}

static void select_waits_for_process(void)
{
	int ends[2];
	pipe_pair(ends);
	pid_t child = child_soon(write_byte, ends[0]);
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(ends[1], &readable);
	CHECK_EQ(select(ends[1] + 1, &readable, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(ends[1], &readable));
	check_child_succeeds(child);
	close_both(ends);
}

static void select_expires(void)
{
	struct timeval limit = {.tv_usec = EXPIRES_MS * 1000};
	long start = monotonic_ms();
	CHECK_EQ(select(0, NULL, NULL, NULL, &limit), 0);
	check_waited(start, EXPIRES_MS);
	CHECK_EQ(limit.tv_sec + limit.tv_usec, 0);
}

static void bad_pointer_is_refused(void)
{
	CHECK_ERRNO(select(1, nowhere, NULL, NULL, NULL), EFAULT);
	CHECK_ERRNO(poll(nowhere, 1, 0), EFAULT);
}

static void epoll_waits_for_process(void)
{
	int ends[2];
	pipe_pair(ends);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = ends[1]}, got;
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[1], &event));
	pid_t child = child_soon(write_byte, ends[0]);
	CHECK_EQ(epoll_wait(epoll, &got, 1, -1), 1);
	CHECK_EQ(got.data.fd, ends[1]);
	check_child_succeeds(child);
	close_both(ends);
	CHECK_OK(close(epoll));
}

static void epoll_expires(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event got;
	long start = monotonic_ms();
	CHECK_EQ(epoll_wait(epoll, &got, 1, EXPIRES_MS), 0);
	check_waited(start, EXPIRES_MS);
	CHECK_ERRNO(epoll_wait(epoll, &got, 0, 0), EINVAL);
	CHECK_OK(close(epoll));
}

CHECKS({"poll_waits_for_process", poll_waits_for_process, SIGNAL_SAFE | FORKS},
       {"poll_expires", poll_expires, SIGNAL_SAFE},
       {"ppoll_lets_a_signal_in", ppoll_lets_a_signal_in, SIGNAL_SAFE},
       {"closed_number_is_reported", closed_number_is_reported, SIGNAL_SAFE},
       {"select_waits_for_process", select_waits_for_process, SIGNAL_SAFE | FORKS},
       {"select_expires", select_expires, SIGNAL_SAFE},
       {"bad_pointer_is_refused", bad_pointer_is_refused, SIGNAL_SAFE},
       {"epoll_waits_for_process", epoll_waits_for_process, SIGNAL_SAFE | FORKS | MAKES_EPOLL},
       {"epoll_expires", epoll_expires, SIGNAL_SAFE | MAKES_EPOLL});
