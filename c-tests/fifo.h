/* The FIFO that the tests of opening one open. */
#ifndef FIFO_H
#define FIFO_H

#include "check.h"
#include <fcntl.h>
#include <sys/stat.h>

static char name[64];

/* A FIFO without a name any more: a thread runs `opens` with the path of what is left of it, and the other end is
 * opened with `other_end` meanwhile. The name is a new one's then. */
static void check_unlinked(void *(*opens)(void *), int other_end)
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
