/* A FIFO takes as many writes of threads that wait as of those that do not: what makes no whole page goes into the
 * last one, also where poll says that there is no room. */
#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static char bytes[1 << 16];

/* How many writes of that many bytes it takes without waiting. */
static int room(int reader, int writer, size_t length)
{
	int count = 0;
	CHECK_OK(fcntl(writer, F_SETFL, O_NONBLOCK));
	while (write(writer, bytes, length) == (ssize_t)length)
		count++;
	CHECK_EQ(errno, EAGAIN);
	CHECK_OK(fcntl(writer, F_SETFL, 0));
	while (read(reader, bytes, sizeof bytes) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	return count;
}

static void *all(void *name)
{
	static const size_t lengths[] = {100, 1000, 1024, 2048, 3000};
	int reader = open(name, O_RDONLY | O_NONBLOCK), writer = open(name, O_WRONLY);
	CHECK(reader >= 0 && writer >= 0);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		int count = room(reader, writer, lengths[i]);
		struct iovec halves[2] = {{bytes, lengths[i] / 2}, {bytes, lengths[i] - lengths[i] / 2}};
		for (int j = 0; j < count; j++) {
			ssize_t written =
				j % 2 ? write(writer, bytes, lengths[i]) : writev(writer, halves, 2);
			CHECK_EQ(written, lengths[i]);
		}
		CHECK_EQ(room(reader, writer, 4096), 0);
	}
	CHECK_OK(close(reader));
	CHECK_OK(close(writer));
	return NULL;
}

int main(void)
{
	char name[] = "/tmp/libgreen-pages-XXXXXX", path[64];
	CHECK(mkdtemp(name) != NULL);
	snprintf(path, sizeof path, "%s/fifo", name);
	CHECK_OK(mkfifo(path, 0600));
	check_here_and_in_thread(all, path);
	CHECK_OK(unlink(path));
	CHECK_OK(rmdir(name));
	return 0;
}
