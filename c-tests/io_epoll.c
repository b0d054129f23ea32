/* A program's own epoll descriptors: timeouts, level and edge triggering, one-shot, several waiting threads,
 * wake-ups from other threads, changes while others wait, epoll within poll and within epoll. */
#include "net.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

static void *write_late(void *descriptor)
{
	sleep_ms(5);
	write_exactly((int)(long)descriptor, "x", 1);
	return NULL;
}

static void add(int epoll, int descriptor, unsigned events)
{
	struct epoll_event event = {.events = events, .data.fd = descriptor};
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

static void timeouts(void)
{
	int ends[2], epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event;
	unix_pair(ends);
	add(epoll, ends[0], EPOLLIN);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 20), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(epoll_pwait(epoll, &event, 1, 20, NULL), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	struct timespec timeout = {.tv_nsec = 1500000};
	start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(epoll_pwait2(epoll, &event, 1, &timeout, NULL), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 1500000);

	pthread_t writer = check_start(write_late, (void *)(long)ends[1]);
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK_EQ(event.events, EPOLLIN);
	CHECK_EQ(event.data.fd, ends[0]);
	check_join(writer);
	CHECK_EQ(epoll_pwait2(epoll, &event, 1, NULL, NULL), 1);
	CHECK_ERRNO(epoll_wait(epoll, &event, 0, 0), EINVAL);
	CHECK_ERRNO(epoll_wait(-1, &event, 1, 0), EBADF);
	CHECK_ERRNO(epoll_wait(ends[0], &event, 1, 0), EINVAL);
	close_both(ends);
	CHECK_OK(close(epoll));
}

static void triggering(void)
{
	int ends[2], epoll = epoll_create1(0);
	struct epoll_event event, oneshot = {.events = EPOLLIN | EPOLLONESHOT};
	char bytes[4];
	unix_pair(ends);
	/* The program's edges are its own: a blocking read of another thread must not eat or add any. */
	add(epoll, ends[0], EPOLLIN | EPOLLET);
	write_exactly(ends[1], "ab", 2);
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 5), 0);
	read_exactly(ends[0], bytes, 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 5), 0);
	write_exactly(ends[1], "c", 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	read_exactly(ends[0], bytes, 2);

	oneshot.data.fd = ends[0];
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &oneshot));
	write_exactly(ends[1], "d", 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 5), 0);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_MOD, ends[0], &oneshot));
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &oneshot), EEXIST);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL));
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL), ENOENT);
	close_both(ends);
	CHECK_OK(close(epoll));
}

enum { EVENTS = 300, WAITERS = 2 };

static int shared_epoll, shared_events, taken;

static void *take_events(void *unused)
{
	for (;;) {
		struct epoll_event event;
		CHECK_EQ(epoll_wait(shared_epoll, &event, 1, -1), 1);
		eventfd_t value;
		if (eventfd_read(event.data.fd, &value) == -1) {
			/* the other waiter was faster */
			CHECK_EQ(errno, EAGAIN);
			continue;
		}
		if (value >= 1000)
			return unused;
		CHECK_EQ(value, 1);
		__atomic_add_fetch(&taken, 1, __ATOMIC_SEQ_CST);
	}
}

static void two_threads_share_one(void)
{
	pthread_t waiters[WAITERS];
	shared_epoll = epoll_create1(0);
	shared_events = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	add(shared_epoll, shared_events, EPOLLIN);
	for (int i = 0; i < WAITERS; i++)
		waiters[i] = check_start(take_events, NULL);
	for (int i = 0; i < EVENTS; i++) {
		CHECK_OK(eventfd_write(shared_events, 1));
		if (i % 10 == 0)
			sched_yield();
	}
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < EVENTS)
		sched_yield();
	/* Each waiter leaves on an event of its own, added while it waits. */
	for (int i = 0; i < WAITERS; i++) {
		int last = eventfd(1000, EFD_NONBLOCK);
		add(shared_epoll, last, EPOLLIN | EPOLLONESHOT);
		if (i % 2)
			sleep_ms(2);
	}
	for (int i = 0; i < WAITERS; i++)
		check_join(waiters[i]);
	CHECK_EQ(taken, EVENTS);
}

static void nested(void)
{
	int ends[2], inner = epoll_create1(0), outer = epoll_create1(0);
	struct epoll_event event;
	char byte;
	pipe_pair(ends);
	add(inner, ends[1], EPOLLIN);
	add(outer, inner, EPOLLIN);
	struct pollfd readable = {.fd = inner, .events = POLLIN};
	CHECK_EQ(poll(&readable, 1, 0), 0);
	CHECK_EQ(epoll_wait(outer, &event, 1, 0), 0);
	pthread_t writer = check_start(write_late, (void *)(long)ends[0]);
	CHECK_EQ(poll(&readable, 1, -1), 1);
	check_join(writer);
	read_exactly(ends[1], &byte, 1);
	CHECK_EQ(poll(&readable, 1, 0), 0);
	writer = check_start(write_late, (void *)(long)ends[0]);
	CHECK_EQ(epoll_wait(outer, &event, 1, -1), 1);
	CHECK_EQ(event.data.fd, inner);
	CHECK_EQ(epoll_wait(inner, &event, 1, -1), 1);
	CHECK_EQ(event.data.fd, ends[1]);
	check_join(writer);
	close_both(ends);
	CHECK_OK(close(inner));
	CHECK_OK(close(outer));
}

int main(void)
{
	timeouts();
	triggering();
	two_threads_share_one();
	nested();
	return 0;
}
