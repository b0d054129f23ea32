/* ppoll, pselect and epoll_pwait look before they let a signal in that waits for their mask: where something is
 * ready it goes on waiting, where nothing is it is handled, but by an epoll_pwait without time. */
#include "check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile sig_atomic_t handled;

static void handler(int signal_number)
{
	(void)signal_number;
	handled++;
}

static sigset_t blocked, none;
/* An address that the compiler does not know. */
static struct pollfd *volatile nowhere = (struct pollfd *)8;

/* One is sent to the calling thread, and waits. */
static void send_one(void)
{
	handled = 0;
	CHECK_OK(pthread_kill(pthread_self(), SIGUSR1));
}

static void it_waits(void)
{
	CHECK_EQ(handled, 0);
	struct timespec now = {0};
	CHECK_EQ(sigtimedwait(&blocked, NULL, &now), SIGUSR1);
}

static void *all(void *unused)
{
	sigset_t before;
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &blocked, &before));
	int empty[2], full[2];
	CHECK_OK(pipe(empty));
	CHECK_OK(pipe(full));
	CHECK_EQ(write(full[1], "x", 1), 1);
	struct pollfd polled[2] = {{.fd = empty[0], .events = POLLIN}, {.fd = full[0], .events = POLLIN}};
	struct epoll_event event = {.events = EPOLLIN};
	int epoll_empty = epoll_create1(0), epoll_full = epoll_create1(0);
	CHECK_OK(epoll_ctl(epoll_empty, EPOLL_CTL_ADD, empty[0], &event));
	CHECK_OK(epoll_ctl(epoll_full, EPOLL_CTL_ADD, full[0], &event));
	struct timespec limits[2] = {{0}, {.tv_nsec = 20 * NS_PER_MS}};
	for (int i = 0; i < 2; i++) {
		const struct timespec *limit = &limits[i];
		int ms = (int)(limit->tv_nsec / NS_PER_MS);
		fd_set set;

		send_one();
		CHECK_EQ(ppoll(polled, 2, limit, &none), 1);
		it_waits();
		send_one();
		CHECK_ERRNO(ppoll(polled, 1, limit, &none), EINTR);
		CHECK_EQ(handled, 1);
		send_one();
		CHECK_ERRNO(ppoll(nowhere, 1, limit, &none), EFAULT);
		it_waits();

		send_one();
		FD_ZERO(&set);
		FD_SET(full[0], &set);
		CHECK_EQ(pselect(full[0] + 1, &set, NULL, NULL, limit, &none), 1);
		it_waits();
		send_one();
		FD_ZERO(&set);
		FD_SET(empty[0], &set);
		CHECK_ERRNO(pselect(empty[0] + 1, &set, NULL, NULL, limit, &none), EINTR);
		CHECK_EQ(handled, 1);
		CHECK(FD_ISSET(empty[0], &set));

		send_one();
		CHECK_EQ(epoll_pwait(epoll_full, &event, 1, ms, &none), 1);
		it_waits();
		send_one();
		CHECK_ERRNO(epoll_pwait(-1, &event, 1, ms, &none), EBADF);
		it_waits();
		send_one();
		if (ms == 0) {
			CHECK_EQ(epoll_pwait(epoll_empty, &event, 1, ms, &none), 0);
			it_waits();
		} else {
			CHECK_ERRNO(epoll_pwait(epoll_empty, &event, 1, ms, &none), EINTR);
			CHECK_EQ(handled, 1);
		}
	}
	/* Nobody sends anything: the look that comes first does not change what the call says. */
	fd_set set;
	FD_ZERO(&set);
	FD_SET(empty[0], &set);
	CHECK_EQ(pselect(empty[0] + 1, &set, NULL, NULL, &limits[1], &none), 0);
	CHECK(!FD_ISSET(empty[0], &set));
	int fds[] = {empty[0], empty[1], full[0], full[1], epoll_empty, epoll_full};
	for (int i = 0; i < 6; i++)
		CHECK_OK(close(fds[i]));
	CHECK_OK(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return unused;
}

int main(void)
{
	CHECK(signal(SIGUSR1, handler) != SIG_ERR);
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(sigemptyset(&blocked));
	CHECK_OK(sigaddset(&blocked, SIGUSR1));
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
