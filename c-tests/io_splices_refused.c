/* sendfile, splice, tee and vmsplice refuse at once what makes no sense, and do not wait for descriptors that are
 * never going to be ready; nothing to do is done at once. */
#include "net.h"
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

enum { NO_SUCH_FLAG = 0x80 };

/* volatile, so that the compiler does not know better */
static void *volatile nowhere = (void *)8;

static void fill(int descriptor)
{
	static char zeros[4096];
	int flags = fcntl(descriptor, F_GETFL);
	CHECK_OK(fcntl(descriptor, F_SETFL, flags | O_NONBLOCK));
	while (write(descriptor, zeros, sizeof zeros) > 0)
		;
	CHECK_OK(fcntl(descriptor, F_SETFL, flags));
}

static int file_opened(int flags)
{
	char name[] = "/tmp/io_splices_refused-XXXXXX";
	int made = mkstemp(name), file = open(name, flags);
	CHECK(made >= 0 && file >= 0);
	write_exactly(made, "content", 7);
	CHECK_OK(close(made));
	CHECK_OK(unlink(name));
	return file;
}

static void splices(void)
{
	int first[2], second[2], ends[2], file = file_opened(O_RDWR | O_APPEND);
	loff_t offset = 0;
	CHECK_OK(pipe(first));
	CHECK_OK(pipe(second));
	unix_pair(ends);
	CHECK_ERRNO(splice(first[1], NULL, second[1], NULL, 10, 0), EBADF);
	CHECK_ERRNO(splice(first[0], NULL, second[0], NULL, 10, 0), EBADF);
	CHECK_ERRNO(splice(ends[0], NULL, ends[1], NULL, 10, 0), EINVAL);
	CHECK_ERRNO(splice(first[0], NULL, first[1], NULL, 10, 0), EINVAL);
	CHECK_ERRNO(splice(first[0], &offset, second[1], NULL, 10, 0), ESPIPE);
	CHECK_ERRNO(splice(first[0], NULL, second[1], &offset, 10, 0), ESPIPE);
	CHECK_ERRNO(splice(first[0], NULL, ends[0], &offset, 10, 0), EINVAL);
	CHECK_ERRNO(splice(ends[0], &offset, first[1], NULL, 10, 0), EINVAL);
	CHECK_ERRNO(splice(first[0], NULL, file, NULL, 10, 0), EINVAL);
	CHECK_ERRNO(splice(first[0], NULL, second[1], NULL, 10, NO_SUCH_FLAG), EINVAL);
	CHECK_EQ(splice(first[0], NULL, second[1], NULL, 0, 0), 0);

	CHECK_ERRNO(tee(first[1], second[1], 10, 0), EBADF);
	CHECK_ERRNO(tee(first[0], second[0], 10, 0), EBADF);
	CHECK_ERRNO(tee(ends[0], second[1], 10, 0), EINVAL);
	CHECK_ERRNO(tee(first[0], ends[0], 10, 0), EINVAL);
	CHECK_ERRNO(tee(first[0], first[1], 10, 0), EINVAL);
	CHECK_ERRNO(tee(first[0], second[1], 10, NO_SUCH_FLAG), EINVAL);
	CHECK_EQ(tee(first[0], second[1], 0, 0), 0);

	struct iovec part = {(void *)"vector", 6};
	fill(first[1]);
	fill(ends[0]);
	CHECK_ERRNO(vmsplice(ends[0], &part, 1, 0), EBADF);
	CHECK_ERRNO(vmsplice(first[1], &part, 1, NO_SUCH_FLAG), EINVAL);
	CHECK_ERRNO(vmsplice(first[1], &part, IOV_MAX + 1, 0), EINVAL);
	CHECK_ERRNO(vmsplice(first[1], nowhere, 1, 0), EFAULT);
	CHECK_EQ(vmsplice(first[1], &part, 0, 0), 0);
	close_both(first);
	close_both(second);
	close_both(ends);
	CHECK_OK(close(file));
}

static void files_are_sent(void (*pair)(int[2]))
{
	int ends[2], empty[2], readable = file_opened(O_RDONLY), writable = file_opened(O_WRONLY);
	pair(ends);
	CHECK_OK(pipe(empty));
	CHECK_ERRNO(sendfile(ends[0], ends[1], NULL, 10), EINVAL);
	CHECK_ERRNO(sendfile(ends[0], empty[0], NULL, 10), EINVAL);
	CHECK_ERRNO(sendfile(ends[0], empty[1], NULL, 10), EBADF);
	fill(ends[0]);
	CHECK_ERRNO(sendfile(ends[0], empty[0], NULL, 10), EINVAL);
	CHECK_ERRNO(sendfile(ends[0], writable, NULL, 10), EBADF);
	CHECK_ERRNO(sendfile(empty[0], readable, NULL, 10), EBADF);
	CHECK_EQ(sendfile(ends[0], readable, NULL, 0), 0);
	close_both(ends);
	close_both(empty);
	CHECK_OK(close(readable));
	CHECK_OK(close(writable));
}

/* A socket that listens is never ready, and has nothing to do with data. */
static void listeners(void)
{
	int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0), ends[2];
	int file = file_opened(O_RDONLY);
	struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	CHECK_OK(listen(tcp, 1));
	CHECK_OK(bind(local, (struct sockaddr *)&unnamed, sizeof unnamed.sun_family));
	CHECK_OK(listen(local, 1));
	CHECK_OK(pipe(ends));
	CHECK_ERRNO(splice(tcp, NULL, ends[1], NULL, 4, 0), ENOTCONN);
	CHECK_ERRNO(splice(local, NULL, ends[1], NULL, 4, 0), EINVAL);
	write_exactly(ends[1], "pipe", 4);
	CHECK_ERRNO(splice(ends[0], NULL, tcp, NULL, 4, 0), EPIPE);
	CHECK_ERRNO(splice(ends[0], NULL, local, NULL, 4, 0), ENOTCONN);
	CHECK_ERRNO(sendfile(tcp, file, NULL, 4), EPIPE);
	CHECK_ERRNO(sendfile(local, file, NULL, 4), ENOTCONN);
	close_both(ends);
	CHECK_OK(close(tcp));
	CHECK_OK(close(local));
	CHECK_OK(close(file));
}

static void *all(void *unused)
{
	splices();
	listeners();
	files_are_sent(unix_pair);
	files_are_sent(tcp_pair);
	return unused;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	check_here_and_in_thread(all, NULL);
	all(NULL);
	return 0;
}
