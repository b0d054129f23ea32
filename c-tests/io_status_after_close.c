/* What a call on a number that is not open has asked about it is not held against the file that gets the number next:
 * one that was made with O_NONBLOCK does not wait. */
#include "net.h"

static void *run(void *unused)
{
	int ends[2], nonblocking[2];
	unix_pair(ends);
	close_both(ends);
	CHECK_ERRNO(accept(ends[0], NULL, NULL), EBADF);
	CHECK_ERRNO(accept(ends[1], NULL, NULL), EBADF);
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, nonblocking));
	CHECK_EQ(nonblocking[0], ends[0]);
	CHECK_ERRNO(recv(nonblocking[0], &(char){0}, 1, 0), EAGAIN);
	CHECK_ERRNO(read(nonblocking[1], &(char){0}, 1), EAGAIN);
	close_both(nonblocking);
	return unused;
}

int main(void)
{
	for (int i = 0; i < 100; i++)
		check_join(check_start(run, NULL));
	return 0;
}
