/* sendfile, splice, tee and vmsplice wait for both sides: everything that sendfile is asked for goes to a slow
 * receiver, what is not there yet is waited for, ends and errors show as they should. */
#include "net.h"
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { SIZE = 4 << 20 };

static char content[SIZE];

static int file_with_content(void)
{
	char name[] = "/tmp/io_splices-XXXXXX";
	int fd = mkstemp(name);
	CHECK(fd >= 0);
	CHECK_OK(unlink(name));
	write_exactly(fd, content, SIZE);
	return fd;
}

static void *read_content(void *descriptor)
{
	static __thread char buffer[1 << 16];
	for (size_t at = 0; at < SIZE;) {
		ssize_t got = read((int)(long)descriptor, buffer, sizeof buffer);
		CHECK(got > 0);
		CHECK_EQ(memcmp(buffer, content + at, (size_t)got), 0);
		at += (size_t)got;
		if (at < SIZE / 8)
			sleep_ms(1);
	}
	return NULL;
}

static void files_are_sent(void (*pair)(int[2]))
{
	int ends[2], file = file_with_content();
	off_t offset = 0;
	pair(ends);
	pthread_t reader = check_start(read_content, (void *)(long)ends[1]);
	CHECK_EQ(sendfile(ends[0], file, &offset, SIZE), SIZE);
	CHECK_EQ(offset, SIZE);
	check_join(reader);
	/* no more than there is */
	CHECK_EQ(sendfile(ends[0], file, &offset, SIZE), 0);
	offset = SIZE - 10;
	CHECK_EQ(sendfile(ends[0], file, &offset, SIZE), 10);
	CHECK_ERRNO(sendfile(ends[0], -1, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(-1, file, NULL, 1), EBADF);
	/* a program's own non-blocking socket takes what it can */
	CHECK_OK(fcntl(ends[0], F_SETFL, O_RDWR | O_NONBLOCK));
	offset = 0;
	long sent = 0, more;
	while ((more = sendfile(ends[0], file, &offset, SIZE)) > 0 && sent < 2 * SIZE) {
		sent += more;
		offset = 0;
	}
	CHECK(sent > 0 && more == -1 && errno == EAGAIN);
	close_both(ends);
	CHECK_OK(close(file));
}

static void *write_late(void *descriptor)
{
	sleep_ms(20);
	write_exactly((int)(long)descriptor, "hello", 5);
	return NULL;
}

static void *read_late(void *descriptor)
{
	char buffer[4096];
	sleep_ms(20);
	CHECK(read((int)(long)descriptor, buffer, sizeof buffer) > 0);
	return NULL;
}

static void fill(int pipe)
{
	static char zeros[4096];
	CHECK_OK(fcntl(pipe, F_SETFL, O_WRONLY | O_NONBLOCK));
	while (write(pipe, zeros, sizeof zeros) > 0)
		;
	CHECK_OK(fcntl(pipe, F_SETFL, O_WRONLY));
}

static void splices(void)
{
	int first[2], second[2], ends[2];
	char buffer[16];
	CHECK_OK(pipe(first));
	CHECK_OK(pipe(second));
	unix_pair(ends);
	pthread_t writer = check_start(write_late, (void *)(long)first[1]);
	CHECK_EQ(splice(first[0], NULL, second[1], NULL, 100, 0), 5);
	check_join(writer);
	CHECK_EQ(read(second[0], buffer, sizeof buffer), 5);
	writer = check_start(write_late, (void *)(long)ends[1]);
	CHECK_EQ(splice(ends[0], NULL, second[1], NULL, 100, 0), 5);
	check_join(writer);
	CHECK_EQ(splice(second[0], NULL, ends[0], NULL, 100, 0), 5);
	CHECK_EQ(recv(ends[1], buffer, sizeof buffer, 0), 5);

	writer = check_start(write_late, (void *)(long)first[1]);
	CHECK_EQ(tee(first[0], second[1], 100, 0), 5);
	check_join(writer);
	CHECK_EQ(read(first[0], buffer, sizeof buffer), 5);
	CHECK_EQ(read(second[0], buffer, sizeof buffer), 5);
	CHECK_ERRNO(tee(first[0], second[1], 100, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERRNO(splice(first[0], NULL, second[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_ERRNO(splice(-1, NULL, second[1], NULL, 100, 0), EBADF);

	struct iovec part = {(void *)"vector", 6};
	CHECK_EQ(vmsplice(first[1], &part, 1, 0), 6);
	CHECK_EQ(read(first[0], buffer, sizeof buffer), 6);
	fill(first[1]);
	pthread_t reader = check_start(read_late, (void *)(long)first[0]);
	CHECK_EQ(vmsplice(first[1], &part, 1, 0), 6);
	check_join(reader);
	/* the end of what comes */
	CHECK_OK(close(second[1]));
	CHECK_EQ(splice(second[0], NULL, ends[0], NULL, 100, 0), 0);
	CHECK_OK(close(second[0]));
	close_both(first);
	close_both(ends);
}

static void *write_event(void *descriptor)
{
	sleep_ms(10);
	CHECK_OK(eventfd_write((int)(long)descriptor, 3));
	return NULL;
}

static void others(void)
{
	int ends[2], event = eventfd(0, 0);
	eventfd_t value;
	char buffer[16];
	pthread_t writer = check_start(write_event, (void *)(long)event);
	CHECK_OK(eventfd_read(event, &value));
	CHECK_EQ(value, 3u);
	check_join(writer);
	CHECK_ERRNO(eventfd_read(-1, &value), EBADF);
	CHECK_ERRNO(eventfd_write(event, UINT64_MAX), EINVAL);
	CHECK_OK(close(event));

	CHECK_OK(pipe(ends));
	struct iovec part = {buffer, sizeof buffer};
	writer = check_start(write_late, (void *)(long)ends[1]);
	CHECK_EQ(preadv2(ends[0], &part, 1, -1, 0), 5);
	check_join(writer);
	CHECK_ERRNO(preadv2(ends[0], &part, 1, 0, 0), ESPIPE);
	CHECK_ERRNO(preadv2(ends[0], &part, 1, -1, RWF_NOWAIT), EAGAIN);
	fill(ends[1]);
	pthread_t reader = check_start(read_late, (void *)(long)ends[0]);
	CHECK_EQ(pwritev2(ends[1], &part, 1, -1, 0), (long)sizeof buffer);
	check_join(reader);
	close_both(ends);
}

static void *all(void *unused)
{
	files_are_sent(unix_pair);
	files_are_sent(tcp_pair);
	splices();
	others();
	return unused;
}

int main(void)
{
	for (int i = 0; i < SIZE; i++)
		content[i] = (char)(i * 31 + (i >> 12));
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
