/* A pointer that the kernel would refuse gives EFAULT also where libgreen does the kernel's work, and the same calls
 * go on working afterwards. */
#include "bad_pointers.h"
#include "net.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <threads.h>

static void on_signal(int number)
{
	(void)number;
}

static const struct timespec soon = {.tv_nsec = 20 * NS_PER_MS};
static const struct timespec late = {.tv_sec = 50};

static void sleeping(void *bad)
{
	CHECK_ERRNO(nanosleep(bad, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, bad, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, bad, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(CLOCK_BOOTTIME, 0, bad, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, bad, NULL), EINVAL);
	CHECK_EQ(clock_nanosleep(77, 0, bad, NULL), EINVAL);
	CHECK_EQ(thrd_sleep(bad, NULL), -2);
	CHECK_ERRNO(sigsuspend(bad), EFAULT);
	CHECK_OK(nanosleep(&soon, bad));
}

static int interrupted;

/* Until the sleep has ended by it: a signal that came before the sleep began was spent. */
static void *interrupt(void *thread)
{
	do {
		sleep_ms(50);
		CHECK_OK(pthread_kill(*(pthread_t *)thread, SIGUSR1));
	} while (!__atomic_load_n(&interrupted, __ATOMIC_ACQUIRE));
	return NULL;
}

static pthread_t start_interrupting(pthread_t *thread)
{
	__atomic_store_n(&interrupted, 0, __ATOMIC_RELEASE);
	return check_start(interrupt, thread);
}

static void end_interrupting(pthread_t interrupter)
{
	__atomic_store_n(&interrupted, 1, __ATOMIC_RELEASE);
	check_join(interrupter);
}

/* The rest of an interrupted sleep has no place to go. */
static void interrupted_sleep(void *bad)
{
	pthread_t me = pthread_self();
	pthread_t other = start_interrupting(&me);
	CHECK_ERRNO(nanosleep(&late, bad), EFAULT);
	end_interrupting(other);
	other = start_interrupting(&me);
	CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, 0, &late, bad), EFAULT);
	end_interrupting(other);
	struct timespec at = in_ms(CLOCK_MONOTONIC, 50000);
	other = start_interrupting(&me);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, bad), EINTR);
	end_interrupting(other);
}

static void selecting(void *bad)
{
	struct timeval zero = {0}, moment = {.tv_usec = 10000};
	struct timespec none = {0};
	fd_set empty;
	FD_ZERO(&empty);
	CHECK_ERRNO(select(1, bad, NULL, NULL, &zero), EFAULT);
	CHECK_ERRNO(select(1, NULL, bad, NULL, &moment), EFAULT);
	CHECK_ERRNO(select(1, NULL, NULL, bad, &moment), EFAULT);
	CHECK_ERRNO(select(1, &empty, NULL, bad, NULL), EFAULT);
	CHECK_ERRNO(select(-1, bad, NULL, NULL, &zero), EINVAL);
	CHECK_EQ(select(0, bad, NULL, NULL, &moment), 0);
	CHECK_ERRNO(pselect(1, bad, NULL, NULL, &none, NULL), EFAULT);
	CHECK_ERRNO(pselect(1, bad, NULL, NULL, NULL, NULL), EFAULT);
	CHECK_ERRNO(pselect(1, &empty, NULL, NULL, &soon, bad), EFAULT);
	CHECK_ERRNO(pselect(0, NULL, NULL, NULL, &soon, bad), EFAULT);
	CHECK_ERRNO(pselect(-1, NULL, NULL, NULL, &soon, bad), EFAULT);
	/* As many words as do not fit on a stack. */
	struct rlimit limit;
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERRNO(select((int)limit.rlim_cur, bad, NULL, NULL, &moment), EFAULT);
}

static void polling(void *bad)
{
	CHECK_ERRNO(poll(bad, 1, 0), EFAULT);
	CHECK_ERRNO(poll(bad, 1, 10), EFAULT);
	CHECK_ERRNO(poll(bad, 1, -1), EFAULT);
	if (bad != kernels)
		CHECK_EQ(poll(bad, 0, 10), 0);
	CHECK_ERRNO(ppoll(bad, 1, &soon, NULL), EFAULT);
	CHECK_ERRNO(ppoll(NULL, 0, &soon, bad), EFAULT);
	CHECK_ERRNO(ppoll(bad, 1, NULL, bad), EFAULT);
	struct timespec invalid = {.tv_nsec = -1};
	CHECK_ERRNO(ppoll(bad, 1, &invalid, bad), EINVAL);
}

static void epolling(void *bad, int epoll)
{
	struct epoll_event event;
	CHECK_ERRNO(epoll_pwait(epoll, &event, 1, 10, bad), EFAULT);
	CHECK_ERRNO(epoll_pwait(-1, &event, 1, 10, bad), EFAULT);
	CHECK_ERRNO(epoll_pwait2(epoll, &event, 1, bad, NULL), EFAULT);
	CHECK_ERRNO(epoll_pwait2(epoll, &event, 1, &soon, bad), EFAULT);
	CHECK_ERRNO(epoll_pwait2(-1, &event, 1, bad, NULL), EFAULT);
	struct timespec invalid = {.tv_nsec = -1};
	CHECK_ERRNO(epoll_pwait2(epoll, &event, 1, &invalid, bad), EINVAL);
	CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, 0, bad), EFAULT);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 10), 0);
}

/* Events that cannot be told stay. */
static void epoll_events(void *bad, int epoll)
{
	int pipe[2];
	struct epoll_event event = {.events = EPOLLIN}, told;
	CHECK_OK(pipe2(pipe, O_CLOEXEC));
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, pipe[0], &event));
	CHECK_EQ(write(pipe[1], "x", 1), 1);
	CHECK_ERRNO(epoll_wait(epoll, bad, 1, -1), EFAULT);
	CHECK_ERRNO(epoll_pwait2(epoll, bad, 1, NULL, NULL), EFAULT);
	CHECK_EQ(epoll_wait(epoll, &told, 1, -1), 1);
	CHECK_OK(close(pipe[0]));
	CHECK_OK(close(pipe[1]));
}

static void signals(void *bad)
{
	siginfo_t info;
	sigset_t set;
	int number;
	CHECK_ERRNO(sigtimedwait(bad, &info, &soon), EFAULT);
	CHECK_ERRNO(sigwaitinfo(bad, NULL), EFAULT);
	CHECK_EQ(sigwait(bad, &number), EFAULT);
	CHECK_OK(sigemptyset(&set));
	CHECK_ERRNO(sigtimedwait(&set, &info, bad), EFAULT);
	struct timespec invalid = {.tv_nsec = -1};
	CHECK_ERRNO(sigtimedwait(bad, &info, &invalid), EFAULT);
}

/* The mask changes although the old one cannot be told. */
static void old_masks(void *bad)
{
	sigset_t set, now;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR2));
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, bad), EFAULT);
	CHECK_ERRNO(sigprocmask(SIG_BLOCK, &set, bad), EFAULT);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, &now));
	CHECK_EQ(sigismember(&now, SIGUSR2), 1);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_EQ(pthread_sigmask(77, &set, bad), EINVAL);
	CHECK_ERRNO(sigpending(bad), EFAULT);
}

/* What has been taken is lost. */
static void signal_information(void *bad)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, SIGUSR2));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_OK(pthread_kill(pthread_self(), SIGUSR2));
	CHECK_ERRNO(sigtimedwait(&set, bad, &soon), EFAULT);
	CHECK_ERRNO(sigtimedwait(&set, NULL, &(struct timespec){0}), EAGAIN);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

static void transfers(void *bad)
{
	int pair[2], tcp[2], pipe[2];
	char byte;
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK_OK(pipe2(pipe, 0));
	tcp_pair(tcp);
	struct iovec vector = {.iov_base = &byte, .iov_len = 1}, bad_vector = {.iov_base = bad, .iov_len = 1};
	struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1}, bad_vectors = {.msg_iov = bad, .msg_iovlen = 1};
	struct msghdr bad_base = {.msg_iov = &bad_vector, .msg_iovlen = 1};
	int ends[3][2] = {{pair[0], pair[1]}, {pipe[0], pipe[1]}, {tcp[0], tcp[1]}};
	for (int i = 0; i < 3; i++) {
		int from = ends[i][0], to = ends[i][1];
		if (bad != read_only) {
			CHECK_ERRNO(write(to, bad, 1), EFAULT);
			CHECK_ERRNO(writev(to, &bad_vector, 1), EFAULT);
			CHECK_ERRNO(writev(to, bad, 1), EFAULT);
			CHECK_ERRNO(readv(from, bad, 1), EFAULT);
		}
		CHECK_EQ(write(to, "x", 1), 1);
		CHECK_ERRNO(read(from, bad, 1), EFAULT);
		CHECK_ERRNO(readv(from, &bad_vector, 1), EFAULT);
		CHECK_EQ(read(from, &byte, 1), 1);
		CHECK(byte == 'x');
		if (from == pipe[0])
			continue;
		if (bad != read_only) {
			CHECK_ERRNO(send(to, bad, 1, 0), EFAULT);
			CHECK_ERRNO(sendmsg(to, bad, 0), EFAULT);
			CHECK_ERRNO(sendmsg(to, &bad_vectors, 0), EFAULT);
			CHECK_ERRNO(sendmsg(to, &bad_base, 0), EFAULT);
			CHECK_ERRNO(recvmsg(from, bad, 0), EFAULT);
			CHECK_ERRNO(recvmsg(from, &bad_vectors, 0), EFAULT);
		}
		CHECK_EQ(send(to, "y", 1, 0), 1);
		CHECK_ERRNO(recv(from, bad, 1, 0), EFAULT);
		CHECK_ERRNO(recv(from, bad, 1, MSG_WAITALL), EFAULT);
		CHECK_ERRNO(recvmsg(from, &bad_base, 0), EFAULT);
		CHECK_EQ(recvmsg(from, &message, MSG_WAITALL), 1);
		CHECK(byte == 'y');
	}
	for (int i = 0; i < 3; i++) {
		CHECK_OK(close(ends[i][0]));
		CHECK_OK(close(ends[i][1]));
	}
}

static void makers(void *bad)
{
	CHECK_ERRNO(pipe(bad), EFAULT);
	CHECK_ERRNO(pipe2(bad, 0), EFAULT);
	CHECK_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, bad), EFAULT);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	CHECK_OK(bind(listener, (void *)&address, length));
	CHECK_OK(listen(listener, 5));
	CHECK_OK(getsockname(listener, (void *)&address, &length));
	int client = socket(AF_INET, SOCK_STREAM, 0);
	if (bad != read_only)
		CHECK_ERRNO(connect(client, bad, length), EFAULT);
	CHECK_OK(connect(client, (void *)&address, length));
	CHECK_ERRNO(accept(listener, bad, &length), EFAULT);
	CHECK_OK(close(client));
	CHECK_OK(close(listener));
	int one[2];
	CHECK_OK(pipe(one));
	if (bad != read_only)
		CHECK_ERRNO(ioctl(one[0], FIONBIO, bad), EFAULT);
	CHECK_ERRNO(ioctl(one[0], FIONREAD, bad), EFAULT);
	CHECK_OK(close(one[0]));
	CHECK_OK(close(one[1]));
}

static void *nothing(void *argument)
{
	return argument;
}

static void threads(void *bad)
{
	CHECK_EQ(pthread_getname_np(pthread_self(), bad, 16), EFAULT);
	CHECK_EQ(pthread_getname_np(pthread_self(), bad, 15), ERANGE);
	CHECK_EQ(pthread_getaffinity_np(pthread_self(), sizeof(cpu_set_t), bad), EFAULT);
	CHECK_ERRNO(sched_getaffinity(0, sizeof(cpu_set_t), bad), EFAULT);
	if (bad != read_only) {
		CHECK_EQ(pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), bad), EFAULT);
		CHECK_ERRNO(sched_setaffinity(0, sizeof(cpu_set_t), bad), EFAULT);
	}
	pid_t child = check_fork();
	if (child == 0)
		_exit(0);
	CHECK_ERRNO(waitpid(child, bad, 0), EFAULT);
	check_join(check_start(nothing, NULL));
}

static void *everything(void *unused)
{
	void *const bad[] = {nowhere, forbidden, kernels, (void *)8, read_only};
	int epoll = epoll_create1(0);
	CHECK(epoll >= 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (bad[i] != read_only) {
			sleeping(bad[i]);
			selecting(bad[i]);
			polling(bad[i]);
			epolling(bad[i], epoll);
			signals(bad[i]);
		}
		epoll_events(bad[i], epoll);
		old_masks(bad[i]);
		signal_information(bad[i]);
		transfers(bad[i]);
		makers(bad[i]);
	}
	/* Half of it can be read, half of it cannot. */
	CHECK_ERRNO(nanosleep(edge, NULL), EFAULT);
	CHECK_ERRNO(sigtimedwait(edge, NULL, edge), EFAULT);
	CHECK_ERRNO(pselect(0, NULL, NULL, NULL, &soon, (void *)((char *)edge + 4)), EFAULT);
	CHECK_ERRNO(pselect(64, (void *)((char *)edge + 4), NULL, NULL, &soon, NULL), EFAULT);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, NULL, edge));
	/* No pointer where there must be one. */
	CHECK_ERRNO(nanosleep(NULL, NULL), EFAULT);
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, NULL, NULL), EFAULT);
	/* A set that can be read only, where there is something to tell. */
	int pipe[2];
	CHECK_OK(pipe2(pipe, 0));
	CHECK_ERRNO(select(pipe[0] + 1, read_only, NULL, NULL, &(struct timeval){.tv_usec = 1000}), EFAULT);
	CHECK_OK(close(pipe[0]));
	CHECK_OK(close(pipe[1]));
	CHECK_OK(close(epoll));
	return unused;
}

static void *with_threads(void *unused)
{
	void *const bad[] = {nowhere, forbidden, kernels, read_only};
	enum { COUNT = sizeof bad / sizeof *bad };
	for (int i = 0; i < COUNT; i++)
		interrupted_sleep(bad[i]);
	for (int i = 0; i < COUNT; i++)
		threads(bad[i]);
	return unused;
}

int main(void)
{
	make_pointers();
	struct sigaction action = {.sa_handler = on_signal};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	check_here_and_in_thread(everything, NULL);
	everything(NULL);
	check_here_and_in_thread(with_threads, NULL);
	pid_t child = check_fork();
	if (child == 0) {
		check_here_and_in_thread(everything, NULL);
		exit(0);
	}
	check_child_succeeds(child);
	return 0;
}
