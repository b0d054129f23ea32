/* A program that defines functions of libc itself, by libc's other names for them: those do not lead back to it, and
 * what libc does with the functions by itself goes past it. */
#include "net.h"
#include <sys/eventfd.h>

ssize_t __read(int descriptor, void *place, size_t length);
ssize_t __write(int descriptor, const void *bytes, size_t length);
int __sched_yield(void);

static __thread int depth, reads, writes, yields;

/* Into one of them, which nobody is in. */
static void enter(int *count)
{
	CHECK_EQ(depth, 0);
	depth++;
	++*count;
}

ssize_t read(int descriptor, void *place, size_t length)
{
	enter(&reads);
	ssize_t result = __read(descriptor, place, length);
	depth--;
	return result;
}

ssize_t write(int descriptor, const void *bytes, size_t length)
{
	enter(&writes);
	ssize_t result = __write(descriptor, bytes, length);
	depth--;
	return result;
}

int sched_yield(void)
{
	enter(&yields);
	int result = __sched_yield();
	depth--;
	return result;
}

static void *transfer(void *unused)
{
	(void)unused;
	int ends[2];
	char byte = 0;
	unix_pair(ends);
	CHECK_EQ(write(ends[0], "x", 1), 1);
	CHECK_EQ(read(ends[1], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	CHECK_OK(sched_yield());
	CHECK(reads == 1 && writes == 1 && yields == 1);

	int counter = eventfd(0, EFD_CLOEXEC);
	eventfd_t value;
	CHECK_OK(eventfd_write(counter, 3));
	CHECK_OK(eventfd_read(counter, &value));
	CHECK_EQ(value, 3);
	CHECK(reads == 1 && writes == 1);
	CHECK_OK(close(counter));
	close_both(ends);
	return NULL;
}

int main(void)
{
	check_here_and_in_thread(transfer, NULL);
	return 0;
}
