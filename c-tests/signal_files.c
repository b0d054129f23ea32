/* A signalfd gives a thread what was sent to it alone, before and during a wait, and nobody else: in read, poll, select
 * and epoll_wait, in order, with what came with it, and before what was sent to the process. */
#include "check.h"
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { ROUNDS = 20 };

static sigset_t all_of_them;
static int queued;

static sigset_t only(int signal_number)
{
	sigset_t set;
	CHECK_OK(sigemptyset(&set));
	CHECK_OK(sigaddset(&set, signal_number));
	return set;
}

static int file_of(int signal_number, int flags)
{
	sigset_t set = only(signal_number);
	int fd = signalfd(-1, &set, flags | SFD_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static struct signalfd_siginfo next_of(int fd)
{
	struct signalfd_siginfo info;
	CHECK_EQ(read(fd, &info, sizeof info), sizeof info);
	return info;
}

static int is_readable(int fd, int timeout_ms)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	return poll(&look, 1, timeout_ms);
}

/* How one waits until a file is readable. */
typedef void waits(int fd);

static void by_reading(int fd)
{
	(void)fd;
}

static void by_poll(int fd)
{
	CHECK_EQ(is_readable(fd, -1), 1);
}

static void by_ppoll(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};
	struct timespec long_enough = {.tv_sec = 30};
	CHECK_EQ(ppoll(&look, 1, &long_enough, &all_of_them), 1);
	CHECK_EQ(look.revents, POLLIN);
}

static void by_select(int fd)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	CHECK_EQ(select(fd + 1, &set, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(fd, &set));
}

static void by_epoll(int fd)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	CHECK(epoll >= 0);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	event.data.fd = -1;
	CHECK_EQ(epoll_wait(epoll, &event, 1, -1), 1);
	CHECK_EQ(event.data.fd, fd);
	CHECK_OK(close(epoll));
}

static waits *const all_ways[] = {by_reading, by_poll, by_ppoll, by_select, by_epoll};
enum { WAYS = sizeof all_ways / sizeof all_ways[0] };

static void check_sent_here(struct signalfd_siginfo info, int signal_number, int code)
{
	CHECK_EQ(info.ssi_signo, signal_number);
	CHECK_EQ(info.ssi_code, code);
	CHECK_EQ(info.ssi_pid, getpid());
	CHECK_EQ(info.ssi_uid, getuid());
}

static void check_nothing_waits(void)
{
	sigset_t pending;
	CHECK_OK(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGUSR1));
	CHECK(!sigismember(&pending, SIGUSR2));
	CHECK(!sigismember(&pending, queued));
}

static void sent_before(void)
{
	int fd = file_of(SIGUSR1, 0);
	for (int way = 0; way < WAYS; way++) {
		CHECK_EQ(is_readable(fd, 0), 0);
		CHECK_OK(raise(SIGUSR1));
		all_ways[way](fd);
		check_sent_here(next_of(fd), SIGUSR1, SI_TKILL);
		check_nothing_waits();
	}
	CHECK_OK(close(fd));
}

struct sender {
	pthread_t target;
	int count;
	atomic_int sent, taken;
};

/* The next one when the last has been taken: they must not become one. */
static void *send_some(void *argument)
{
	struct sender *sender = argument;
	for (int i = 0; i < sender->count; i++) {
		while (sender->taken < i)
			sleep_ms(1);
		if (i % 3 == 0)
			sleep_ms(1);
		sender->sent = i + 1;
		CHECK_OK(pthread_kill(sender->target, SIGUSR1));
	}
	return NULL;
}

static void sent_meanwhile(void)
{
	int fd = file_of(SIGUSR1, 0);
	for (int way = 0; way < WAYS; way++) {
		struct sender sender = {.target = pthread_self(), .count = ROUNDS};
		pthread_t thread = check_start(send_some, &sender);
		for (int i = 0; i < ROUNDS; i++) {
			all_ways[way](fd);
			CHECK_EQ(next_of(fd).ssi_signo, SIGUSR1);
			CHECK_EQ(sender.sent, i + 1);
			check_nothing_waits();
			sender.taken = i + 1;
		}
		check_join(thread);
	}
	CHECK_OK(close(fd));
}

/* What queues stays in order, and what a read has no room for stays. */
static void queued_ones(void)
{
	int fd = file_of(queued, SFD_NONBLOCK);
	struct signalfd_siginfo infos[5];
	for (int i = 0; i < 5; i++)
		CHECK_OK(pthread_sigqueue(pthread_self(), queued, (union sigval){.sival_int = i}));
	check_sent_here(next_of(fd), queued, SI_QUEUE);
	/* In two parts that are no multiples of what one takes. */
	struct iovec parts[2] = {{infos, 100}, {(char *)infos + 100, 2 * sizeof *infos - 100}};
	CHECK_EQ(readv(fd, parts, 2), 2 * sizeof *infos);
	for (int i = 0; i < 2; i++)
		CHECK_EQ(infos[i].ssi_int, i + 1);
	siginfo_t info;
	sigset_t set = only(queued);
	CHECK_EQ(sigwaitinfo(&set, &info), queued);
	CHECK_EQ(info.si_value.sival_int, 3);
	CHECK_EQ(read(fd, infos, sizeof infos), sizeof *infos);
	CHECK_EQ(infos[0].ssi_int, 4);
	CHECK_ERRNO(read(fd, infos, sizeof infos), EAGAIN);
	CHECK_OK(close(fd));
}

/* The thread's come first; what is not asked for stays. */
static void beside_others(void)
{
	int fd = file_of(queued, SFD_NONBLOCK);
	struct signalfd_siginfo infos[4];
	CHECK_OK(raise(SIGUSR2));
	CHECK_EQ(is_readable(fd, 0), 0);
	CHECK_ERRNO(read(fd, infos, sizeof infos), EAGAIN);
	CHECK_OK(sigqueue(getpid(), queued, (union sigval){.sival_int = 10}));
	CHECK_OK(pthread_sigqueue(pthread_self(), queued, (union sigval){.sival_int = 20}));
	CHECK_OK(sigqueue(getpid(), queued, (union sigval){.sival_int = 11}));
	CHECK_EQ(is_readable(fd, 0), 1);
	CHECK_EQ(read(fd, infos, sizeof infos), 3 * sizeof *infos);
	CHECK_EQ(infos[0].ssi_int, 20);
	CHECK_EQ(infos[1].ssi_int, 10);
	CHECK_EQ(infos[2].ssi_int, 11);
	/* Its mask is changed. */
	sigset_t set = only(SIGUSR2);
	CHECK_EQ(signalfd(fd, &set, 0), fd);
	CHECK_EQ(is_readable(fd, 0), 1);
	check_sent_here(next_of(fd), SIGUSR2, SI_TKILL);
	check_nothing_waits();
	CHECK_OK(close(fd));
}

static void *finds_nothing(void *argument)
{
	int fd = *(int *)argument;
	char buffer[sizeof(struct signalfd_siginfo)];
	CHECK_EQ(is_readable(fd, 0), 0);
	CHECK_ERRNO(read(fd, buffer, sizeof buffer), EAGAIN);
	return NULL;
}

static void others_see_nothing(void)
{
	int fd = (int)syscall(SYS_signalfd4, -1, &(unsigned long){1ul << (SIGUSR1 - 1)}, 8, SFD_NONBLOCK);
	CHECK(fd >= 0);
	CHECK_OK(raise(SIGUSR1));
	check_join(check_start(finds_nothing, &fd));
	CHECK_EQ(next_of(fd).ssi_signo, SIGUSR1);
	CHECK_OK(close(fd));
}

static atomic_int handled;

static void count(int signal_number)
{
	(void)signal_number;
	handled++;
}

/* What is looked at and not read is handled when it is not blocked any more, once. */
static void unread(void)
{
	int fd = file_of(SIGUSR1, 0);
	sigset_t set = only(SIGUSR1);
	handled = 0;
	CHECK_OK(raise(SIGUSR1));
	for (int i = 0; i < 3; i++)
		CHECK_EQ(is_readable(fd, 0), 1);
	CHECK_EQ(handled, 0);
	CHECK_OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	CHECK_EQ(handled, 1);
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
	CHECK_EQ(is_readable(fd, 0), 0);
	CHECK_OK(close(fd));
}

static void *all(void *unused)
{
	sent_before();
	sent_meanwhile();
	queued_ones();
	beside_others();
	others_see_nothing();
	unread();
	return unused;
}

static void *rest(void *never_posted)
{
	check_await(never_posted);
	return NULL;
}

int main(void)
{
	sem_t never_posted;
	queued = SIGRTMIN + 1;
	all_of_them = only(SIGUSR1);
	CHECK_OK(sigaddset(&all_of_them, SIGUSR2));
	CHECK_OK(sigaddset(&all_of_them, queued));
	CHECK_OK(pthread_sigmask(SIG_BLOCK, &all_of_them, NULL));
	struct sigaction action = {.sa_handler = count};
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(sem_init(&never_posted, 0, 0));
	check_here_and_in_thread(all, NULL);
	/* As the main thread beside one that sleeps. */
	check_start(rest, &never_posted);
	all(NULL);
	return 0;
}
