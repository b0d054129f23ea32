/* Calls made by number wait as the functions do: many at once, each served; handlers end them or jump out of them, and
 * what is no cancellation point leaves none disabled. Prints how many kernel threads a crowd has taken at most. */
#include "interrupt.h"
#include "net.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { ROUNDS = 5 };

static void take(int fd)
{
	char byte = 0;
	CHECK_EQ(syscall(SYS_read, fd, &byte, 1), 1);
	CHECK_EQ(byte, 'x');
}

static void by_read(int fd)
{
	take(fd);
}

static void by_readv(int fd)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	CHECK_EQ(syscall(SYS_readv, fd, &part, 1), 1);
	CHECK_EQ(byte, 'x');
}

static void by_recvfrom(int fd)
{
	char byte = 0;
	CHECK_EQ(syscall(SYS_recvfrom, fd, &byte, 1, 0, NULL, NULL), 1);
	CHECK_EQ(byte, 'x');
}

static void by_recvmsg(int fd)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	CHECK_EQ(syscall(SYS_recvmsg, fd, &message, 0), 1);
	CHECK_EQ(byte, 'x');
}

static void by_recvmmsg(int fd)
{
	char byte = 0;
	struct iovec part = {&byte, 1};
	struct mmsghdr messages[1] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}}};
	CHECK_EQ(syscall(SYS_recvmmsg, fd, messages, 1, 0, NULL), 1);
	CHECK_EQ(messages[0].msg_len, 1);
	CHECK_EQ(byte, 'x');
}

static void by_poll(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	CHECK_EQ(syscall(SYS_poll, &look, 1, -1), 1);
	CHECK_EQ(look.revents, POLLIN);
	take(fd);
}

static void by_ppoll(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	CHECK_EQ(syscall(SYS_ppoll, &look, 1, NULL, NULL, 8), 1);
	CHECK_EQ(look.revents, POLLIN);
	take(fd);
}

static void by_select(int fd)
{
	fd_set set;
	struct timeval long_time = {.tv_sec = WATCHDOG_SECONDS};
	FD_ZERO(&set);
	FD_SET(fd, &set);
	CHECK_EQ(syscall(SYS_select, fd + 1, &set, NULL, NULL, &long_time), 1);
	CHECK(FD_ISSET(fd, &set));
	take(fd);
}

/* The kernel's form of pselect, which says what is left of the time, too. */
static long pselect6(int count, fd_set *set, struct timespec *limit, const sigset_t *mask, size_t mask_size)
{
	struct {
		const sigset_t *mask;
		size_t size;
	} pack = {mask, mask_size};
	return syscall(SYS_pselect6, count, set, NULL, NULL, limit, &pack);
}

static void by_pselect(int fd)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	CHECK_EQ(syscall(SYS_pselect6, fd + 1, &set, NULL, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(fd, &set));
	take(fd);
}

static void by_ppoll_within(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	struct timespec limit = {.tv_sec = WATCHDOG_SECONDS};
	CHECK_EQ(syscall(SYS_ppoll, &look, 1, &limit, NULL, 0), 1);
	CHECK(limit.tv_sec < WATCHDOG_SECONDS);
	take(fd);
}

static void by_pselect_within(int fd)
{
	fd_set set;
	sigset_t none;
	struct timespec limit = {.tv_sec = WATCHDOG_SECONDS};
	FD_ZERO(&set);
	FD_SET(fd, &set);
	CHECK_OK(sigemptyset(&none));
	CHECK_EQ(pselect6(fd + 1, &set, &limit, &none, 8), 1);
	CHECK(limit.tv_sec < WATCHDOG_SECONDS);
	take(fd);
}

static int loop_of(int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	int loop = epoll_create1(EPOLL_CLOEXEC);
	CHECK(loop >= 0);
	CHECK_OK(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event));
	return loop;
}

static void by_epoll_wait(int fd)
{
	struct epoll_event event;
	int loop = loop_of(fd);
	CHECK_EQ(syscall(SYS_epoll_wait, loop, &event, 1, -1), 1);
	CHECK_EQ(event.data.fd, fd);
	CHECK_OK(close(loop));
	take(fd);
}

static void by_epoll_pwait(int fd)
{
	struct epoll_event event;
	int loop = loop_of(fd);
	CHECK_EQ(syscall(SYS_epoll_pwait, loop, &event, 1, -1, NULL, 8), 1);
	CHECK_EQ(event.data.fd, fd);
	CHECK_OK(close(loop));
	take(fd);
}

static void by_splice(int fd)
{
	int room[2];
	char byte = 0;
	CHECK_OK(pipe(room));
	CHECK_EQ(syscall(SYS_splice, fd, NULL, room[1], NULL, 1, 0), 1);
	CHECK_EQ(read(room[0], &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	close_both(room);
}

static void (*const ways[])(int) = {by_read, by_readv,	by_recvfrom,   by_recvmsg,     by_recvmmsg, by_poll,
				    by_ppoll, by_select, by_epoll_wait, by_epoll_pwait, by_splice,
				    by_pselect, by_ppoll_within, by_pselect_within};

enum { WAYS = sizeof ways / sizeof *ways, CROWD = WAYS * ROUNDS };

static int pairs[CROWD][2];

static void *wait_for_byte(void *argument)
{
	long index = (long)argument;
	ways[index % WAYS](pairs[index][1]);
	return NULL;
}

static long crowd(void)
{
	pthread_t threads[CROWD];
	for (long i = 0; i < CROWD; i++) {
		CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]));
		threads[i] = check_start(wait_for_byte, (void *)i);
	}
	sleep_ms(50);
	long tasks = check_kernel_threads();
	for (int i = CROWD; i-- > 0;) {
		CHECK_EQ(syscall(SYS_write, pairs[i][0], "x", 1), 1);
		check_join(threads[i]);
		close_both(pairs[i]);
	}
	return tasks;
}

static int silent[2];

/* What the kernel refuses leaves the time as it was. */
static void refusals(void)
{
	struct pollfd look = {.fd = silent[1], .events = POLLIN};
	struct timespec wrong = {.tv_nsec = -1}, right = {.tv_sec = WATCHDOG_SECONDS};
	sigset_t none;
	CHECK_OK(sigemptyset(&none));
	CHECK_ERRNO(syscall(SYS_ppoll, &look, 1, &wrong, NULL, 8), EINVAL);
	CHECK_EQ(wrong.tv_nsec, -1);
	CHECK_ERRNO(pselect6(0, NULL, &wrong, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_ppoll, &look, 1, 8, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_ppoll, &look, 1, &right, 8, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_ppoll, &look, 1, &right, &none, 4), EINVAL);
	CHECK_ERRNO(pselect6(0, NULL, &right, &none, 4), EINVAL);
	CHECK_ERRNO(pselect6(0, NULL, &right, (sigset_t *)8, 8), EFAULT);
	CHECK_ERRNO(pselect6(-1, NULL, NULL, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &right, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_pselect6, 0, NULL, NULL, NULL, 8, NULL), EFAULT);
	/* A mere look tells nothing of the time. */
	struct timespec now = {0};
	CHECK_EQ(syscall(SYS_ppoll, &look, 1, &now, NULL, 8), 0);
	CHECK_EQ(now.tv_sec + now.tv_nsec, 0);
}

static void *sleeps(void *unused)
{
	struct timespec short_time = {.tv_nsec = 5 * NS_PER_MS}, wrong = {.tv_nsec = -1};
	long began = monotonic_ms();
	CHECK_OK(syscall(SYS_nanosleep, &short_time, NULL));
	CHECK_OK(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &short_time, NULL));
	CHECK(monotonic_ms() - began >= 10);
	CHECK_ERRNO(syscall(SYS_nanosleep, &wrong, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, 4711, 0, &short_time, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_nanosleep, 8, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_select, 0, NULL, NULL, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, -1, NULL, 1), EBADF);
	CHECK_ERRNO(syscall(SYS_poll, 8, 1, -1), EFAULT);
	/* The kernel says what is left. */
	struct pollfd look = {.fd = silent[1], .events = POLLIN};
	short_time.tv_nsec = 5 * NS_PER_MS;
	CHECK_EQ(syscall(SYS_ppoll, &look, 1, &short_time, NULL, 8), 0);
	CHECK_EQ(short_time.tv_nsec, 0);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(silent[1], &set);
	short_time.tv_nsec = 5 * NS_PER_MS;
	CHECK_EQ(pselect6(silent[1] + 1, &set, &short_time, NULL, 0), 0);
	CHECK_EQ(short_time.tv_nsec, 0);
	CHECK(!FD_ISSET(silent[1], &set));
	refusals();
	return unused;
}

static sem_t ready;

static void *is_interrupted(void *unused)
{
	char byte;
	CHECK_ERRNO(syscall(SYS_read, silent[1], &byte, 1), EINTR);
	return unused;
}

/* After the jump the thread can be cancelled as before, at points only. */
static void *jumps_away(void *unused)
{
	char byte;
	if (sigsetjmp(away, 1) == 0) {
		CHECK_OK(sem_post(&ready));
		syscall(SYS_read, silent[1], &byte, 1);
		CHECK(0);
	}
	int state;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state));
	CHECK_EQ(state, PTHREAD_CANCEL_ENABLE);
	CHECK_OK(sem_post(&ready));
	CHECK_EQ(read(silent[1], &byte, 1), 1);
	return unused;
}

/* A handler has cancellation points, whatever call it interrupts: the thread ends there, or goes on by what the handler
 * has left. */
static int is_point;

static void pass_point(int signal_number)
{
	(void)signal_number;
	if (is_point)
		pthread_testcancel();
	else
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
}

static void *is_cancelled_in_handler(void *unused)
{
	char byte;
	CHECK_OK(sem_post(&ready));
	CHECK_ERRNO(syscall(SYS_read, silent[1], &byte, 1), EINTR);
	CHECK(!is_point);
	int state;
	CHECK_OK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state));
	CHECK_EQ(state, PTHREAD_CANCEL_DISABLE);
	pthread_testcancel();
	return unused;
}

static void handlers_can_be_cancelled(void)
{
	handle_usr1(pass_point, 0);
	for (is_point = 0; is_point < 2; is_point++) {
		pthread_t thread = check_start(is_cancelled_in_handler, NULL);
		check_await(&ready);
		CHECK_OK(pthread_cancel(thread));
		void *result;
		while (pthread_tryjoin_np(thread, &result) == EBUSY) {
			pthread_kill(thread, SIGUSR1);
			sleep_ms(1);
		}
		CHECK(result == PTHREAD_CANCELED);
	}
}

static void *is_cancelled_anywhere(void *unused)
{
	char byte;
	int kind;
	CHECK_OK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &kind));
	CHECK_OK(sem_post(&ready));
	syscall(SYS_read, silent[1], &byte, 1);
	CHECK(0);
	return unused;
}

static void ended_from_outside(void)
{
	CHECK_OK(sem_init(&ready, 0, 0));
	handle_usr1(count_signal, 0);
	signal_until_over(check_start(is_interrupted, NULL));
	handlers_can_be_cancelled();
	handle_usr1(jump_away, 0);
	pthread_t thread = check_start(jumps_away, NULL);
	check_await(&ready);
	sleep_ms(5);
	CHECK_OK(pthread_kill(thread, SIGUSR1));
	check_await(&ready);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
	thread = check_start(is_cancelled_anywhere, NULL);
	check_await(&ready);
	CHECK_OK(pthread_cancel(thread));
	CHECK(check_join(thread) == PTHREAD_CANCELED);
}

int main(void)
{
	long tasks = crowd();
	pipe_pair(silent);
	check_here_and_in_thread(sleeps, NULL);
	ended_from_outside();
	close_both(silent);
	printf("tasks=%ld\n", tasks);
	return 0;
}
