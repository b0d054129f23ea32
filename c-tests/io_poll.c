/* poll and ppoll: timeouts of none, some and for ever, many descriptors, events from other threads, POLLNVAL,
 * POLLHUP, negative descriptors, and signal masks for the length of the call. */
#include "net.h"
#include <poll.h>
#include <sys/resource.h>

enum { MANY = 200 };

static void *write_late(void *descriptor)
{
	sleep_ms(5);
	write_exactly((int)(long)descriptor, "x", 1);
	return NULL;
}

static void *close_late(void *descriptor)
{
	sleep_ms(5);
	CHECK_OK(close((int)(long)descriptor));
	return NULL;
}

static void timeouts(void)
{
	int ends[2];
	unix_pair(ends);
	struct pollfd readable = {.fd = ends[0], .events = POLLIN};
	CHECK_EQ(poll(&readable, 1, 0), 0);
	CHECK_EQ(readable.revents, 0);
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(poll(&readable, 1, 20), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	struct timespec timeout = {.tv_nsec = 1500000};
	start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(ppoll(&readable, 1, &timeout, NULL), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 1500000);
	CHECK_EQ(timeout.tv_nsec, 1500000);
	timeout.tv_nsec = NS_PER_S;
	CHECK_ERRNO(ppoll(&readable, 1, &timeout, NULL), EINVAL);
	start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(poll(NULL, 0, 20), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	close_both(ends);
}

static void events(void (*pair)(int[2]))
{
	int ends[2];
	pair(ends);
	struct pollfd both[2] = {{.fd = ends[0], .events = POLLOUT}, {.fd = ends[1], .events = POLLIN | POLLRDHUP}};
	CHECK_EQ(poll(both, 2, -1), 1);
	CHECK_EQ(both[0].revents, POLLOUT);
	CHECK_EQ(both[1].revents, 0);

	pthread_t writer = check_start(write_late, (void *)(long)ends[0]);
	CHECK_EQ(poll(&both[1], 1, -1), 1);
	CHECK_EQ(both[1].revents, POLLIN);
	check_join(writer);
	/* still readable: poll is level-triggered */
	CHECK_EQ(ppoll(&both[1], 1, NULL, NULL), 1);
	char byte;
	read_exactly(ends[1], &byte, 1);
	CHECK_EQ(poll(&both[1], 1, 0), 0);

	pthread_t closer = check_start(close_late, (void *)(long)ends[0]);
	CHECK_EQ(poll(&both[1], 1, -1), 1);
	CHECK(both[1].revents & (POLLHUP | POLLIN));
	check_join(closer);
	CHECK_OK(close(ends[1]));
}

static void odd_descriptors(void)
{
	int ends[2];
	unix_pair(ends);
	struct pollfd set[3] = {{.fd = -1, .events = POLLIN}, {.fd = 1 << 20, .events = POLLIN},
				{.fd = ends[0], .events = POLLIN}};
	CHECK_EQ(poll(set, 3, -1), 1);
	CHECK_EQ(set[0].revents, 0);
	CHECK_EQ(set[1].revents, POLLNVAL);
	CHECK_EQ(set[2].revents, 0);
	CHECK_OK(close(ends[1]));
	/* POLLHUP is reported though nobody asked for it */
	set[2].events = 0;
	CHECK_EQ(poll(&set[2], 1, -1), 1);
	CHECK_EQ(set[2].revents, POLLHUP);
	CHECK_OK(close(ends[0]));
	CHECK_EQ(poll(&set[2], 1, -1), 1);
	CHECK_EQ(set[2].revents, POLLNVAL);
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERRNO(poll(set, limit.rlim_cur + 1, 0), EINVAL);
	int file = open("/proc/self/exe", O_RDONLY);
	struct pollfd regular = {.fd = file, .events = POLLIN | POLLOUT};
	CHECK_EQ(poll(&regular, 1, -1), 1);
	CHECK_EQ(regular.revents, POLLIN | POLLOUT);
	CHECK_OK(close(file));
}

static void many_descriptors(void)
{
	struct pollfd set[MANY];
	int writers[MANY];
	for (int i = 0; i < MANY; i++) {
		int ends[2];
		(i % 2 ? unix_pair : pipe_pair)(ends);
		writers[i] = ends[0];
		set[i] = (struct pollfd){.fd = ends[1], .events = POLLIN};
	}
	for (int round = 0; round < 30; round++) {
		int chosen = round * 37 % MANY;
		pthread_t writer = check_start(write_late, (void *)(long)writers[chosen]);
		CHECK_EQ(poll(set, MANY, -1), 1);
		for (int i = 0; i < MANY; i++)
			CHECK_EQ(set[i].revents, i == chosen ? POLLIN : 0);
		char byte;
		read_exactly(set[chosen].fd, &byte, 1);
		check_join(writer);
	}
	for (int i = 0; i < MANY; i++) {
		CHECK_OK(close(writers[i]));
		CHECK_OK(close(set[i].fd));
	}
}

static void *poll_one(void *descriptor)
{
	struct pollfd readable = {.fd = (int)(long)descriptor, .events = POLLIN};
	CHECK_EQ(poll(&readable, 1, -1), 1);
	CHECK_EQ(readable.revents, POLLIN);
	return NULL;
}

static void many_pollers_of_one_descriptor(void)
{
	int ends[2];
	pthread_t pollers[20];
	unix_pair(ends);
	for (int i = 0; i < 20; i++)
		pollers[i] = check_start(poll_one, (void *)(long)ends[1]);
	sleep_ms(3);
	write_exactly(ends[0], "x", 1);
	for (int i = 0; i < 20; i++)
		check_join(pollers[i]);
	close_both(ends);
}

static volatile sig_atomic_t handled;

static void handle(int signal_number)
{
	(void)signal_number;
	handled++;
}

static void the_mask_holds_for_the_call(void)
{
	sigset_t blocked, none, now;
	struct sigaction action = {.sa_handler = handle};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sigemptyset(&none));
	CHECK_OK(sigemptyset(&blocked));
	CHECK_OK(sigaddset(&blocked, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 0);
	CHECK_ERRNO(ppoll(NULL, 0, NULL, &none), EINTR);
	CHECK_EQ(handled, 1);
	CHECK_OK(pthread_sigmask(SIG_SETMASK, NULL, &now));
	CHECK(sigismember(&now, SIGUSR1));
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &blocked, NULL));
}

int main(void)
{
	timeouts();
	events(unix_pair);
	events(tcp_pair);
	events(pipe_pair);
	odd_descriptors();
	many_descriptors();
	many_pollers_of_one_descriptor();
	the_mask_holds_for_the_call();
	return 0;
}
