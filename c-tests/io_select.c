/* select and pselect: timeouts, the time left, the three sets, EBADF and EINVAL, wake-ups by other threads. */
#include "net.h"
#include <sys/select.h>

static void *write_late(void *descriptor)
{
	sleep_ms(10);
	write_exactly((int)(long)descriptor, "x", 1);
	return NULL;
}

static void *send_urgent_late(void *descriptor)
{
	sleep_ms(5);
	CHECK_EQ(send((int)(long)descriptor, "u", 1, MSG_OOB), 1);
	return NULL;
}

static void set_to(fd_set *set, int descriptor)
{
	FD_ZERO(set);
	FD_SET(descriptor, set);
}

static void timeouts(int descriptor)
{
	fd_set readable;
	struct timeval timeout = {0, 0};
	set_to(&readable, descriptor);
	CHECK_EQ(select(descriptor + 1, &readable, NULL, NULL, &timeout), 0);
	CHECK(!FD_ISSET(descriptor, &readable));

	set_to(&readable, descriptor);
	timeout.tv_usec = 20000;
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(select(descriptor + 1, &readable, NULL, NULL, &timeout), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	CHECK(!FD_ISSET(descriptor, &readable));
	/* Linux tells the time left */
	CHECK(timeout.tv_sec == 0 && timeout.tv_usec == 0);

	struct timespec precise = {.tv_nsec = 20 * NS_PER_MS};
	set_to(&readable, descriptor);
	start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(pselect(descriptor + 1, &readable, NULL, NULL, &precise, NULL), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 20 * NS_PER_MS);
	CHECK_EQ(precise.tv_nsec, 20 * NS_PER_MS);

	timeout.tv_usec = 10000;
	start = now_ns(CLOCK_MONOTONIC);
	CHECK_EQ(select(0, NULL, NULL, NULL, &timeout), 0);
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= 10 * NS_PER_MS);
}

static void readiness(int reader, int writer)
{
	fd_set readable, writable;
	struct timeval timeout = {.tv_sec = 30};
	char byte;
	int highest = (reader > writer ? reader : writer) + 1;
	pthread_t thread = check_start(write_late, (void *)(long)writer);
	set_to(&readable, reader);
	CHECK_EQ(select(highest, &readable, NULL, NULL, &timeout), 1);
	CHECK(FD_ISSET(reader, &readable));
	CHECK(timeout.tv_sec < 30 && timeout.tv_sec > 0);
	check_join(thread);
	read_exactly(reader, &byte, 1);

	set_to(&readable, reader);
	set_to(&writable, writer);
	CHECK_EQ(select(highest, &readable, &writable, NULL, NULL), 1);
	CHECK(!FD_ISSET(reader, &readable) && FD_ISSET(writer, &writable));

	/* one descriptor ready in two sets counts twice */
	write_exactly(writer, "x", 1);
	set_to(&readable, reader);
	set_to(&writable, reader);
	CHECK_EQ(pselect(highest, &readable, &writable, NULL, NULL, NULL), 2);
	read_exactly(reader, &byte, 1);

	thread = check_start(write_late, (void *)(long)writer);
	set_to(&readable, reader);
	CHECK_EQ(select(highest, &readable, NULL, NULL, NULL), 1);
	check_join(thread);
	read_exactly(reader, &byte, 1);
}

static void urgent_data_is_an_exception(void)
{
	int ends[2];
	char byte;
	fd_set exceptional;
	tcp_pair(ends);
	pthread_t thread = check_start(send_urgent_late, (void *)(long)ends[0]);
	set_to(&exceptional, ends[1]);
	CHECK_EQ(select(ends[1] + 1, NULL, NULL, &exceptional, NULL), 1);
	CHECK(FD_ISSET(ends[1], &exceptional));
	CHECK_EQ(recv(ends[1], &byte, 1, MSG_OOB), 1);
	check_join(thread);
	close_both(ends);
}

static void errors(void)
{
	fd_set set;
	struct timeval timeout = {.tv_sec = -1};
	int closed = dup(STDIN_FILENO);
	CHECK_OK(close(closed));
	set_to(&set, closed);
	CHECK_ERRNO(select(closed + 1, &set, NULL, NULL, NULL), EBADF);
	CHECK_ERRNO(select(-1, NULL, NULL, NULL, NULL), EINVAL);
	CHECK_ERRNO(select(0, NULL, NULL, NULL, &timeout), EINVAL);
	struct timespec precise = {.tv_nsec = NS_PER_S};
	CHECK_ERRNO(pselect(0, NULL, NULL, NULL, &precise, NULL), EINVAL);
}

int main(void)
{
	int ends[2];
	unix_pair(ends);
	timeouts(ends[0]);
	readiness(ends[0], ends[1]);
	tcp_pair(ends);
	readiness(ends[0], ends[1]);
	urgent_data_is_an_exception();
	errors();
	return 0;
}
