/* A close_range beside a dup2 to one of its numbers, and somebody who begins to read there meanwhile: whoever is first,
 * the number is open or closed afterwards, the reader is not left behind when both files have ended, and the number goes
 * on as ever. */
#include "net.h"
#include <stdatomic.h>

enum { ROUNDS = 150, BESIDE = 3 };

static int number, new_end;
static atomic_int ready, go;

static void meet(void)
{
	atomic_fetch_add(&ready, 1);
	while (!go)
		sched_yield();
}

static void *close_them(void *unused)
{
	meet();
	CHECK_OK(close_range((unsigned)number - BESIDE, (unsigned)number + BESIDE, 0));
	return unused;
}

static void *replace_it(void *unused)
{
	meet();
	CHECK_EQ(dup2(new_end, number), number);
	return unused;
}

/* Of the old file or the new one, if of any: both end in the end. */
static void *read_there(void *unused)
{
	char byte;
	meet();
	ssize_t got = recv(number, &byte, 1, 0);
	CHECK(got == 0 || (got == -1 && errno == EBADF));
	return unused;
}

static void *read_one(void *unused)
{
	char byte;
	CHECK_EQ(recv(number, &byte, 1, 0), 1);
	CHECK_EQ(byte, 'x');
	return unused;
}

static void race(void)
{
	int old[2], new[2], last[2];
	unix_pair(old);
	unix_pair(new);
	CHECK_EQ(dup2(old[0], number), number);
	CHECK_OK(close(old[0]));
	new_end = new[0];
	ready = go = 0;
	pthread_t closer = check_start(close_them, NULL), replacer = check_start(replace_it, NULL),
		  reader = check_start(read_there, NULL);
	while (ready < 3)
		sched_yield();
	go = 1;
	check_join(closer);
	check_join(replacer);
	CHECK_OK(close(old[1]));
	CHECK_OK(close(new[1]));
	check_join(reader);
	CHECK_OK(close(new[0]));
	/* Open or closed. */
	if (close(number) == -1)
		CHECK_EQ(errno, EBADF);
	CHECK_ERRNO(fcntl(number, F_GETFD), EBADF);

	unix_pair(last);
	CHECK_EQ(dup2(last[0], number), number);
	CHECK_OK(close(last[0]));
	reader = check_start(read_one, NULL);
	sched_yield();
	write_exactly(last[1], "x", 1);
	check_join(reader);
	CHECK_OK(close(last[1]));
	CHECK_OK(close(number));
}

int main(void)
{
	number = 200;
	for (int round = 0; round < ROUNDS; round++)
		race();
	return 0;
}
