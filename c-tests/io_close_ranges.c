/* closefrom and close_range close what they are asked to and nothing else: before the first thread, in a forked
 * child, beside threads and in a thread; and closefrom does so where the kernel has no close_range. */
#include "net.h"
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum { LOW = 40, HIGH = 60 };

static int is_open(int number)
{
	return fcntl(number, F_GETFD) != -1;
}

static int is_inherited(int number)
{
	return !(fcntl(number, F_GETFD) & FD_CLOEXEC);
}

static void open_all(void)
{
	for (int number = LOW; number <= HIGH; number++)
		CHECK_EQ(dup2(STDERR_FILENO, number), number);
}

/* Of LOW..HIGH just those in from..to are closed, and the standard ones never are. */
static void closed_are_just(int from, int to)
{
	for (int number = 0; number <= STDERR_FILENO; number++)
		CHECK(is_open(number));
	for (int number = LOW; number <= HIGH; number++)
		CHECK_EQ(is_open(number), number < from || number > to);
}

static void *each_way(void *unused)
{
	open_all();
	CHECK_OK(close_range(LOW + 5, LOW + 10, 0));
	closed_are_just(LOW + 5, LOW + 10);
	open_all();
	CHECK_OK(close_range(LOW + 5, ~0U, 0));
	closed_are_just(LOW + 5, HIGH);
	CHECK_OK(close_range(LOW + 5, ~0U, 0));
	open_all();
	closefrom(HIGH - 3);
	closed_are_just(HIGH - 3, HIGH);
	closefrom(LOW);
	closed_are_just(LOW, HIGH);
	open_all();
	CHECK_OK(syscall(SYS_close_range, LOW + 5, ~0U, 0));
	closed_are_just(LOW + 5, HIGH);
	open_all();
	CHECK_OK(close_range(LOW, HIGH - 1, CLOSE_RANGE_CLOEXEC));
	closed_are_just(0, -1);
	CHECK(!is_inherited(LOW) && !is_inherited(HIGH - 1) && is_inherited(HIGH));
	CHECK_ERRNO(close_range(HIGH, LOW, 0), EINVAL);
	CHECK_ERRNO(close_range(LOW, HIGH, 1 << 30), EINVAL);
	CHECK_ERRNO(syscall(SYS_close_range, LOW, HIGH, 1 << 30), EINVAL);
	closed_are_just(0, -1);
	CHECK_OK(close_range(LOW, LOW, CLOSE_RANGE_UNSHARE));
	closed_are_just(LOW, LOW);
	CHECK_OK(close_range(LOW, ~0U, 0));
	CHECK_OK(close_range(~0U, ~0U, 0));
	return unused;
}

static void in_a_child(void *(*act)(void *))
{
	pid_t pid = check_fork();
	if (pid == 0) {
		act(NULL);
		_exit(0);
	}
	check_child_succeeds(pid);
}

/* An error of close_range ends nobody's wait. */
static void *read_byte(void *descriptor)
{
	char byte;
	return (void *)(long)read(*(int *)descriptor, &byte, 1);
}

static void failing_calls_end_no_wait(void)
{
	int ends[2];
	CHECK_OK(pipe(ends));
	pthread_t reader = check_start(read_byte, &ends[0]);
	sleep_ms(20);
	CHECK_EQ(close_range((unsigned)ends[0], (unsigned)ends[0], 1 << 30), -1);
	CHECK_EQ(close_range((unsigned)ends[0], 0, 0), -1);
	CHECK_ERRNO(dup3(STDERR_FILENO, ends[0], 1 << 30), EINVAL);
	CHECK_ERRNO(dup3(ends[0], ends[0], 0), EINVAL);
	CHECK_ERRNO(dup2(HIGH + 1, ends[0]), EBADF);
	sleep_ms(20);
	CHECK_EQ(write(ends[1], "x", 1), 1);
	CHECK_EQ((long)check_join(reader), 1);
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
}

static void *sees_it(void *unused)
{
	CHECK(is_open(HIGH + 1) && !is_open(LOW));
	return unused;
}

/* A thread that unshares its descriptors closes its own and nobody else's; the others go on. */
static void *close_own(void *pair)
{
	int *ends = pair;
	CHECK_OK(close_range(LOW, ~0U, CLOSE_RANGE_UNSHARE));
	CHECK(!is_open(LOW) && !is_open(ends[0]) && is_open(STDERR_FILENO));
	/* a number of its own, which means another file to everybody else */
	CHECK_EQ(dup2(STDERR_FILENO, ends[0]), ends[0]);
	CHECK_OK(close(ends[0]));
	/* what it starts shares them with it */
	CHECK_EQ(dup2(STDERR_FILENO, HIGH + 1), HIGH + 1);
	check_join(check_start(sees_it, NULL));
	return NULL;
}

static void unsharing_concerns_the_caller_only(void)
{
	int ends[2], raised[2] = {LOW, LOW + 1};
	open_all();
	CHECK_OK(pipe(ends));
	CHECK_EQ(dup2(ends[0], raised[0]), raised[0]);
	CHECK_EQ(dup2(ends[1], raised[1]), raised[1]);
	pthread_t reader = check_start(read_byte, &raised[0]);
	sleep_ms(20);
	check_join(check_start(close_own, raised));
	CHECK(is_open(raised[0]) && !is_open(HIGH + 1));
	sleep_ms(20);
	CHECK_EQ(write(raised[1], "x", 1), 1);
	CHECK_EQ((long)check_join(reader), 1);
	CHECK_OK(close_range((unsigned)ends[0], ~0U, 0));
}

static void *nothing(void *unused)
{
	return unused;
}

/* The system call answers with this error from here on. */
static void deny_close_range(int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
	CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK_OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void without_the_call(int error, int threads)
{
	pid_t pid = check_fork();
	if (pid == 0) {
		deny_close_range(error);
		if (threads)
			check_join(check_start(nothing, NULL));
		open_all();
		CHECK_ERRNO(close_range(LOW, ~0U, 0), error);
		closed_are_just(0, -1);
		closefrom(LOW + 3);
		closed_are_just(LOW + 3, HIGH);
		check_join(check_start(nothing, NULL));
		failing_calls_end_no_wait();
		_exit(0);
	}
	check_child_succeeds(pid);
}

static void each_state(void)
{
	each_way(NULL);
	in_a_child(each_way);
	without_the_call(ENOSYS, 0);
	without_the_call(EPERM, 1);
}

int main(void)
{
	each_state();
	check_join(check_start(each_way, NULL));
	each_state();
	failing_calls_end_no_wait();
	unsharing_concerns_the_caller_only();
	each_state();
	return 0;
}
