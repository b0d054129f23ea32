/* A FIFO is open when its other end is, whichever call opens it: who waits for that counts as a reader or a writer, and
 * has afterwards what was asked for. What need not wait does not. */
#include "fifo.h"
#include <dlfcn.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/syscall.h>

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

int main(void)
{
	make_fifo();
	for_reading();
	for_writing();
	at_once();
	remove_fifo();
	return 0;
}
