/* Threads that open FIFOs for writing, and who reads from those. */
#ifndef FIFO_WRITERS_H
#define FIFO_WRITERS_H

#include "fifo.h"
#include <poll.h>

enum { OTHERS = 6 };

static void make(long count)
{
	char path[sizeof name];
	for (long i = 0; i < count; i++) {
		path_of(i, path);
		CHECK_OK(mkfifo(path, 0600));
	}
}

static void unmake(long count)
{
	char path[sizeof name];
	for (long i = 0; i < count; i++) {
		path_of(i, path);
		CHECK_OK(unlink(path));
	}
}

static void *write_number(void *number)
{
	char path[sizeof name];
	path_of((long)number, path);
	return write_one(path);
}

static void *open_and_close(void *path)
{
	int fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_WRONLY);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_OK(close(fd));
	return NULL;
}

static int reader_at_once(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	CHECK(fd >= 0);
	return fd;
}

static void read_one(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char byte;
	CHECK_EQ(poll(&ready, 1, -1), 1);
	CHECK_EQ(read(fd, &byte, 1), 1);
}

/* Nobody has the FIFO, nor waits for it. */
static void nobody_there(void)
{
	char byte;
	CHECK_ERRNO(open(name, O_WRONLY | O_NONBLOCK), ENXIO);
	int reader = reader_at_once(name);
	CHECK_EQ(read(reader, &byte, 1), 0);
	CHECK_OK(close(reader));
}

/* Threads that wait elsewhere all the time: by then there are too many for a kernel thread each. */
static pthread_t others[OTHERS];

static void others_wait(void)
{
	make(OTHERS);
	for (long i = 0; i < OTHERS; i++)
		others[i] = check_start(write_number, (void *)i);
	sleep_ms(20);
}

static void others_go(void)
{
	char path[sizeof name];
	for (long i = 0; i < OTHERS; i++) {
		path_of(i, path);
		int reader = open(path, O_RDONLY);
		CHECK(reader >= 0);
		read_one(reader);
		check_join(others[i]);
		CHECK_OK(close(reader));
	}
	unmake(OTHERS);
}

/* `check` holds where few threads wait for FIFOs, and where many do. */
static void check_alone_and_beside_others(void (*check)(void))
{
	check();
	others_wait();
	check();
	others_go();
}

#endif
