/* dup, dup2 and dup3: data arrives through a duplicate after the original is closed, and wakes who waits on
 * either; a replaced number is the new file at once; errors and close-on-exec are as POSIX says. */
#include "net.h"
#include <sys/resource.h>

static void *read_byte(void *descriptor)
{
	char byte;
	read_exactly((int)(long)descriptor, &byte, 1);
	return (void *)(long)byte;
}

static void the_duplicate_outlives_the_original(void (*pair)(int[2]))
{
	int ends[2], duplicate;
	char byte;
	pair(ends);
	/* blocked once on the original, so that whatever waits for it is set up */
	pthread_t reader = check_start(read_byte, (void *)(long)ends[1]);
	sleep_ms(2);
	write_exactly(ends[0], "a", 1);
	CHECK_EQ((long)check_join(reader), 'a');

	duplicate = dup(ends[1]);
	CHECK(duplicate >= 0);
	reader = check_start(read_byte, (void *)(long)duplicate);
	sleep_ms(2);
	CHECK_OK(close(ends[1]));
	write_exactly(ends[0], "b", 1);
	CHECK_EQ((long)check_join(reader), 'b');

	/* The closed number belongs to somebody else now; the duplicate still works. */
	int other[2];
	unix_pair(other);
	CHECK(other[0] == ends[1] || other[1] == ends[1]);
	reader = check_start(read_byte, (void *)(long)duplicate);
	pthread_t other_reader = check_start(read_byte, (void *)(long)other[1]);
	sleep_ms(2);
	write_exactly(other[0], "c", 1);
	CHECK_EQ((long)check_join(other_reader), 'c');
	CHECK_EQ(pthread_tryjoin_np(reader, NULL), EBUSY);
	write_exactly(ends[0], "d", 1);
	CHECK_EQ((long)check_join(reader), 'd');
	close_both(other);
	CHECK_OK(close(ends[0]));
	CHECK_EQ(read(duplicate, &byte, 1), 0);
	CHECK_OK(close(duplicate));
}

static void both_numbers_wake(void)
{
	int ends[2];
	unix_pair(ends);
	int duplicate = dup(ends[1]);
	pthread_t first = check_start(read_byte, (void *)(long)ends[1]);
	pthread_t second = check_start(read_byte, (void *)(long)duplicate);
	sleep_ms(2);
	write_exactly(ends[0], "xx", 2);
	CHECK_EQ((long)check_join(first), 'x');
	CHECK_EQ((long)check_join(second), 'x');
	close_both(ends);
	CHECK_OK(close(duplicate));
}

static void a_replaced_number_is_the_new_file(void)
{
	int first[2], second[2];
	unix_pair(first);
	pipe_pair(second);
	for (int round = 0; round < 20; round++) {
		pthread_t reader = check_start(read_byte, (void *)(long)first[1]);
		usleep(200);
		write_exactly(round == 0 ? first[0] : second[0], "y", 1);
		CHECK_EQ((long)check_join(reader), 'y');
		CHECK_EQ(dup2(second[1], first[1]), first[1]);
	}
	close_both(first);
	close_both(second);
}

static void errors(void)
{
	int ends[2];
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	unix_pair(ends);
	CHECK_EQ(dup2(ends[0], ends[0]), ends[0]);
	CHECK_ERRNO(dup3(ends[0], ends[0], 0), EINVAL);
	CHECK_ERRNO(dup3(ends[0], ends[1], O_APPEND), EINVAL);
	CHECK_ERRNO(dup2(-1, ends[0]), EBADF);
	CHECK_ERRNO(dup2(ends[0], -1), EBADF);
	CHECK_ERRNO(dup2(ends[0], (int)limit.rlim_cur), EBADF);
	CHECK_ERRNO(fcntl(ends[0], F_DUPFD, (int)limit.rlim_cur), EINVAL);
	CHECK_ERRNO(dup(-1), EBADF);
	CHECK_ERRNO(close(-1), EBADF);
	/* a failed dup2 leaves the target alone */
	pthread_t reader = check_start(read_byte, (void *)(long)ends[1]);
	CHECK_ERRNO(dup2(-1, ends[1]), EBADF);
	write_exactly(ends[0], "z", 1);
	CHECK_EQ((long)check_join(reader), 'z');

	int duplicate = dup3(ends[0], 100, O_CLOEXEC);
	CHECK_EQ(duplicate, 100);
	CHECK_EQ(fcntl(100, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(dup2(100, 101), 101);
	CHECK_EQ(fcntl(101, F_GETFD), 0);
	/* the highest number the program may use is its own */
	int highest = (int)limit.rlim_cur - 1;
	CHECK_EQ(dup2(ends[0], highest), highest);
	write_exactly(ends[1], "h", 1);
	CHECK_EQ((long)read_byte((void *)(long)highest), 'h');
	CHECK_OK(close(highest));
	CHECK_ERRNO(close(highest), EBADF);
	CHECK_OK(close(100));
	CHECK_OK(close(101));
	close_both(ends);
}

int main(void)
{
	the_duplicate_outlives_the_original(unix_pair);
	the_duplicate_outlives_the_original(tcp_pair);
	the_duplicate_outlives_the_original(pipe_pair);
	both_numbers_wake();
	a_replaced_number_is_the_new_file();
	errors();
	return 0;
}
