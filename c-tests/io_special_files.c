/* Files that are no sockets: regular files, /dev/null, a terminal, a FIFO, eventfd, timerfd. Blocking reads of
 * them wait, return what read(2) says, and hold up no other thread. */
#include "net.h"
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>

/* volatile, so that the compiler does not know better */
static void *volatile nowhere = (void *)8;

static void *write_line_late(void *descriptor)
{
	sleep_ms(5);
	write_exactly((int)(long)descriptor, "line\n", 5);
	return NULL;
}

static void regular_file(void)
{
	char name[] = "/tmp/libgreen-test-XXXXXX", buffer[32] = "";
	int file = mkstemp(name);
	CHECK(file >= 0);
	CHECK_OK(unlink(name));
	struct iovec parts[2] = {{"some ", 5}, {"text", 4}};
	CHECK_EQ(writev(file, parts, 2), 9);
	CHECK_EQ(read(file, buffer, sizeof buffer), 0);
	CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
	CHECK_EQ(read(file, buffer, 5), 5);
	CHECK_EQ(read(file, buffer + 5, 20), 4);
	CHECK_EQ(memcmp(buffer, "some text", 9), 0);
	CHECK_EQ(pread(file, buffer, 4, 5), 4);
	CHECK_EQ(pwrite(file, "T", 1, 5), 1);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 9);
	CHECK_OK(fsync(file));
	CHECK_OK(close(file));
	CHECK_ERRNO(read(file, buffer, 1), EBADF);
	file = open("/", O_RDONLY);
	CHECK_ERRNO(read(file, buffer, 1), EISDIR);
	CHECK_OK(close(file));
}

static void null_device(void)
{
	char buffer[16];
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY);
	CHECK(null >= 0 && zero >= 0);
	CHECK_EQ(read(null, buffer, sizeof buffer), 0);
	CHECK_EQ(write(null, buffer, sizeof buffer), sizeof buffer);
	CHECK_EQ(read(zero, buffer, sizeof buffer), sizeof buffer);
	CHECK_OK(close(null));
	CHECK_OK(close(zero));
}

static void terminal(void)
{
	int master, slave, available = 0;
	char buffer[32];
	CHECK_OK(openpty(&master, &slave, NULL, NULL, NULL));
	CHECK(isatty(slave));
	pthread_t typist = check_start(write_line_late, (void *)(long)master);
	/* Line by line, whatever the size of the read; the echo goes back to the master. */
	CHECK_EQ(read(slave, buffer, 3), 3);
	CHECK_EQ(read(slave, buffer + 3, sizeof buffer - 3), 2);
	CHECK_EQ(memcmp(buffer, "line\n", 5), 0);
	check_join(typist);
	CHECK_EQ(read(master, buffer, sizeof buffer), 6);
	CHECK_EQ(memcmp(buffer, "line\r\n", 6), 0);
	pthread_t program = check_start(write_line_late, (void *)(long)slave);
	CHECK_EQ(read(master, buffer, sizeof buffer), 6);
	check_join(program);
	write_exactly(master, "x\n", 2);
	while (available == 0)
		CHECK_OK(ioctl(slave, FIONREAD, &available));
	CHECK_EQ(available, 2);
	CHECK_OK(close(slave));
	CHECK_EQ(read(master, buffer, sizeof buffer), 3);
	CHECK_ERRNO(read(master, buffer, sizeof buffer), EIO);
	CHECK_OK(close(master));
}

static char fifo_name[64];

static void *open_fifo_to_write(void *unused)
{
	sleep_ms(5);
	int writer = open(fifo_name, O_WRONLY);
	CHECK(writer >= 0);
	write_line_late((void *)(long)writer);
	CHECK_OK(close(writer));
	return unused;
}

static void fifo(void)
{
	char buffer[16];
	snprintf(fifo_name, sizeof fifo_name, "/tmp/libgreen-test-fifo-%d", (int)getpid());
	CHECK_OK(mkfifo(fifo_name, 0600));
	CHECK_ERRNO(open(fifo_name, O_WRONLY | O_NONBLOCK), ENXIO);
	for (int round = 0; round < 3; round++) {
		pthread_t thread = check_start(open_fifo_to_write, NULL);
		/* open waits for the other side */
		int reader = open(fifo_name, O_RDONLY);
		CHECK(reader >= 0);
		CHECK_EQ(read(reader, buffer, sizeof buffer), 5);
		CHECK_EQ(read(reader, buffer, sizeof buffer), 0);
		check_join(thread);
		CHECK_OK(close(reader));
	}
	CHECK_OK(unlink(fifo_name));
}

static void *add_late(void *descriptor)
{
	sleep_ms(3);
	CHECK_OK(eventfd_write((int)(long)descriptor, 5));
	return NULL;
}

static void *take_late(void *descriptor)
{
	eventfd_t value;
	sleep_ms(3);
	CHECK_OK(eventfd_read((int)(long)descriptor, &value));
	return NULL;
}

static void event_counter(void)
{
	int event = eventfd(0, 0);
	eventfd_t value;
	pthread_t thread = check_start(add_late, (void *)(long)event);
	CHECK_OK(eventfd_read(event, &value));
	CHECK_EQ(value, 5);
	check_join(thread);
	/* a full counter makes the writer wait */
	CHECK_OK(eventfd_write(event, UINT64_MAX - 1));
	thread = check_start(take_late, (void *)(long)event);
	CHECK_OK(eventfd_write(event, 7));
	check_join(thread);
	CHECK_EQ(read(event, &value, sizeof value), sizeof value);
	CHECK_EQ(value, 7);
	CHECK_ERRNO(read(event, &value, 4), EINVAL);
	CHECK_OK(close(event));
}

static void timer(void)
{
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct itimerspec ten_ms = {.it_value.tv_nsec = 10 * NS_PER_MS, .it_interval.tv_nsec = 10 * NS_PER_MS};
	uint64_t expirations, total = 0;
	long start = now_ns(CLOCK_MONOTONIC);
	CHECK_OK(timerfd_settime(timer, 0, &ten_ms, NULL));
	while (total < 3) {
		CHECK_EQ(read(timer, &expirations, sizeof expirations), sizeof expirations);
		CHECK(expirations >= 1);
		total += expirations;
	}
	CHECK(now_ns(CLOCK_MONOTONIC) - start >= (long)total * 10 * NS_PER_MS);
	CHECK_OK(close(timer));
}

/* What a full counter would refuse anyway it refuses at once. */
static void full_counter(void)
{
	int event = eventfd(0, 0);
	eventfd_t value = UINT64_MAX, one[2] = {1, 1};
	struct iovec parts[2] = {{&one[0], 4}, {&one[1], 8}};
	CHECK_OK(eventfd_write(event, UINT64_MAX - 1));
	CHECK_ERRNO(write(event, &value, sizeof value), EINVAL);
	CHECK_ERRNO(write(event, &value, sizeof value - 1), EINVAL);
	CHECK_ERRNO(write(event, nowhere, sizeof value), EFAULT);
	CHECK_ERRNO(writev(event, parts, 2), EINVAL);
	CHECK_ERRNO(writev(event, nowhere, 2), EFAULT);
	CHECK_OK(eventfd_read(event, &value));
	CHECK_EQ(value, UINT64_MAX - 1);
	CHECK_OK(close(event));
}

/* A read with too little room fails at once, although there is nothing to be read; a pipe has nothing to say to one
 * of no bytes. */
static void too_short(void)
{
	char buffer[sizeof(struct signalfd_siginfo)];
	sigset_t none;
	CHECK_OK(sigemptyset(&none));
	int timer = timerfd_create(CLOCK_MONOTONIC, 0), signals = signalfd(-1, &none, 0), event = eventfd(0, 0);
	for (size_t length = 0; length < 8; length += 7) {
		CHECK_ERRNO(read(timer, buffer, length), EINVAL);
		CHECK_ERRNO(read(signals, buffer, length), EINVAL);
		CHECK_ERRNO(read(event, buffer, length), EINVAL);
		CHECK_ERRNO(write(event, buffer, length), EINVAL);
	}
	CHECK_ERRNO(read(signals, buffer, sizeof buffer - 1), EINVAL);
	CHECK_OK(close(timer));
	CHECK_OK(close(signals));
	CHECK_OK(close(event));
	int ends[2];
	CHECK_OK(pipe(ends));
	CHECK_EQ(read(ends[0], buffer, 0), 0);
	CHECK_EQ(write(ends[1], buffer, 0), 0);
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
}

static void *all(void *unused)
{
	regular_file();
	null_device();
	terminal();
	fifo();
	event_counter();
	full_counter();
	timer();
	too_short();
	return unused;
}

int main(void)
{
	check_here_and_in_thread(all, NULL);
	return 0;
}
