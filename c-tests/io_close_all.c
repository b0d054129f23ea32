/* A program may close every descriptor that it has not opened, as daemons do, or duplicate over numbers that
 * look free: threads, sleeping and I/O go on working afterwards. */
#include "net.h"
#include "open_numbers.h"

enum { BYTES = 200 };

static void *send_bytes(void *argument)
{
	int descriptor = *(int *)argument;
	for (int i = 0; i < BYTES; i++) {
		CHECK_EQ(write(descriptor, "x", 1), 1);
		if (i % 50 == 0)
			sleep_ms(1);
	}
	return NULL;
}

static void threads_and_io_work(void)
{
	int ends[2];
	char byte;
	unix_pair(ends);
	pthread_t sender = check_start(send_bytes, &ends[0]);
	for (int i = 0; i < BYTES; i++)
		CHECK_EQ(read(ends[1], &byte, 1), 1);
	check_join(sender);
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
}

static void close_it(int number)
{
	close(number);
}

static void duplicate_over_it(int number)
{
	if (dup2(STDERR_FILENO, number) == number)
		CHECK_OK(close(number));
	if (dup3(STDERR_FILENO, number, O_CLOEXEC) == number)
		CHECK_OK(close(number));
}

static void change_its_flags(int number)
{
	int flags = fcntl(number, F_GETFL);
	if (flags >= 0)
		fcntl(number, F_SETFL, flags ^ O_NONBLOCK);
}

int main(void)
{
	threads_and_io_work();
	for_each_descriptor(close_it);
	threads_and_io_work();
	for_each_descriptor(duplicate_over_it);
	threads_and_io_work();
	for_each_descriptor(change_its_flags);
	threads_and_io_work();
	CHECK_OK(close_range(STDERR_FILENO + 1, ~0U, 0));
	threads_and_io_work();
	closefrom(STDERR_FILENO + 1);
	threads_and_io_work();
	for (int number = STDERR_FILENO + 1; number < 1 << 17; number++)
		close(number);
	threads_and_io_work();
	return 0;
}
