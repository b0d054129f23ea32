/* A FIFO is open when its other end is: who opens one waits for that, as the kernel says it, and nothing of the wait
 * is seen elsewhere. Prints how many kernel threads a crowd that waits has taken at most. */
#include "fifo.h"
#include "interrupt.h"
#include "net.h"
#include "open_numbers.h"
#include <dlfcn.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { CROWD = 60, SAME = 20 };

static char directory[] = "/tmp/libgreen-fifos-XXXXXX";

static void name_of(int number, char *path)
{
	snprintf(path, sizeof name, "%s/%d", directory, number);
}

static void new_fifo(void)
{
	unlink(name);
	CHECK_OK(mkfifo(name, 0600));
}

/* The number that is given out next. */
static int next_number(void)
{
	int fd = dup(0);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	return fd;
}

static int fifos;

static void count_fifo(int fd)
{
	char path[64], target[128];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(path, target, sizeof target);
	fifos += length > 0 && strncmp(target, directory, strlen(directory)) == 0;
}

static int open_fifos(void)
{
	fifos = 0;
	for_each_descriptor(count_fifo);
	return fifos;
}

/* A process that opens the FIFO for writing without waiting as soon as that can be, says so, and ends when it has been
 * told to. */
static pid_t eager_writer(int go[2])
{
	pipe_pair(go);
	pid_t child = check_fork();
	if (child == 0) {
		char byte;
		CHECK_OK(close(go[0]));
		int writer;
		while ((writer = open(name, O_WRONLY | O_NONBLOCK)) < 0) {
			CHECK_EQ(errno, ENXIO);
			sleep_ms(1);
		}
		CHECK_EQ(read(go[1], &byte, 1), 0);
		_exit(0);
	}
	CHECK_OK(close(go[1]));
	return child;
}

static int (*opener)(void);

static int by_open(void)
{
	return open(name, O_RDONLY);
}

static int by_open_for_exec(void)
{
	return open(name, O_RDONLY | O_CLOEXEC | O_CREAT, 0600);
}

static int by_open64(void)
{
	return open64(name, O_RDONLY);
}

static int by_openat(void)
{
	int at = open(directory, O_RDONLY | O_DIRECTORY);
	int fd = openat(at, "fifo", O_RDONLY);
	CHECK_OK(close(at));
	return fd;
}

static int by_openat64(void)
{
	return openat64(AT_FDCWD, name, O_RDONLY);
}

static int by_number(void)
{
	return (int)syscall(SYS_open, name, O_RDONLY);
}

static int by_number_at(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
}

/* Kernels before 5.6 have no openat2. */
static int by_number_as(uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
	return (int)syscall(SYS_openat2, AT_FDCWD, name, &how, sizeof how);
}

static int by_number_how(void)
{
	CHECK_ERRNO(by_number_as(O_RDONLY, 0600, 0), EINVAL);
	CHECK_ERRNO(by_number_as(1ull << 40, 0, 0), EINVAL);
	CHECK_ERRNO(by_number_as(O_RDONLY, 0, RESOLVE_BENEATH), EXDEV);
	CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, name, 8, sizeof(struct open_how)), EFAULT);
	return by_number_as(O_RDONLY, 0, 0);
}

static int by_number_beneath(void)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
	int at = open(directory, O_RDONLY | O_DIRECTORY);
	int fd = (int)syscall(SYS_openat2, at, "fifo", &how, sizeof how);
	CHECK_OK(close(at));
	return fd;
}

static int by_stream(void)
{
	FILE *stream = fopen(name, "r");
	CHECK(stream != NULL);
	int fd = dup(fileno(stream));
	CHECK_OK(fclose(stream));
	return fd;
}

static int by_libc(void)
{
	int (*libc_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(
	    dlopen("libc.so.6", RTLD_LAZY), "open");
	return libc_open(name, O_RDONLY);
}

static int by_link(void)
{
	char link[80];
	snprintf(link, sizeof link, "%s/link", directory);
	CHECK_OK(symlink(name, link));
	int fd = open(link, O_RDONLY);
	CHECK_ERRNO(open(link, O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_OK(unlink(link));
	return fd;
}

static int (*const openers[])(void) = {by_open,   by_open_for_exec, by_open64, by_openat, by_openat64,
				       by_number, by_number_at,	    by_number_how, by_number_beneath,
				       by_stream, by_libc,	    by_link};

static void *open_and_return(void *unused)
{
	(void)unused;
	return (void *)(long)opener();
}

/* A reader that waits counts as one; what it gets is as if it had been opened so. */
static void for_reading(void)
{
	for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
		int go[2];
		char byte = 0;
		opener = openers[i];
		pid_t child = eager_writer(go);
		int fd = (int)(long)check_join(check_start(open_and_return, NULL));
		CHECK(fd >= 0);
		CHECK_EQ(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_RDONLY);
		CHECK_EQ(fcntl(fd, F_GETFD), opener == by_open_for_exec ? FD_CLOEXEC : 0);
		struct pollfd look = {.fd = fd, .events = POLLIN};
		CHECK_EQ(poll(&look, 1, 0), 0);
		CHECK_OK(close(go[0]));
		/* waits */
		CHECK_EQ(read(fd, &byte, 1), 0);
		check_child_succeeds(child);
		CHECK_EQ(poll(&look, 1, 0), 1);
		CHECK_EQ(look.revents, POLLHUP);
		CHECK_OK(close(fd));
	}
}

static void *open_for_writing(void *unused)
{
	(void)unused;
	return (void *)(long)open(name, O_WRONLY);
}

static void *create(void *unused)
{
	(void)unused;
	return (void *)(long)creat(name, 0600);
}

static void *open_by_number(void *unused)
{
	(void)unused;
	return (void *)(long)by_number_as(O_WRONLY, 0, 0);
}

static void *open_without_links(void *unused)
{
	(void)unused;
	return (void *)(long)by_number_as(O_WRONLY, 0, RESOLVE_NO_MAGICLINKS);
}

static void *(*const writers[])(void *) = {open_for_writing, create, open_by_number, open_without_links};

/* A writer that waits counts as one. */
static void for_writing(void)
{
	char byte;
	for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
		pthread_t thread = check_start(writers[i], NULL);
		int reader = open(name, O_RDONLY | O_NONBLOCK);
		CHECK(reader >= 0);
		while (read(reader, &byte, 1) == 0)
			sleep_ms(1);
		CHECK_EQ(errno, EAGAIN);
		int writer = (int)(long)check_join(thread);
		CHECK(writer >= 0);
		CHECK_EQ(fcntl(writer, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_WRONLY);
		CHECK_EQ(fcntl(writer, F_GETFD), 0);
		CHECK_EQ(write(writer, "x", 1), 1);
		CHECK_EQ(read(reader, &byte, 1), 1);
		/* At once, now that there is a reader. */
		int another = open(name, O_WRONLY);
		CHECK(another >= 0);
		CHECK_EQ(fcntl(another, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_WRONLY);
		CHECK_OK(close(another));
		CHECK_OK(close(writer));
		CHECK_OK(close(reader));
	}
}

static void at_once(void)
{
	int fd = open(name, O_RDWR);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	fd = open(name, O_RDONLY | O_NONBLOCK);
	CHECK(fd >= 0);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK_OK(close(fd));
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK_ERRNO(open(name, O_RDONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERRNO(open(name, O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERRNO(open("/nowhere/fifo", O_RDONLY), ENOENT);
	if (geteuid() != 0) {
		CHECK_OK(chmod(name, 0));
		CHECK_ERRNO(open(name, O_RDONLY), EACCES);
		CHECK_ERRNO(open(name, O_WRONLY), EACCES);
		CHECK_OK(chmod(name, 0600));
	}
}

static void *open_and_close(void *path)
{
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	struct pollfd look = {.fd = fd, .events = POLLIN};
	CHECK_EQ(poll(&look, 1, -1), 1);
	CHECK_OK(close(fd));
	return NULL;
}

/* A writer that is gone again was there. */
static void passing_writer(void)
{
	for (int i = 0; i < 50; i++) {
		pthread_t thread = check_start(open_and_close, name);
		int writer = open(name, O_WRONLY);
		CHECK(writer >= 0);
		CHECK_OK(close(writer));
		check_join(thread);
	}
}

static void *visit(void *number)
{
	char path[sizeof name], byte;
	name_of((int)(long)number, path);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, &byte, 1), 1);
	CHECK_OK(close(fd));
	return NULL;
}

static long crowd(void)
{
	pthread_t threads[CROWD];
	char path[sizeof name];
	for (long i = 0; i < CROWD; i++) {
		name_of((int)i, path);
		CHECK_OK(mkfifo(path, 0600));
		threads[i] = check_start(visit, (void *)i);
	}
	sleep_ms(50);
	long tasks = check_kernel_threads();
	for (int i = CROWD; i-- > 0;) {
		name_of(i, path);
		int writer = open(path, O_WRONLY);
		CHECK(writer >= 0);
		CHECK_EQ(write(writer, "x", 1), 1);
		check_join(threads[i]);
		CHECK_OK(close(writer));
		CHECK_OK(unlink(path));
	}
	return tasks;
}

/* One writer is enough for all. */
static void same_fifo(void)
{
	pthread_t threads[SAME];
	for (int i = 0; i < SAME; i++)
		threads[i] = check_start(open_and_close, name);
	sleep_ms(5);
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	/* Nobody takes it; those that come later find it, too. */
	CHECK_EQ(write(writer, "x", 1), 1);
	for (int i = 0; i < SAME; i++)
		check_join(threads[i]);
	CHECK_OK(close(writer));
}

static void *is_interrupted(void *flags)
{
	CHECK_ERRNO(open(name, (int)(long)flags), EINTR);
	return NULL;
}

static void *jumps_away(void *unused)
{
	if (sigsetjmp(away, 1) == 0) {
		open(name, O_RDONLY);
		CHECK(0);
	}
	return unused;
}

static void signals(void)
{
	handle_usr1(count_signal, 0);
	signal_until_over(check_start(is_interrupted, (void *)O_RDONLY));
	signal_until_over(check_start(is_interrupted, (void *)O_WRONLY));
	CHECK(handled >= 2);
	/* Goes on, and then finds its writer. */
	handle_usr1(count_signal, SA_RESTART);
	pthread_t thread = check_start(open_and_close, name);
	signal_often(thread);
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	CHECK_OK(close(writer));
	check_join(thread);
	/* Nothing is left of a call that a handler does not return to. */
	thread = check_start(jumps_away, NULL);
	sleep_ms(5);
	handle_usr1(jump_away, 0);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_join(thread);
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK_EQ(open_fifos(), 0);
}

static void *waits(void *flags)
{
	open(name, (int)(long)flags);
	CHECK(0);
	return NULL;
}

static void *waits_uncancelled(void *unused)
{
	int fd, state;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state));
	fd = open(name, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_OK(close(fd));
	CHECK_OK(pthread_setcancelstate(state, NULL));
	pthread_testcancel();
	return unused;
}

static void cancellation(void)
{
	for (int i = 0; i < 6; i++) {
		pthread_t thread = check_start(waits, (void *)(long)(i % 2 ? O_WRONLY : O_RDONLY));
		sleep_ms(i);
		CHECK_OK(pthread_cancel(thread));
		CHECK(check_join(thread) == PTHREAD_CANCELED);
	}
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	CHECK_EQ(open_fifos(), 0);
	pthread_t thread = check_start(waits_uncancelled, NULL);
	sleep_ms(5);
	CHECK_OK(pthread_cancel(thread));
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	CHECK_OK(close(writer));
}

/* A child does not have what its parent's threads were opening. */
static void beside_a_fork(void)
{
	int go[2], ready[2];
	char byte;
	for (int i = 0; i < 5; i++) {
		pthread_t thread = check_start(open_and_close, name);
		sleep_ms(i);
		pipe_pair(go);
		pipe_pair(ready);
		pid_t child = check_fork();
		if (child == 0) {
			CHECK_OK(close(go[0]));
			CHECK_EQ(write(ready[0], "x", 1), 1);
			CHECK_EQ(read(go[1], &byte, 1), 0);
			_exit(0);
		}
		CHECK_EQ(read(ready[1], &byte, 1), 1);
		close_both(ready);
		int writer = open(name, O_WRONLY);
		CHECK(writer >= 0);
		CHECK_OK(close(writer));
		check_join(thread);
		CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
		CHECK_OK(close(go[0]));
		CHECK_OK(close(go[1]));
		check_child_succeeds(child);
	}
}

/* The number is taken when the call begins, and there may be none. */
static void numbers(void)
{
	struct rlimit limit, tight;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	tight = limit;
	int next = next_number();
	tight.rlim_cur = (rlim_t)next;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &tight));
	CHECK_ERRNO(open(name, O_RDONLY), EMFILE);
	CHECK_ERRNO(open(name, O_WRONLY), EMFILE);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));

	int go[2];
	opener = by_open;
	pid_t child = eager_writer(go);
	next = next_number();
	int fd = (int)(long)check_join(check_start(open_and_return, NULL));
	CHECK_EQ(fd, next);
	CHECK_OK(close(fd));
	CHECK_OK(close(go[0]));
	check_child_succeeds(child);

	/* Closing it is nobody else's business, and does no harm. */
	next = next_number();
	pthread_t thread = check_start(open_and_close, name);
	sleep_ms(5);
	close(next);
	int writer = open(name, O_WRONLY);
	CHECK(writer >= 0);
	CHECK_OK(close(writer));
	check_join(thread);
}

int main(void)
{
	CHECK(mkdtemp(directory) != NULL);
	snprintf(name, sizeof name, "%s/fifo", directory);
	new_fifo();
	passing_writer();
	for_reading();
	for_writing();
	at_once();
	long tasks = crowd();
	same_fifo();
	signals();
	cancellation();
	beside_a_fork();
	check_unlinked(open_and_close, O_WRONLY);
	numbers();
	CHECK_EQ(open_fifos(), 0);
	CHECK_OK(unlink(name));
	CHECK_OK(rmdir(directory));
	printf("tasks=%ld\n", tasks);
	return 0;
}
