/* Numbers that libc makes and closes by itself, here by system call instructions of the program's own, may mean a
 * socket now, a file next and a terminal later: each call finds what the number means. */
#include "check.h"
#include "unseen.h"
#include <fcntl.h>
#include <sys/socket.h>

static int number;

static void *read_byte(void *expected)
{
	char byte = 0;
	CHECK_EQ(read(number, &byte, 1), 1);
	CHECK_EQ(byte, (long)expected);
	return NULL;
}

/* Somebody waits for what `from` is given. */
static void is_served(int from, char byte)
{
	pthread_t reader = check_start(read_byte, (void *)(long)byte);
	sleep_ms(2);
	CHECK_EQ(unseen(SYS_write, from, (long)&byte, 1, 0), 1);
	check_join(reader);
}

static void *use_numbers(void *unused)
{
	for (int round = 0; round < 3; round++) {
		int ends[2];
		CHECK_OK(unseen(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, (long)ends));
		number = ends[0];
		is_served(ends[1], 's');
		CHECK_EQ(write(ends[0], "x", 1), 1);
		CHECK_OK(unseen(SYS_close, ends[0], 0, 0, 0));
		CHECK_OK(unseen(SYS_close, ends[1], 0, 0, 0));

		CHECK_EQ(unseen(SYS_open, (long)"/proc/self/stat", O_RDONLY, 0, 0), number);
		char text[16];
		CHECK_EQ(read(number, text, sizeof text), sizeof text);
		CHECK_OK(unseen(SYS_close, number, 0, 0, 0));

		CHECK_OK(unseen(SYS_pipe2, (long)ends, 0, 0, 0));
		CHECK_EQ(ends[0], number);
		is_served(ends[1], 'p');
		CHECK_OK(unseen(SYS_close, ends[0], 0, 0, 0));
		CHECK_OK(unseen(SYS_close, ends[1], 0, 0, 0));

		int master = posix_openpt(O_RDWR | O_NOCTTY);
		CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
		CHECK_OK(unseen(SYS_dup3, open(ptsname(master), O_RDWR | O_NOCTTY), number + 10, 0, 0) - number - 10);
		int before = number;
		number += 10;
		pthread_t reader = check_start(read_byte, (void *)(long)'t');
		sleep_ms(2);
		CHECK_EQ(write(master, "t\n", 2), 2);
		check_join(reader);
		CHECK_OK(unseen(SYS_close, number, 0, 0, 0));
		number = before;
		CHECK_OK(unseen(SYS_close_range, number, number + 8, 0, 0));
	}
	return unused;
}

int main(void)
{
	check_join(check_start(use_numbers, NULL));
	return 0;
}
