/* The FIFO that the tests of opening one open, in a directory of its own. */
#ifndef FIFO_H
#define FIFO_H

#include "net.h"
#include <fcntl.h>
#include <sys/stat.h>

static char name[64];
static char directory[] = "/tmp/libgreen-fifos-XXXXXX";

__attribute__((unused)) static void make_fifo(void)
{
	CHECK(mkdtemp(directory) != NULL);
	snprintf(name, sizeof name, "%s/fifo", directory);
	CHECK_OK(mkfifo(name, 0600));
}

/* Where others are. */
__attribute__((unused)) static void path_of(long number, char *path)
{
	snprintf(path, sizeof name, "%s/%ld", directory, number);
}

__attribute__((unused)) static void remove_fifo(void)
{
	CHECK_OK(unlink(name));
	CHECK_OK(rmdir(directory));
}

/* A thread that opens the FIFO at `path` for writing, and writes a byte. */
__attribute__((unused)) static void *write_one(void *path)
{
	int fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(close(fd));
	return NULL;
}

/* A process that opens the FIFO for writing without waiting as soon as that can be, says so, and ends when it has been
 * told to. */
__attribute__((unused)) static pid_t eager_writer(int go[2])
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

/* A FIFO without a name any more: a thread runs `opens` with the path of what is left of it, and the other end is
 * opened with `other_end` meanwhile. The name is a new one's then. */
__attribute__((unused)) static void check_unlinked(void *(*opens)(void *), int other_end)
{
	char path[64];
	int fifo = open(name, O_PATH);
	CHECK(fifo >= 0);
	CHECK_OK(unlink(name));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fifo);
	pthread_t thread = check_start(opens, path);
	sleep_ms(5);
	int other = open(path, other_end);
	CHECK(other >= 0);
	CHECK_OK(close(other));
	check_join(thread);
	CHECK_OK(close(fifo));
	CHECK_OK(mkfifo(name, 0600));
}

#endif
