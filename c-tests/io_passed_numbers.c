/* A number that was closed unseen, by a system call instruction of the program's own, and comes back with a message
 * (SCM_RIGHTS) means the new file, whoever receives it: who waits for that is told of what comes. */
#include "net.h"
#include "unseen.h"
#include <sched.h>

enum { MOMENT_MS = 5 };

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

static void pass(int through, int descriptor)
{
	union control control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	char byte = 'd';
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
	CHECK_EQ(sendmsg(through, &message, 0), 1);
}

static int take(int through, int by_batch)
{
	union control control;
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &data,
					      .msg_iovlen = 1,
					      .msg_control = &control,
					      .msg_controllen = sizeof control}};
	int descriptor;
	CHECK_EQ(by_batch ? recvmmsg(through, &message, 1, 0, NULL) : recvmsg(through, &message.msg_hdr, 0), 1);
	memcpy(&descriptor, CMSG_DATA(&control.header), sizeof descriptor);
	return descriptor;
}

struct taking {
	int through, by_batch, with_a_kernel_thread, taken;
};

static void *take_it(void *argument)
{
	struct taking *taking = argument;
	if (taking->with_a_kernel_thread) {
		cpu_set_t cpus;
		CHECK_OK(sched_getaffinity(0, sizeof cpus, &cpus));
		CHECK_OK(sched_setaffinity(0, sizeof cpus, &cpus));
	}
	taking->taken = take(taking->through, taking->by_batch);
	return NULL;
}

static void *read_byte(void *descriptor)
{
	char byte = 0;
	CHECK_EQ(read((int)(long)descriptor, &byte, 1), 1);
	return (void *)(long)byte;
}

/* Somebody waits for what the other end is given. */
static void is_served(const int ends[2], char byte)
{
	pthread_t reader = check_start(read_byte, (void *)(long)ends[0]);
	sleep_ms(MOMENT_MS);
	write_exactly(ends[1], &byte, 1);
	CHECK_EQ((long)check_join(reader), byte);
}

static void comes_back(int by_batch, int with_a_kernel_thread)
{
	int through[2], before[2], ends[2];
	unix_pair(before);
	unix_pair(through);
	unix_pair(ends);
	is_served(before, 'b');
	pass(through[1], ends[0]);
	CHECK_OK(unseen(SYS_close, before[0], 0, 0, 0));
	struct taking taking = {through[0], by_batch, with_a_kernel_thread, -1};
	check_join(check_start(take_it, &taking));
	CHECK_EQ(taking.taken, before[0]);
	int passed[2] = {taking.taken, ends[1]};
	is_served(passed, 'p');
	CHECK_OK(close(taking.taken));
	CHECK_OK(close(before[1]));
	close_both(through);
	close_both(ends);
}

static void *all(void *unused)
{
	for (int ways = 0; ways < 4; ways++)
		comes_back(ways & 1, ways & 2);
	return unused;
}

int main(void)
{
	check_join(check_start(all, NULL));
	return 0;
}
