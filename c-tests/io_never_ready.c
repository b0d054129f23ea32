/* Files that are not said to be ready for what never waits there: writes to /dev/kmsg and of answers to fanotify, reads
 * of a counter of performance. And whoever asks to open a file is let in, or not, by a thread of his own process. */
#include "check.h"
#include <fcntl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void check_unready(int fd, short events)
{
	struct pollfd look = {.fd = fd, .events = events};
	CHECK_EQ(poll(&look, 1, 0), 0);
}

static void log_of_the_kernel(void)
{
	/* Longer than it takes, so that nothing is logged. */
	static char bytes[8192];
	struct iovec parts[2] = {{bytes, 4096}, {bytes + 4096, 4096}};
	int fd = open("/dev/kmsg", O_WRONLY), ends[2];
	if (fd < 0)
		return;
	check_unready(fd, POLLOUT);
	CHECK_ERRNO(write(fd, bytes, sizeof bytes), EINVAL);
	CHECK_ERRNO(writev(fd, parts, 2), EINVAL);
	CHECK_OK(pipe(ends));
	CHECK_EQ(write(ends[1], bytes, 1), 1);
	CHECK_ERRNO(splice(ends[0], NULL, fd, NULL, 1, 0), EINVAL);
	int file = open("/proc/self/exe", O_RDONLY);
	CHECK(file >= 0);
	CHECK_ERRNO(sendfile(fd, file, NULL, 1), EINVAL);
	CHECK_OK(close(file));
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	CHECK_OK(close(fd));
}

static void *open_it(void *name)
{
	CHECK_ERRNO(open(name, O_RDONLY), EPERM);
	int file = open(name, O_RDONLY);
	CHECK(file >= 0);
	CHECK_OK(close(file));
	return NULL;
}

static void answer(int fd, unsigned int response)
{
	struct fanotify_event_metadata event;
	CHECK_EQ(read(fd, &event, sizeof event), (long)sizeof event);
	CHECK_EQ(event.mask, FAN_OPEN_PERM);
	struct fanotify_response reply = {.fd = event.fd, .response = response};
	check_unready(fd, POLLOUT);
	CHECK_EQ(write(fd, &reply, sizeof reply), (long)sizeof reply);
	CHECK_OK(close(event.fd));
}

static void permissions(void)
{
	char name[] = "/tmp/io_never_ready-XXXXXX";
	int fd = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY);
	if (fd < 0)
		return;
	int file = mkstemp(name);
	CHECK(file >= 0);
	CHECK_OK(close(file));
	struct fanotify_response none = {.fd = file, .response = FAN_ALLOW};
	CHECK_ERRNO(write(fd, &none, sizeof none), ENOENT);
	CHECK_ERRNO(write(fd, &none, 1), EINVAL);
	if (fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, name) == 0) {
		pthread_t thread = check_start(open_it, name);
		answer(fd, FAN_DENY);
		answer(fd, FAN_ALLOW);
		check_join(thread);
	}
	CHECK_OK(unlink(name));
	CHECK_OK(close(fd));
}

static int counter;
static void *samples;

static void *open_counter(void *length)
{
	struct perf_event_attr attributes = {
		.size = sizeof attributes,
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_PAGE_FAULTS,
		.exclude_kernel = 1,
	};
	counter = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (counter < 0)
		return NULL;
	samples = mmap(NULL, *(size_t *)length, PROT_READ | PROT_WRITE, MAP_SHARED, counter, 0);
	CHECK(samples != MAP_FAILED);
	check_unready(counter, POLLIN);
	return NULL;
}

static void *read_counter(void *unused)
{
	long count;
	CHECK_EQ(read(counter, &count, sizeof count), (long)sizeof count);
	CHECK_EQ(read(counter, &count, sizeof count), (long)sizeof count);
	return unused;
}

/* Of its samples readiness tells, once there is a place for them. Who opens it becomes a thread of the kernel's, as do
 * those that it starts: others read. */
static void counters(void)
{
	size_t length = 2 * (size_t)sysconf(_SC_PAGESIZE);
	check_join(check_start(open_counter, &length));
	if (counter < 0)
		return;
	check_join(check_start(read_counter, NULL));
	read_counter(NULL);
	CHECK_OK(munmap(samples, length));
	CHECK_OK(close(counter));
}

static void *all(void *unused)
{
	log_of_the_kernel();
	permissions();
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	all(NULL);
	counters();
	return 0;
}
