/* A descriptor that is closed, or replaced by dup2, while a thread is blocked reading from it: the thread sees
 * the end of the old file or EBADF, never what arrives on the new file under the old number. */
#include "net.h"
#include <sys/ioctl.h>

enum { ROUNDS = 60 };

struct reading {
	int descriptor;
	ssize_t count;
	int error;
	char text[16];
};

static void *read_twelve(void *argument)
{
	struct reading *reading = argument;
	reading->count = recv(reading->descriptor, reading->text, 12, MSG_WAITALL);
	reading->error = errno;
	return NULL;
}

/* The first byte is gone from the queue as soon as the reader is inside its call, on the old file for sure. */
static void wait_until_reader_is_inside(const int ends[2])
{
	int queued;
	write_exactly(ends[1], "r", 1);
	do {
		sched_yield();
		CHECK_OK(ioctl(ends[0], FIONREAD, &queued));
	} while (queued > 0);
}

static void close_then_reuse(int ends[2])
{
	int other[2];
	CHECK_OK(close(ends[0]));
	unix_pair(other);
	CHECK(other[0] == ends[0] || other[1] == ends[0]);
	if (other[1] == ends[0]) {
		other[1] = other[0];
		other[0] = ends[0];
	}
	write_exactly(other[1], "wrong", 5);
	ends[0] = other[0];
	/* the peer of the old file leaves, which ends a read that still holds that file */
	CHECK_OK(close(ends[1]));
	ends[1] = other[1];
}

static void replace_by_dup2(int ends[2])
{
	int other[2];
	unix_pair(other);
	CHECK_EQ(dup2(other[0], ends[0]), ends[0]);
	CHECK_OK(close(other[0]));
	write_exactly(other[1], "wrong", 5);
	CHECK_OK(close(ends[1]));
	ends[1] = other[1];
}

static void replace_by_dup3(int ends[2])
{
	int other[2];
	unix_pair(other);
	CHECK_EQ(dup3(other[0], ends[0], O_CLOEXEC), ends[0]);
	CHECK_OK(close(other[0]));
	write_exactly(other[1], "wrong", 5);
	CHECK_OK(close(ends[1]));
	ends[1] = other[1];
}

static void check(void (*pair)(int[2]), void (*change)(int[2]))
{
	for (int round = 0; round < ROUNDS; round++) {
		int ends[2];
		char text[16];
		pair(ends);
		struct reading reading = {.descriptor = ends[0]};
		pthread_t reader = check_start(read_twelve, &reading);
		wait_until_reader_is_inside(ends);
		if (round % 2)
			usleep(300);
		change(ends);
		check_join(reader);
		CHECK(reading.count == 1 || (reading.count == -1 && reading.error == EBADF));
		CHECK_EQ(memchr(reading.text, 'w', sizeof reading.text) != NULL, 0);
		CHECK_EQ(recv(ends[0], text, sizeof text, MSG_DONTWAIT), 5);
		CHECK_EQ(memcmp(text, "wrong", 5), 0);
		close_both(ends);
	}
}

int main(void)
{
	check(unix_pair, close_then_reuse);
	check(tcp_pair, close_then_reuse);
	check(unix_pair, replace_by_dup2);
	check(tcp_pair, replace_by_dup3);
	return 0;
}
