/* A program that has select look at as many descriptors as it may have, of which there are few, gets away with sets
 * of the usual size, however many it may have. */
#include "check.h"
#include <sys/resource.h>
#include <sys/select.h>

enum { CANARIES = 1 << 16 };

struct guarded {
	fd_set set;
	unsigned char canaries[CANARIES];
};

static struct guarded reading, writing;
static int pipe_ends[2];

static void *select_all(void *argument)
{
	for (int i = 0; i < 3; i++) {
		memset(&reading, 0xff, sizeof reading);
		memset(&writing, 0xff, sizeof writing);
		FD_ZERO(&reading.set);
		FD_ZERO(&writing.set);
		FD_SET(pipe_ends[0], &reading.set);
		FD_SET(pipe_ends[1], &writing.set);
		struct timeval wait = {.tv_usec = 20000};
		if (i == 0)
			FD_CLR(pipe_ends[1], &writing.set);
		CHECK_EQ(select(getdtablesize(), &reading.set, &writing.set, NULL, &wait), i > 0);
		CHECK(!FD_ISSET(pipe_ends[0], &reading.set));
		CHECK_EQ(FD_ISSET(pipe_ends[1], &writing.set) != 0, i > 0);
		for (int at = 0; at < CANARIES; at++)
			CHECK(reading.canaries[at] == 0xff && writing.canaries[at] == 0xff);
	}
	return argument;
}

int main(void)
{
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < 8 * CANARIES ? limit.rlim_max : 8 * CANARIES;
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_OK(pipe(pipe_ends));
	check_here_and_in_thread(select_all, NULL);
	select_all(NULL);
	return 0;
}
